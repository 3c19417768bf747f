//! Any text as the name of an image: what is taken prints as what is taken again, in both forms that people see.

use images::Reference;

pub(crate) fn reference(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(reference) = text.parse::<Reference>() else { return };
    let full = reference.to_string();
    assert_eq!(full.parse().as_ref(), Ok(&reference), "{full}");
    let familiar: Reference = reference.familiar().parse().expect("what we print is a name");
    assert_eq!(familiar.familiar(), reference.familiar());
    assert!(
        full.split('/').all(|part| !part.is_empty() && !part.starts_with('.')),
        "{full} could lead somewhere as a path"
    );
}
