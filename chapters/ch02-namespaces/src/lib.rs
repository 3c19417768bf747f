//! Chapter 2: namespaces. What a process can see, by kind: processes, mounts, host name, network, users.
//!
//! [`Namespaces`] plans them for a process to be made; [`write_maps`] gives a user namespace its ids; [`enter`] goes
//! into those of a process that runs.

mod enter;
mod handle;
mod held;
mod idmap;
mod kind;
mod net;
mod plan;
mod refusal;
mod subid;
mod time;
mod usermap;
pub mod uts;

pub use enter::{EnterError, Entered, Target, enter, enter_one_by_one, visit_pid};
pub use handle::{Handle, HandleError, NamespaceId};
pub use held::{HeldError, user_namespace};
pub use idmap::{IdMap, IdMapError, IdRange, MAX_RANGES};
pub use kind::Kind;
pub use net::{LoopbackError, loopback_up};
pub use plan::{Mode, Namespace, Namespaces, NamespacesError, Visit};
pub use subid::{SubidError, subordinate_ids};
pub use time::{Offsets, TimeError, TimeOffset, enter_time};
pub use usermap::{UserMapError, become_root, may_map_any_id, write_maps};
pub use uts::{UtsError, enter_uts, set_domainname, set_hostname};
