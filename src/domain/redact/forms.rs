//! The forms in which programs write a value.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::SHORTEST;

/// The widths at which `base64` and `openssl` break their output into lines.
const BASE64_COLUMNS: [usize; 2] = [76, 64];

/// Everything that one value is masked as.
pub(super) fn forms(value: &str) -> Vec<Vec<u8>> {
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
