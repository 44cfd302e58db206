//! Filter patterns, in the language of GitHub Actions: `main`, `release/**`, `v[0-9]+`, `!x`.
//!
//! `*` is anything but a slash, `**` anything at all, `?` and `+` say how often the character
//! before them comes (none or once; once or more), `[…]` is one of the characters or ranges,
//! a backslash takes the next character as it is. A pattern covers the whole value.

use std::fmt;

use regex_lite::Regex;

/// A list of filter patterns, compiled.
///
/// Order counts: the last pattern that matches decides, and one with `!` in front decides against
/// the value. So a list with only `!` patterns matches nothing, as on GitHub. An empty list
/// restricts nothing and matches everything.
#[derive(Clone)]
pub struct Patterns {
    patterns: Vec<String>,
    compiled: Vec<Compiled>,
}

#[derive(Clone)]
struct Compiled {
    admits: bool,
    regex: Regex,
}

/// A text that is not a filter pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a filter pattern: {why}")]
pub struct PatternError {
    /// As written.
    pub pattern: String,
    /// What is wrong with it.
    pub why: String,
}

impl Patterns {
    /// Compiles every pattern of a list; the first that is none is the error.
    pub fn new(patterns: &[String]) -> Result<Self, PatternError> {
        let compiled = patterns.iter().map(|pattern| {
            let (admits, text) = match pattern.strip_prefix('!') {
                Some(rest) => (false, rest),
                None => (true, pattern.as_str()),
            };
            let wrong = |why: String| PatternError { pattern: pattern.clone(), why };
            let regex = translate(text).map_err(|why| wrong(why.to_owned()))?;
            // Linear in the value's length, whatever the pattern says.
            let regex = Regex::new(&regex).map_err(|error| wrong(error.to_string()))?;
            Ok(Compiled { admits, regex })
        });
        let compiled = compiled.collect::<Result<_, _>>()?;
        Ok(Self { patterns: patterns.to_vec(), compiled })
    }

    /// Whether a branch, a tag or an action is meant.
    pub fn matches(&self, value: &str) -> bool {
        let last = self.compiled.iter().rev().find(|pattern| pattern.regex.is_match(value));
        last.map_or(self.compiled.is_empty(), |pattern| pattern.admits)
    }

    /// The patterns as written, for messages and for keeping.
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }
}

/// The same language as a regular expression over the whole value.
fn translate(pattern: &str) -> Result<String, &'static str> {
    let mut regex = String::from("(?s)^");
    let mut chars = pattern.chars().peekable();
    // What stands before decides whether `?` and `+` count something or are themselves.
    let mut countable = false;
    let mut before = '/';
    while let Some(c) = chars.next() {
        let starts_part = before == '/';
        before = c;
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => {
                // `**/x` is also `x` itself, and `a/**/x` is also `a/x`.
                if starts_part && chars.next_if_eq(&'/').is_some() {
                    regex.push_str("(?:.*/)?");
                    before = '/';
                } else {
                    regex.push_str(".*");
                }
                countable = false;
                continue;
            }
            '*' => {
                regex.push_str("[^/]*");
                countable = false;
                continue;
            }
            '?' | '+' if countable => {
                regex.push(c);
                countable = false;
                continue;
            }
            '[' => regex.push_str(&character_class(&mut chars)?),
            '\\' => {
                let literal = chars.next().ok_or("nothing follows the backslash")?;
                push_literal(&mut regex, literal);
            }
            literal => push_literal(&mut regex, literal),
        }
        countable = true;
    }
    regex.push('$');
    Ok(regex)
}

fn character_class(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
) -> Result<String, &'static str> {
    const UNCLOSED: &str = "a `[` is never closed";
    let mut class = String::from("[");
    loop {
        let from = match chars.next().ok_or(UNCLOSED)? {
            ']' if class.len() == 1 => return Err("nothing stands between `[` and `]`"),
            ']' => break,
            '\\' => chars.next().ok_or(UNCLOSED)?,
            plain => plain,
        };
        push_literal(&mut class, from);
        let mut ahead = chars.clone();
        // A dash at the end stands for itself.
        if ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']') {
            chars.next();
            let to = match chars.next().ok_or(UNCLOSED)? {
                '\\' => chars.next().ok_or(UNCLOSED)?,
                plain => plain,
            };
            if to < from {
                return Err("a range runs backwards");
            }
            class.push('-');
            push_literal(&mut class, to);
        }
    }
    class.push(']');
    Ok(class)
}

fn push_literal(regex: &mut String, literal: char) {
    regex.push_str(&regex_lite::escape(literal.encode_utf8(&mut [0; 4])));
}

impl fmt::Debug for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Patterns").field(&self.patterns).finish()
    }
}

impl PartialEq for Patterns {
    /// Two lists are equal when they are written alike.
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl Eq for Patterns {}

#[cfg(test)]
mod tests;
