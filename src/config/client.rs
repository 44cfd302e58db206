//! What commands that speak to a running agent need to know: where it is, and who asks.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use super::{ConfigError, environment};

/// Where the agent is, as the environment has it.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// `POCKETCI_URL`; none where the environment is the agent's own (`POCKETCI_DATA_DIR` is set
    /// and `POCKETCI_TOKEN` is not), as that agent is on this machine.
    pub url: Option<Url>,
    /// `POCKETCI_TOKEN`.
    pub token: Option<SecretString>,
    /// `POCKETCI_DATA_DIR`, absolute: the agent of this machine listens on a socket there. None
    /// where neither it nor a home is set.
    pub data_dir: Option<PathBuf>,
}

impl ClientConfig {
    /// Reads this process's environment.
    ///
    /// # Errors
    /// What is wrong with these variables; others are not looked at.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        environment::client(|name| std::env::var_os(name), environment::Host::here())
    }
}
