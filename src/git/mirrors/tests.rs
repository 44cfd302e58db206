use std::time::Instant;

use super::*;
use crate::domain::ids::Sha;
use crate::git::fixture::{
    Backend, Behaviour, Daemon, Source, closed_port, files_below, git, mirrors, repository,
};

mod damage;
mod servers;

const TOKEN: &str = "s3cr3t";
const LOCKED: Behaviour = Behaviour::Locked("ci:s3cr3t");

/// Mirrors that have a token for one url's origin.
fn with_token(url: &str, token: &str) -> (tempfile::TempDir, Mirrors) {
    let dir = tempfile::tempdir().unwrap();
    let origin = Url::parse(url).unwrap();
    let credential = HostCredential { origin, username: "ci".to_owned(), token: token.into() };
    let mirrors = Mirrors::new(dir.path().join("mirrors"), vec![credential]);
    (dir, mirrors)
}

fn hello(url: &str) -> Repository {
    repository("octo/hello", url)
}

fn branch(sha: &Sha) -> [Want; 1] {
    [Want::commit(sha, "refs/heads/main")]
}

fn never() -> Sha {
    "1234567890123456789012345678901234567890".parse().unwrap()
}

/// Impatient with silence, and not otherwise.
fn impatient(mirrors: Mirrors) -> Mirrors {
    let limits = Limits { total: Duration::from_secs(600), idle: Duration::from_millis(300) };
    mirrors.with_limits(limits)
}

#[tokio::test]
async fn a_commit_is_fetched_once_and_then_known_without_the_server() {
    let source = Source::new();
    let sha = source.change("a.txt", "a");
    let (_dir, mirrors) = mirrors();
    let repository = source.repository();
    let mirror = mirrors.ensure(&repository, &branch(&sha)).await.unwrap();
    assert_eq!(mirror.read(&sha, "a.txt").unwrap().unwrap(), b"a");
    drop(source);
    mirrors.ensure(&repository, &branch(&sha)).await.unwrap();
}

#[tokio::test]
async fn each_transport_gives_tips_and_older_commits_with_all_of_their_history() {
    let source = Source::new();
    let old = source.change("a.txt", "a");
    let tip = source.change("a.txt", "b");
    let daemon = Daemon::serve(&source);
    let server = Backend::serve(&source, Behaviour::Open);
    let file = format!("file://{}", source.path().display());
    for url in [&file, &daemon.url, &server.url] {
        for sha in [&old, &tip] {
            let (_dir, mirrors) = mirrors();
            let mirror = mirrors.ensure(&hello(url), &branch(sha)).await.unwrap();
            let count = git(mirror.folder(), &["rev-list", "--count", sha.as_str()]);
            assert_eq!(count, if sha == &tip { "3" } else { "2" }, "{url}");
            // The commit has a reference, lest git take it for garbage.
            git(mirror.folder(), &["rev-parse", &format!("refs/ci/{sha}")]);
        }
    }
}

/// Whether a server gives commits by their ids alone, as GitHub does and git by default does not.
fn by_id(source: &Source, gives: bool) {
    source.git(&["config", "uploadpack.allowAnySHA1InWant", &gives.to_string()]);
}

#[tokio::test]
async fn a_commit_without_a_reference_comes_by_its_id() {
    let source = Source::new();
    let lost = source.change("a.txt", "a");
    source.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let tip = source.change("a.txt", "b");
    let daemon = Daemon::serve(&source);
    let server = Backend::serve(&source, Behaviour::Open);
    by_id(&source, true);
    for url in [&daemon.url, &server.url] {
        let (_dir, mirrors) = mirrors();
        let wants = [Want::commit(&tip, "refs/heads/main"), Want::commit(&lost, "")];
        let mirror = mirrors.ensure(&hello(url), &wants).await.unwrap();
        assert!(mirror.commit(&tip).is_ok() && mirror.commit(&lost).is_ok());
    }
    assert_eq!(server.packs(), 1, "Both come in one request");
}

