//! Media types: what the bytes behind a digest are. Docker's own and those of OCI mean the same.
//!
//! <https://github.com/opencontainers/image-spec/blob/main/media-types.md>

/// A list of manifests, one for each platform.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// One image: its configuration and its layers.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An image configuration.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A layer as it is.
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// A layer, compressed by gzip.
pub const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// A layer, compressed by zstd.
pub const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// Docker's word for an index.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's word for a manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's word for a configuration.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// Docker's word for a layer compressed by gzip.
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// What a registry has to be told that we take: without all four, it may convert what it has, or choose a platform itself.
pub const ACCEPT: [&str; 4] = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST];

pub(crate) fn is_index(kind: &str) -> bool {
    matches!(kind, OCI_INDEX | DOCKER_LIST)
}

pub(crate) fn is_manifest(kind: &str) -> bool {
    matches!(kind, OCI_MANIFEST | DOCKER_MANIFEST)
}

/// Whether it is the configuration of an image, and not of something else that registries keep: charts, signatures.
pub(crate) fn is_config(kind: &str) -> bool {
    matches!(kind, OCI_CONFIG | DOCKER_CONFIG)
}

/// Whether it is a layer that registries may not have, and whose descriptor says where else it is.
pub fn is_foreign(kind: &str) -> bool {
    kind.contains(".foreign.") || kind.contains(".nondistributable.")
}

/// Whether it is a layer. (How it is compressed its first bytes say: zstd also comes under other names.)
pub(crate) fn is_layer(kind: &str) -> bool {
    const FAMILIES: [&str; 3] = [
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.docker.image.rootfs.",
    ];
    FAMILIES.iter().any(|family| kind.starts_with(family))
}
