use super::*;
use crate::git::fixture::{Source, mirrors};
use crate::git::{Mirrors, Want};

/// The files that changed, after everything that the repository has was fetched.
async fn changed(mirrors: &Mirrors, source: &Source, basis: ChangeBasis) -> Vec<String> {
    let mut wants = vec![Want::reference("refs/heads/main"), Want::reference("refs/tags/*")];
    let shas = match &basis {
        ChangeBasis::PullRequest { base, head } => vec![base, head],
        ChangeBasis::Push { before, after, .. } => before.iter().chain([after]).collect(),
        ChangeBasis::Tag { commit, .. } => vec![commit],
        ChangeBasis::None => vec![],
    };
    wants.extend(shas.into_iter().map(|sha| Want::commit(sha, "")));
    let mirror = mirrors.ensure(&source.repository(), &wants).await.unwrap();
    match mirror.changed_files(&basis, "main").unwrap() {
        Changes::Files(files) => files,
        Changes::NoDiff => panic!("no diff"),
    }
}

#[track_caller]
fn check(files: Vec<String>, expected: &str) {
    assert_eq!(files.join(" "), expected);
}

fn push(before: Option<&Sha>, after: &Sha, branch: &str) -> ChangeBasis {
    ChangeBasis::Push { before: before.cloned(), after: after.clone(), branch: branch.to_owned() }
}

fn tag(source: &Source, name: &str) -> ChangeBasis {
    ChangeBasis::Tag { name: name.to_owned(), commit: source.sha(name) }
}

/// `main` with two commits, and `topic` that left it after the first.
fn forked() -> (Source, Sha) {
    let source = Source::new();
    source.git(&["checkout", "-q", "-b", "topic"]);
    source.change("topic/one.go", "1");
    let head = source.change("topic/two.go", "2");
    source.git(&["checkout", "-q", "main"]);
    source.change("main.go", "m");
    (source, head)
}

#[tokio::test]
async fn a_pull_request_changes_what_its_branch_did() {
    let (source, head) = forked();
    let (_dir, mirrors) = mirrors();
    let base = source.sha("main");
    let basis = ChangeBasis::PullRequest { base, head };
    check(changed(&mirrors, &source, basis).await, "topic/one.go topic/two.go");
}

#[tokio::test]
async fn an_unrelated_pull_request_changes_everything_it_has() {
    let (source, _) = forked();
    source.git(&["checkout", "-q", "--orphan", "island"]);
    let head = source.change("island.go", "i");
    let (_dir, mirrors) = mirrors();
    let basis = ChangeBasis::PullRequest { base: source.sha("main"), head };
    check(changed(&mirrors, &source, basis).await, "README.md island.go main.go");
}

#[tokio::test]
async fn a_pull_request_without_its_base_is_an_error_that_names_it() {
    let (source, head) = forked();
    let (_dir, mirrors) = mirrors();
    let mirror = mirrors.ensure(&source.repository(), &[Want::commit(&head, "")]).await.unwrap();
    let base: Sha = "1234567890123456789012345678901234567890".parse().unwrap();
    let basis = ChangeBasis::PullRequest { base: base.clone(), head };
    let error = mirror.changed_files(&basis, "main").unwrap_err();
    assert!(matches!(error, GitError::NoSuchCommit { .. }), "{error:?}");
    assert!(error.to_string().contains(base.as_str()));
}

#[tokio::test]
async fn a_push_changes_what_lies_between() {
    let source = Source::new();
    let before = source.sha("HEAD");
    source.change("a.go", "1");
    source.change("b.go", "1");
    let (_dir, mirrors) = mirrors();
    let after = source.change("a.go", "2");
    check(changed(&mirrors, &source, push(Some(&before), &after, "main")).await, "a.go b.go");
    // Nothing but commits without a change.
    let empty = source.commit("Empty");
    check(changed(&mirrors, &source, push(Some(&after), &empty, "main")).await, "");
}

#[tokio::test]
async fn a_forced_push_changes_what_differs_from_the_branch_as_it_was() {
    let (source, head) = forked();
    let (_dir, mirrors) = mirrors();
    let main = source.sha("main");
    let basis = push(Some(&main), &head, "main");
    check(changed(&mirrors, &source, basis).await, "main.go topic/one.go topic/two.go");
}

