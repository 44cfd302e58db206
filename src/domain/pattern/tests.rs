use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(patterns: &[&str], value: &str, expected: bool) {
    let texts: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
    assert_eq!(
        Patterns::new(&texts).unwrap().matches(value),
        expected,
        "{patterns:?} on `{value}`"
    );
}

/// The examples of GitHub's own documentation.
#[test]
fn branches_and_tags() {
    check(&["feature/*"], "feature/my-branch", true);
    check(&["feature/*"], "feature/a/b", false);
    check(&["feature/**"], "feature/beta-a/my-branch", true);
    check(&["main"], "main", true);
    check(&["main"], "main2", false);
    check(&["releases/mona-the.octocat"], "releases/mona-theXoctocat", false);
    check(&["*"], "releases", true);
    check(&["*"], "all/the/branches", false);
    check(&["**"], "every/tag", true);
    check(&["*feature"], "mona-feature", true);
    check(&["*feature"], "feature-2", false);
    check(&["v2*"], "v2.0", true);
    check(&["v[12].[0-9]+.[0-9]+"], "v1.10.1", true);
    check(&["v[12].[0-9]+.[0-9]+"], "v3.0.0", false);
    check(&["v[12].[0-9]+.[0-9]+"], "v1.10.", false);
}

#[test]
fn question_mark_and_plus_count_what_precedes_them() {
    check(&["*.jsx?"], "page.js", true);
    check(&["*.jsx?"], "page.jsx", true);
    check(&["ab+c"], "abbbc", true);
    check(&["ab+c"], "ac", false);
    check(&["+x"], "+x", true);
    check(&["a\\+b"], "a+b", true);
    check(&["a*?"], "ab?", true);
}

#[test]
fn classes_and_escapes() {
    check(&["[CB]at"], "Cat", true);
    check(&["[1-2]00"], "300", false);
    check(&["[a-]x"], "-x", true);
    check(&["[^a]"], "^", true);
    check(&["[^a]"], "b", false);
    check(&["a\\*"], "a*", true);
    check(&["a\\*"], "ab", false);
    check(&["\\!x"], "!x", true);
    check(&["a.b|c(d)"], "a.b|c(d)", true);
    check(&["a.b"], "axb", false);
    check(&["ü?x"], "x", true);
}

#[test]
fn folders() {
    check(&["**/docs/**"], "docs/hello.md", true);
    check(&["**/docs/**"], "dir/docs/my-file.txt", true);
    check(&["**/docs/**"], "xdocs/y", false);
    check(&["a/**/b"], "a/b", true);
    check(&["**/**/b"], "b", true);
    check(&["^**/b"], "^b", false);
    check(&["a**/b"], "ab", false);
    check(&["a**/b"], "axy/b", true);
}

#[test]
fn the_last_match_decides() {
    check(&["release/**", "!release/**-alpha"], "release/10-alpha", false);
    check(&["release/**", "!release/**-alpha"], "release/10", true);
    check(&["!release/x", "release/**"], "release/x", true);
    check(&["!main"], "dev", false);
    check(&["!main"], "main", false);
    check(&[], "main", true);
    check(&["main"], "", false);
}

#[track_caller]
fn check_wrong(pattern: &str, expected: &str) {
    assert_eq!(Patterns::new(&[pattern.to_owned()]).unwrap_err().to_string(), expected);
}

#[test]
fn what_is_wrong_is_said() {
    check_wrong("v[0-9", "`v[0-9` is not a filter pattern: a `[` is never closed");
    check_wrong("v[]", "`v[]` is not a filter pattern: nothing stands between `[` and `]`");
    check_wrong("[z-a]", "`[z-a]` is not a filter pattern: a range runs backwards");
    check_wrong("a\\", "`a\\` is not a filter pattern: nothing follows the backslash");
}

proptest! {
    #[test]
    fn no_pattern_panics_and_escaped_text_matches_itself(text in "\\PC{0,20}", value in "\\PC{0,20}") {
        if let Ok(patterns) = Patterns::new(std::slice::from_ref(&text)) {
            patterns.matches(&value);
        }
        let escaped: String = text.chars().flat_map(|c| ['\\', c]).collect();
        prop_assert!(Patterns::new(&[escaped]).unwrap().matches(&text));
    }
}
