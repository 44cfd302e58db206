//! Whom of a forge's people the operator lets do everything.

use crate::domain::ids::ForgeId;
use crate::domain::sign_in::Person;

/// `POCKETCI_ADMINS`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admins(Vec<Admin>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Admin {
    forge: ForgeId,
    who: Named,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    Id(String),
    /// In lower case: forges do not tell them apart.
    Login(String),
}

/// Why a word names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a forge with a login or an id, like `github:alice` or `github:id:583231`")]
pub struct NotAnAdmin(String);

impl Admins {
    /// Reads `github:alice, gitea:work:id:7`: a forge, and a login or an id.
    ///
    /// # Errors
    /// The first word that names nobody.
    pub fn parse(text: &str) -> Result<Self, NotAnAdmin> {
        let words = text.split(|c: char| c == ',' || c.is_whitespace());
        let words = words.filter(|word| !word.is_empty());
        words.map(|word| admin(word).ok_or_else(|| NotAnAdmin(word.to_owned()))).collect()
    }

    /// Whether somebody is one of them.
    pub fn has(&self, person: &Person) -> bool {
        let is = |admin: &Admin| match &admin.who {
            Named::Id(id) => *id == person.id,
            Named::Login(login) => *login == person.login.to_ascii_lowercase(),
        };
        self.0.iter().any(|admin| person.forge == Some(admin.forge) && is(admin))
    }

    /// The forges that they are of.
    pub fn forges(&self) -> impl Iterator<Item = ForgeId> {
        self.0.iter().map(|admin| admin.forge)
    }
}

impl FromIterator<Admin> for Admins {
    fn from_iter<T: IntoIterator<Item = Admin>>(admins: T) -> Self {
        Self(admins.into_iter().collect())
    }
}

fn admin(word: &str) -> Option<Admin> {
    let (rest, name) = word.rsplit_once(':').filter(|(_, name)| !name.is_empty())?;
    let (forge, who) = match rest.strip_suffix(":id") {
        Some(forge) => (forge, Named::Id(name.to_owned())),
        None => (rest, Named::Login(name.to_ascii_lowercase())),
    };
    Some(Admin { forge: forge.parse().ok()?, who })
}

#[cfg(test)]
mod tests;
