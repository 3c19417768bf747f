//! Chapter 8: registries.
//!
//! How an image gets from one machine to another: the distribution protocol, over a transport whose names, certificates and
//! proxies are looked up here.

mod address;
mod answer;
mod auth;
mod blob;
mod challenge;
mod credentials;
pub mod dns;
mod dropped;
mod error;
mod fault;
mod helper;
mod host;
mod http;
mod identity;
mod link;
mod list;
mod login;
mod manifest;
mod network;
mod progress;
mod proxy;
mod pull;
mod pull_error;
mod push;
mod push_error;
mod registry;
mod search;
mod settings;
mod tls;
mod token;
mod upload;
mod url;

pub use answer::{Reason, Refusal, parse_reasons};
pub use blob::parse_content_range;
pub use challenge::{Challenge, parse_challenges};
pub use credentials::{CredentialStore, CredentialsError, Stored};
pub use error::RegistryError;
pub use fault::HttpError;
pub use helper::HelperError;
pub use http::Surroundings;
pub use identity::Credentials;
pub use link::parse_next;
pub use progress::{Event, Progress, State};
pub use proxy::Proxies;
pub use pull::{Pulled, Stores};
pub use pull_error::PullError;
pub use push::Pushed;
pub use push_error::PushError;
pub use registry::{Client, Registry, parse_retry_after};
pub use search::Found;
pub use settings::{Settings, SettingsError};
pub use tls::TlsError;
pub use token::TokenAnswer;
pub use upload::parse_progress;
pub use url::{LocationError, resolve as resolve_location};
