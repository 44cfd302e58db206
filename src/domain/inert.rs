//! Texts of strangers made harmless for people's eyes: terminal sequences, control characters, and
//! marks that turn the direction of what follows. Escaping for HTML or JSON leaves all of these.

/// Whether a character does something else than being seen: it ends the line, commands a
/// terminal, or turns the direction of what follows.
pub fn is_active(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || turns_direction(c)
}

/// The text with a blank in the place of everything active, on one line.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if is_active(c) { ' ' } else { c }).collect()
}

/// One line as a terminal would show it, without colours: escape sequences are dropped, of a
/// line that was written over the last writing stays, other control characters become `�`.
pub fn inert(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.trim_end_matches(['\r', '\n']).chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_control_sequence(&mut chars),
            '\r' => clean.clear(),
            '\t' => clean.push('\t'),
            c if is_active(c) => clean.push('\u{fffd}'),
            c => clean.push(c),
        }
    }
    clean
}

/// The rest of an escape sequence; one that never ends takes the line with it.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => skip_control_sequence(chars),
        // Texts for the terminal itself, as a window title or a link: up to BEL or ESC \.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || c == '\u{1b}' && chars.next_if_eq(&'\\').is_some() {
                    break;
                }
            }
        }
        // A character set's name is one character more.
        Some('(' | ')' | '*' | '+' | '#' | ' ' | '%') => {
            chars.next();
        }
        _ => {}
    }
}

fn skip_control_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    for c in chars {
        if ('\u{40}'..='\u{7e}').contains(&c) {
            break;
        }
    }
}

/// Marks by which a name can be shown in another order than it is read by programs.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
