//! Chain ids: layers by all that is below them, which is how docker calls them.
//!
//! <https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid>

use layers::{DiffId, Digest};

/// One for each layer, the lowest first.
pub(crate) fn ids(layers: &[DiffId]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::new();
    for layer in layers {
        let link =
            chain.last().map_or_else(|| layer.clone(), |below| Digest::of(format!("{below} {layer}").as_bytes()));
        chain.push(link);
    }
    chain
}
