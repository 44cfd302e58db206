//! `.env` files: code for the CLI, which it runs on this host.

use std::path::PathBuf;

use super::{TREASURE, open_module, pushed, shown};
use crate::world::{Module, Tree, World, entries, eventually};

/// Pushes a module with a `.env` somewhere, which `write` is given the text of; nothing of what
/// it says may happen, and the function itself runs.
#[track_caller]
fn check(write: impl FnOnce(Module, &str) -> Module) {
    let world = World::start();
    let owned = world.path("owned");
    std::fs::create_dir(world.path("host")).unwrap();
    std::fs::write(world.path("host").join(TREASURE), "").unwrap();
    let (owned, host) = (owned.display(), world.path("host"));
    let text = format!(
        "TOKEN=cmd://touch {owned}\ntestOnPush_token=\"cmd://touch {owned}\"\n\
         CI_TEST_ON_PUSH_TOKEN=cmd://touch {owned}\nTEST_ON_PUSH_DIR={}\n",
        host.display()
    );

    let sha = pushed(&world, write(open_module("ci"), &text));

    let shown = shown(&world, &sha);
    assert!(!world.path("owned").exists(), "a command of the repository's ran here\n{shown}");
    assert!(!shown.contains(TREASURE), "a folder of this host was uploaded\n{shown}");
    assert!(!shown.contains("user default"), "{shown}");
    assert!(shown.contains("\"success\"") && shown.contains("test-on-push"), "{shown}");
}

#[test]
fn in_the_modules_folder() {
    check(|module, text| module.file("ci/.env", text));
}

#[test]
fn at_the_root_and_in_every_folder_between() {
    check(|module, text| module.file(".env", text).file("ci/src/.env", text));
}

#[test]
fn as_a_link() {
    check(|module, text| module.file("harmless.txt", text).link("ci/.env", "../harmless.txt"));
}

#[test]
fn through_a_linked_folder() {
    check(|module, text| {
        let module = module.file("conf/.env", text).file("pocketci.yaml", "module-path: ./door\n");
        let conf = open_module("conf");
        module.beside(conf).link("door", "conf")
    });
}

/// A file of another name that becomes one where a link renames its folder does not exist: the
/// name itself is what is looked for, and the module is what the link leads to.
#[test]
fn beside_a_dependency() {
    check(|module, text| {
        let dep = Module::new("lib/dep").constructed_with("token: Secret");
        module.depends_on("../lib/dep").beside(dep).file("lib/dep/.env", text)
    });
}

/// The checkout that `--src` shows has it, and lies where a link could find it.
#[test]
fn beside_a_dependency_in_the_checkout_next_door() {
    let world = World::start();
    let owned = world.path("owned");
    let text = format!("TOKEN=cmd://touch {}\n", owned.display());
    let module = open_module("ci")
        .depends_on("../next/lib/dep")
        .beside(Module::new("lib/dep").constructed_with("token: Secret"))
        .file("lib/dep/.env", text)
        .link("next", "../src");

    let sha = pushed(&world, module);

    assert!(!owned.exists(), "a command of the repository's ran here\n{}", shown(&world, &sha));
}

#[test]
fn through_the_module_path_into_the_checkout_next_door() {
    let world = World::start();
    let owned = world.path("owned");
    let module = open_module("ci")
        .file("ci/.env", format!("TOKEN=cmd://touch {}\n", owned.display()))
        .file("pocketci.yaml", "module-path: ./next\n")
        .link("next", "../src/ci");

    let sha = pushed(&world, module);

    assert!(!owned.exists(), "a command of the repository's ran here\n{}", shown(&world, &sha));
    assert!(world.engine.calls("test-on-push").is_empty());
}

#[test]
fn as_a_folder_or_a_submodule() {
    check(|module, text| {
        let sha = "1234567890123456789012345678901234567890";
        module.file("ci/.env/.env", text).submodule("sub/.env", sha)
    });
}

