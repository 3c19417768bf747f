//! Chapter 14: the engine.
//!
//! Images, directories and docker's rules on one side, an OCI specification on the other. Commands call [`Engine`];
//! what it makes is gone when the container is.

mod bootstrap;
mod compose;
mod defaults;
mod devices;
mod engine;
mod environment;
mod import;
mod info;
mod limits;
pub mod options;
mod security;
mod state;
mod units;
mod user;
mod users;

pub use bootstrap::{BootstrapError, Progress, Suite};
pub use compose::ComposeError;
pub use devices::DeviceError;
pub use engine::{Engine, EngineError};
pub use environment::EnvironmentError;
pub use import::ImportError;
pub use info::Info;
pub use limits::LimitError;
pub use security::SecurityError;
pub use state::{DataRoot, StateError};
pub use units::{Bytes, NanoCpus, human_duration, human_size};
pub use user::UserError;
pub use users::UsersError;
