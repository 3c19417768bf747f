//! Any bytes as an image configuration: what we keep of it, we read again as it was.

use images::ImageConfig;

pub(crate) fn config(bytes: &[u8]) {
    let Ok(config) = serde_json::from_slice::<ImageConfig>(bytes) else { return };
    let written = serde_json::to_vec(&config).expect("a configuration can be written");
    let again: ImageConfig = serde_json::from_slice(&written).expect("what we write can be read");
    assert_eq!(serde_json::to_vec(&again).expect("twice"), written);
}
