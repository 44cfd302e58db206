//! The operator's collector of traces, by the variables that every exporter knows.

use std::ffi::OsString;

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::Environment;
use crate::onward::Collector;

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    pub(super) fn collector(&mut self, warnings: &mut Vec<String>) -> Option<Collector> {
        const PROTOCOL: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
        let right = "the address of a collector without a path of its own, like \
                     `http://localhost:4318`";
        let endpoint = self.url("OTEL_EXPORTER_OTLP_ENDPOINT", right)?;
        // It is about other programs too, and no reason not to start.
        if let Some(protocol) = self.text(PROTOCOL).filter(|it| it != "http/protobuf") {
            warnings.push(format!(
                "{PROTOCOL} is `{protocol}`, and only `http/protobuf` is spoken here: traces are \
                 not passed on"
            ));
            return None;
        }
        let text = Zeroizing::new(self.hidden("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default());
        let mut headers = Vec::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some((name, value)) if is_header(name.trim()) => {
                    headers.push((name.trim().to_owned(), decoded(value.trim())));
                }
                _ => self.wrong.push(
                    "OTEL_EXPORTER_OTLP_HEADERS must be `name=value`, with commas between several"
                        .to_owned(),
                ),
            }
        }
        let endpoint = endpoint.as_str().trim_end_matches('/').to_owned();
        Some(Collector { endpoint, headers })
    }
}

/// What of its headers nothing may show. Short values are words (`default`), not secrets.
pub(super) fn secrets(collector: &Collector) -> Vec<SecretString> {
    const SHORTEST: usize = 12;
    let values = collector.headers.iter().map(|(_, value)| value.expose_secret());
    // Behind `Bearer` or `Basic`, too.
    let words = values.flat_map(|value| [Some(value), value.rsplit_once(' ').map(|(_, it)| it)]);
    let long = words.flatten().filter(|word| word.len() >= SHORTEST);
    long.map(SecretString::from).collect()
}

fn is_header(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// With what is percent-encoded decoded; what only looks like it stays.
fn decoded(text: &str) -> SecretString {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte =
            digits.filter(|_| *first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &behind[2..] } else { behind };
    }
    SecretString::from(String::from_utf8_lossy(&bytes).into_owned())
}
