//! Repositories made with the git command line, apart from the host's configuration.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::module::Content;
use super::process;

/// Every commit carries this date, so that the same content is the same commit everywhere.
const DATE: &str = "1700000000 +0000";
/// The date as forges write it.
pub const TIMESTAMP: &str = "2023-11-14T22:13:20Z";
pub const AUTHOR: (&str, &str) = ("Ada Example", "ada@example.com");

/// `git` that reads nobody's settings.
pub fn command(dir: &Path) -> Command {
    let mut git = process::program("git");
    isolate(&mut git);
    git.current_dir(dir);
    git
}

/// The variables that keep the host's configuration out.
fn isolate(git: &mut Command) {
    git.envs([
        ("HOME", "/nonexistent"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_AUTHOR_NAME", AUTHOR.0),
        ("GIT_AUTHOR_EMAIL", AUTHOR.1),
        ("GIT_AUTHOR_DATE", DATE),
        ("GIT_COMMITTER_NAME", AUTHOR.0),
        ("GIT_COMMITTER_EMAIL", AUTHOR.1),
        ("GIT_COMMITTER_DATE", DATE),
    ]);
}

/// Runs `git` and gives what it printed; fails the test when it fails.
#[track_caller]
pub fn git(dir: &Path, arguments: &[&str]) -> String {
    try_git(dir, arguments).unwrap_or_else(|why| panic!("git {arguments:?}: {why}"))
}

/// The same, with what it said when it fails.
pub fn try_git(dir: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = command(dir).args(arguments).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// An empty bare repository that serves any commit by its id, as GitHub does.
pub fn init(path: &Path, default_branch: &str) {
    std::fs::create_dir_all(path).unwrap();
    git(path, &["init", "--quiet", "--bare", &format!("--initial-branch={default_branch}"), "."]);
    configure(path);
}

fn configure(path: &Path) {
    for (name, value) in [
        ("uploadpack.allowAnySHA1InWant", "true"),
        ("uploadpack.allowFilter", "true"),
        // What was committed and not yet pushed; the forge's face does not show it.
        ("transfer.hideRefs", "refs/local"),
        ("gc.auto", "0"),
        ("http.receivepack", "false"),
    ] {
        git(path, &["config", name, value]);
    }
}

/// Makes a commit on top of `parent` without a working tree. `None` removes a path.
pub fn commit(
    repository: &Path,
    reference: &str,
    parent: Option<&str>,
    message: &str,
    files: &[(String, Content)],
) -> String {
    commit_by(repository, reference, parent, AUTHOR, message, files)
}

/// The same by an author whose name is what it is.
pub fn commit_by(
    repository: &Path,
    reference: &str,
    parent: Option<&str>,
    (name, email): (&str, &str),
    message: &str,
    files: &[(String, Content)],
) -> String {
    let mut input = String::new();
    writeln!(input, "commit {reference}\nmark :1\ncommitter {name} <{email}> {DATE}").unwrap();
    writeln!(input, "data {}\n{message}", message.len()).unwrap();
    if let Some(parent) = parent {
        writeln!(input, "from {parent}").unwrap();
    }
    for (path, content) in files {
        let path = quoted(path);
        let mut inline = |mode: &str, text: &str| {
            writeln!(input, "M {mode} inline {path}\ndata {}\n{text}", text.len()).unwrap();
        };
        match content {
            Content::File(text) if text.starts_with("#!") => inline("100755", text),
            Content::File(text) => inline("100644", text),
            Content::Link(target) => inline("120000", target),
            Content::Submodule(sha) => writeln!(input, "M 160000 {sha} {path}").unwrap(),
            Content::Removed => writeln!(input, "D {path}").unwrap(),
        }
    }
    input.push_str("\nget-mark :1\n");
    let mut import = command(repository)
        .args(["fast-import", "--quiet", "--force"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    import.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = import.wait_with_output().unwrap();
    assert!(output.status.success(), "git fast-import failed");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A path as `git fast-import` takes any path.
fn quoted(path: &str) -> String {
    let escape = |byte: u8| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        byte => format!("\\{byte:03o}"),
    };
    format!("\"{}\"", path.bytes().map(escape).collect::<String>())
}

/// The commit that a name stands for.
pub fn resolve(repository: &Path, name: &str) -> Option<String> {
    try_git(repository, &["rev-parse", "--quiet", "--verify", &format!("{name}^{{commit}}")]).ok()
}

/// Paths that a commit added, removed and modified.
pub fn changed(repository: &Path, sha: &str) -> [Vec<String>; 3] {
    let arguments = ["diff-tree", "--root", "--no-commit-id", "--name-status", "-r", sha];
    let mut changed = [vec![], vec![], vec![]];
    for line in git(repository, &arguments).lines() {
        let (letter, path) = line.split_once('\t').unwrap();
        let list = match letter {
            "A" => 0,
            "D" => 1,
            _ => 2,
        };
        changed[list].push(path.to_owned());
    }
    changed
}

/// One request to `git http-backend`, as a web server makes it.
pub fn http_backend(root: &Path) -> Command {
    let mut git = process::program("git");
    isolate(&mut git);
    git.arg("http-backend").env("GIT_PROJECT_ROOT", root).env("GIT_HTTP_EXPORT_ALL", "1");
    git.env("REMOTE_USER", "reader");
    git
}
