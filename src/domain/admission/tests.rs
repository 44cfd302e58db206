use std::collections::BTreeMap;

use super::*;
use crate::domain::glob::Globs;
use crate::domain::pattern::Patterns;
use crate::domain::plan::tests::{event, files, spec};
use crate::domain::spec::EventFilters;

fn texts(items: &[&str]) -> Vec<String> {
    items.iter().map(|item| (*item).to_owned()).collect()
}

fn answer(event: &Event, spec: &Spec, changes: &Changes) -> String {
    match admits(event, spec, changes) {
        Ok(()) => "yes".to_owned(),
        Err(Reason { code, text }) => format!("{code}: {text}"),
    }
}

#[track_caller]
fn check_event(title: &str, filters: &[(&str, &[&str])], expected: &str) {
    let by_event = filters
        .iter()
        .map(|(event, patterns)| ((*event).to_owned(), Patterns::new(&texts(patterns)).unwrap()));
    let events = Some(EventFilters { by_event: by_event.collect::<BTreeMap<_, _>>() });
    let spec = Spec { events, ..spec() };
    assert_eq!(answer(&event(title), &spec, &Changes::NoDiff), expected, "{title}");
}

#[test]
fn only_what_is_listed_triggers() {
    let filters: &[(&str, &[&str])] =
        &[("pull_request", &["main"]), ("push", &["main", "release/**"]), ("tag", &["v[0-9]+"])];
    check_event("push main", filters, "yes");
    check_event("push release/1/2", filters, "yes");
    check_event(
        "push dev",
        filters,
        "spec_event: events.push main,release/** does not match branch dev",
    );
    // Its base is main, whatever the action is.
    check_event("pull_request opened", filters, "yes");
    check_event(
        "pull_request opened",
        &[("pull_request", &["release/*"])],
        "spec_event: events.pull_request release/* does not match base branch main",
    );
    check_event("tag v12", filters, "yes");
    check_event("tag v1.2", filters, "spec_event: events.tag v[0-9]+ does not match tag v1.2");
    check_event(
        "release published",
        filters,
        "spec_event: events lists pull_request, push, tag, not release",
    );
    check_event("release published", &[("release", &["published"])], "yes");
    check_event(
        "release edited",
        &[("release", &["published"])],
        "spec_event: events.release published does not match edited",
    );
    check_event(
        "push main",
        &[("push", &["**", "!main"])],
        "spec_event: events.push **,!main does not match branch main",
    );
    check_event("push main", &[("push", &[])], "yes");
    check_event("push main", &[], "spec_event: events lists nothing, so not push");
}

#[test]
fn a_manual_run_always_triggers() {
    check_event("manual main", &[("push", &["main"])], "yes");
    check_event(
        "schedule nightly",
        &[("push", &["main"])],
        "spec_event: events lists push, not schedule",
    );
}

#[track_caller]
fn check_paths(folder: &str, paths: Option<&[&str]>, changes: &Changes, expected: &str) {
    let paths = paths.map(|paths| Globs::new(&texts(paths)).unwrap());
    let spec = Spec { folder: folder.to_owned(), paths, ..spec() };
    assert_eq!(answer(&event("push main"), &spec, changes), expected);
}

#[test]
fn paths_are_relative_to_the_folder() {
    let go: Option<&[&str]> = Some(&["**/**.go"]);
    check_paths("", go, &files(&["a/b.go"]), "yes");
    check_paths(
        "",
        go,
        &files(&["a.md"]),
        "spec_paths: paths **/**.go does not match the changed file a.md",
    );
    check_paths(
        "",
        Some(&["*.go"]),
        &files(&["api/a.go", "b.md"]),
        "spec_paths: paths *.go matches none of 2 changed files",
    );
    check_paths("api", Some(&["*.go"]), &files(&["api/a.go", "b.md"]), "yes");
    check_paths(
        "api",
        go,
        &files(&["web/a.go", "b.md"]),
        "spec_paths: paths **/**.go below api matches none of 2 changed files",
    );
    check_paths(
        "",
        Some(&["!docs/**"]),
        &files(&["docs/a"]),
        "spec_paths: paths !docs/** does not match the changed file docs/a",
    );
}

#[test]
fn without_paths_a_folder_counts() {
    check_paths("", None, &files(&[]), "yes");
    check_paths("", None, &files(&["x"]), "yes");
    check_paths("api", None, &files(&["api/x"]), "yes");
    check_paths(
        "api",
        None,
        &files(&["apix/x", "y"]),
        "spec_paths: paths ** below api matches none of 2 changed files",
    );
}

#[test]
fn no_diff_passes_and_an_empty_one_does_not() {
    check_paths("api", Some(&["*.go"]), &Changes::NoDiff, "yes");
    check_paths("api", None, &Changes::NoDiff, "yes");
    check_paths(
        "",
        Some(&["**"]),
        &files(&[]),
        "spec_paths: paths ** matches nothing, because no file changed",
    );
    check_paths(
        "api",
        None,
        &files(&[]),
        "spec_paths: paths ** below api matches nothing, because no file changed",
    );
}
