//! Where a secret comes from: `{env: NAME}`, `{file: path}` or `{dagger: "op://…"}`.

use super::Place;
use crate::domain::policy::Source;
use crate::domain::yaml::{Node, Text, Value, quote};

/// What `dagger` resolves on the host by asking somebody else. It would also run `cmd://` through
/// a shell and read `file://` and `env://` itself: the first is nobody's secret store, and for the
/// others there are `file` and `env`, whose values can be masked.
const SCHEMES: [&str; 5] = ["op://", "vault://", "libsecret://", "aws+sm://", "aws+ps://"];

/// Reads a source; `dagger` says whether it may be an address, which only calls can use.
pub(crate) fn source(
    place: &mut Place<'_, '_>,
    node: Node,
    what: &str,
    dagger: bool,
) -> Option<Source> {
    let span = node.span;
    let keys: &[&str] = if dagger { &["env", "file", "dagger"] } else { &["env", "file"] };
    let shapes = if dagger {
        "`{env: NAME}`, `{file: path}` or `{dagger: \"op://vault/item\"}`"
    } else {
        "`{env: NAME}` or `{file: path}`"
    };
    if !matches!(node.value, Value::Map(_)) {
        // Whoever wrote a text here may have written the secret itself.
        let help = format!("write {shapes}: the value itself does not belong here");
        place.reading.wrong_hidden(span, format!("{what} does not say where it is"), help);
        return None;
    }
    let mut fields = place.reading.fields(node, what, keys)?;
    let mut given: Vec<(&str, Node)> =
        keys.iter().filter_map(|key| Some((*key, fields.take(key)?))).collect();
    let Some((key, node)) = given.pop() else {
        place.reading.wrong(
            span,
            format!("{what} does not say where it is"),
            format!("write {shapes}"),
        );
        return None;
    };
    if !given.is_empty() {
        let help = format!("write one of {shapes}");
        place.reading.wrong(span, format!("{what} comes from more than one place"), help);
        return None;
    }
    let text = place.reading.text(&node, &format!("`{key}`"))?;
    match key {
        "env" => variable(place, &text).then_some(Source::Env(text.value)),
        "file" if text.value.contains("://") => {
            let help = "write the path alone, as in `/run/secrets/token`".to_owned();
            place.reading.wrong(text.span, format!("{} is not a path", quote(&text.value)), help);
            None
        }
        "file" => Some(Source::File(place.folder.join(&text.value))),
        _ => address(place, text),
    }
}

/// A variable's name; what is none may be a value, and is not shown.
fn variable(place: &mut Place<'_, '_>, name: &Text) -> bool {
    let form = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let good =
        !name.value.starts_with(|c: char| c.is_ascii_digit()) && name.value.chars().all(form);
    if !good {
        let help = "letters, digits and `_`, as in `DEPLOY_KEY`: \
                    the value itself does not belong here"
            .to_owned();
        let message = "`env` is not a variable's name".to_owned();
        place.reading.wrong_hidden(name.span, message, help);
    }
    good
}

fn address(place: &mut Place<'_, '_>, text: Text) -> Option<Source> {
    let Text { value, span } = text;
    let known = SCHEMES.iter().find_map(|scheme| value.strip_prefix(scheme));
    let help = match (known, value.split_once(':').map(|(scheme, _)| scheme)) {
        (Some(rest), _) if !rest.is_empty() && !value.chars().any(char::is_control) => {
            return Some(Source::Dagger(value));
        }
        (None, Some("cmd")) => "a command on this host is not a place for secrets".to_owned(),
        (None, Some("file")) => "write `{file: path}` in its place".to_owned(),
        (None, Some("env")) => "write `{env: NAME}` in its place".to_owned(),
        _ => format!("it starts with {}", SCHEMES.map(|one| format!("`{one}`")).join(", ")),
    };
    let message = "`dagger` is not an address of a secret that is taken".to_owned();
    place.reading.wrong_hidden(span, message, help);
    None
}
