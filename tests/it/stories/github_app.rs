//! The agent as a GitHub App: tokens that are good for one repository and for a while, and check
//! runs in the place of statuses.

use crate::world::forge::app::{ID, new_key};
use crate::world::forge::sign_in::CLIENT;
use crate::world::{Module, Visitor, World, eventually};

/// A world in which the agent is an App, and not started.
fn prepare() -> World {
    let mut world = World::prepare();
    let pem = world.forge.have_an_app();
    become_the_app(&mut world, &pem);
    world
}

fn become_the_app(world: &mut World, pem: &str) {
    world.agent.unset("GITHUB_TOKEN");
    world.agent.unset("GITHUB_USERNAME");
    world.agent.set("POCKETCI_GITHUB_APP_ID", &ID.to_string());
    world.agent.set("POCKETCI_GITHUB_APP_KEY", pem);
}

fn start() -> World {
    let mut world = prepare();
    world.agent.start();
    world
}

/// No token and nothing of the key may be seen from outside.
#[track_caller]
fn expect_nothing_seen(world: &World, pages: &[&str]) {
    let key = &world.agent.environment()["POCKETCI_GITHUB_APP_KEY"];
    let line = key.lines().nth(3).unwrap();
    let mut seen = world.agent.said().join("\n");
    for page in pages {
        seen.push_str(&world.agent.get(page).body);
    }
    let line_of = format!("/proc/{}/cmdline", world.agent.pid());
    seen.push_str(&String::from_utf8_lossy(&std::fs::read(line_of).unwrap()));
    for call in world.engine.calls("test-on-push") {
        seen.push_str(&format!("{call:?}"));
    }
    assert!(!seen.contains(line), "a line of the key was seen");
    for token in world.forge.tokens() {
        assert!(!seen.contains(&token), "{token} was seen");
    }
}

#[test]
fn a_call_is_shown_as_a_check_run_from_its_queue_to_its_end() {
    let world = start();
    let repo = world.forge.repository("ada/site");
    let go = world.path("go");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.waits_for(&go).prints("before\n```\n@ada after").exits(3));
    let sha = repo.commit("main", module);

    world.forge.push(&repo, "main");

    let name = "pocketci/test-on-push";
    world.forge.expect_check(&sha, name, |check| check.history.ends_with("in_progress"));
    world.touch("go");
    let check = world.forge.expect_check(&sha, name, |check| check.history.contains("completed"));
    assert_eq!(check.body["conclusion"], "failure");
    let mut states: Vec<&str> = check.history.split(' ').collect();
    // A post that found the call running already is followed by the one that says so.
    states.dedup();
    states.retain(|state| *state != "queued");
    assert_eq!(states, ["in_progress", "completed/failure"], "{}", check.history);
    let text = check.body["output"]["text"].as_str().unwrap();
    assert!(text.contains("@ada after") && text.contains("````text"), "{text}");
    assert_eq!(check.body["actions"][0]["identifier"], "rerun-failed");
    assert!(check.body["external_id"].as_str().unwrap().starts_with("pocketci:1:"));
    assert_eq!(check.body["details_url"], "http://ci.example/runs/1");
    world.forge.expect_check(&sha, "pocketci", |check| check.body["conclusion"] == "failure");
    assert_eq!(world.forge.checks(&sha, name).len(), 1);
    assert_eq!(world.forge.checks(&sha, "pocketci").len(), 1);
    // One token for everything about the repository.
    assert_eq!(world.forge.tokens().len(), 1);
    expect_nothing_seen(&world, &["/", "/runs/1", "/readyz", "/metrics"]);
}

#[test]
fn a_spec_error_is_marked_where_it_is() {
    let world = start();
    let repo = world.forge.repository("ada/site");
    let spec = "module-path: ./ci\nmodul: x\n";
    let module = Module::new("ci").function("testOnPush", |f| f).file("pocketci.yaml", spec);
    let sha = repo.commit("main", module);

    world.forge.push(&repo, "main");

    let done = |check: &crate::world::forge::app::Check| !check.annotations.is_empty();
    let check = world.forge.expect_check(&sha, "pocketci", done);
    assert_eq!(check.history, "completed/failure");
    let [mark] = check.annotations.as_slice() else { panic!("{:?}", check.annotations) };
    assert_eq!(
        (mark["path"].as_str(), mark["start_line"].as_u64()),
        (Some("pocketci.yaml"), Some(2))
    );
    assert_eq!((mark["start_column"].as_u64(), mark["end_column"].as_u64()), (Some(1), Some(5)));
    assert!(mark["message"].as_str().unwrap().contains("modul"));
    assert!(check.body["output"]["text"].as_str().unwrap().contains("pocketci.yaml:2:1"));
}

