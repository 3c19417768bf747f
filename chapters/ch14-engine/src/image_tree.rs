//! `image tree`: who shares which layers. Images that begin with the same ones are branches of one trunk.

use std::collections::{BTreeMap, BTreeSet};

use images::{Known, Reference};
use layers::DiffId;
use process::Failure;

use crate::engine::Engine;
use crate::layer_usage::LayerUsage;

/// Layers that the same images have: up to where one of them ends, or they part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// From the lowest up.
    pub layers: Vec<DiffId>,
    /// What they take together.
    pub unpacked: u64,
    /// The same, packed.
    pub packed: u64,
    /// Images that have no more layers than these and those below: by name, or by id.
    pub images: Vec<String>,
    /// What stands on it.
    pub branches: Vec<Branch>,
}

/// An image on its way into the tree.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Leaf {
    layers: Vec<DiffId>,
    names: Vec<String>,
}

impl Engine {
    /// The trunks of all images, or those that the images `wanted` have a part in.
    ///
    /// # Errors
    /// An image that there is not; the disk.
    pub fn image_tree(&self, wanted: &[String]) -> Result<Vec<Branch>, Failure> {
        let known = self.images_store().list()?;
        let usage = self.layer_usage(known.iter().map(|known| &known.image))?;
        let wanted = wanted.iter().map(|text| Ok(self.image(text)?.image.layers()));
        let wanted: Vec<Vec<DiffId>> = wanted.collect::<Result<_, Failure>>()?;
        let mut leaves: Vec<Leaf> = known.iter().map(leaf).collect();
        leaves.sort();
        let mut trunks = branches(&leaves, 0, &usage);
        let is_part = |trunk: &Branch, layers: &Vec<DiffId>| {
            layers.starts_with(&trunk.layers) && layers.is_empty() == trunk.layers.is_empty()
        };
        trunks.retain(|trunk| wanted.is_empty() || wanted.iter().any(|layers| is_part(trunk, layers)));
        Ok(trunks)
    }
}

fn leaf(known: &Known) -> Leaf {
    let names = known.tags.iter().map(Reference::familiar).collect::<Vec<_>>();
    let names = if names.is_empty() { vec![known.image.short_id().to_owned()] } else { names };
    Leaf { layers: known.image.layers(), names }
}

/// Of leaves in their order, which have all that is below `from` in common.
fn branches(leaves: &[Leaf], from: usize, usage: &BTreeMap<DiffId, LayerUsage>) -> Vec<Branch> {
    let mut branches = Vec::new();
    for group in leaves.chunk_by(|one, next| one.layers.get(from) == next.layers.get(from)) {
        // In this order the first and the last differ the most.
        let [first, .., last] = group else {
            branches.push(branch(group, from, group[0].layers.len(), usage));
            continue;
        };
        let both = first.layers.iter().zip(&last.layers).skip(from);
        branches.push(branch(group, from, from + both.take_while(|(one, other)| one == other).count(), usage));
    }
    branches
}

/// The one that all of `group` have from the layer `from` to before `end`.
fn branch(group: &[Leaf], from: usize, end: usize, usage: &BTreeMap<DiffId, LayerUsage>) -> Branch {
    let layers = group[0].layers[from..end].to_vec();
    let (ended, longer) = group.split_at(group.partition_point(|leaf| leaf.layers.len() == end));
    // A layer may stand in an image more than once, and is on the disk once.
    let new: BTreeSet<&DiffId> = layers.iter().filter(|layer| !group[0].layers[..from].contains(layer)).collect();
    let of = |part: fn(&LayerUsage) -> u64| new.iter().filter_map(|layer| usage.get(*layer)).map(part).sum();
    Branch {
        unpacked: of(|usage| usage.unpacked),
        packed: of(|usage| usage.packed),
        images: ended.iter().flat_map(|leaf| leaf.names.clone()).collect(),
        branches: branches(longer, end, usage),
        layers,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use layers::Digest;

    use super::*;

    fn show(branches: &[Branch], depth: usize, text: &mut String) {
        for branch in branches {
            let _ = writeln!(text, "{}{} {}", "  ".repeat(depth), branch.layers.len(), branch.images.join(","));
            show(&branch.branches, depth + 1, text);
        }
    }

    fn tree(images: &[(&str, &str)]) -> String {
        let layer = |letter: char| Digest::of(letter.to_string().as_bytes());
        let leaf = |(name, layers): &(&str, &str)| Leaf {
            layers: layers.chars().map(layer).collect(),
            names: vec![(*name).to_owned()],
        };
        let mut leaves: Vec<Leaf> = images.iter().map(leaf).collect();
        leaves.sort();
        let mut text = String::new();
        show(&branches(&leaves, 0, &BTreeMap::new()), 0, &mut text);
        text
    }

    #[test]
    fn images_part_where_their_layers_do() {
        assert_eq!(tree(&[]), "");
        assert_eq!(tree(&[("empty", ""), ("also", "")]), "0 also,empty\n");
        assert_eq!(tree(&[("same", "ab"), ("base", "ab"), ("app", "abc")]), "2 base,same\n  1 app\n");
        let parted = tree(&[("one", "abc"), ("two", "abd"), ("alone", "x")]);
        let (left, right) = ("2 \n  1 one\n  1 two\n", "2 \n  1 two\n  1 one\n");
        assert!([left, right].iter().any(|shape| parted.replace("1 alone\n", "") == *shape), "{parted}");
        assert!(parted.contains("1 alone"), "{parted}");
    }
}
