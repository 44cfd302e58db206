//! The paths that a module's `dagger.json` names: its source, its dependencies, what it includes.
//!
//! Read so that nothing is overlooked that the CLI would see. Its reader takes keys in any case,
//! and of a key that comes twice it may keep parts of both; so every text of the file counts as a
//! path, whatever its key, unless it is one that people write for people.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// Keys whose texts are for people, or name a release.
const WORDS: [&str; 5] = ["name", "description", "engineversion", "version", "pin"];

/// Keys whose texts are patterns, which choose among the repository's files and may be anchored
/// by a slash in front.
const PATTERNS: [&str; 3] = ["include", "exclude", "ignore"];

/// Texts of one file at most; a module with more is none.
const MOST: usize = 10_000;

/// Why the paths of a module are not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    #[error("it names `{path}`, which leads out of the repository")]
    Outside { path: String },
    #[error("it cannot be read: {why}")]
    Unreadable { why: String },
    #[error("it holds more than {MOST} texts")]
    TooMany,
}

/// Every path that the `dagger.json` of the module in `folder` may name, relative to the
/// repository, without dots. Most of them are no paths at all (`go`, `github.com/x/y`): what
/// is not there is not meant.
///
/// # Errors
///
/// When one is absolute or leads out of the repository, or when the text is not JSON.
pub fn paths(folder: &str, json: &[u8]) -> Result<Vec<String>, BadPath> {
    // As the CLI's reader has it: what is not UTF-8 is replaced.
    let text = String::from_utf8_lossy(json);
    let unreadable = |error: serde_json::Error| BadPath::Unreadable { why: error.to_string() };
    let texts: Texts = serde_json::from_str(&text).map_err(unreadable)?;
    if texts.0.len() > MOST {
        return Err(BadPath::TooMany);
    }
    let mut paths = Vec::new();
    for (key, text) in texts.0 {
        let key = key.to_lowercase();
        if WORDS.contains(&key.as_str()) {
            continue;
        }
        let pattern = PATTERNS.contains(&key.as_str());
        let path = if pattern { text.trim_start_matches('!') } else { &text };
        // Any other scheme is another host's.
        let path = path.strip_prefix("file://").unwrap_or(path);
        let outside = || BadPath::Outside { path: text.clone() };
        if path.starts_with('/') && !pattern {
            return Err(outside());
        }
        paths.push(join(folder, path).ok_or_else(outside)?);
    }
    paths.sort_unstable();
    paths.dedup();
    Ok(paths)
}

/// `path` relative to `folder`, without dots; none when it leaves the repository.
fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Every text of a JSON value with the nearest key above it, those of doubled keys too.
struct Texts(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = Vec::new();
        Walk { key: "", found: &mut found }.deserialize(deserializer)?;
        Ok(Self(found))
    }
}

struct Walk<'a> {
    key: &'a str,
    found: &'a mut Vec<(String, String)>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.found.push((self.key.to_owned(), text.to_owned()));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Walk { key: self.key, found: self.found })?.is_some() {
            if self.found.len() > MOST {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(Walk { key: &key, found: self.found })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
