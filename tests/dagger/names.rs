//! Names on the command line, as iancoleman/strcase v0.3.0 makes them.

/// `ToKebab`.
pub fn kebab(name: &str) -> String {
    let bytes = name.trim().as_bytes();
    let mut out = Vec::with_capacity(bytes.len() + 4);
    for (at, byte) in bytes.iter().copied().enumerate() {
        let lower = byte.to_ascii_lowercase();
        if let Some(next) = bytes.get(at + 1) {
            let (upper_next, lower_next, digit_next) =
                (next.is_ascii_uppercase(), next.is_ascii_lowercase(), next.is_ascii_digit());
            let changes = byte.is_ascii_uppercase() && (lower_next || digit_next)
                || byte.is_ascii_lowercase() && (upper_next || digit_next)
                || byte.is_ascii_digit() && (upper_next || lower_next);
            if changes {
                let upper_before = at > 0 && bytes[at - 1].is_ascii_uppercase();
                if byte.is_ascii_uppercase() && lower_next && upper_before {
                    out.push(b'-');
                }
                out.push(lower);
                if byte.is_ascii_lowercase() || byte.is_ascii_digit() || digit_next {
                    out.push(b'-');
                }
                continue;
            }
        }
        out.push(if matches!(byte, b' ' | b'_' | b'-' | b'.') { b'-' } else { lower });
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `ToCamel`, as far as module names need it.
pub fn camel(name: &str) -> String {
    name.split(['-', '_', ' ', '.'])
        .map(|word| word[..word.len().min(1)].to_uppercase() + word.get(1..).unwrap_or_default())
        .collect()
}

/// `ToScreamingSnake`, to compare the names in a `.env`.
pub fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}
