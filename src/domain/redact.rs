//! Masking of secrets in what a call prints.
//!
//! A secret can appear as it is, line by line, or the way a program wrote it: base64, percent or
//! JSON encoded. All of these become `***`, also when the text arrives in pieces: the end of a
//! piece that could be the beginning of a secret is held back until the next piece, so that the
//! output does not depend on where the stream was cut. Occurrences that overlap are masked as one.
//!
//! It is a net under the operator's care, not a wall: a function that wants to show a secret can
//! always write it in a form that nobody foresaw.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, Anchored, Input, MatchKind, StartKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::{Zeroize as _, Zeroizing};

/// What stands in a secret's place.
pub const MASK: &str = "***";

/// Values and lines with fewer characters are not masked: they occur by chance in any log, and a
/// log full of masks would give them away anyway.
pub const SHORTEST: usize = 4;

/// The widths at which `base64` and `openssl` break their output into lines.
const BASE64_COLUMNS: [usize; 2] = [76, 64];

/// Knows the secrets of one call.
#[derive(Clone, Default)]
pub struct Redactor {
    /// None when there is nothing to mask; then text passes untouched.
    secrets: Option<Arc<Secrets>>,
}

struct Secrets {
    /// Finds the leftmost occurrence, the longest of those that begin there.
    search: AhoCorasick,
    /// Every form of every secret, sorted; to ask whether a text is the beginning of one.
    forms: Vec<Vec<u8>>,
    /// The bytes that a form can begin with.
    first: [bool; 256],
    /// The length of the longest form.
    longest: usize,
}

impl Drop for Secrets {
    /// What the automaton was built from; of the automaton itself nothing can be wiped.
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
        let forms: Vec<Vec<u8>> = forms.into_iter().collect();
        let Some(longest) = forms.iter().map(Vec::len).max() else { return Self::default() };
        let mut first = [false; 256];
        for form in &forms {
            first[usize::from(form[0])] = true;
        }
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .start_kind(StartKind::Both)
            .build(&forms)
            .expect("building fails only above 2³¹ patterns or states");
        Self { secrets: Some(Arc::new(Secrets { search, forms, first, longest })) }
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
        secrets.mask(bytes, 0, &[], &mut clean);
        Cow::Owned(clean)
    }
}

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
        let pending = secrets.pending(&self.held);
        let (kept, covered) = secrets.mask(&self.held, self.covered, &pending, &mut clean);
        self.held.drain(..kept);
        self.covered = covered;
        Cow::Owned(clean)
    }

    /// Gives back what was held; the stream has ended.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut clean = Vec::new();
        if let Some(secrets) = self.secrets.clone() {
            secrets.mask(&self.held, self.covered, &[], &mut clean);
            self.held.clear();
            self.covered = 0;
        }
        clean
    }
}

impl Secrets {
    /// The places from which the rest of `text` is the beginning of a form, in ascending order.
    fn pending(&self, text: &[u8]) -> Vec<usize> {
        let from = text.len().saturating_sub(self.longest - 1);
        let begins = |start: &usize| {
            let rest = &text[*start..];
            if !self.first[usize::from(rest[0])] {
                return false;
            }
            // Forms are sorted, so one that begins with `rest` follows it at once; `rest` itself,
            // being whole, is not pending, but a longer form behind it is.
            let at = self.forms.partition_point(|form| form.as_slice() <= rest);
            self.forms.get(at).is_some_and(|form| form.starts_with(rest))
        };
        (from..text.len()).filter(begins).collect()
    }

    /// Writes the masked text up to where something is pending. Gives back where that is, and how
    /// many bytes from there lie under the mask that was written last.
    fn mask(
        &self,
        text: &[u8],
        covered: usize,
        pending: &[usize],
        clean: &mut Vec<u8>,
    ) -> (usize, usize) {
        let pending_from = |at: usize| pending[pending.partition_point(|p| *p < at)..].first();
        let mut at = 0;
        let mut mask_end = covered;
        loop {
            // What begins under the mask belongs under the mask.
            while at < mask_end {
                if pending_from(at) == Some(&at) {
                    return (at, mask_end - at);
                }
                mask_end = mask_end.max(self.anchored(text, at));
                at += 1;
            }
            let found = self.search.find(Input::new(text).range(at..));
            let certain = pending_from(at).copied().unwrap_or(text.len());
            match found {
                Some(found) if found.start() < certain => {
                    clean.extend_from_slice(&text[at..found.start()]);
                    clean.extend_from_slice(MASK.as_bytes());
                    at = found.start();
                    mask_end = found.end();
                }
                _ => {
                    clean.extend_from_slice(&text[at..certain]);
                    return (certain, 0);
                }
            }
        }
    }

