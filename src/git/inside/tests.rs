use std::fs;
use std::os::unix::fs::symlink;

use super::*;

#[test]
fn a_path_is_where_its_links_lead_and_that_is_inside() {
    let outside = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    fs::create_dir_all(root.join("services/ci")).unwrap();
    fs::create_dir_all(root.join(".git/objects")).unwrap();
    fs::create_dir(dir.path().join("tree-beside")).unwrap();
    fs::write(root.join("file"), "").unwrap();
    symlink("services/ci", root.join("good")).unwrap();
    symlink("../tree/services", root.join("round")).unwrap();
    symlink(outside.path(), root.join("absolute")).unwrap();
    symlink("../..", root.join("services/up")).unwrap();
    symlink("absolute", root.join("twice")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    symlink(".git", root.join("git")).unwrap();
    let real = root.canonicalize().unwrap();
    for (path, expected) in [
        ("", Some("")),
        (".", Some("")),
        ("services/ci", Some("services/ci")),
        ("./services/../services/ci", Some("services/ci")),
        ("good", Some("services/ci")),
        ("round/ci", Some("services/ci")),
        ("absolute", None),
        ("twice", None),
        ("services/up", None),
        ("..", None),
        ("../tree-beside", None),
        ("/etc", None),
        ("loop", None),
        ("nothing", None),
        ("file/x", None),
        (".git", None),
        ("git/objects", None),
    ] {
        let found = resolve_inside(&root, path);
        assert_eq!(
            found.as_ref().ok(),
            expected.map(|e| real.join(e)).as_ref(),
            "{path}: {found:?}"
        );
    }
    assert!(matches!(resolve_inside(&root, "nothing"), Err(OutsideTree::Missing { .. })));
    assert!(matches!(resolve_inside(&root, "twice"), Err(OutsideTree::Outside { .. })));
}
