//! The arguments of a call into the engine, from the attribute `dagger.io/dag.call`: the call
//! itself as protobuf (dagger's `callpbv1.Call`), in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::wire::{Malformed, Value, fields};

/// Characters that are worth being written.
const ENOUGH: usize = 2000;
/// Lists in lists that are read.
const DEPTH: u8 = 4;

/// The arguments as one would type them; empty where there are none that are texts.
pub(super) fn arguments(call: &str) -> String {
    STANDARD.decode(call).ok().and_then(|call| read(&call).ok()).unwrap_or_default()
}

fn read(call: &[u8]) -> Result<String, Malformed> {
    let mut given: Vec<(String, String)> = Vec::new();
    for field in fields(call) {
        if let (4, Value::Bytes(argument)) = field? {
            let (mut name, mut text) = (String::new(), None);
            for field in fields(argument) {
                match field? {
                    (1, value) => name = value.text(),
                    (2, value) => text = literal(value.bytes(), DEPTH)?,
                    _ => {}
                }
            }
            given.extend(text.map(|text| (name, text)));
        }
    }
    Ok(match given.as_slice() {
        [(_, only)] => only.clone(),
        several => {
            let written = several.iter().map(|(name, text)| format!("{name}={text}"));
            written.collect::<Vec<_>>().join(" ")
        }
    })
}

/// A value; none where it is another call's result, or nothing.
fn literal(value: &[u8], depth: u8) -> Result<Option<String>, Malformed> {
    let Some(field) = fields(value).next() else { return Ok(None) };
    Ok(match field? {
        (3, value) => Some((value.number() != 0).to_string()),
        (4, value) => Some(value.text()),
        (5, value) => Some((value.number() as i64).to_string()),
        (7, value) => Some(word(&value.text())),
        (8, Value::Bytes(list)) if depth > 0 => {
            let mut words = String::new();
            for field in fields(list) {
                if let (1, Value::Bytes(one)) = field?
                    && let Some(text) = literal(one, depth - 1)?
                    && words.len() < ENOUGH
                {
                    words.push_str(if words.is_empty() { "" } else { " " });
                    words.push_str(&text);
                }
            }
            Some(words).filter(|words| !words.is_empty())
        }
        _ => None,
    })
}

/// A text with quotes where it is not one word.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=./:,@+%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{text}'") }
}
