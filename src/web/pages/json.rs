//! JSON as one reads it.

/// JSON with a line for each value, in the order in which it was written; what comes after
/// `enough` letters may be left out.
pub(super) fn indented(json: &str, enough: usize) -> String {
    let mut text = String::new();
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    let mut rest = json.chars().peekable();
    while let Some(c) = rest.next() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            text.push(c);
            continue;
        }
        let line = |text: &mut String, depth: usize| {
            text.push('\n');
            text.extend(std::iter::repeat_n("  ", depth));
        };
        match c {
            c if c.is_whitespace() => {}
            '{' | '[' => {
                text.push(c);
                while rest.next_if(|c| c.is_whitespace()).is_some() {}
                if rest.peek().is_some_and(|next| matches!(next, '}' | ']')) {
                    text.extend(rest.next());
                } else {
                    depth += 1;
                    line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(c);
            }
            ',' => {
                text.push(c);
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            c => {
                quoted = c == '"';
                text.push(c);
            }
        }
        // A letter has at most four bytes; nesting may be deep, which makes long lines.
        if text.len() > 4 * enough {
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests;