/// What another machine's file system would take for it is not there either.
#[test]
fn in_other_letters() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| {
            let here = r#"{"name": "here", "type": "Directory!", "defaultPath": "/ci"}"#;
            f.arg_json(here).src().prints("module ${here.entries} source ${src.entries}")
        })
        .file("ci/.ENV", "A=1\n")
        .file(".Env", "A=1\n")
        .file(".envrc", "A=1\n");
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    let status = world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    let log = world.agent.logs(&status);
    assert!(log.contains(r#"module ["dagger.json","stand-in.json"]"#), "{log}");
    assert!(log.contains(r#"".Env",".envrc""#), "{log}");
}

/// `--src` shows the repository as it is.
#[test]
fn the_source_still_has_it() {
    let world = World::start();
    let handed = world.path("handed");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.src().hands_over("${src/.env}", &handed))
        .file(".env", "PORT=80\n");
    let sha = pushed(&world, module);
    assert_eq!(world.expect_file("handed"), "PORT=80\n", "{}", shown(&world, &sha));
}

/// The agent's secrets are no variables of the CLI, whoever asks for them.
#[test]
fn the_webhooks_secret_is_in_no_environment() {
    let world = World::start();
    let module = Module::new("ci").function("testOnPush", |f| {
        f.src().prints("secret=${env.X_HUB_SIGNATURE} token=${env.GITHUB_TOKEN}.")
    });
    let sha = pushed(&world, module.file("ci/.env", "A=${X_HUB_SIGNATURE}\n"));
    assert!(shown(&world, &sha).contains("secret= token=."));
    for call in world.engine.invocations() {
        assert_eq!(call.env["X_HUB_SIGNATURE"], serde_json::Value::Null);
    }
}

/// The CLI looks around where it stands, and at home: there is nothing to be found, whatever the
/// repository holds.
#[test]
fn a_call_stands_in_an_empty_folder_and_has_an_empty_home() {
    let world = World::start();
    let go = world.path("go");
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.src().waits_for(&go))
        .function("lintOnPush", |f| f.src().waits_for(&go))
        .file("dagger.json", "{}");
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    let calls = eventually("both calls", || {
        let calls: Vec<_> =
            world.engine.invocations().into_iter().filter(|it| it.kind == "call").collect();
        (calls.len() == 2).then_some(calls)
    });

    let mut folders: Vec<PathBuf> = Vec::new();
    for call in &calls {
        for folder in [call.cwd.as_str(), call.env["HOME"].as_str().unwrap()] {
            let folder = PathBuf::from(folder);
            assert!(folder.is_dir() && folder.starts_with(world.agent.data()), "{folder:?}");
            assert!(entries(&folder).is_empty(), "{folder:?} holds {:?}", entries(&folder));
            for above in folder.ancestors() {
                for name in [".git", ".env", "dagger.json"] {
                    assert!(!above.join(name).exists(), "`{name}` above {folder:?}");
                }
            }
            folders.push(folder);
        }
    }
    folders.sort();
    folders.dedup();
    assert_eq!(folders.len(), 4, "each has its own: {folders:?}");
    world.touch("go");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    world.forge.expect_status(&sha, "pocketci/lint-on-push", "success");
}

#[test]
fn above_the_data_folder_it_keeps_the_agent_from_starting() {
    let mut world = World::prepare();
    let above = world.path(".env");
    std::fs::write(&above, "TOKEN=cmd://touch /tmp/owned\n").unwrap();

    let (code, said) = world.agent.refuses_to_start();

    assert_ne!(code, 0);
    let file = above.display().to_string();
    assert!(said.contains(&file) && said.contains("POCKETCI_DATA_DIR"), "{said}");
}

/// Somebody else on this host writes it while the agent runs.
#[test]
fn above_the_data_folder_it_keeps_calls_from_starting() {
    let mut world = World::start();
    let owned = world.path("owned");
    let repo = world.forge.repository("ada/site");
    repo.commit("main", open_module("ci"));
    world.forge.push(&repo, "main");
    world.engine.expect("call");
    world.let_later_work_pass();
    let text = format!("TOKEN=cmd://touch {}\n", owned.display());
    std::fs::write(world.path(".env"), text).unwrap();

    let sha = repo.commit("main", Tree::new().file("a", "a"));
    world.forge.push(&repo, "main");

    // Either the call is refused, or the engine is not even asked whether it is there.
    world.agent.expect_log("lies above the folder in which dagger is run");
    assert!(!owned.exists(), "a command ran here\n{}", shown(&world, &sha));
    std::fs::remove_file(world.path(".env")).unwrap();
    world.let_later_work_pass();
}
