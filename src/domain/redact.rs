//! Masking of secrets in what a call prints.
//!
//! A secret can appear as it is, line by line, or the way a program wrote it: base64, percent or
//! JSON encoded, quoted for a shell. All of these become `***`, also when the text arrives in pieces: the end of a
//! piece that could be the beginning of a secret is held back until the next piece, so that the
//! output does not depend on where the stream was cut. Occurrences that overlap are masked as one.
//!
//! It is a net under the operator's care, not a wall: a function that wants to show a secret can
//! always write it in a form that nobody foresaw.

mod forms;
mod masks;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroize as _;

use forms::forms;

pub use masks::Masks;

/// What stands in a secret's place.
pub const MASK: &str = "***";

/// Values and lines with fewer characters are not masked: they occur by chance in any log, and a
/// log full of masks would give them away anyway.
pub const SHORTEST: usize = 4;

/// Knows the secrets of one call.
#[derive(Clone, Default)]
pub struct Redactor {
    /// None when there is nothing to mask; then text passes untouched.
    secrets: Option<Arc<Secrets>>,
}

struct Secrets {
    /// Every form of every secret, sorted.
    forms: Vec<Vec<u8>>,
    /// By their first bytes, which of the forms begin so.
    groups: HashMap<u32, Range<usize>>,
    /// Tells at once of most places that no form begins there.
    filter: Filter,
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.forms.zeroize();
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(…)")
    }
}

impl Redactor {
    /// Masks these values from now on.
    pub fn new(values: &[&str]) -> Self {
        let forms: BTreeSet<Vec<u8>> = values.iter().flat_map(|value| forms(value)).collect();
        if forms.is_empty() {
            return Self::default();
        }
        let forms: Vec<Vec<u8>> = forms.into_iter().collect();
        let mut groups: HashMap<u32, Range<usize>> = HashMap::new();
        let mut filter = Filter::default();
        for (at, form) in forms.iter().enumerate() {
            let Some(first) = form.first_chunk().map(|first| u32::from_le_bytes(*first)) else {
                continue;
            };
            filter.add(first);
            groups.entry(first).or_insert(at..at).end = at + 1;
        }
        Self { secrets: Some(Arc::new(Secrets { forms, groups, filter })) }
    }

    /// Nothing is masked.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_none()
    }

    /// Masks a stream that arrives in pieces.
    pub fn stream(&self) -> RedactStream {
        RedactStream { secrets: self.secrets.clone(), held: Vec::new(), covered: 0 }
    }

    /// Masks a whole text.
    pub fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.bytes(text.as_bytes())).into_owned()
    }

    /// Masks all of something.
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(secrets) = &self.secrets else { return Cow::Borrowed(bytes) };
        let mut clean = Vec::with_capacity(bytes.len());
        secrets.mask(bytes, 0, true, &mut clean);
        Cow::Owned(clean)
    }
}

/// One stream under redaction.
#[derive(Clone)]
pub struct RedactStream {
    secrets: Option<Arc<Secrets>>,
    /// The end of what was pushed, which may be the beginning of a secret.
    held: Vec<u8>,
    /// How much of `held` lies under a mask that was already written.
    covered: usize,
}

impl RedactStream {
    /// Takes the next piece and gives back what is certain to be clean, which can be less or, by
    /// what was held back before, more than the piece.
    pub fn push<'a>(&mut self, piece: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(secrets) = self.secrets.clone() else { return Cow::Borrowed(piece) };
        self.held.extend_from_slice(piece);
        let mut clean = Vec::with_capacity(self.held.len());
        let (kept, covered) = secrets.mask(&self.held, self.covered, false, &mut clean);
        self.held.drain(..kept);
        self.covered = covered;
        Cow::Owned(clean)
    }

    /// Gives back what was held; the stream has ended.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut clean = Vec::new();
        if let Some(secrets) = self.secrets.clone() {
            secrets.mask(&self.held, self.covered, true, &mut clean);
            self.held.clear();
            self.covered = 0;
        }
        clean
    }
}

