//! The stylesheet, the scripts and the icons: compiled in, at addresses that change with them, so
//! that a browser keeps them for good and never mixes those of two versions.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use sha2::{Digest, Sha256};

use super::{NOSNIFF, Trouble};

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Name, kind and content; the scripts import one another by these names.
const FILES: [(&str, &str, &str); 8] = [
    ("style.css", CSS, include_str!("../../../templates/assets/style.css")),
    ("log.css", CSS, include_str!("../../../templates/assets/log.css")),
    ("trace.css", CSS, include_str!("../../../templates/assets/trace.css")),
    ("trace.js", SCRIPT, include_str!("../../../templates/assets/trace.js")),
    ("live.js", SCRIPT, include_str!("../../../templates/assets/live.js")),
    ("log.js", SCRIPT, include_str!("../../../templates/assets/log.js")),
    ("lines.js", SCRIPT, include_str!("../../../templates/assets/lines.js")),
    ("ansi.js", SCRIPT, include_str!("../../../templates/assets/ansi.js")),
];

/// The colour of the icon for each class of a badge, to be seen on light and dark alike.
const ICONS: [(&str, &str); 5] = [
    ("icon-good.svg", "#2da44e"),
    ("icon-bad.svg", "#d1383d"),
    ("icon-warn.svg", "#bf8700"),
    ("icon-busy.svg", "#2f81f7"),
    ("icon-idle.svg", "#7d8590"),
];

/// One for all of them: they belong together.
static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for (name, _, content) in FILES {
        hash.update(name);
        hash.update(content);
    }
    hash.update(icon(""));
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
});

/// Where an asset lies.
pub(in crate::web) fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *HASH)
}

/// Where the icon for a class of a badge lies.
pub(in crate::web) fn icon_address(class: &str) -> String {
    address(&format!("icon-{class}.svg"))
}

fn icon(colour: &str) -> String {
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="{colour}"/><path d="M9 9h14v6a7 7 0 0 1-14 0z" fill="none" stroke="#fff" stroke-width="2.6" stroke-linejoin="round"/><path d="M12.5 13.5l3.5 3.5 3.5-3.5" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/></svg>"##
    )
}

/// `GET /assets/{hash}/{name}`.
pub(super) async fn asset(Path((hash, name)): Path<(String, String)>) -> Result<Response, Trouble> {
    let file = FILES.iter().find(|(known, ..)| *known == name);
    let icon = ICONS.iter().find(|(known, _)| *known == name).map(|(_, colour)| icon(colour));
    let (kind, content) = match (file, icon) {
        (Some((_, kind, content)), _) => (*kind, (*content).to_owned()),
        (None, Some(icon)) => (SVG, icon),
        (None, None) => return Err(Trouble::NoSuchPage),
    };
    // A page from before an upgrade gets what there is now, and does not keep it.
    let cached = if hash == *HASH { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CACHE_CONTROL, HeaderValue::from_static(cached)),
        NOSNIFF,
    ];
    Ok((headers, content).into_response())
}
