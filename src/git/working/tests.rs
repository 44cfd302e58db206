use std::fs;

use super::*;
use crate::git::fixture::{Source, git};

fn copy(source: &Source) -> WorkingCopy {
    WorkingCopy::discover(source.path()).unwrap()
}

fn names(found: Result<Vec<String>, WorkingCopyError>) -> String {
    found.unwrap().join(" ")
}

#[test]
fn a_working_copy_is_found_from_any_folder_in_it() {
    let source = Source::new();
    source.git(&["config", "user.name", "Grace"]);
    source.git(&["config", "user.email", "grace@example.org"]);
    source.git(&["remote", "add", "origin", "https://ci:s3cr3t@example.org/octo/hello.git"]);
    let head = source.change("deep/er/file", "x");
    let found = WorkingCopy::discover(&source.path().join("deep/er")).unwrap();
    assert_eq!(found.root.canonicalize().unwrap(), source.path().canonicalize().unwrap());
    assert_eq!(found.head, Some(head));
    assert_eq!(found.branch.as_deref(), Some("main"));
    assert_eq!(found.default_branch, "main");
    assert_eq!(found.remote_url.as_deref(), Some("https://example.org/octo/hello.git"));
    assert_eq!(found.name.as_ref().map(RepoName::as_str), Some("octo/hello"));
    let user = Author { name: "Grace".to_owned(), email: "grace@example.org".to_owned() };
    assert_eq!(found.user, user);
    assert_eq!(found.commit.unwrap().message, "deep/er/file");
}

#[test]
fn states_that_a_working_copy_may_be_in() {
    let source = Source::empty();
    let found = copy(&source);
    assert_eq!((found.head, found.branch.as_deref()), (None, Some("main")));
    assert!(found.commit.is_none() && found.name.is_none());
    source.write("a", "a");
    assert_eq!(names(copy(&source).changed_since(None)), "a");
    assert_eq!(names(copy(&source).uncommitted()), "a");

    let source = Source::new();
    source.git(&["checkout", "-q", "--detach"]);
    assert_eq!(copy(&source).branch, None);

    let place = source.path().join("linked");
    source.git(&["worktree", "add", "-q", "-b", "other", &place.to_string_lossy()]);
    let linked = WorkingCopy::discover(&place).unwrap();
    assert_eq!(linked.branch.as_deref(), Some("other"));
    assert_eq!(names(linked.uncommitted()), "");

    let nowhere = tempfile::tempdir().unwrap();
    let error = WorkingCopy::discover(nowhere.path()).unwrap_err();
    assert!(matches!(error, WorkingCopyError::None { .. }), "{error:?}");
    git(nowhere.path(), &["init", "-q", "--bare", "."]);
    let error = WorkingCopy::discover(nowhere.path()).unwrap_err();
    assert!(matches!(error, WorkingCopyError::Bare { .. }), "{error:?}");
}

#[test]
fn a_name_is_read_from_a_remote() {
    #[track_caller]
    fn check(url: &str, expected: Option<&str>) {
        assert_eq!(repository_name(url).as_ref().map(RepoName::as_str), expected, "{url}");
    }
    check("https://github.com/octo/hello.git", Some("octo/hello"));
    check("https://github.com/octo/hello", Some("octo/hello"));
    check("https://github.com/octo/hello/", Some("octo/hello"));
    check("https://gitlab.com/a/b/c.git", Some("a/b/c"));
    check("git@github.com:octo/hello.git", Some("octo/hello"));
    check("github.com:octo/hello", Some("octo/hello"));
    check("ssh://git@github.com:2222/octo/hello.git", Some("octo/hello"));
    check("git://example.org/octo/hello", Some("octo/hello"));
    check("/srv/octo/hello.git", None);
    check("../octo/hello", None);
    check("file:///srv/octo/hello", None);
    check("https://github.com/hello", None);
    check("", None);
}

