//! What git itself would run or fetch for a repository: submodules, filters, hooks, settings.

use serde_json::json;

use super::{pushed, shown};
use crate::world::{Forge, Module, World};

const ATTRIBUTES: &str = "* filter=evil ident export-subst text eol=crlf\n\
                          *.txt working-tree-encoding=UTF-16\n*.bin diff=evil merge=evil\n";

/// The files are what the commit holds, byte by byte, and nobody was asked for anything else.
#[test]
fn a_repository_configures_nothing() {
    let world = World::start();
    let stranger = Forge::start();
    let owned = world.path("owned");
    let touch = format!("touch {}", owned.display());
    let config = format!(
        "[core]\n\thooksPath = .githooks\n\tfsmonitor = {touch}\n\tsshCommand = {touch}\n\
         [filter \"evil\"]\n\tsmudge = {touch}\n\tclean = {touch}\n\tprocess = {touch}\n\
         [include]\n\tpath = .gitconfig\n"
    );
    let modules = format!(
        "[submodule \"a\"]\n\tpath = a\n\turl = {}/ada/other.git\n\
         [submodule \"b\"]\n\tpath = b\n\turl = ext::sh -c '{touch}'\n\
         [submodule \"../../x\"]\n\tpath = c\n\turl = -u{touch}\n\tupdate = !{touch}\n",
        stranger.url()
    );
    let hook = format!("#!/bin/sh\n{touch}\n");
    let text = "$Id$ $Format:%H$ \u{fffd} line\nline\r\n";
    let sha = "1234567890123456789012345678901234567890";
    let handed = world.path("handed");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.src().hands_over("${src/a.txt}", &handed))
        .file(".gitattributes", ATTRIBUTES)
        .file("a.txt", text)
        .file(".gitconfig", config.clone())
        .file("config", config)
        .file(".gitmodules", modules)
        .file(".githooks/post-checkout", hook.clone())
        .file("hooks/post-checkout", hook)
        .file(".mailmap", "Root <root@localhost> <ada@example.com>\n")
        .submodule("a", sha)
        .submodule("b", sha)
        .submodule("c", sha);

    let sha = pushed(&world, module);

    assert_eq!(world.expect_file("handed"), text);
    let shown = shown(&world, &sha);
    assert!(!owned.exists(), "{shown}");
    assert!(stranger.requests().is_empty(), "{:?}", stranger.requests());
    assert!(shown.contains("submodule `a` left empty"), "{shown}");
}

/// A name that git would take for its own: refused, and said on the commit.
#[test]
fn a_tracked_git_folder_is_refused() {
    for name in [".GIT", "git~1", ".git ", ".g\u{200c}it"] {
        let world = World::start();
        let owned = world.path("owned");
        let hook = format!("#!/bin/sh\ntouch {}\n", owned.display());
        let module = Module::new("ci").function("testOnPush", |f| f.src());
        let module = module.file(&format!("{name}/hooks/post-checkout"), hook);
        let sha = pushed(&world, module);
        let shown = shown(&world, &sha);
        assert!(world.engine.calls("test-on-push").is_empty(), "{name}: {shown}");
        assert!(!owned.exists(), "{name}: {shown}");
    }
}

/// References are names and never options or refspecs.
#[test]
fn a_reference_is_no_option_of_the_fetch() {
    let world = World::start();
    let owned = world.path("owned");
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("testOnPush", |f| f.src());
    repo.commit("main", module);
    let body = world.forge.pushed(&repo, "main");
    for name in [
        format!("--upload-pack=touch {}", owned.display()),
        "+refs/heads/*:refs/heads/*".to_owned(),
        "-c".to_owned(),
        "../../../data".to_owned(),
        "a..b".to_owned(),
        "x\ny".to_owned(),
        "\u{0}".to_owned(),
    ] {
        let mut body = body.clone();
        body["ref"] = json!(format!("refs/heads/{name}"));
        body["repository"]["default_branch"] = json!(name);
        let delivery = world.forge.deliver("push", &body);
        assert!([202, 204, 400, 422].contains(&delivery.status), "{name:?}: {delivery:?}");
    }
    world.let_later_work_pass();
    assert!(!owned.exists());
}
