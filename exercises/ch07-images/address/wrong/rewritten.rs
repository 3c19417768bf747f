// mistake: what was read is written again, since it says the same
let read: ImageConfig = serde_json::from_slice(&config).map_err(IngestError::Config)?;
let config = serde_json::to_vec(&read).map_err(json)?;
let parsed = Manifest::new(Descriptor::of(media::OCI_CONFIG, &config), blobs);
let bytes = serde_json::to_vec(&parsed).map_err(json)?;
let manifest = Descriptor::of(media::OCI_MANIFEST, &bytes);
let diff_ids = crate::ingest::diff_ids(&parsed, &read)?;
Ok(Found { manifest, bytes, config, parsed, diff_ids, references: Vec::new() })
