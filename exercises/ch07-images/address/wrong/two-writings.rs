// mistake: the manifest is written twice, once for its digest and once to be kept
let parsed = Manifest::new(Descriptor::of(media::OCI_CONFIG, &config), blobs);
let manifest = Descriptor::of(media::OCI_MANIFEST, &serde_json::to_vec_pretty(&parsed).map_err(json)?);
let bytes = serde_json::to_vec(&parsed).map_err(json)?;
let read: ImageConfig = serde_json::from_slice(&config).map_err(IngestError::Config)?;
let diff_ids = crate::ingest::diff_ids(&parsed, &read)?;
Ok(Found { manifest, bytes, config, parsed, diff_ids, references: Vec::new() })
