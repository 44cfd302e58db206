//! What is not written to a disk.

use super::*;

/// A commit that cannot be checked out says why, and leaves nothing.
async fn refuses(source: &Source, sha: &Sha, expected: &str) {
    let (dir, mirror) = mirror(source, &[sha]).await;
    let before = files_below(dir.path());
    let out = dir.path().join("out");
    for made in [false, true] {
        if made {
            fs::create_dir(&out).unwrap();
        }
        let error = mirror.checkout(sha, &out, TEN).unwrap_err();
        assert!(matches!(error, GitError::Unusable { .. }), "{expected}: {error:?}");
        let text = error.to_string();
        assert!(text.contains(expected) && text.contains(sha.as_str()), "{text}");
        assert!(!out.exists(), "{expected}");
        let error = mirror.module_tree(sha, &out, Dotenv::Removed).unwrap_err();
        assert!(matches!(error, GitError::Unusable { .. }), "{error:?}");
        assert!(!out.exists(), "{expected}");
    }
    assert_eq!(files_below(dir.path()), before);
}

#[tokio::test]
async fn names_that_could_do_harm_are_refused() {
    let source = Source::new();
    let blob = source.blob("x");
    let tree = source.tree_of(&[("100644", b"config", &blob)]);
    let names: [&[u8]; 13] = [
        b".git",
        b".GIT",
        b".Git",
        b"git~1",
        b"GIT~1",
        b"..",
        b".",
        b".git ",
        b".git...",
        b".git::$INDEX_ALLOCATION",
        ".g\u{200c}it".as_bytes(),
        b"a/b",
        b".git\\config",
    ];
    for name in names {
        for (mode, object) in [("100644", &blob), ("40000", &tree), ("120000", &blob)] {
            let sha = source.commit_of(&[(mode, name, object)]);
            refuses(&source, &sha, &String::from_utf8_lossy(name)).await;
        }
        let below = source.tree_of(&[("100644", name, &blob)]);
        let sha = source.commit_of(&[("40000", b"folder", &below)]);
        refuses(&source, &sha, "folder/").await;
    }
}

#[tokio::test]
async fn names_and_depths_that_no_disk_takes_are_refused() {
    let source = Source::new();
    let blob = source.blob("x");
    let long = vec![b'n'; 256];
    let sha = source.commit_of(&[("100644", &long, &blob)]);
    refuses(&source, &sha, "too long").await;
    let tree = source.tree_of(&[("100644", b"leaf", &blob)]);
    // In this process: git's own would be started a thousand times.
    let repository = Repository::open(source.path()).unwrap();
    let mut tree: Oid = tree.parse().unwrap();
    for _ in 0..=DEEPEST_TRIED {
        let mut builder = repository.treebuilder(None).unwrap();
        builder.insert("d", tree, 0o040_000).unwrap();
        tree = builder.write().unwrap();
    }
    let sha = source.commit_of(&[("40000", b"d", &tree.to_string())]);
    refuses(&source, &sha, "folders in one another").await;
    // A link without a target, or with one that is longer than a path can be.
    for target in [String::new(), "x".repeat(5_000)] {
        let target = source.blob(&target);
        let sha = source.commit_of(&[("120000", b"l", &target)]);
        refuses(&source, &sha, "`l`").await;
    }
}

/// More than are allowed, few enough to be made quickly.
const DEEPEST_TRIED: usize = 1_000;

#[tokio::test]
async fn nothing_is_written_through_a_link() {
    let source = Source::new();
    let outside = tempfile::tempdir().unwrap();
    let target = source.blob(&outside.path().to_string_lossy());
    let file = source.blob("x");
    let tree = source.tree_of(&[("100644", b"file", &file)]);
    let link: (&str, &[u8], &str) = ("120000", b"a", &target);
    let folder: (&str, &[u8], &str) = ("40000", b"a", &tree);
    for entries in
        [[link, folder], [folder, link], [folder, folder], [link, ("100644", b"a", &file)]]
    {
        let sha = source.commit_of(&entries);
        refuses(&source, &sha, "`a` twice").await;
    }
    assert_eq!(files_below(outside.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_folder_with_something_in_it_is_left_alone() {
    let source = Source::new();
    let sha = source.sha("HEAD");
    let (dir, mirror) = mirror(&source, &[&sha]).await;
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("mine"), "").unwrap();
    assert!(matches!(mirror.checkout(&sha, &out, TEN), Err(GitError::Io { .. })));
    assert_eq!(files_below(&out), ["mine"]);
    assert!(matches!(mirror.checkout(&sha, &out.join("no/where"), TEN), Err(GitError::Io { .. })));
}

#[tokio::test]
async fn a_file_that_there_is_no_memory_for_is_refused() {
    let source = Source::new();
    let nothing = tempfile::NamedTempFile::new().unwrap();
    nothing.as_file().set_len(513 << 20).unwrap();
    let blob = source.git(&["hash-object", "-w", nothing.path().to_str().unwrap()]);
    let sha = source.commit_of(&[("100644", b"nothing", blob.trim())]);
    refuses(&source, &sha, "`nothing` is 513 MiB long").await;
}
