//! What works at the moment, as the parts of the agent last saw it.
//!
//! A shared value between whoever finds out (the worker) and whoever tells (the web). It checks
//! nothing itself and knows neither what its names stand for nor who reads it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;

/// Whether there is room on the disk: as long as there is not, nothing new is accepted.
pub const DISK: &str = "disk";

/// Whether the next delivery could be stored.
pub const DATABASE: &str = "database";

/// Named conditions and figures; starts empty.
#[derive(Debug, Default)]
pub struct Health {
    conditions: RwLock<BTreeMap<Cow<'static, str>, Condition>>,
    figures: RwLock<BTreeMap<&'static str, u64>>,
}

/// How one thing that the agent needs is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    pub ok: bool,
    /// One sentence for the operator, never with a secret: what is wrong and what to do, or
    /// what is there (a version).
    pub detail: String,
    /// The repositories that the detail may name: not everybody may know of them.
    pub about: Vec<String>,
    /// When it became so.
    pub since: Timestamp,
}

impl Condition {
    /// A condition that is about no repository.
    pub fn new(ok: bool, detail: impl Into<String>, since: Timestamp) -> Self {
        Self { ok, detail: detail.into(), about: Vec::new(), since }
    }

    /// The detail for those who may not see every repository: without the names of those that it
    /// is about, also as some forges write them in an address.
    pub fn told_to_anybody(&self) -> String {
        self.about.iter().filter(|name| !name.is_empty()).fold(self.detail.clone(), |told, name| {
            told.replace(name.as_str(), "…").replace(&name.replace('/', "%2F"), "…")
        })
    }
}

impl Health {
    /// Replaces a condition. One that is as good or bad as before keeps the earlier `since`, so
    /// that a check repeated every minute does not hide how long something has been down.
    pub fn set(&self, name: impl Into<Cow<'static, str>>, condition: Condition) {
        let name = name.into();
        let mut conditions = self.conditions.write().unwrap_or_else(PoisonError::into_inner);
        let since = match conditions.get(&name) {
            Some(before) if before.ok == condition.ok => before.since.min(condition.since),
            _ => condition.since,
        };
        conditions.insert(name, Condition { since, ..condition });
    }

    /// What is known of one condition.
    pub fn condition(&self, name: &str) -> Option<Condition> {
        self.conditions.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Replaces a figure: one that was measured and is in no table.
    pub fn set_figure(&self, name: &'static str, value: u64) {
        self.figures.write().unwrap_or_else(PoisonError::into_inner).insert(name, value);
    }

    /// All figures as they are now, by name.
    pub fn figures(&self) -> BTreeMap<&'static str, u64> {
        self.figures.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All conditions as they are now, by name.
    pub fn snapshot(&self) -> BTreeMap<Cow<'static, str>, Condition> {
        self.conditions.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests;