#[test]
fn a_lost_answer_gives_one_check_run() {
    let world = start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f));
    world.forge.lose_an_answer();

    world.forge.push(&repo, "main");

    for name in ["pocketci", "pocketci/test-on-push"] {
        world.forge.expect_check(&sha, name, |it| it.history.ends_with("completed/success"));
        assert_eq!(world.forge.checks(&sha, name).len(), 1, "{name}");
    }
}

pub(super) const POINTS: [&str; 2] = ["check.before-kept", "check.kept"];

#[test]
fn a_death_around_a_check_run_neither_loses_nor_doubles_it() {
    for point in POINTS {
        println!("--- dies at {point}");
        let mut world = prepare();
        let repo = world.forge.repository("ada/site");
        let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f));
        assert!(world.agent.start_armed(point));
        world.forge.push(&repo, "main");
        world.agent.expect_death();
        world.agent.start();
        for name in ["pocketci", "pocketci/test-on-push"] {
            world.forge.expect_check(&sha, name, |it| it.history.ends_with("completed/success"));
            assert_eq!(world.forge.checks(&sha, name).len(), 1, "{name}");
        }
    }
}

#[test]
fn tokens_are_renewed_before_they_end_and_when_they_are_refused() {
    let world = start();
    let repo = world.forge.repository("ada/site");
    let module = || Module::new("ci").function("testOnPush", |f| f);
    let check = |sha: &str| {
        let done = |it: &crate::world::forge::app::Check| it.history.ends_with("completed/success");
        world.forge.expect_check(sha, "pocketci", done);
    };
    // So short that it is not worth beginning with.
    world.forge.make_tokens_for(200);
    let sha = repo.commit("main", module());
    world.forge.push(&repo, "main");
    check(&sha);
    let short = world.forge.tokens().len();
    assert!(short > 1, "{short} tokens");

    world.forge.make_tokens_for(3600);
    let sha = repo.commit("main", module().file("a", "1"));
    world.forge.push(&repo, "main");
    check(&sha);
    let before = world.forge.tokens().len();
    world.forge.revoke_tokens();
    let sha = repo.commit("main", module().file("a", "2"));
    world.forge.push(&repo, "main");
    check(&sha);
    assert_eq!(world.forge.tokens().len(), before + 1);
    expect_nothing_seen(&world, &["/", "/runs/1", "/readyz"]);
}

#[test]
fn a_wrong_key_is_told() {
    let mut world = prepare();
    let (_, other) = new_key();
    become_the_app(&mut world, &other);
    world.agent.start();
    eventually("/readyz to tell of the key", || {
        let forge = world.agent.get("/readyz").json()["checks"]["forge"].clone();
        let detail = forge["detail"].as_str()?.to_owned();
        (forge["ok"] == false && detail.contains("refuses the key of the App")).then_some(())
    });
    let found = world.agent.doctor();
    let app = found.iter().find(|(_, what, _)| what == "GitHub App").unwrap();
    assert!(app.0 == "fail" && app.2.contains("refuses the key"), "{app:?}");
}

#[test]
fn a_suspended_installation_is_told_and_goes_on_when_it_is_back() {
    let mut world = start();
    let repo = world.forge.repository("ada/site");
    world.forge.suspend_installation(true);
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f));
    world.forge.push(&repo, "main");
    world.agent.expect_log("is suspended");
    world.forge.suspend_installation(false);
    world.forge.expect_check(&sha, "pocketci", |it| it.history.ends_with("completed/success"));
}

#[test]
fn a_key_that_is_none_is_refused_at_the_start_without_being_shown() {
    let mut world = prepare();
    become_the_app(&mut world, "-----BEGIN RSA PRIVATE KEY-----\nnothing\n");
    let (code, said) = world.agent.refuses_to_start();
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("POCKETCI_GITHUB_APP_KEY is no private key") && !said.contains("nothing")
    );
}