#[tokio::test]
async fn a_commit_that_is_not_there_is_named_and_nothing_is_taken_for_it() {
    let source = Source::new();
    let daemon = Daemon::serve(&source);
    let server = Backend::serve(&source, Behaviour::Open);
    let path = source.path().to_string_lossy().into_owned();
    let urls = [
        (&path, false),
        (&daemon.url, false),
        (&server.url, false),
        (&daemon.url, true),
        (&server.url, true),
    ];
    for (url, gives) in urls {
        by_id(&source, gives);
        // A reference that does not exist makes libgit2 answer Ok with nothing fetched.
        for reference in ["refs/heads/main", "refs/heads/gone", "refs/pull/7/head", ""] {
            let (_dir, mirrors) = mirrors();
            let want = Want::commit(&never(), reference);
            let error = mirrors.ensure(&hello(url), &[want]).await.unwrap_err();
            assert!(matches!(error, GitError::NoSuchCommit { .. }), "{url} {reference}: {error:?}");
            let text = error.to_string();
            assert!(text.contains(never().as_str()) && text.contains(reference), "{text}");
        }
        let (_dir, mirrors) = mirrors();
        let want = Want::reference("refs/heads/gone");
        let error = mirrors.ensure(&hello(url), &[want]).await.unwrap_err();
        assert!(matches!(error, GitError::NoSuchCommit { .. }), "{url}: {error:?}");
        assert!(error.to_string().contains("refs/heads/gone"), "{error}");
    }
}

#[tokio::test]
async fn what_only_the_diff_needs_may_be_missing() {
    let source = Source::new();
    let tip = source.change("a.txt", "a");
    let daemon = Daemon::serve(&source);
    let server = Backend::serve(&source, Behaviour::Open);
    for (url, gives) in
        [(&daemon.url, false), (&server.url, false), (&daemon.url, true), (&server.url, true)]
    {
        by_id(&source, gives);
        let (_dir, mirrors) = mirrors();
        let wants = [
            Want::commit(&tip, "refs/heads/main"),
            Want::commit(&never(), ""),
            Want::reference("refs/heads/gone"),
        ];
        let mirror = mirrors.ensure(&hello(url), &wants).await.unwrap();
        assert!(mirror.commit(&tip).is_ok() && mirror.commit(&never()).is_err());
    }
}

#[tokio::test]
async fn a_reference_is_always_asked_for_anew() {
    let source = Source::new();
    let server = Backend::serve(&source, Behaviour::Open);
    let (_dir, mirrors) = mirrors();
    for reference in ["", "HEAD", "refs/heads/main"] {
        let tip = source.change("a.txt", reference);
        let mirror = mirrors.ensure(&hello(&server.url), &[Want::reference(reference)]).await;
        assert_eq!(mirror.unwrap().resolve(reference).unwrap(), Some(tip));
    }
    // Also to a commit that is in no way newer, and where a folder takes a branch's place.
    source.git(&["branch", "a"]);
    let mirror =
        mirrors.ensure(&hello(&server.url), &[Want::reference("refs/heads/a")]).await.unwrap();
    source.git(&["branch", "-D", "a"]);
    source.git(&["branch", "a/b", "HEAD~2"]);
    assert!(
        mirrors.ensure(&hello(&server.url), &[Want::reference("refs/heads/a/b")]).await.is_ok()
    );
    assert_eq!(mirror.resolve("refs/heads/a/b").unwrap(), Some(source.sha("HEAD~2")));
}

#[tokio::test]
async fn a_reference_that_was_asked_for_since_is_not_asked_for_again() {
    let source = Source::new();
    source.change("a.txt", "a");
    let server = Backend::serve(&source, Behaviour::Open);
    let (_dir, mirrors) = mirrors();
    let (repository, wants) = (hello(&server.url), [Want::reference("refs/heads/main")]);
    let before = Timestamp::now();
    mirrors.ensure_as_of(&repository, &wants, Some(before)).await.unwrap();
    let asked = server.requests();
    mirrors.ensure_as_of(&repository, &wants, Some(before)).await.unwrap();
    assert_eq!(server.requests(), asked, "it is known as it was then");
    // A moment that has not come yet stands for one after the question.
    let later = before + Duration::from_secs(3600);
    mirrors.ensure_as_of(&repository, &wants, Some(later)).await.unwrap();
    assert!(server.requests() > asked, "it may have moved since");
}

