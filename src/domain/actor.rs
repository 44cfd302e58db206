//! Who acted on a run: let it go, began it again, or ended it.

use std::fmt;
use std::str::FromStr;

use super::event::Sender;
use super::ids::BadName;

/// Somebody who acts, kept with what they did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A person, as the forge's signed delivery or its sign-in names them.
    Forge {
        login: String,
        /// The forge's user id, which outlives a renaming.
        id: String,
    },
    /// A person, as an OpenID provider that is no forge names them.
    Person {
        login: String,
        /// The provider's `sub`.
        id: String,
    },
    /// The command line on the agent's own machine.
    Local,
    /// A program with a token of this name.
    Token(String),
}

impl From<&Sender> for Actor {
    fn from(sender: &Sender) -> Self {
        Self::Forge { login: sender.login.clone(), id: sender.id.clone() }
    }
}

impl Actor {
    /// What people call them.
    pub fn name(&self) -> String {
        match self {
            Self::Forge { login, .. } | Self::Person { login, .. } => login.clone(),
            Self::Local => "the command line".to_owned(),
            Self::Token(name) => format!("the token `{name}`"),
        }
    }
}

/// The text that is kept: `forge:123:alice`, `person:f81d-4fae:alice`, `local`, `token:deploy`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forge { login, id } => write!(f, "forge:{id}:{login}"),
            // Such an id may be anything, with colons in it.
            Self::Person { login, id } => {
                write!(f, "person:{}:{login}", id.replace('%', "%25").replace(':', "%3A"))
            }
            Self::Local => f.write_str("local"),
            Self::Token(name) => write!(f, "token:{name}"),
        }
    }
}

impl FromStr for Actor {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match kind {
            "local" if rest.is_empty() => Ok(Self::Local),
            "token" => Ok(Self::Token(rest.to_owned())),
            "forge" => rest
                .split_once(':')
                .map(|(id, login)| Self::Forge { login: login.to_owned(), id: id.to_owned() })
                .ok_or_else(|| BadName::new(text, "somebody who acts")),
            "person" => rest
                .split_once(':')
                .map(|(id, login)| Self::Person {
                    login: login.to_owned(),
                    id: id.replace("%3A", ":").replace("%25", "%"),
                })
                .ok_or_else(|| BadName::new(text, "somebody who acts")),
            _ => Err(BadName::new(text, "somebody who acts")),
        }
    }
}

#[cfg(test)]
mod tests;
