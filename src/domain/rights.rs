//! Who may see and do what through the pages and the API.
//!
//! A token carries its rights itself. Of a person who signed in through a forge, rights follow the
//! forge's: who may read a repository there may read its runs, who may write to it may act on
//! them. The operator's own command line on the agent's machine may do everything.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;

use super::event::Sender;
use super::ids::{BadName, ForgeId, RepoName};

/// What a token is good for; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Sees runs, logs and deliveries of every repository.
    Read,
    /// Reruns, cancels, approves, replays and triggers as well.
    Operate,
    /// Makes and revokes tokens as well.
    Admin,
}

impl Scope {
    pub const ALL: [Self; 3] = [Self::Read, Self::Operate, Self::Admin];

    /// The word on the command line, in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| BadName::new(text, "a scope (read, operate, admin)"))
    }
}

/// What the forge lets a person do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Not even see it, or nobody could say.
    None,
    Read,
    Write,
    /// Administers it.
    Admin,
}

/// What is answered later.
pub type Answered<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The forges, as far as they say what people may do.
pub trait Forges: Send + Sync {
    /// What somebody may do with a repository; none: the forge does not answer, which means no.
    fn access<'a>(
        &'a self,
        forge: ForgeId,
        repository: &'a RepoName,
        person: &'a Sender,
    ) -> Answered<'a, Option<Access>>;
}

/// Who may see runs without having signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Nobody.
    None,
    /// Everybody those of repositories that their forge shows to everybody.
    Public,
    /// Whoever is on the agent's machine, which nobody else can reach the agent from.
    ThisMachine,
    /// Everybody.
    All,
}

impl Readers {
    /// What the operator's word means: `none`, `public`, `all`.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "none" => Some(Self::None),
            "public" => Some(Self::Public),
            "all" => Some(Self::All),
            _ => None,
        }
    }

    /// Where the operator has said nothing: an agent that listens to its own machine alone, and
    /// that the world has no name for, is one that somebody tries out.
    pub fn unsaid(loopback: bool, named: bool) -> Self {
        if loopback && !named { Self::ThisMachine } else { Self::None }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Nobody has signed in.
    Anyone,
    /// With a token of this scope, or as somebody whom the operator lets do the same.
    Scoped(Scope),
    /// Signed in through a forge: what that forge lets them do with the repository in question;
    /// [`Access::None`] where the question is about no repository.
    Person(Access),
    /// The command line on the agent's own machine, as the agent's own user.
    Local,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Runs, their plans, calls and logs.
    See,
    /// A delivery as it came, with its body and headers.
    SeeDelivery,
    /// Rerun, cancel, approve.
    Act,
    /// Replay a delivery, start a run by hand.
    Start,
    /// Make, list and revoke tokens; the agent's own health in detail.
    Administer,
}

/// Whether they may; `open`: the operator shows this repository's runs to everybody.
pub fn may(who: &Who, deed: Deed, open: bool) -> bool {
    let open = open && deed == Deed::See;
    let needed = match deed {
        Deed::See => (Scope::Read, Access::Read),
        // A webhook's body tells more than the repository's readers see: hooks, installations.
        Deed::SeeDelivery => (Scope::Read, Access::Write),
        Deed::Act | Deed::Start => (Scope::Operate, Access::Write),
        Deed::Administer => (Scope::Admin, Access::None),
    };
    match who {
        Who::Local => true,
        Who::Scoped(scope) => *scope >= needed.0,
        Who::Person(_) if deed == Deed::Administer => false,
        Who::Person(access) => open || *access >= needed.1,
        Who::Anyone => open,
    }
}

#[cfg(test)]
mod tests;
