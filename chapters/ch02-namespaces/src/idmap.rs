//! Id maps: which user and group ids of a user namespace are which ids outside (`user_namespaces(7)`).

use std::fmt;
use std::str::FromStr;

use process::{Diagnose, FailureKind};
use serde::{Deserialize, Serialize};

/// The most ranges that the kernel takes (Linux 4.15; 5 before).
pub const MAX_RANGES: usize = 340;
/// The kernel takes a map in one write, shorter than a page.
const MAX_BYTES: usize = 4095;

/// A map that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdMapError {
    /// Not `INSIDE:OUTSIDE:COUNT`.
    #[error("id map {0:?} is not INSIDE:OUTSIDE:COUNT")]
    Syntax(String),
    /// A range of no ids.
    #[error("id range {0} maps nothing")]
    Empty(IdRange),
    /// Ids past the last one.
    #[error("id range {0} goes past the largest id, 4294967294")]
    TooLarge(IdRange),
    /// An id would have two meanings.
    #[error("id ranges {0} and {1} overlap {side}", side = if .0.overlaps_inside(.1) { "inside" } else { "outside" })]
    Overlap(IdRange, IdRange),
    /// Longer than the kernel takes.
    #[error("id map of {0} ranges is too long: the kernel takes {MAX_RANGES} ranges and {MAX_BYTES} bytes")]
    TooLong(usize),
    /// No range at all: nobody would exist.
    #[error("id map is empty")]
    NoRange,
}

impl Diagnose for IdMapError {
    fn kind(&self) -> Option<FailureKind> {
        Some(FailureKind::Invalid)
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::Syntax(_)).then(|| {
            "0:100000:65536 makes user 0 inside user 100000 outside, and the 65535 that follow likewise".into()
        })
    }
}

/// `count` ids, from `inside` on in the namespace and from `outside` on in its maker's. Its JSON is the OCI
/// specification's `linux.uidMappings`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdRange {
    /// First id in the namespace.
    #[serde(rename = "containerID")]
    pub inside: u32,
    /// First id outside.
    #[serde(rename = "hostID")]
    pub outside: u32,
    /// How many.
    #[serde(rename = "size")]
    pub count: u32,
}

impl IdRange {
    /// The lines of `/proc/PID/uid_map` (`user_namespaces(7)`), with ids outside as our own namespace counts.
    pub fn table(text: &str) -> Vec<Self> {
        let line = |line: &str| -> Option<Self> {
            let mut numbers = line.split_ascii_whitespace().map(str::parse::<u32>);
            let mut next = || numbers.next()?.ok();
            Some(Self { inside: next()?, outside: next()?, count: next()? })
        };
        text.lines().filter_map(line).collect()
    }

    /// The id inside of an id outside, if it is in here.
    pub fn to_inside(&self, outside: u32) -> Option<u32> {
        let offset = outside.checked_sub(self.outside).filter(|offset| *offset < self.count)?;
        self.inside.checked_add(offset)
    }

    fn overlaps_inside(&self, other: &Self) -> bool {
        overlap(self.inside, self.count, other.inside, other.count)
    }

    fn overlaps_outside(&self, other: &Self) -> bool {
        overlap(self.outside, self.count, other.outside, other.count)
    }
}

fn overlap(a: u32, a_count: u32, b: u32, b_count: u32) -> bool {
    let end = |first: u32, count: u32| u64::from(first) + u64::from(count);
    u64::from(a) < end(b, b_count) && u64::from(b) < end(a, a_count)
}

impl fmt::Display for IdRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}:{}", self.inside, self.outside, self.count)
    }
}

impl FromStr for IdRange {
    type Err = IdMapError;

    fn from_str(text: &str) -> Result<Self, IdMapError> {
        let numbers: Vec<u32> =
            text.split(':').map(str::parse).collect::<Result<_, _>>().map_err(|_| IdMapError::Syntax(text.into()))?;
        match *numbers.as_slice() {
            [inside, outside, count] => Ok(Self { inside, outside, count }),
            _ => Err(IdMapError::Syntax(text.into())),
        }
    }
}

/// A checked map: at least one range, none that overlap, short enough for the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdMap {
    ranges: Vec<IdRange>,
}

