//! Links in a commit that lead to the host: followed by the CLI, were they there.

use std::path::Path;

use super::{TREASURE, open_module, pushed, shown};
use crate::world::{Module, World};

/// A world with a folder of the host's that holds a module and a treasure.
fn world() -> World {
    let world = World::start();
    let host = world.path("host");
    std::fs::create_dir_all(host.join("ci")).unwrap();
    std::fs::write(host.join("treasure"), TREASURE).unwrap();
    let about = r#"{"name": "ci", "engineVersion": "v0.21.8", "sdk": {"source": "go"}}"#;
    let does = format!(
        r#"{{"functions": [{{"name": "stealOnPush", "does": [{{"print": "{TREASURE}"}}]}}]}}"#
    );
    std::fs::write(host.join("ci/dagger.json"), about).unwrap();
    std::fs::write(host.join("ci/stand-in.json"), does).unwrap();
    world
}

/// The module's path is a link there: no call, and a reason on the commit.
#[track_caller]
fn check_module(target: impl FnOnce(&World) -> std::path::PathBuf) {
    let world = world();
    let target = target(&world);
    let module =
        Module::new("other").file("pocketci.yaml", "module-path: ./ci\n").link("ci", &target);
    let sha = pushed(&world, module);
    let shown = shown(&world, &sha);
    assert!(world.engine.calls("steal-on-push").is_empty(), "{shown}");
    assert!(!shown.contains(TREASURE), "{shown}");
    let statuses = world.forge.statuses(&sha);
    assert!(statuses.iter().any(|status| status.state == "error"), "{statuses:?}");
}

#[test]
fn the_module_is_a_link_to_the_host() {
    check_module(|_| "/etc".into());
    check_module(|world| world.path("host/ci"));
}

#[test]
fn the_module_is_a_link_to_the_data_folder() {
    check_module(|world| world.agent.data().to_owned());
    check_module(|_| "../../..".into());
}

#[test]
fn the_module_is_below_a_link_to_the_host() {
    let world = world();
    let module = Module::new("other")
        .file("pocketci.yaml", "module-path: ./door/ci\n")
        .link("door", world.path("host"));
    let sha = pushed(&world, module);
    let shown = shown(&world, &sha);
    assert!(world.engine.calls("steal-on-push").is_empty(), "{shown}");
    assert!(!shown.contains(TREASURE), "{shown}");
}

/// A default path of the module's own: `/leak` of the repository is uploaded, link or not.
#[track_caller]
fn check_default_path(kind: &str, text: &str, target: impl FnOnce(&World) -> std::path::PathBuf) {
    let world = world();
    let target = target(&world);
    let leak = format!(r#"{{"name": "leak", "type": "{kind}!", "defaultPath": "/leak"}}"#);
    let module = Module::new("ci")
        .function("testOnPush", |f| f.src().arg_json(&leak).prints(text))
        .link("leak", &target);
    let sha = pushed(&world, module);
    let shown = shown(&world, &sha);
    assert!(!shown.contains(TREASURE) && !shown.contains("SQLite format"), "{shown}");
    assert!(!shown.contains("pocketci.db\""), "{shown}");
}

#[test]
fn a_default_path_is_a_link_to_the_host() {
    check_default_path("File", "${leak.contents}", |world| world.path("host/treasure"));
    check_default_path("Directory", "${leak/treasure}", |world| world.path("host"));
}

#[test]
fn a_default_path_is_a_link_to_the_data_folder() {
    check_default_path("Directory", "${leak.entries}", |world| world.agent.data().to_owned());
    check_default_path("Directory", "${leak.entries}", |_| "../../..".into());
    check_default_path("Directory", "${leak.entries}", |_| "x/../../../..".into());
}

#[test]
fn a_dependency_is_a_link_to_the_host() {
    let world = world();
    let owned = world.path("owned");
    let text = format!("TOKEN=cmd://touch {}\n", owned.display());
    let host = world.path("host/dep");
    std::fs::create_dir(&host).unwrap();
    for (name, text) in [
        ("dagger.json", r#"{"name": "dep", "sdk": {"source": "go"}}"#),
        ("stand-in.json", r#"{"constructor": ["token: Secret"]}"#),
        (".env", text.as_str()),
    ] {
        std::fs::write(host.join(name), text).unwrap();
    }
    let sha = pushed(&world, open_module("ci").depends_on("../dep").link("dep", &host));
    assert!(!owned.exists(), "{}", shown(&world, &sha));
    // By the path alone, with no link at all.
    for source in [host.to_str().unwrap(), "../../../../../host/dep"] {
        let sha = pushed(&world, open_module("ci").depends_on(source).link("dep", Path::new("ci")));
        assert!(!owned.exists(), "{source}: {}", shown(&world, &sha));
        assert!(shown(&world, &sha).contains("leads out of the repository"), "{source}");
    }
}

/// A `dagger.json` and a source of the module's that lie elsewhere.
#[test]
fn a_file_of_the_module_is_a_link_to_the_host() {
    let world = world();
    let module = Module::new("other")
        .file("pocketci.yaml", "module-path: ./ci\n")
        .file("ci/main.go", "")
        .link("ci/dagger.json", world.path("host/ci/dagger.json"))
        .link("ci/stand-in.json", world.path("host/ci/stand-in.json"));
    let sha = pushed(&world, module);
    assert!(world.engine.calls("steal-on-push").is_empty(), "{}", shown(&world, &sha));
    assert!(!shown(&world, &sha).contains(TREASURE));
}

/// What leads out is left out of the module alone, and said; the function runs.
#[test]
fn the_source_still_has_the_links() {
    let world = world();
    let module = Module::new("ci")
        .function("testOnPush", |f| f.src().prints("source ${src.entries}"))
        .link("door", "/nonexistent")
        .link("inside", "ci");
    let sha = pushed(&world, module);
    let shown = shown(&world, &sha);
    assert!(shown.contains(r#""door","inside/""#), "{shown}");
    assert!(shown.contains("without links that lead out of the repository: `door`"), "{shown}");
}
