//! What the original's libraries answered, row by row.

use std::collections::BTreeSet;
use std::path::PathBuf;

use pocketci::domain::glob::Globs;
use pocketci::domain::strcase;

/// A file of the shared test data, as text; none when there is no such data.
#[expect(clippy::disallowed_methods, reason = "only tests are told where their data lies")]
pub(crate) fn shared(path: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("POCKETCI_TEST_SHARED") else {
        eprintln!("skipped: POCKETCI_TEST_SHARED is not set");
        return None;
    };
    let path = PathBuf::from(folder).join(path);
    Some(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}")))
}

fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    table.lines().skip(1).map(|line| line.split('\t').collect())
}

#[test]
fn names_are_made_as_the_cli_makes_them() {
    let Some(table) = shared("goldens/strcase.tsv") else { return };
    let mut count = 0;
    for row in rows(&table) {
        let &[text, lower, camel, kebab] = row.as_slice() else { panic!("{row:?}") };
        assert_eq!(strcase::to_lower_camel(text), lower, "lower camel of `{text}`");
        assert_eq!(strcase::to_camel(text), camel, "camel of `{text}`");
        assert_eq!(strcase::to_kebab(text), kebab, "kebab of `{text}`");
        count += 1;
    }
    assert!(count > 300, "only {count} rows");
}

/// Where we answer otherwise than doublestar did, and why:
/// `**/` matches everything, not only the empty rest of a folder; `[!ab]` is a negation, not a
/// class with a `!`; braces may hold slashes; a leading `!` excludes instead of being itself.
const DIFFERENT: [&str; 5] = ["!*.go", "!x", "**/", "[!ab].go", "{**/*.go,go.mod}"];

#[test]
fn globs_answer_as_the_original_did_with_known_differences() {
    let Some(table) = shared("goldens/doublestar.tsv") else { return };
    let (mut count, mut different) = (0, BTreeSet::new());
    for row in rows(&table) {
        let &[pattern, path, expected] = row.as_slice() else { panic!("{row:?}") };
        let globs = Globs::new(&[pattern.to_owned()]).unwrap();
        if globs.matches(path) != (expected == "true") {
            different.insert(pattern.to_owned());
        }
        count += 1;
    }
    assert!(count > 1800, "only {count} rows");
    let different: Vec<&str> = different.iter().map(String::as_str).collect();
    assert_eq!(different, DIFFERENT);
}