impl IdMap {
    /// Checks `ranges` and makes a map of them.
    ///
    /// # Errors
    /// All of [`IdMapError`] but `Syntax`.
    pub fn new(ranges: Vec<IdRange>) -> Result<Self, IdMapError> {
        if ranges.is_empty() {
            return Err(IdMapError::NoRange);
        }
        for (index, range) in ranges.iter().enumerate() {
            if range.count == 0 {
                return Err(IdMapError::Empty(*range));
            }
            // 4294967295 is -1, "no id".
            if [range.inside, range.outside].iter().any(|first| first.checked_add(range.count).is_none()) {
                return Err(IdMapError::TooLarge(*range));
            }
            let earlier = ranges.iter().take(index);
            if let Some(other) = earlier.into_iter().find(|o| o.overlaps_inside(range) || o.overlaps_outside(range)) {
                return Err(IdMapError::Overlap(*other, *range));
            }
        }
        let length: usize = ranges.iter().map(|range| range.to_string().len() + 1).sum();
        if ranges.len() > MAX_RANGES || length > MAX_BYTES {
            return Err(IdMapError::TooLong(ranges.len()));
        }
        Ok(Self { ranges })
    }

    /// The one id `outside`, which is `inside` in the namespace: all that the kernel lets an ordinary user map.
    pub fn single(inside: u32, outside: u32) -> Self {
        Self { ranges: vec![IdRange { inside, outside, count: 1 }] }
    }

    /// The ranges, in the order given.
    pub fn ranges(&self) -> &[IdRange] {
        &self.ranges
    }

    /// The id outside of an id inside; `None` if it is not mapped (the kernel then shows 65534, nobody).
    pub fn to_outside(&self, inside: u32) -> Option<u32> {
        self.ranges.iter().find_map(|range| {
            inside.checked_sub(range.inside).filter(|offset| *offset < range.count).map(|offset| range.outside + offset)
        })
    }
}

/// Ranges separated by commas: `0:100000:65536` or `0:1000:1,1:100000:65535`.
impl FromStr for IdMap {
    type Err = IdMapError;

    fn from_str(text: &str) -> Result<Self, IdMapError> {
        Self::new(text.split(',').map(str::parse).collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for IdMap {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.ranges.iter().map(ToString::to_string).collect();
        out.write_str(&texts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read_and_an_id_found_in_it() {
        let table = IdRange::table("         0     100000      65536\n     65536 4294967290 5\nx\n");
        assert_eq!(table.len(), 2);
        assert_eq!((table[0].inside, table[0].outside, table[0].count), (0, 100_000, 65536));
        assert_eq!(
            (table[0].to_inside(100_033), table[0].to_inside(99_999), table[0].to_inside(165_536)),
            (Some(33), None, None)
        );
        assert_eq!(table[1].to_inside(4_294_967_294), Some(65540));
    }

    #[test]
    fn ids_inside_are_translated() {
        let map: IdMap = "0:100000:65536".parse().unwrap();
        assert_eq!(map.to_outside(0), Some(100_000));
        assert_eq!(map.to_outside(65_535), Some(165_535));
        assert_eq!(map.to_outside(65_536), None);
    }

    #[test]
    fn maps_that_cannot_be_are_told_why() {
        let all_ids = "0:0:4294967295";
        assert!(all_ids.parse::<IdMap>().is_ok(), "the host's own map");
        let reasons: Vec<String> = [
            "",
            "0:1",
            "0:a:1",
            "0:-1:1",
            "0:1000:0",
            "0:4294967295:1",
            "1:0:4294967295",
            "0:0:10,5:20:10",
            "0:0:10,20:5:10",
        ]
        .iter()
        .map(|text| text.parse::<IdMap>().unwrap_err().to_string())
        .collect();
        insta::assert_snapshot!(reasons.join("\n"));
    }

    #[test]
    fn a_map_longer_than_the_kernel_takes_is_refused() {
        let ranges = |count| (0..count).map(|id| IdRange { inside: id, outside: id, count: 1 }).collect();
        assert!(IdMap::new(ranges(340)).is_ok());
        assert_eq!(IdMap::new(ranges(341)), Err(IdMapError::TooLong(341)));
    }

    #[test]
    fn the_specifications_json_is_read_and_written() {
        let text = serde_json::json!({"containerID": 0, "hostID": 100_000, "size": 65_536});
        let range: IdRange = serde_json::from_value(text.clone()).expect("a range");
        assert_eq!(range.to_string(), "0:100000:65536");
        assert_eq!(serde_json::to_value(range).expect("JSON"), text);
    }
}
