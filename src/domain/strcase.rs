//! Cases of names, exactly as `iancoleman/strcase` v0.3.0 makes them.
//!
//! The dagger CLI builds its commands and flags with that library, so being close is not enough:
//! `s3Upload` is called `s-3-upload` and nothing else. It works on bytes: letters outside ASCII
//! vanish from camel case and pass through kebab case.

/// `on-github-pull_request` → `onGithubPullRequest`.
pub fn to_lower_camel(text: &str) -> String {
    camel(text, false)
}

/// `on-github-pull_request` → `OnGithubPullRequest`.
pub fn to_camel(text: &str) -> String {
    camel(text, true)
}

/// `onGithubPushV2` → `on-github-push-v-2`.
pub fn to_kebab(text: &str) -> String {
    delimited(text, '-')
}

/// `readyForReview` → `ready_for_review`.
pub fn to_snake(text: &str) -> String {
    delimited(text, '_')
}

fn camel(text: &str, upper_first: bool) -> String {
    let mut camel = String::with_capacity(text.len());
    let mut raise_next = upper_first;
    let mut after_upper = false;
    for (at, byte) in text.trim().bytes().enumerate() {
        let letter = if raise_next {
            byte.to_ascii_uppercase()
        } else if at == 0 || after_upper {
            // A run of capitals is one word: `HTTPServer` becomes `httpserver`.
            byte.to_ascii_lowercase()
        } else {
            byte
        };
        after_upper = byte.is_ascii_uppercase();
        if byte.is_ascii_alphabetic() {
            camel.push(char::from(letter));
            raise_next = false;
        } else if byte.is_ascii_digit() {
            camel.push(char::from(byte));
            raise_next = true;
        } else {
            raise_next = matches!(byte, b'_' | b' ' | b'-' | b'.');
        }
    }
    camel
}

fn delimited(text: &str, delimiter: char) -> String {
    let text = text.trim();
    let mut out = String::with_capacity(text.len() + 2);
    let mut before = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        let (upper, lower, digit) =
            (c.is_ascii_uppercase(), c.is_ascii_lowercase(), c.is_ascii_digit());
        let (next_upper, next_lower, next_digit) =
            (next.is_ascii_uppercase(), next.is_ascii_lowercase(), next.is_ascii_digit());
        let changes = (upper && (next_lower || next_digit))
            || (lower && (next_upper || next_digit))
            || (digit && (next_upper || next_lower));
        if changes {
            // The last capital of a run begins the next word: `HTTPServer` is `http-server`.
            if upper && next_lower && before.is_some_and(|b: char| b.is_ascii_uppercase()) {
                out.push(delimiter);
            }
            out.push(c.to_ascii_lowercase());
            if lower || digit || next_digit {
                out.push(delimiter);
            }
        } else if matches!(c, ' ' | '_' | '-' | '.') {
            out.push(delimiter);
        } else {
            out.push(c.to_ascii_lowercase());
        }
        before = Some(c);
    }
    out
}

#[cfg(test)]
mod tests;