#[tokio::test]
async fn a_push_from_an_unknown_commit_changes_what_its_last_commit_did() {
    let (source, head) = forked();
    let (_dir, mirrors) = mirrors();
    let unknown: Sha = "1234567890123456789012345678901234567890".parse().unwrap();
    check(changed(&mirrors, &source, push(Some(&unknown), &head, "topic")).await, "topic/two.go");
    let root = source.sha("main~1");
    check(changed(&mirrors, &source, push(Some(&unknown), &root, "main")).await, "README.md");
}

#[tokio::test]
async fn a_new_branch_changes_what_the_default_branch_has_not() {
    let (source, head) = forked();
    let (_dir, mirrors) = mirrors();
    let new = |sha: &Sha, branch| push(None, sha, branch);
    check(changed(&mirrors, &source, new(&head, "topic")).await, "topic/one.go topic/two.go");
    let main = source.sha("main");
    check(changed(&mirrors, &source, new(&main, "same")).await, "");
    // The default branch's first push.
    check(changed(&mirrors, &source, new(&main, "main")).await, "README.md main.go");
    // And where the default branch was never seen.
    let mirror = mirrors.ensure(&source.repository(), &[Want::commit(&head, "")]).await.unwrap();
    let files = mirror.changed_files(&new(&head, "topic"), "trunk").unwrap();
    let Changes::Files(files) = files else { panic!("no diff") };
    check(files, "README.md topic/one.go topic/two.go");
}

#[tokio::test]
async fn a_tag_changes_what_came_after_the_nearest_earlier_one() {
    let (source, _) = forked();
    source.git(&["tag", "v1"]);
    source.change("a.go", "1");
    source.git(&["tag", "-a", "-m", "Two", "v2"]);
    source.git(&["tag", "v2-again"]);
    source.change("b.go", "1");
    source.change("c.go", "1");
    source.git(&["tag", "-a", "-m", "Three", "v3"]);
    source.git(&["tag", "-a", "-m", "Of a tag", "v3-nested", "v3"]);
    // Tags elsewhere, and of something that is no commit.
    source.git(&["tag", "other", "topic"]);
    source.git(&["tag", "tree", "HEAD^{tree}"]);
    let (_dir, mirrors) = mirrors();
    for (name, expected) in [
        ("v3", "b.go c.go"),
        ("v3-nested", "b.go c.go"),
        ("v2", "a.go"),
        ("v2-again", "a.go"),
        ("v1", "README.md main.go"),
        ("other", "README.md topic/one.go topic/two.go"),
    ] {
        check(changed(&mirrors, &source, tag(&source, name)).await, expected);
    }
}

#[tokio::test]
async fn a_tag_finds_the_earlier_one_through_a_merge() {
    let (source, _) = forked();
    source.git(&["tag", "v1", "topic~1"]);
    source.git(&["merge", "-q", "--no-edit", "topic"]);
    source.git(&["tag", "v2"]);
    let (_dir, mirrors) = mirrors();
    check(changed(&mirrors, &source, tag(&source, "v2")).await, "main.go topic/two.go");
}

#[tokio::test]
async fn a_renamed_file_counts_with_both_names_and_a_new_kind_as_a_change() {
    let source = Source::new();
    source.write("weird \u{1F600} \"name\"\n", "x");
    source.write("kind", "x");
    source.write("mode", "x");
    source.write("folder/file", "x");
    let before = source.commit("Before");
    source.git(&["mv", "README.md", "docs.md"]);
    std::fs::remove_file(source.path().join("kind")).unwrap();
    std::os::unix::fs::symlink("mode", source.path().join("kind")).unwrap();
    std::fs::remove_dir_all(source.path().join("folder")).unwrap();
    source.write("folder", "now a file");
    source.write("weird \u{1F600} \"name\"\n", "y");
    source.git(&["add", "-A"]);
    source.git(&["update-index", "--chmod=+x", "mode"]);
    let after = source.commit_index("After");
    let (_dir, mirrors) = mirrors();
    let files = changed(&mirrors, &source, push(Some(&before), &after, "main")).await;
    let expected = [
        "README.md",
        "docs.md",
        "folder",
        "folder/file",
        "kind",
        "mode",
        "weird \u{1F600} \"name\"\n",
    ];
    assert_eq!(files, expected);
}

#[tokio::test]
async fn an_event_without_a_diff_has_none() {
    let source = Source::new();
    let (_dir, mirrors) = mirrors();
    let mirror = mirrors.ensure(&source.repository(), &[Want::reference("")]).await.unwrap();
    assert_eq!(mirror.changed_files(&ChangeBasis::None, "main").unwrap(), Changes::NoDiff);
}
