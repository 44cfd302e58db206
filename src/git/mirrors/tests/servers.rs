//! Servers that want a token, say no, fall silent or break off.

use super::*;

#[tokio::test]
async fn a_locked_repository_opens_with_the_right_token_alone() {
    let source = Source::new();
    let sha = source.sha("HEAD");
    let server = Backend::serve(&source, LOCKED);
    let (_dir, right) = with_token(&server.url, TOKEN);
    right.ensure(&hello(&server.url), &branch(&sha)).await.unwrap();

    let (_dir, wrong) = with_token(&server.url, "guess");
    let before = server.credentials().len();
    let error = wrong.ensure(&hello(&server.url), &branch(&sha)).await.unwrap_err();
    assert!(matches!(error, GitError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("does not accept the configured"), "{error}");
    assert_eq!(server.credentials().len(), before + 1, "It is not tried again and again");
    assert!(!error.to_string().contains("guess"));

    let (_dir, none) = mirrors();
    let error = none.ensure(&hello(&server.url), &branch(&sha)).await.unwrap_err();
    assert!(error.to_string().contains("none are configured"), "{error}");
}

#[tokio::test]
async fn a_token_is_for_its_own_origin_and_not_for_where_that_redirects() {
    let source = Source::new();
    let sha = source.sha("HEAD");
    let other = Backend::serve(&source, LOCKED);
    // Another port of the same host, which libgit2 follows to whatever it is told, and another
    // name of it.
    for place in ["127.0.0.1", "localhost"] {
        let there = format!("http://{place}:{}", other.port);
        let server = Backend::serve(&source, Behaviour::Redirect(there));
        let (_dir, mirrors) = with_token(&server.url, TOKEN);
        let error = mirrors.ensure(&hello(&server.url), &branch(&sha)).await.unwrap_err();
        assert!(
            matches!(error, GitError::Refused { .. } | GitError::Unreachable { .. }),
            "{error:?}"
        );
        assert_eq!(other.credentials(), Vec::<String>::new(), "{place}");
    }
    // Nor for another server that a delivery names.
    let (_dir, mirrors) = with_token("https://github.com", TOKEN);
    let error = mirrors.ensure(&hello(&other.url), &branch(&sha)).await.unwrap_err();
    assert!(error.to_string().contains("none are configured"), "{error}");
    assert_eq!(other.credentials(), Vec::<String>::new());
}

#[tokio::test]
async fn a_password_in_the_url_is_dropped() {
    let source = Source::new();
    let sha = source.sha("HEAD");
    let server = Backend::serve(&source, LOCKED);
    let url = server.url.replace("http://", "http://ci:s3cr3t@");
    let (_dir, mirrors) = mirrors();
    let error = mirrors.ensure(&hello(&url), &branch(&sha)).await.unwrap_err();
    assert!(!error.to_string().contains(TOKEN), "{error}");
    assert_eq!(server.credentials(), Vec::<String>::new());
}

#[tokio::test]
async fn answers_of_a_server_are_told_apart() {
    let source = Source::new();
    let sha = source.sha("HEAD");
    let server = Backend::serve(&source, Behaviour::Open);
    for (status, refused) in [
        ("403 Forbidden", true),
        ("404 Not Found", true),
        ("500 Internal Server Error", false),
        ("503 Service Unavailable", false),
    ] {
        server.behave(Behaviour::Status(status));
        let (_dir, mirrors) = mirrors();
        let error = mirrors.ensure(&hello(&server.url), &branch(&sha)).await.unwrap_err();
        assert_eq!(matches!(error, GitError::Refused { .. }), refused, "{status}: {error:?}");
        assert_eq!(matches!(error, GitError::Unreachable { .. }), !refused, "{status}: {error:?}");
        assert!(error.to_string().contains(&status[..3]), "{error}");
    }
    for url in ["http", "git"].map(|scheme| format!("{scheme}://127.0.0.1:{}/x", closed_port())) {
        let (_dir, mirrors) = mirrors();
        let error = mirrors.ensure(&hello(&url), &branch(&sha)).await.unwrap_err();
        assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
    }
    for url in [
        "/nowhere/at/all",
        "file:///nowhere/at/all",
        "octo/hello",
        "git@github.com:a/b.git",
        "ssh://a@b/c",
    ] {
        let (_dir, mirrors) = mirrors();
        assert!(mirrors.ensure(&hello(url), &branch(&sha)).await.is_err(), "{url}");
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_on_and_may_come_back() {
    let source = Source::new();
    source.write(
        "big.bin",
        (0..200_000_u32)
            .flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_be_bytes())
            .collect::<Vec<_>>(),
    );
    let sha = source.commit("Big");
    let server = Backend::serve(&source, Behaviour::Silent);
    let (_dir, mirrors) = mirrors();
    let mirrors = impatient(mirrors);
    for behaviour in [Behaviour::Silent, Behaviour::Stalls(0), Behaviour::Stalls(100_000)] {
        server.behave(behaviour.clone());
        let error = mirrors.ensure(&hello(&server.url), &branch(&sha)).await.unwrap_err();
        assert!(matches!(error, GitError::Deadline { .. }), "{behaviour:?}: {error:?}");
    }
    server.behave(Behaviour::Open);
    let mirror = mirrors.ensure(&hello(&server.url), &branch(&sha)).await.unwrap();
    assert_eq!(mirror.read(&sha, "big.bin").unwrap().unwrap().len(), 800_000);
}

#[tokio::test]
async fn the_whole_time_is_limited_too() {
    let source = Source::new();
    let sha = source.sha("HEAD");
    let server = Backend::serve(&source, Behaviour::Silent);
    let (_dir, mirrors) = mirrors();
    let limits = Limits { total: Duration::from_millis(200), idle: Duration::from_secs(600) };
    let begin = Instant::now();
    let error = mirrors.with_limits(limits).ensure(&hello(&server.url), &branch(&sha)).await;
    assert!(matches!(error, Err(GitError::Deadline { .. })), "{error:?}");
    assert!(begin.elapsed() < Duration::from_secs(300), "It was not the other limit");
}

#[tokio::test]
async fn a_cut_connection_is_no_commit_and_leaves_nothing() {
    let source = Source::new();
    let sha = source.change("a.txt", &"some text\n".repeat(10_000));
    let server = Backend::serve(&source, Behaviour::HangsUp(300));
    let (dir, mirrors) = mirrors();
    let error = mirrors.ensure(&hello(&server.url), &branch(&sha)).await.unwrap_err();
    assert!(matches!(error, GitError::Unreachable { .. }), "{error:?}");
    let files = files_below(dir.path());
    assert!(
        files.iter().all(|file| !file.contains("pack_") && !file.ends_with(".lock")),
        "{files:?}"
    );
    server.behave(Behaviour::Open);
    mirrors.ensure(&hello(&server.url), &branch(&sha)).await.unwrap();
}
