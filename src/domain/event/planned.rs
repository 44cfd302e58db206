//! The names of the events that are planned.

/// As GitHub names them; a longer name before its own beginning.
pub const PLANNED: [&str; 18] = [
    "push",
    "tag",
    "pull_request_review_comment",
    "pull_request_review",
    "pull_request",
    "release",
    "issues",
    "issue_comment",
    "commit_comment",
    "deployment",
    "merge_group",
    "workflow_dispatch",
    "repository_dispatch",
    "check_run",
    "check_suite",
    "schedule",
    "manual",
    "upstream",
];

/// Other words for some of them, and the names that these are planned under: two of the original,
/// and another forge's for what is a pull request.
const ALSO: [(&str, &str); 3] =
    [("commits", "push"), ("tags", "tag"), ("merge_request", "pull_request")];

/// The name that is planned under a word for an event.
pub fn planned(word: &str) -> Option<&'static str> {
    let also = || ALSO.iter().find(|(other, _)| *other == word).map(|(_, name)| *name);
    PLANNED.into_iter().find(|name| *name == word).or_else(also)
}

/// Every word that people may write for one.
pub fn words() -> impl Iterator<Item = &'static str> + Clone {
    PLANNED.into_iter().chain(ALSO.map(|(other, _)| other))
}
