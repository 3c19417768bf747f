//! What the specification has about networks: marks on packets, which are v1's alone, and RDMA.

use serde::{Deserialize, Serialize};

/// Marks on packets, for `tc(8)` and netfilter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// The class; 0 is "not asked for".
    #[serde(rename = "classID", skip_serializing_if = "Option::is_none")]
    pub class_id: Option<u32>,
    /// Priorities of what leaves by some devices.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub priorities: Vec<NetworkPriority>,
}

/// A priority on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkPriority {
    /// The device.
    pub name: String,
    /// The priority.
    pub priority: u32,
}

/// What a group may have of an RDMA device. Absent is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RdmaLimit {
    /// Handles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hca_handles: Option<u32>,
    /// Objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hca_objects: Option<u32>,
}

impl RdmaLimit {
    /// A line of `rdma.max`, the same on v1 and v2.
    pub(crate) fn line(self, device: &str) -> String {
        let number = |limit: Option<u32>| limit.map_or_else(|| "max".to_owned(), |limit| limit.to_string());
        format!("{device} hca_handle={} hca_object={}", number(self.hca_handles), number(self.hca_objects))
    }
}

#[cfg(test)]
mod tests {
    use super::RdmaLimit;

    #[test]
    fn what_is_not_limited_is_said_too() {
        let limit = RdmaLimit { hca_handles: Some(3), hca_objects: None };
        assert_eq!(limit.line("mlx5_0"), "mlx5_0 hca_handle=3 hca_object=max");
    }
}