    /// The end of the longest form that begins at this very place; the place itself if none does.
    fn anchored(&self, text: &[u8], at: usize) -> usize {
        let here = Input::new(text).range(at..).anchored(Anchored::Yes);
        self.search.find(here).map_or(at, |found| found.end())
    }
}

/// Everything that one value is masked as.
fn forms(value: &str) -> Vec<Vec<u8>> {
    let lines = value.lines().map(|line| line.trim_end_matches('\r'));
    let plain: BTreeSet<&str> = [value, value.trim()]
        .into_iter()
        .chain(lines.flat_map(|line| [line, line.trim()]))
        .filter(|text| text.chars().count() >= SHORTEST)
        .collect();
    let mut forms = Vec::new();
    for text in plain {
        forms.push(text.as_bytes().to_vec());
        forms.extend(base64_forms(text.as_bytes()));
        forms.extend(percent_forms(text));
        forms.extend(json_forms(text));
        forms.extend(shell_forms(text));
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

/// The value inside something that was base64 encoded: the same bytes give three texts, by where
/// they begin in the groups of three. What is left at either end depends on the neighbours, and
/// is less than one byte of the secret.
fn base64_forms(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
        for offset in 0..3 {
            let shifted = [&[0; 2][..offset.min(2)], value].concat();
            let encoded = engine.encode(&shifted).into_bytes();
            let first = (offset * 8).div_ceil(6);
            let last = (offset + value.len()) * 8 / 6;
            forms.push(encoded[first..last].to_vec());
            forms.push(encoded[first..].to_vec());
            if offset == 0 {
                let wrapped = BASE64_COLUMNS.iter().filter(|columns| encoded.len() > **columns);
                forms.extend(
                    wrapped.flat_map(|columns| encoded.chunks(*columns)).map(<[u8]>::to_vec),
                );
            }
        }
    }
    forms
}

/// Percent encoded as URLs and forms do it, in both cases of the digits.
fn percent_forms(value: &str) -> Vec<Vec<u8>> {
    let encode = |unreserved: &dyn Fn(u8) -> bool, upper: bool| {
        let mut encoded = String::new();
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || unreserved(byte) {
                encoded.push(char::from(byte));
            } else if upper {
                encoded.push_str(&format!("%{byte:02X}"));
            } else {
                encoded.push_str(&format!("%{byte:02x}"));
            }
        }
        encoded
    };
    // RFC 3986, JavaScript's encodeURIComponent, and what a path keeps.
    let kept: [&[u8]; 3] = [b"-_.~", b"-_.!~*'()", b"-_.~!$&'()*+,;=:@/"];
    let mut forms = Vec::new();
    for kept in kept {
        for upper in [true, false] {
            let encoded = encode(&|byte| kept.contains(&byte), upper);
            forms.push(encoded.replace("%20", "+").into_bytes());
            forms.push(encoded.into_bytes());
        }
    }
    forms
}

/// Inside a JSON text, as most encoders write it and as Go's does (`<`, `>` and `&` escaped), and
/// once more inside a JSON text that is itself inside one.
fn json_forms(value: &str) -> Vec<Vec<u8>> {
    let escape = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let once = escape(value);
    let go = once.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    let slashes = once.replace('/', "\\/");
    let twice = escape(&once);
    [once, go, slashes, twice].map(String::into_bytes).into()
}

/// As shells, and what prints for them, quote a text: between single quotes, between double quotes,
/// with backslashes (`printf %q`), and as `$'…'`; also as Rust's and Python's debug output.
fn shell_forms(value: &str) -> Vec<Vec<u8>> {
    let before = |special: &dyn Fn(char) -> bool| {
        let mut escaped = String::new();
        for c in value.chars() {
            if special(c) {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        escaped
    };
    let plain = |c: char| c.is_alphanumeric() || !c.is_ascii() || "-_./:=@%+,".contains(c);
    let debug = format!("{value:?}");
    let ansi = debug[1..debug.len() - 1].replace("\\\"", "\"").replace('\'', "\\'");
    let forms = [
        value.replace('\'', r"'\''"),
        value.replace('\'', r#"'"'"'"#),
        before(&|c| "\"\\$`".contains(c)),
        before(&|c| "\"\\$`!".contains(c)),
        before(&|c| !plain(c)),
        // Some shells leave more as it is.
        before(&|c| !plain(c) && !"~#^{}".contains(c)),
        debug[1..debug.len() - 1].to_owned(),
        ansi,
    ];
    forms.map(String::into_bytes).into()
}

#[cfg(test)]
mod tests;
