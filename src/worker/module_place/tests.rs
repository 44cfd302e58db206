use std::fs;
use std::os::unix::fs::symlink;

use super::*;

struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("outside/dep")).unwrap();
        fs::write(dir.path().join("outside/dep/dagger.json"), r#"{"name": "dep"}"#).unwrap();
        fs::create_dir(dir.path().join("tree")).unwrap();
        Self(dir)
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("tree")
    }

    fn module(&self, folder: &str, json: &str) {
        fs::create_dir_all(self.root().join(folder)).unwrap();
        fs::write(self.root().join(folder).join("dagger.json"), json).unwrap();
    }

    #[track_caller]
    fn refuses(&self, path: &str, expected: &str) {
        let error = resolve(&self.root(), path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

fn depends_on(path: &str) -> String {
    format!(r#"{{"name": "ci", "dependencies": [{{"name": "dep", "source": "{path}"}}]}}"#)
}

#[test]
fn a_module_with_all_that_it_is_made_of_is_used() {
    let tree = Tree::new();
    tree.module("ci", &depends_on("../lib/a"));
    tree.module("lib/a", &depends_on("../b"));
    tree.module("lib/b", &depends_on("../../ci"));
    symlink("ci", tree.root().join("link")).unwrap();
    let expected = tree.root().canonicalize().unwrap().join("ci");
    for path in ["ci", "./ci", "link"] {
        assert_eq!(resolve(&tree.root(), path).unwrap(), expected);
    }
    // A module's folder that has none is the CLI's to complain about.
    assert!(resolve(&tree.root(), "").is_ok());
}

#[test]
fn a_dependency_outside_is_refused_however_far_down() {
    let tree = Tree::new();
    tree.module("ci", &depends_on("../lib"));
    tree.module("lib", &depends_on("../../outside/dep"));
    tree.refuses("ci", "`lib/dagger.json`: it names `../../outside/dep`");
    tree.module("lib", &depends_on(&tree.0.path().join("outside/dep").to_string_lossy()));
    tree.refuses("ci", "leads out");
}

#[test]
fn a_dependency_through_a_link_is_refused_where_that_leads() {
    let tree = Tree::new();
    symlink("../outside", tree.root().join("inside")).unwrap();
    tree.module("ci", &depends_on("../inside/dep"));
    tree.refuses("ci", "`inside/dep` leads out of the repository");
    fs::remove_file(tree.root().join("ci/dagger.json")).unwrap();
    symlink("../../outside/dep/dagger.json", tree.root().join("ci/dagger.json")).unwrap();
    tree.refuses("ci", "`ci/dagger.json` leads out");
}

#[test]
fn a_bomb_of_a_module_is_refused() {
    let tree = Tree::new();
    tree.module("ci", &"[".repeat(LARGEST as usize + 1));
    tree.refuses("ci", "larger than");
    for number in 0..=MODULES {
        tree.module(&format!("m{number}"), &depends_on(&format!("../m{}", number + 1)));
    }
    tree.refuses("m0", "more than 200");
}
