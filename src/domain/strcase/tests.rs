use super::*;

#[track_caller]
fn check(text: &str, lower: &str, upper: &str, kebab: &str) {
    assert_eq!(to_lower_camel(text), lower, "lower camel of `{text}`");
    assert_eq!(to_camel(text), upper, "camel of `{text}`");
    assert_eq!(to_kebab(text), kebab, "kebab of `{text}`");
}

#[test]
fn cases_are_those_of_the_cli() {
    check("onGithubPushV2", "onGithubPushV2", "OnGithubPushV2", "on-github-push-v-2");
    check("HTTPServer", "httpserver", "Httpserver", "http-server");
    check("testAPIv2", "testApiv2", "TestApiv2", "test-ap-iv-2");
    check("on-github-push-main-", "onGithubPushMain", "OnGithubPushMain", "on-github-push-main-");
    check(" a b ", "aB", "AB", "a-b");
    check("É", "", "", "É");
    check("", "", "", "");
}

#[test]
fn snake_undoes_camel() {
    assert_eq!(to_snake("ReadyForReview"), "ready_for_review");
}