#[test]
fn buttons_and_reruns_do_what_they_say_for_those_who_may_write() {
    let world = start();
    let repo = world.forge.repository("ada/site");
    let module = |exit| Module::new("ci").function("testOnPush", |f| f.exits(exit));
    let sha = repo.commit("main", module(3));
    world.forge.push(&repo, "main");
    let name = "pocketci/test-on-push";
    let failed = |it: &crate::world::forge::app::Check| it.history.ends_with("completed/failure");
    let first = world.forge.expect_check(&sha, name, failed);
    world.forge.expect_check(&sha, "pocketci", failed);

    // A stranger's finger does nothing, nor does one in another repository or on another commit.
    world.forge.press(&repo, &first, "mallory", "rerun-failed").accepted();
    let other = world.forge.repository("ada/other");
    let theirs = other.commit("main", module(4));
    world.forge.press(&other, &first, "ada", "rerun-failed").accepted();
    let moved = crate::world::forge::app::Check { sha: theirs, ..first.clone() };
    world.forge.press(&repo, &moved, "ada", "rerun-failed").accepted();
    world.let_later_work_pass();
    assert_eq!(world.forge.checks(&sha, name).len(), 1);

    world.forge.press(&repo, &first, "ada", "rerun-failed").accepted();
    let second = world.forge.expect_check(&sha, name, |it| it.id != first.id && failed(it));
    assert_ne!(second.body["external_id"], first.body["external_id"]);
    eventually("two calls", || (world.engine.calls("test-on-push").len() >= 2).then_some(()));

    eventually("the run to be over", || {
        let all = world.forge.checks(&sha, "pocketci");
        all.iter().all(|it| it.history.ends_with("completed/failure")).then_some(())
    });
    world.forge.rerequest(&repo, &second, "ada").accepted();
    let third = world.forge.expect_check(&sha, name, |it| it.id > second.id && failed(it));
    eventually("the run to be over", || {
        let all = world.forge.checks(&sha, "pocketci");
        all.iter().all(|it| it.history.ends_with("completed/failure")).then_some(())
    });
    world.forge.rerequest_all(&repo, &sha, "ada").accepted();
    world.forge.expect_check(&sha, name, |it| it.id > third.id && failed(it));
}

#[test]
fn a_commit_from_outside_waits_for_its_button() {
    let world = start();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("testOnPullRequest", |f| f);
    repo.commit("main", module);
    world.forge.push(&repo, "main");
    let fork = world.forge.fork(&repo, "mallory");
    fork.commit("main", [("a", "1")]);
    let sha = fork.head("main").unwrap();
    world.forge.open_pull_request_from_fork(&fork, "main", &repo, "main");

    let name = "pocketci/test-on-pull-request";
    let waits = |it: &crate::world::forge::app::Check| {
        it.history == "completed/action_required"
            && it.body["actions"][0]["identifier"] == "approve"
    };
    let check = world.forge.expect_check(&sha, name, waits);
    world.forge.press(&repo, &check, "ada", "approve").accepted();
    let passed = |it: &crate::world::forge::app::Check| it.history.ends_with("completed/success");
    world.forge.expect_check(&sha, name, passed);
    assert_eq!(world.forge.checks(&sha, name).len(), 1);

    // A push takes it back, and the button of the commit before is no word on this one.
    let second = fork.commit("main", [("a", "evil")]);
    world.forge.synchronize(1);
    world.forge.expect_check(&second, name, waits);
    world.forge.press(&repo, &check, "ada", "approve").accepted();
    world.let_later_work_pass();
    assert!(world.forge.checks(&second, name).iter().all(waits_still));
    assert_eq!(world.engine.calls("test-on-pull-request").len(), 1);
}

fn waits_still(check: &crate::world::forge::app::Check) -> bool {
    check.history == "completed/action_required"
}

#[test]
fn what_is_under_way_is_ended_by_its_button() {
    let world = start();
    let repo = world.forge.repository("ada/site");
    let (began, go) = (world.path("began"), world.path("go"));
    let module = Module::new("ci").function("testOnPush", |f| f.touches(&began).waits_for(&go));
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.expect_file("began");
    let name = "pocketci/test-on-push";
    let offered = |it: &crate::world::forge::app::Check| {
        let actions = it.body["actions"].as_array().map_or(&[][..], Vec::as_slice);
        actions.iter().any(|action| action["identifier"] == "cancel")
    };
    let check = world.forge.expect_check(&sha, name, offered);

    world.forge.press(&repo, &check, "mallory", "cancel").accepted();
    world.let_later_work_pass();
    assert!(!world.forge.checks(&sha, name)[0].history.contains("completed"));

    world.forge.press(&repo, &check, "ada", "cancel").accepted();
    let ended = |it: &crate::world::forge::app::Check| it.history.contains("completed/");
    let check = world.forge.expect_check(&sha, name, ended);
    assert_eq!(check.body["conclusion"], "cancelled");
    let title = check.body["output"]["title"].as_str().unwrap();
    assert!(title.contains("ada"), "{title}");
}