#[tokio::test]
async fn tags_come_and_go_with_the_server() {
    let source = Source::new();
    source.git(&["tag", "v1"]);
    source.git(&["tag", "-a", "-m", "Two", "v2"]);
    let sha = source.sha("HEAD");
    let server = Backend::serve(&source, Behaviour::Open);
    let (_dir, mirrors) = mirrors();
    let wants = [Want::commit(&sha, "refs/tags/v2"), Want::reference("refs/tags/*")];
    let mirror = mirrors.ensure(&hello(&server.url), &wants).await.unwrap();
    assert_eq!(mirror.resolve("refs/tags/v2").unwrap(), Some(sha.clone()));
    assert_eq!(git(mirror.folder(), &["tag"]), "v1\nv2");
    source.git(&["tag", "-d", "v1"]);
    source.git(&["tag", "v1/a"]);
    mirrors.ensure(&hello(&server.url), &wants).await.unwrap();
    assert_eq!(git(mirror.folder(), &["tag"]), "v1/a\nv2");
}

#[tokio::test]
async fn tags_follow_the_commits_they_point_at_and_never_hold_one_up() {
    let source = Source::new();
    source.git(&["tag", "-a", "-m", "One", "v1"]);
    let server = Backend::serve(&source, Behaviour::Open);
    let (_dir, mirrors) = mirrors();
    let ensure = async |sha: &Sha| mirrors.ensure(&hello(&server.url), &branch(sha)).await.unwrap();
    for gives in [false, true] {
        by_id(&source, gives);
        let sha = source.change("a.txt", &gives.to_string());
        source.git(&["tag", "-a", "-m", "New", &format!("new-{gives}")]);
        let mirror = ensure(&sha).await;
        let tags = git(mirror.folder(), &["tag"]);
        assert!(tags.contains("v1") && tags.contains(&format!("new-{gives}")), "{tags}");
    }
    source.git(&["tag", "-d", "v1"]);
    source.git(&["tag", "v1/a", "HEAD"]);
    for gives in [false, true] {
        by_id(&source, gives);
        let sha = source.change("b.txt", &gives.to_string());
        assert!(ensure(&sha).await.commit(&sha).is_ok());
        let wants = [Want::reference(""), Want::commit(&sha, "")];
        mirrors.ensure(&hello(&server.url), &wants).await.unwrap();
    }
}

#[tokio::test]
async fn a_fetch_that_nobody_waits_for_ends_and_lets_others_in() {
    let source = Source::new();
    let sha = source.sha("HEAD");
    let server = Backend::serve(&source, Behaviour::Silent);
    let (_dir, mirrors) = mirrors();
    let (repository, wants) = (hello(&server.url), branch(&sha));
    {
        let mut dropped = Box::pin(mirrors.ensure(&repository, &wants));
        // Until it waits for the server.
        while server.requests() == 0 {
            let turn = tokio::time::timeout(Duration::from_millis(1), &mut dropped).await;
            assert!(turn.is_err());
        }
    }
    server.behave(Behaviour::Open);
    mirrors.ensure(&repository, &wants).await.unwrap();
}

#[tokio::test]
async fn a_commit_is_the_repositorys_own_on_a_branch_or_a_tag() {
    let source = Source::new();
    let first = source.sha("HEAD");
    source.git(&["checkout", "-q", "-b", "a"]);
    let branch = source.change("branch", "1\n");
    source.git(&["checkout", "-q", "--detach", "main"]);
    let tagged = source.change("tagged", "1\n");
    source.git(&["tag", "-a", "-m", "One", "v1"]);
    source.git(&["checkout", "-q", "--detach", "main"]);
    let pulled = source.change("pulled", "1\n");
    source.git(&["update-ref", "refs/pull/1/head", pulled.as_str()]);
    let server = Backend::serve(&source, Behaviour::Open);
    let (_dir, mirrors) = mirrors();
    let fetch = async |wants: &[Want]| mirrors.ensure(&hello(&server.url), wants).await.unwrap();

    fetch(&[Want::commit(&pulled, "refs/pull/1/head")]).await;
    let mirror = fetch(&Want::own()).await;
    let own = [&first, &branch, &tagged, &pulled].map(|sha| mirror.is_own(sha).unwrap());
    assert_eq!(own, [true, true, true, false]);

    // As branches are now; a folder of branches may stand where a branch was.
    source.git(&["branch", "-q", "-m", "a", "a/b"]);
    assert!(fetch(&Want::own()).await.is_own(&branch).unwrap());
    source.git(&["branch", "-q", "-D", "a/b"]);
    assert!(!fetch(&Want::own()).await.is_own(&branch).unwrap());
}

