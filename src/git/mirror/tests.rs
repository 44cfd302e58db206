use super::*;
use crate::git::fixture::{Source, mirrors};

/// The mirror of a source's head.
async fn mirror(source: &Source) -> (tempfile::TempDir, Mirror, Sha) {
    let (dir, mirrors) = mirrors();
    let sha = source.sha("HEAD");
    let mirror = mirrors.ensure(&source.repository(), &[Want::commit(&sha, "")]).await.unwrap();
    (dir, mirror, sha)
}

fn monorepo() -> Source {
    let source = Source::new();
    for path in ["services/api/pocketci.yaml", "a/pocketci.yaml", "pocketci.yaml", "ci/dagger.json"]
    {
        source.write(path, path);
    }
    source.write("pocketci.yaml.d/x", "");
    source.write("deep/pocketci.yaml/x", "");
    std::os::unix::fs::symlink("/etc/passwd", source.path().join("link.yaml")).unwrap();
    std::fs::create_dir(source.path().join("l")).unwrap();
    std::os::unix::fs::symlink("../pocketci.yaml", source.path().join("l/pocketci.yaml")).unwrap();
    source.commit("Monorepo");
    source
}

#[tokio::test]
async fn specs_are_found_wherever_they_are_and_only_as_files() {
    let source = monorepo();
    let (_dir, mirror, sha) = mirror(&source).await;
    let found = mirror.files_named(&sha, "pocketci.yaml").unwrap();
    assert_eq!(found, ["pocketci.yaml", "a/pocketci.yaml", "services/api/pocketci.yaml"]);
}

#[tokio::test]
async fn files_and_folders_are_read_by_path() {
    let source = monorepo();
    let (_dir, mirror, sha) = mirror(&source).await;
    for (path, expected) in [
        ("pocketci.yaml", true),
        ("./services/api/pocketci.yaml", true),
        ("link.yaml", false),
        ("l/pocketci.yaml", false),
        ("services/api", false),
        ("pocketci.yaml/x", false),
        ("nothing", false),
        ("services/nothing/x", false),
        ("", false),
        ("../x", false),
        ("services/../pocketci.yaml", false),
    ] {
        assert_eq!(mirror.read(&sha, path).unwrap().is_some(), expected, "{path}");
    }
    for (path, expected) in [
        ("", true),
        (".", true),
        ("./", true),
        ("ci", true),
        ("./ci/", true),
        ("services/api", true),
        ("pocketci.yaml", false),
        ("link.yaml", false),
        ("nothing", false),
        ("..", false),
    ] {
        assert_eq!(mirror.is_folder(&sha, path).unwrap(), expected, "{path}");
    }
    assert_eq!(mirror.tree_id(&sha, "ci").unwrap(), Some(source.git(&["rev-parse", "HEAD:ci"])));
    assert_eq!(mirror.tree_id(&sha, "").unwrap(), Some(source.git(&["rev-parse", "HEAD^{tree}"])));
}

#[tokio::test]
async fn dotenv_is_seen_in_any_folder_and_of_any_kind() {
    let source = Source::new();
    source.write(".envrc", "");
    source.write("env", "");
    source.write("a/x.env", "");
    source.commit("None");
    let (_dir, without, sha) = mirror(&source).await;
    assert!(without.hazards(&sha, Dotenv::Removed).unwrap().is_empty());
    for path in [".env", "a/b/.env", "a/.env/x", "a/.ENV"] {
        source.write(path, "A=1");
        source.commit(path);
        let (_dir, mirror, sha) = mirror(&source).await;
        let hazards = mirror.hazards(&sha, Dotenv::Removed).unwrap();
        assert!(!hazards.dotenv.is_empty(), "{path}");
        assert!(mirror.hazards(&sha, Dotenv::Kept).unwrap().is_empty(), "{path}");
        source.git(&["rm", "-q", path]);
    }
    std::fs::create_dir_all(source.path().join("l")).unwrap();
    std::os::unix::fs::symlink("../env", source.path().join("l/.env")).unwrap();
    source.commit("Link");
    let (_dir, mirror, sha) = mirror(&source).await;
    assert_eq!(mirror.hazards(&sha, Dotenv::Removed).unwrap().dotenv, ["l/.env"]);
}

#[tokio::test]
async fn a_commit_says_who_when_and_what() {
    let source = Source::new();
    let sha = source.commit("Subject\n\nBody é");
    let (_dir, mirror, _) = mirror(&source).await;
    let commit = mirror.commit(&sha).unwrap();
    let author = Author { name: "Ada".to_owned(), email: "ada@example.org".to_owned() };
    assert_eq!(commit.author, author);
    assert_eq!(commit.message, "Subject\n\nBody é");
    assert_eq!(commit.sha, sha.as_str());
    assert_eq!(commit.timestamp, "2023-11-14T23:15:20+01:00");
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let source = Source::new();
    let (_dir, mirror, _) = mirror(&source).await;
    let sha: Sha = "1234567890123456789012345678901234567890".parse().unwrap();
    let error = mirror.read(&sha, "x").unwrap_err();
    assert!(matches!(error, GitError::NoSuchCommit { .. }), "{error:?}");
    assert!(error.to_string().contains(sha.as_str()), "{error}");
    assert_eq!(mirror.resolve("refs/heads/never-wanted").unwrap(), None);
    let long: Sha = "12".repeat(32).parse().unwrap();
    assert!(mirror.read(&long, "x").unwrap_err().to_string().contains("SHA-256"));
}

#[tokio::test]
async fn a_mirror_is_read_from_several_threads() {
    let source = monorepo();
    let (_dir, mirror, sha) = mirror(&source).await;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (mirror, sha) = (mirror.clone(), sha.clone());
            scope.spawn(move || assert!(mirror.is_folder(&sha, "ci").unwrap()));
        }
    });
}

#[tokio::test]
async fn an_annotated_tags_own_object_leads_to_its_commit() {
    let source = monorepo();
    source.git(&["tag", "-a", "-m", "One", "v1"]);
    let (_dir, mirrors) = mirrors();
    let tag = source.git(&["rev-parse", "refs/tags/v1"]).trim().parse().unwrap();
    let commit = source.sha("HEAD");
    assert_ne!(tag, commit);
    let want = Want::commit(&tag, "refs/tags/v1");
    let mirror = mirrors.ensure(&source.repository(), &[want]).await.unwrap();
    assert_eq!(mirror.peeled(&tag).unwrap(), commit);
    assert_eq!(mirror.peeled(&commit).unwrap(), commit);
}
