//! The variables of those who speak to a running agent.

use std::ffi::OsString;

use secrecy::SecretString;

use super::super::ConfigError;
use super::super::client::ClientConfig;
use super::{Environment, Host};

/// Reads what a client needs.
pub(in crate::config) fn client(
    lookup: impl Fn(&str) -> Option<OsString>,
    host: Host,
) -> Result<ClientConfig, ConfigError> {
    let mut env = Environment::new(lookup);
    let url = env.url("POCKETCI_URL", "the agent's address, like `https://ci.example.org`");
    let token = env.hidden("POCKETCI_TOKEN").map(|token| token.trim().to_owned());
    let token = token.filter(|token| !token.is_empty()).map(SecretString::from);
    if !env.wrong.is_empty() {
        return Err(ConfigError(env.wrong));
    }
    // Beside a data folder and without a token, the variables are those of the agent itself.
    let own = token.is_none() && env.raw("POCKETCI_DATA_DIR").is_some();
    let data_dir = env.data_dir(host.root);
    let url = url.filter(|_| !own);
    Ok(ClientConfig { url, token, data_dir: Some(data_dir).filter(|dir| dir.is_absolute()) })
}

#[cfg(test)]
mod tests;