#[test]
fn the_default_branch_is_the_remotes_else_the_usual_one() {
    let source = Source::new();
    let remote = source.path().to_string_lossy().into_owned();
    let dir = tempfile::tempdir().unwrap();
    source.git(&["branch", "-m", "trunk"]);
    git(dir.path(), &["clone", "-q", &remote, "clone"]);
    let clone = dir.path().join("clone");
    git(&clone, &["checkout", "-q", "-b", "topic"]);
    assert_eq!(WorkingCopy::discover(&clone).unwrap().default_branch, "trunk");

    source.git(&["checkout", "-q", "-b", "master"]);
    source.git(&["checkout", "-q", "-b", "topic"]);
    assert_eq!(copy(&source).default_branch, "master");
    source.git(&["branch", "-D", "master"]);
    assert_eq!(copy(&source).default_branch, "topic");
}

#[test]
fn changes_committed_and_not() {
    let source = Source::new();
    source.write(".gitignore", "*.log\n");
    for name in ["kept", "edited", "staged", "removed", "both"] {
        source.write(name, "1");
    }
    let base = source.commit("Base");
    source.git(&["tag", "-a", "-m", "One", "v1"]);
    source.change("committed", "1");
    source.write("edited", "2 longer");
    source.write("staged", "2 longer");
    source.git(&["add", "staged"]);
    fs::remove_file(source.path().join("removed")).unwrap();
    source.write("new folder/deep/new", "1");
    source.write("ignored.log", "1");
    // Staged, and then put back as it was.
    source.write("both", "2 longer");
    source.git(&["add", "both"]);
    source.write("both", "1");
    let copy = copy(&source);
    assert_eq!(
        names(copy.changed_since(Some(base.as_str()))),
        "both committed edited new folder/deep/new removed staged"
    );
    assert_eq!(names(copy.uncommitted()), "both edited new folder/deep/new removed staged");
    assert_eq!(names(copy.changed_between(Some("v1"), "HEAD")), "committed");
    let all = ".gitignore README.md both edited kept removed staged";
    assert_eq!(names(copy.changed_between(None, "v1")), all);
    assert_eq!(copy.parent("HEAD").unwrap(), Some(base.clone()));
    assert_eq!(copy.parent("HEAD~2").unwrap(), None);
    assert_eq!(copy.tag("v1").unwrap(), Some(base.clone()));
    assert_eq!(copy.tag("v2").unwrap(), None);
    assert_eq!(copy.resolve("v1").unwrap(), base);
    assert_eq!(copy.commit("v1").unwrap().message, "Base");
    let error = copy.resolve("nothing").unwrap_err();
    assert!(error.to_string().contains("`nothing`"), "{error}");
    assert!(copy.changed_since(Some("nothing")).is_err());
}

#[test]
fn a_base_is_where_the_branch_left() {
    let source = Source::new();
    let base = source.sha("HEAD");
    source.git(&["checkout", "-q", "-b", "topic"]);
    source.change("topic", "1");
    source.git(&["checkout", "-q", "main"]);
    source.change("main", "1");
    let found = copy(&source);
    assert_eq!(found.merge_base("main", "topic").unwrap(), base);
    source.git(&["checkout", "-q", "--orphan", "island"]);
    source.commit("Island");
    let error = found.merge_base("main", "island").unwrap_err();
    assert!(matches!(error, WorkingCopyError::Unrelated { .. }), "{error:?}");
    // A branch that only the remote has.
    let dir = tempfile::tempdir().unwrap();
    git(dir.path(), &["clone", "-q", "-b", "topic", &source.path().to_string_lossy(), "clone"]);
    let clone = WorkingCopy::discover(&dir.path().join("clone")).unwrap();
    assert_eq!(clone.merge_base("main", "HEAD").unwrap(), base);
}

#[test]
fn specs_are_those_that_git_does_not_ignore() {
    let source = Source::new();
    for path in ["b/pocketci.yaml", "pocketci.yaml", "gone/pocketci.yaml", "b/pocketci.yaml.md"] {
        source.write(path, "");
    }
    source.write(".gitignore", "/target\n");
    source.commit("Specs");
    fs::remove_file(source.path().join("gone/pocketci.yaml")).unwrap();
    source.write("a/new/pocketci.yaml", "");
    source.write("target/pocketci.yaml", "");
    fs::create_dir(source.path().join("l")).unwrap();
    std::os::unix::fs::symlink("../pocketci.yaml", source.path().join("l/pocketci.yaml")).unwrap();
    let found = copy(&source).files_named("pocketci.yaml");
    assert_eq!(names(found), "pocketci.yaml a/new/pocketci.yaml b/pocketci.yaml");
}