/// GitHub makes an App of the manifest that a form on this machine brings; the agent takes it up.
#[test]
fn an_app_is_made_by_the_manifest_and_taken_up() {
    use std::io::{BufRead as _, BufReader, Read as _};
    let mut world = World::prepare();
    for name in ["GITHUB_TOKEN", "GITHUB_USERNAME", "X_HUB_SIGNATURE"] {
        world.agent.unset(name);
    }
    world.forge.make_an_app_for("c0de");
    let mut command = crate::world::process::program(env!("CARGO_BIN_EXE_pocketci-agent"));
    command.env_clear().envs(world.agent.environment()).args(["github-app", "create"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let page = loop {
        let mut line = String::new();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "it ended without an address");
        if let Some(page) = line.trim().strip_suffix('/').filter(|it| it.starts_with("http://")) {
            break page.to_owned();
        }
    };

    let form = crate::world::http::get(&format!("{page}/")).body;
    let (_, action) = form.split_once("action=\"").unwrap();
    let action = action.split('"').next().unwrap();
    let (place, state) = action.split_once("?state=").unwrap();
    assert_eq!(place, format!("{}/settings/apps/new", world.forge.url()));
    for address in ["/webhooks/github", "/sign-in/github/back"] {
        assert!(form.contains(&format!("http://ci.example{address}")), "{form}");
    }
    // Another page cannot bring a code of its own.
    let answer = crate::world::http::get(&format!("{page}/created?code=evil&state=0"));
    assert_eq!(answer.status, 400);
    let answer = crate::world::http::get(&format!("{page}/created?code=c0de&state={state}"));
    assert_eq!(answer.status, 200);
    let mut said = String::new();
    out.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success() && said.contains("Install it"), "{said}");

    world.agent.start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f));
    world.forge.push(&repo, "main");
    world.forge.expect_check(&sha, "pocketci", |it| it.history.ends_with("completed/success"));
    // People sign in with it, without another word of the operator's.
    world.forge.be_visited_by("ada");
    let page = Visitor::new(&world.agent.url("")).go("/sign-in/github?next=%2Fruns%2F1");
    assert!(page.status == 200 && page.body.contains("Sign out"), "{page:?}");
    let file = std::fs::read_to_string(world.agent.data().join("github-app.json")).unwrap();
    assert!(file.contains(CLIENT.1));
    assert!(!world.agent.said().join("\n").contains(CLIENT.1));
    // There is one already.
    let (status, said) = world.agent.command(&["github-app", "create"]);
    assert!(status == 2 && said.contains("There is an App already"), "{said}");
}

/// An App has one webhook for all repositories, and may read what that could not deliver.
#[test]
fn what_the_apps_webhook_could_not_deliver_is_run() {
    let mut world = start();
    let repo = world.forge.repository("ada/site");
    let module = || Module::new("ci").function("testOnPush", |f| f);
    let passed = |it: &crate::world::forge::app::Check| it.history.ends_with("completed/success");
    let sha = repo.commit("main", module());
    world.forge.push(&repo, "main");
    world.forge.expect_check(&sha, "pocketci", passed);
    world.agent.terminate();
    world.agent.set("POCKETCI_CATCH_UP", "24h");
    let sha = repo.commit("main", module().file("a", "1"));
    let delivery = world.forge.push_unheard(&repo, "main");
    // Of a repository on which it was installed meanwhile.
    let other = world.forge.repository("ada/new");
    let first = other.commit("main", module());
    world.forge.push_unheard(&other, "main");

    world.agent.start();

    world.forge.expect_check(&sha, "pocketci/test-on-push", passed);
    world.forge.expect_check(&first, "pocketci/test-on-push", passed);
    world.agent.expect_log("Caught up found=2");
    assert!(world.forge.requests().iter().any(|one| one.path.contains("/app/hook/deliveries")));
    assert_eq!(world.forge.redeliver(&delivery.id).status, 200);
}