/// A place where a form begins, or may.
struct Spot {
    at: usize,
    /// Where the longest of those that begin there ends.
    end: usize,
    /// The text ends before it is certain.
    pending: bool,
}

impl Secrets {
    /// Writes the masked text up to where something is pending; nothing is at the stream's `end`.
    /// Gives back where that is, and how many bytes from there lie under the mask that was written
    /// last.
    fn mask(&self, text: &[u8], covered: usize, end: bool, clean: &mut Vec<u8>) -> (usize, usize) {
        // Up to `written`, the text is in `clean` or under a mask; up to `masked`, it is to be.
        let (mut written, mut masked, mut from) = (0, covered, 0);
        while let Some(spot) = self.next(text, from, end) {
            if spot.at >= masked {
                clean.extend_from_slice(&text[written.max(masked)..spot.at]);
                written = spot.at;
            }
            if spot.pending {
                return (spot.at, masked.saturating_sub(spot.at));
            }
            // What begins under a mask belongs under that mask.
            if spot.at >= masked {
                clean.extend_from_slice(MASK.as_bytes());
            }
            masked = masked.max(spot.end);
            from = spot.at + 1;
        }
        clean.extend_from_slice(&text[written.max(masked)..]);
        (text.len(), 0)
    }

    /// The first place from there on where a form begins or may begin.
    fn next(&self, text: &[u8], from: usize, end: bool) -> Option<Spot> {
        let places = text[from..].windows(FIRST).enumerate();
        for (at, first) in places {
            let first = u32::from_le_bytes(*first.first_chunk()?);
            if self.filter.may_hold(first)
                && let Some(spot) = self.begins(first, text, from + at, end)
            {
                return Some(spot);
            }
        }
        if end {
            return None;
        }
        let short = text.len().saturating_sub(FIRST - 1).max(from)..text.len();
        let is_pending = |at: &usize| {
            let rest = &text[*at..];
            // Forms are sorted, so one that begins with `rest` is the first that is not before it.
            let found = self.forms.partition_point(|form| form.as_slice() < rest);
            self.forms.get(found).is_some_and(|form| form.starts_with(rest))
        };
        short.into_iter().find(is_pending).map(|at| Spot { at, end: at, pending: true })
    }

    /// What begins at a place that is followed by these bytes.
    fn begins(&self, first: u32, text: &[u8], at: usize, end: bool) -> Option<Spot> {
        let (mut longest, mut pending) = (None, false);
        let rest = &text[at..];
        for form in &self.forms[self.groups.get(&first)?.clone()] {
            if rest.starts_with(form) {
                longest = longest.max(Some(form.len()));
            } else if !end && form.starts_with(rest) {
                pending = true;
            }
        }
        let end = at + longest.unwrap_or(0);
        (pending || longest.is_some()).then_some(Spot { at, end, pending })
    }
}

/// The bytes by which forms are found: as many as the shortest has.
const FIRST: usize = SHORTEST;

/// A set that may hold more than was added to it.
struct Filter(Box<[u64; 1 << 10]>);

impl Default for Filter {
    fn default() -> Self {
        Self(Box::new([0; 1 << 10]))
    }
}

impl Filter {
    fn place(first: u32) -> (usize, u64) {
        // Spreads texts that differ in few bits.
        let hash = first.wrapping_mul(0x9E37_79B1) >> 16;
        ((hash >> 6) as usize, 1 << (hash & 63))
    }

    fn add(&mut self, first: u32) {
        let (word, bit) = Self::place(first);
        self.0[word] |= bit;
    }

    fn may_hold(&self, first: u32) -> bool {
        let (word, bit) = Self::place(first);
        self.0[word] & bit != 0
    }
}

#[cfg(test)]
mod tests;
