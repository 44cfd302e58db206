//! The masks of the whole agent.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use zeroize::Zeroizing;

use super::Redactor;

/// Everything that nothing may show, shared by all who show something; it grows while the agent
/// runs, as tokens are renewed and files change.
#[derive(Clone, Default)]
pub struct Masks(Arc<RwLock<Known>>);

#[derive(Default)]
struct Known {
    /// Wiped when they are let go of. What came first is kept: the operator's own.
    values: Vec<Zeroizing<String>>,
    /// How many there were at the beginning, which are never let go of.
    own: usize,
    redactor: Redactor,
}

/// Values added at run time that are kept: of tokens that are renewed every hour, more than a
/// week's for a repository. The oldest has long run out when it is let go of.
const ADDED: usize = 256;

impl Masks {
    /// Masks these for as long as the handle lives.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let values: Vec<_> = values.into_iter().map(|it| Zeroizing::new(it.to_owned())).collect();
        let mut known = Known { own: values.len(), values, redactor: Redactor::default() };
        known.rebuild();
        Self(Arc::new(RwLock::new(known)))
    }

    /// Masks one more from now on, in everything that begins from now on.
    pub fn add(&self, value: &str) {
        let is_known = |known: &Known| known.values.iter().any(|one| one.as_str() == value);
        if is_known(&self.0.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if is_known(&known) {
            return;
        }
        if known.values.len() - known.own >= ADDED {
            let oldest = known.own;
            known.values.remove(oldest);
        }
        known.values.push(Zeroizing::new(value.to_owned()));
        known.rebuild();
    }

    /// What masks all that is known now.
    pub fn redactor(&self) -> Redactor {
        self.0.read().unwrap_or_else(PoisonError::into_inner).redactor.clone()
    }

    /// Masks a whole text.
    pub fn text(&self, text: &str) -> String {
        self.redactor().text(text)
    }
}

impl Known {
    fn rebuild(&mut self) {
        let values: Vec<&str> = self.values.iter().map(|value| value.as_str()).collect();
        self.redactor = Redactor::new(&values);
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masks(…)")
    }
}
