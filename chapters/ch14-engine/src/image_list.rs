//! `images`: which there are, and what of them is asked for.

use std::collections::BTreeMap;

use glob::{MatchOptions, Pattern};
use images::{Known, Reference};
use jiff::Timestamp;
use layers::DiffId;
use process::Failure;

use crate::engine::Engine;
use crate::filters::{FilterError, Filters};
use crate::moment::moment;

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct ImageListing {
    /// Also those that are only steps on the way to others.
    pub all: bool,
    /// `dangling`, `label`, `before`, `since`, `reference`, `until`.
    pub filters: Filters,
}

/// One image.
#[derive(Debug, Clone)]
pub struct ListedImage {
    /// The image, with the names that were asked for.
    pub known: Known,
    /// Bytes of all files of its layers.
    pub size: u64,
}

/// Docker's names of the filters.
const FILTERS: [&str; 6] = ["dangling", "label", "before", "since", "reference", "until"];
/// A `*` goes to the next slash.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

impl Engine {
    /// The images that are asked for, the youngest first.
    ///
    /// # Errors
    /// [`FilterError`], an image in a filter that there is not, the disk.
    pub fn list_images(&self, wish: &ImageListing) -> Result<Vec<ListedImage>, Failure> {
        let ImageListing { all, filters } = wish;
        filters.check(&FILTERS)?;
        let dangling = filters.switch("dangling")?;
        let patterns = filters.values("reference").map(pattern).collect::<Result<Vec<_>, _>>()?;
        let until = one(filters, "until", |text| Ok(moment(text, Timestamp::now())?))?;
        let before = one(filters, "before", |name| self.created(name))?;
        let since = one(filters, "since", |name| self.created(name))?;
        let mut listed = Vec::new();
        for mut known in self.images_store().list()? {
            let created = created(&known);
            let spared = until.is_some_and(|until| created > until)
                || before.is_some_and(|before| created >= before)
                || since.is_some_and(|since| created <= since)
                || !filters.matches_labels("label", &labels(&known));
            if spared {
                continue;
            }
            let nameless = known.tags.is_empty() && known.digests.is_empty();
            if !patterns.is_empty() {
                known.tags.retain(|name| fits(&patterns, name));
                known.digests.retain(|name| fits(&patterns, name));
            }
            let left = if nameless {
                patterns.is_empty() && dangling != Some(false) && (*all || !known.is_intermediate())
            } else {
                !(known.tags.is_empty() && known.digests.is_empty())
                    && (dangling != Some(true) || known.tags.is_empty())
            };
            if left {
                let size = self.image_size(&known.image)?;
                listed.push(ListedImage { known, size });
            }
        }
        listed.sort_by_key(|image| std::cmp::Reverse(created(&image.known)));
        Ok(listed)
    }

    /// How many containers were made of each image, by its id.
    ///
    /// # Errors
    /// The disk.
    pub fn containers_by_image(&self) -> Result<BTreeMap<String, usize>, Failure> {
        let mut numbers = BTreeMap::new();
        for container in self.containers()? {
            *numbers.entry(container.saved.record.image).or_default() += 1;
        }
        Ok(numbers)
    }

    fn created(&self, name: &str) -> Result<Timestamp, Failure> {
        Ok(created(&self.image(name)?))
    }

    /// Bytes of all files of one layer.
    pub(crate) fn layer_size(&self, diff_id: &DiffId) -> Result<u64, Failure> {
        Ok(self.layers().get(diff_id)?.size)
    }
}

/// When an image was made. One that does not say is older than all.
pub(crate) fn created(known: &Known) -> Timestamp {
    let text = known.image.config.created.as_deref();
    text.and_then(|text| text.parse().ok()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What an image says of itself.
pub(crate) fn labels(known: &Known) -> BTreeMap<String, String> {
    known.image.config.config.labels()
}

/// The one value of a filter that can have only one.
fn one<T>(
    filters: &Filters,
    name: &'static str,
    read: impl Fn(&str) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let mut values = filters.values(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => read(value).map(Some),
        (Some(_), Some(_)) => Err(FilterError::Several(name).into()),
    }
}

/// A pattern as Go has them: `**` is nothing special there, and `^` what `!` is to others.
fn pattern(text: &str) -> Result<Pattern, FilterError> {
    let mut simple = text.replace("[^", "[!");
    while simple.contains("**") {
        simple = simple.replace("**", "*");
    }
    Pattern::new(&simple).map_err(|_| FilterError::Pattern(text.into()))
}

/// With its tag, or without.
fn fits(patterns: &[Pattern], name: &Reference) -> bool {
    let (whole, repository) = (name.familiar(), name.familiar_name());
    patterns.iter().any(|one| one.matches_with(&whole, OPTIONS) || one.matches_with(&repository, OPTIONS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_names_with_and_without_tag() {
        let fits = |text: &str, name: &str| fits(&[pattern(text).expect("a pattern")], &name.parse().expect("a name"));
        assert!(fits("busybox", "busybox:1"));
        assert!(fits("busy*:1", "busybox:1") && !fits("busy*:2", "busybox:1"));
        assert!(fits("b[^a]sybox", "busybox") && !fits("b[^u]sybox", "busybox"));
        assert!(!fits("*", "alice/web") && fits("*/*", "alice/web") && fits("**", "web"));
        assert!(fits("localhost:5000/*", "localhost:5000/web:v"));
        assert_eq!(pattern("[a"), Err(FilterError::Pattern("[a".into())));
    }
}