#[tokio::test]
async fn four_at_once_fetch_once() {
    let source = Source::new();
    let sha = source.change("a.txt", "a");
    let server = Backend::serve(&source, Behaviour::Open);
    let (_dir, mirrors) = mirrors();
    let (repository, wants) = (hello(&server.url), branch(&sha));
    let ensure = || mirrors.ensure(&repository, &wants);
    let (a, b, c, d) = tokio::join!(ensure(), ensure(), ensure(), ensure());
    for mirror in [a, b, c, d] {
        assert!(mirror.unwrap().commit(&sha).is_ok());
    }
    assert_eq!(server.packs(), 1);
    let asked = server.requests();
    ensure().await.unwrap();
    assert_eq!(server.requests(), asked, "Nothing is asked for what is here");
}

#[tokio::test]
async fn repositories_do_not_share_a_mirror_by_accident() {
    let source = Source::new();
    let sha = source.sha("HEAD");
    let server = Backend::serve(&source, Behaviour::Open);
    let (_dir, mirrors) = mirrors();
    let mut folders = std::collections::BTreeSet::new();
    for name in ["a/b", "a/b.git/c", "a/b/c", "a/b.git", "a/b.git.git/c", "A/b"] {
        let mirror = mirrors.ensure(&repository(name, &server.url), &branch(&sha)).await.unwrap();
        assert!(mirror.commit(&sha).is_ok());
        let folder = mirror.folder().to_owned();
        assert!(folders.insert(folder.clone()), "{name}: {}", folder.display());
        let inside = |a: &Path| folders.iter().any(|b| a != b && a.starts_with(b));
        assert!(!folders.iter().any(|folder| inside(folder)), "{folders:?}");
    }
    let names = |url: &str| mirrors.locate(&repository("a/b", url)).unwrap().1;
    let https = names("https://example.org/a/b");
    assert_eq!(https, mirrors.root.join("example.org/a/b.git"));
    for other in ["http://example.org/a/b", "https://example.org:8443/a/b", "file:///a/b", "/c/a/b"]
    {
        assert_ne!(names(other), https, "{other}");
    }
}

#[tokio::test]
async fn the_configuration_of_the_host_is_not_read() {
    let source = Source::new();
    let (_dir, mirrors) = mirrors();
    let mirror = mirrors.ensure(&source.repository(), &branch(&source.sha("HEAD"))).await.unwrap();
    let config = layout::open(mirror.folder()).unwrap().config().unwrap();
    let mut names = Vec::new();
    config
        .entries(None)
        .unwrap()
        .for_each(|entry| names.push(entry.name().unwrap().to_owned()))
        .unwrap();
    assert_eq!(names, ["core.repositoryformatversion", "core.filemode", "core.bare"]);
}

#[tokio::test]
async fn a_tag_is_asked_for_by_its_name() {
    let source = Source::new();
    let first = source.sha("HEAD");
    source.git(&["tag", "-a", "-m", "One", "v1"]);
    source.change("more", "1\n");
    let server = Backend::serve(&source, Behaviour::Open);
    let (_dir, mirrors) = mirrors();
    for wants in [[Want::reference("refs/tags/*")], [Want::reference("refs/tags/v1")]] {
        let mirror = mirrors.ensure(&hello(&server.url), &wants).await.unwrap();
        assert_eq!(mirror.resolve("refs/tags/v1").unwrap(), Some(first.clone()));
    }
}
