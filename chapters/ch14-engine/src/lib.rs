//! Chapter 14: the engine.
//!
//! Images, directories and docker's rules on one side, an OCI specification on the other. Commands call [`Engine`]. What it
//! starts goes on without it, looked after by a [shim](crate::shim) of its own.

mod attach;
mod bootstrap;
mod check;
mod compose;
mod control;
pub mod create;
mod devices;
mod engine;
pub mod events;
mod exec;
pub mod filters;
mod health;
mod import;
mod info;
mod inspect;
mod launch;
mod life;
mod listing;
pub mod log;
pub mod moment;
mod names;
mod ordered;
mod record;
mod restart;
mod rules;
mod saved;
mod shim;
pub mod signal;
mod start;
mod state;
mod store;
mod tell;
mod tree;
mod units;
mod users;
mod wire;

pub use attach::Streams;
pub use bootstrap::{BootstrapError, Progress, Suite};
pub use check::Checked;
pub use create::Create;
pub use devices::DeviceError;
pub use engine::Engine;
pub use exec::ExecWish;
pub use health::{Health, HealthCheck, HealthError, HealthStatus, ProbeResult};
pub use import::ImportError;
pub use info::Info;
pub use layers::{Change, Cure, DataRoot, Fault};
pub use listing::{Listed, Listing, Pruned, Size};
pub use ordered::Ordered;
pub use record::{ContainerRecord, Filter, ResolveError, Sharing};
pub use restart::RestartPolicy;
pub use rules::{RuleError, parse as parse_device_rule};
pub use saved::{Container, Saved, State, Status};
pub use start::Foreground;
pub use state::StateError;
pub use units::{Bytes, NanoCpus, human_duration, human_size};
pub use users::UsersError;
