//! What the operator lets the people of an OpenID provider do, by what the provider says of them.

use serde_json::{Map, Value};

use crate::domain::rights::Scope;

/// What a provider says of somebody.
pub type Claims = Map<String, Value>;

/// `POCKETCI_OIDC_RIGHTS`: `groups:ci-operators=operate, email:*@example.org=read`. Of several that
/// fit, the one that allows most counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(Vec<Grant>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    claim: String,
    /// `*` in it stands for anything.
    value: String,
    scope: Scope,
}

/// Why a text says nothing of anybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a claim, a value and what it gives, like `groups:ci=operate` or \
     `email:*@example.org=read`; read, operate and admin can be given"
)]
pub struct NotAGrant(String);

impl Grants {
    /// Reads them, with commas or line breaks between.
    ///
    /// # Errors
    /// The first that cannot be understood.
    pub fn parse(text: &str) -> Result<Self, NotAGrant> {
        let words = text.split([',', '\n']).map(str::trim).filter(|word| !word.is_empty());
        let grants = words.map(|word| grant(word).ok_or_else(|| NotAGrant(word.to_owned())));
        grants.collect::<Result<_, _>>().map(Self)
    }

    /// What somebody may do; none: nothing.
    pub fn scope(&self, claims: &Claims) -> Option<Scope> {
        let fit = self.0.iter().filter(|grant| grant.fits(claims));
        fit.map(|grant| grant.scope).max()
    }
}

impl Grant {
    fn fits(&self, claims: &Claims) -> bool {
        // Anybody can call themselves anything until somebody has sent a letter there.
        let proven = self.claim != "email" || claims.get("email_verified") == Some(&true.into());
        let fits = |value: &Value| match value {
            Value::String(text) => is_like(&self.value, text),
            Value::Number(number) => is_like(&self.value, &number.to_string()),
            Value::Bool(truth) => is_like(&self.value, &truth.to_string()),
            _ => false,
        };
        proven
            && match found(claims, &self.claim) {
                Some(Value::Array(values)) => values.iter().any(fits),
                Some(value) => fits(value),
                None => false,
            }
    }
}

/// A claim by its name, or by a path: `realm_access.roles`.
fn found<'a>(claims: &'a Claims, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    rest.split('.').try_fold(claims.get(first)?, |value, part| value.get(part))
}

fn grant(word: &str) -> Option<Grant> {
    let (who, scope) = word.rsplit_once('=')?;
    let (claim, value) = who.split_once(':')?;
    let (claim, value) = (claim.trim().to_owned(), value.trim().to_owned());
    let scope = scope.trim().parse().ok()?;
    (!claim.is_empty() && !value.is_empty()).then_some(Grant { claim, value, scope })
}

/// Whether a text is like a pattern, in which each `*` stands for any text.
fn is_like(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(head) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests;
