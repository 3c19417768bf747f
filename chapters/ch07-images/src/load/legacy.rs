//! What `docker save` wrote before version 1.10: each layer with a configuration of its own that names the one below it.

use std::collections::BTreeMap;

use layers::LayerStore;
use serde_json::{Map, Value, json};

use super::docker::described;
use super::spool::{Spool, Spooled};
use super::{Found, reference};
use crate::load_error::LoadError;
use crate::store::ImageStore;

/// Of layers, one above the other.
const DEEPEST: usize = 500;
/// What only that format had.
const OLD: [&str; 7] = ["id", "parent", "parent_id", "layer_id", "Size", "throwaway", "layer_ids"];

/// Its images, by name, tag and the id of the topmost layer.
pub(super) fn images(store: &ImageStore, layers: &LayerStore, spool: &Spool) -> Result<Vec<Found>, LoadError> {
    let json = |source| LoadError::Json { name: "repositories".into(), source };
    let names: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_slice(&spool.bytes("repositories")?).map_err(json)?;
    let mut images: BTreeMap<String, Found> = BTreeMap::new();
    for (name, tags) in names {
        for (tag, id) in tags {
            let image = match images.remove(&id) {
                Some(known) => known,
                None => image(store, layers, spool, &id)?,
            };
            let image = images.entry(id).or_insert(image);
            image.references.extend(reference(&format!("{name}:{tag}")));
        }
    }
    if images.is_empty() { Err(LoadError::NoImages) } else { Ok(images.into_values().collect()) }
}

fn image(store: &ImageStore, layers: &LayerStore, spool: &Spool, id: &str) -> Result<Found, LoadError> {
    let mut chain: Vec<(Map<String, Value>, &Spooled)> = Vec::new();
    let mut next = Some(id.to_owned());
    while let Some(id) = next {
        if chain.len() >= DEEPEST {
            return Err(LoadError::Link(id));
        }
        let name = format!("{id}/json");
        let bytes = spool.bytes(&name)?;
        let config: Map<String, Value> =
            serde_json::from_slice(&bytes).map_err(|source| LoadError::Json { name, source })?;
        next = config.get("parent").and_then(Value::as_str).filter(|parent| !parent.is_empty()).map(ToOwned::to_owned);
        chain.push((config, spool.get(&format!("{id}/layer.tar"))?));
    }
    let mut diff_ids = Vec::new();
    for (_, file) in chain.iter().rev() {
        let opened = Spool::open(store, file)?;
        diff_ids.push(layers.diff_id_of(opened).map_err(crate::store_error::ImageStoreError::from)?.to_string());
    }
    let history: Vec<Value> = chain
        .iter()
        .rev()
        .map(|(config, _)| {
            let command = config.get("container_config").and_then(|config| config.get("Cmd")).and_then(Value::as_array);
            let words = command.into_iter().flatten().filter_map(Value::as_str);
            json!({"created": config.get("created"), "created_by": words.collect::<Vec<_>>().join(" ")})
        })
        .collect();
    let mut config = chain[0].0.clone();
    for field in OLD {
        config.remove(field);
    }
    config.insert("rootfs".into(), json!({"type": "layers", "diff_ids": diff_ids}));
    config.insert("history".into(), history.into());
    let bytes = serde_json::to_vec(&config).map_err(|source| LoadError::Json { name: id.into(), source })?;
    let files: Vec<&Spooled> = chain.iter().rev().map(|(_, file)| *file).collect();
    described(store, bytes, &files)
}
