//! Strings: each of them in every place where a stranger can write one, and then every place where
//! it could come out.

use serde_json::{Value, json};

use super::super::remote::Shell;
use super::shown;
use crate::world::{Module, World, entries};

/// What each of them is after.
fn strings() -> Vec<String> {
    let mut strings: Vec<String> = [
        "--help",
        "-m=/etc",
        "--src=/etc",
        "a b",
        "it's \"quoted\"",
        "$(touch /tmp/owned)`id`;|&",
        "${X_HUB_SIGNATURE}",
        "two\nlines\r\nINFO listening on http://0.0.0.0:1",
        "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m",
        "\u{202e}cod.exe\u{2066}\u{200f}\u{2028}",
        "<script>alert(1)</script>",
        "\" onmouseover=alert(1) x=\"",
        "'><img src=x onerror=alert(1)>",
        "javascript:alert(1)",
        "../../../etc/passwd",
        "%0d%0aSet-Cookie: a=b",
        "{{7*7}}{% raw %}",
        "env:GITHUB_TOKEN",
        "cmd://touch /tmp/owned",
    ]
    .map(str::to_owned)
    .into();
    strings.push("x".repeat(10_000));
    strings
}

/// Everything that follows from pushing a commit full of this string, and a pull request.
fn tell(world: &World, text: &str) -> String {
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.src().arg("filter: String").event_trigger())
        .function("testOnPullRequestOpened", |f| f.src().arg("event: String").event_trigger());
    let module = match text.len() {
        ..200 => {
            let name = text
                .trim_matches('/')
                .replace("..", "__")
                .replace("//", "/_/")
                .replace("\u{0}", "");
            let spec = "module-path: ./nothing\n";
            module.file(&format!("{name}/pocketci.yaml"), spec).file("pocketci.yaml", "{}\n")
        }
        _ => module,
    };
    let author = text.replace(['\n', '<', '>'], " ");
    let sha = repo.commit_by("main", (&author, "ada@example.com"), text, module);
    let mut body = world.forge.pushed(&repo, "main");
    fill(&mut body, text);
    world.forge.deliver("push", &body).accepted();
    // The reference may be none that git would take: such a push is refused or planned, never
    // more than that.
    let mut odd = body.clone();
    odd["ref"] = json!(format!("refs/heads/{text}"));
    odd["repository"]["default_branch"] = json!(text);
    let delivery = world.forge.deliver("push", &odd);
    assert!((200..500).contains(&delivery.status), "{text:.40?}: {delivery:?}");
    odd["ref"] = json!(format!("refs/tags/{text}"));
    let delivery = world.forge.deliver("push", &odd);
    assert!((200..500).contains(&delivery.status), "{text:.40?}: {delivery:?}");
    if text.len() < 100 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let delivery = world.forge.deliver(text, &odd);
        assert!((200..500).contains(&delivery.status), "{text:.40?}: {delivery:?}");
    }
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    sha
}

/// The same with a pull request, a comment below it, and a release.
#[test]
fn every_string_around_a_pull_request() {
    let world = World::start();
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci").function("onPullRequest", |f| {
        f.src().arg("title: String").arg("author: String").arg("branch: String").event_trigger()
    });
    repo.commit("main", module);
    world.forge.pushed(&repo, "main");
    for text in strings() {
        let sha = repo.commit("feature", [("a", text.as_str())]);
        world.forge.pushed(&repo, "feature");
        let (number, mut body) = world.forge.opened(&repo, "feature", &repo, "main");
        let pull = &mut body["pull_request"];
        for field in ["title", "body", "html_url", "diff_url"] {
            pull[field] = json!(text);
        }
        pull["user"]["login"] = json!(text);
        pull["head"]["label"] = json!(text);
        pull["labels"] = json!([{"name": text, "color": "fff"}]);
        body["sender"]["login"] = json!(text);
        world.forge.deliver("pull_request", &body).accepted();
        // The head's name, which has to be one that git takes, is refused or is words.
        body["pull_request"]["head"]["ref"] = json!(text);
        let delivery = world.forge.deliver("pull_request", &body);
        assert!((200..500).contains(&delivery.status), "{text:.40?}: {delivery:?}");
        let mut release = body.clone();
        release["action"] = json!("published");
        release["release"] = json!({
            "tag_name": text, "name": text, "body": text, "html_url": text,
            "draft": false, "prerelease": false,
        });
        let delivery = world.forge.deliver("release", &release);
        assert!((200..500).contains(&delivery.status), "{text:.40?}: {delivery:?}");
        world.forge.expect_status(&sha, "pocketci/on-pull-request", "success");
        let words = format!("/pocketci explain\n\n{text}");
        let comment = world.forge.comment(number, "ada", &words);
        world.forge.expect_reaction(comment);
        let answer = world.forge.expect_own_comment(number, "onPullRequest").body;
        expect_inert("a comment", &answer);
        for evil in ["<script", "<img", "](javascript", "onmouseover"] {
            assert!(!answer.to_lowercase().contains(evil), "{answer}");
        }
        assert!(answer.len() < 20_000, "{} bytes", answer.len());
        for status in &world.forge.statuses(&sha) {
            expect_inert("a status", &format!("{}{}", status.context, status.description));
            assert!(status.description.chars().count() <= 140, "{status:?}");
        }
    }
    pages(&world);
    machines(&world);
    for line in ["runs list", "deliveries list", "runs show 1"] {
        expect_inert(line, &Shell::local(&world).run(line).status(0).stdout);
    }
    for call in world.engine.calls("on-pull-request") {
        for flag in call.argv.iter().filter(|argument| argument.starts_with('-')) {
            let known =
                ["--progress", "--src", "--title", "--author", "--branch", "--event-trigger"];
            let name = flag.split('=').next().unwrap();
            assert!(name == "-m" || known.contains(&name), "{flag:?}");
        }
    }
    assert!(!std::path::Path::new("/tmp/owned").exists());
    expect_inert("the log", &world.agent.said().join("\n"));
}

/// What the API says is JSON whatever is in it, and no browser takes it for a page.
fn machines(world: &World) {
    for path in ["/api/v1/runs", "/api/v1/runs/1", "/api/v1/deliveries", "/api/v1/waiting"] {
        let answer = world.agent.get(path);
        if answer.status == 401 || answer.status == 403 {
            continue;
        }
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let kind = answer.header("content-type").unwrap_or_default();
        assert!(kind.starts_with("application/json"), "{path}: {kind}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        answer.json();
        assert!(!answer.body.contains(|c: char| c < ' '), "{path}");
    }
}

/// Puts it wherever the body holds words of people's.
fn fill(body: &mut Value, text: &str) {
    for (of, field) in [
        ("/head_commit", "message"),
        ("/head_commit/author", "name"),
        ("/head_commit/author", "email"),
        ("/head_commit/author", "username"),
        ("/head_commit", "url"),
        ("/head_commit", "timestamp"),
        ("/repository", "description"),
        ("/repository", "html_url"),
        ("/repository", "clone_url"),
        ("/sender", "login"),
        ("/sender", "html_url"),
        ("/pusher", "name"),
        ("", "compare"),
    ] {
        if let Some(object) = body.pointer_mut(of).and_then(Value::as_object_mut) {
            object.insert(field.to_owned(), json!(text));
        }
    }
    if let Some(commits) = body["commits"].as_array_mut() {
        commits.iter_mut().for_each(|commit| commit["added"] = json!([text]));
    }
}

/// Whether a character acts on a terminal or turns a line around.
fn is_active(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
        || matches!(c, '\u{200f}' | '\u{2028}' | '\u{202e}' | '\u{2066}')
}

#[track_caller]
fn expect_inert(what: &str, text: &str) {
    if let Some(place) = text.find(is_active) {
        let start = text[..place].char_indices().rev().nth(60).map_or(0, |(at, _)| at);
        panic!(
            "{what} has something active in it: {:?}",
            &text[start..(place + 8).min(text.len())]
        );
    }
}

#[test]
fn every_string_in_every_place() {
    let world = World::start();
    for text in strings() {
        let sha = tell(&world, &text);
        world.let_later_work_pass();
        let statuses = world.forge.statuses(&sha);
        for status in &statuses {
            expect_inert("a status", &format!("{}{}", status.context, status.description));
            assert!(!status.context.contains('\n') && !status.description.contains('\n'));
            assert!(status.context.chars().count() <= 200, "{status:?}");
            assert!(status.description.chars().count() <= 140, "{status:?}");
            assert!(status.target_url.starts_with("http://ci.example/runs/"), "{status:?}");
        }
        expect_inert("what the agent shows", &shown(&world, &sha));
    }
    pages(&world);
    arguments(&world);
    let names: String = all_names(world.agent.data());
    expect_inert("a file's name", &names);
    for text in ["touch", "script", "--src", "xxxxxxxxxxxxxxxxxxxx"] {
        assert!(!names.contains(text), "{names}");
    }
    assert!(!std::path::Path::new("/tmp/owned").exists());
    let begins = |line: &String| line.starts_with("20") && line.contains('Z');
    let forged: Vec<_> = world.agent.said().into_iter().filter(|line| !begins(line)).collect();
    assert!(forged.is_empty(), "{forged:?}");
}

/// The same with the log for machines: one object a line, whatever is in it.
#[test]
fn every_string_in_the_log_for_machines() {
    let mut world = World::with(&[("POCKETCI_LOG_FORMAT", "json")]);
    for text in strings() {
        tell(&world, &text);
    }
    world.let_later_work_pass();
    world.agent.terminate();
    for line in world.agent.said() {
        expect_inert("the log", &line);
        let parsed = serde_json::from_str::<Value>(&line);
        assert!(parsed.is_ok(), "{line}");
    }
}

/// Every page, with no tag, attribute or address of a stranger's in it.
fn pages(world: &World) {
    let list = world.agent.get("/runs").body;
    let mut paths = vec!["/runs".to_owned()];
    let links = |page: &str| -> Vec<String> {
        let parts = page.split("href=\"").skip(1);
        parts.filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect()
    };
    paths.extend(links(&list).into_iter().filter(|link| link.starts_with("/runs/")));
    paths.truncate(60);
    for path in &paths {
        let answer = world.agent.get(path.split('#').next().unwrap());
        let page = &answer.body;
        expect_inert(path, page);
        for (name, value) in &answer.headers {
            expect_inert(path, &format!("{name}: {value}"));
        }
        assert_eq!(answer.header("set-cookie"), None);
        let lower = page.to_lowercase();
        for evil in
            ["<script>", "<script src", "<img", "\" onmouseover", "href=\"javascript", "href='"]
        {
            assert!(!lower.contains(evil), "{path} holds {evil}");
        }
        for link in links(page) {
            let own = link.starts_with('/') || link.starts_with('#') || link.starts_with("http");
            assert!(own, "{path} links to {link}");
        }
        let csp = answer.header("content-security-policy").unwrap_or_default();
        assert!(csp.contains("default-src 'none'"), "{path}: {csp}");
    }
    assert!(paths.len() > 20, "{paths:?}");
}

/// Each argument of every call is what we meant it to be.
fn arguments(world: &World) {
    let calls: Vec<_> =
        world.engine.invocations().into_iter().filter(|one| one.kind == "call").collect();
    assert!(calls.len() >= strings().len());
    let data = world.agent.data().to_str().unwrap();
    for call in calls {
        let mut words = Vec::new();
        for argument in &call.argv {
            match argument.strip_prefix("--").and_then(|flag| flag.split_once('=')) {
                Some(("src" | "event-trigger", path)) => assert!(path.starts_with(data), "{path}"),
                Some(("progress" | "filter" | "event" | "vendor", _)) => {}
                Some(other) => panic!("{other:?} in {:?}", call.argv),
                None => words.push(argument.as_str()),
            }
        }
        let [call_, m, module, function] = words.as_slice() else { panic!("{:?}", call.argv) };
        assert_eq!((*call_, *m), ("call", "-m"));
        assert!(module.starts_with(data), "{module}");
        assert!(["test-on-push", "on-push"].contains(function), "{function}");
    }
}

/// The names of everything below a folder.
fn all_names(folder: &std::path::Path) -> String {
    let mut names = String::new();
    for name in entries(folder) {
        let path = folder.join(&name);
        // A mirror's are git's own.
        if path.is_dir() && name != "mirrors" {
            names.push_str(&all_names(&path));
        }
        names.push_str(&name);
        names.push('\n');
    }
    names
}

/// What the commands print of a working copy: on a terminal it is read by people.
#[test]
fn every_string_on_the_terminal() {
    let world = World::start();
    let dir = world.path("copy");
    std::fs::create_dir(&dir).unwrap();
    let git = |arguments: &[&str]| crate::world::git::git(&dir, arguments);
    git(&["init", "-q", "-b", "main"]);
    let module = Module::new("ci").function("testOnPush", |f| f.src());
    for (path, content) in crate::world::Tree::from(module).files() {
        let place = dir.join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, content.text()).unwrap();
    }
    for text in strings() {
        if text.len() < 200 {
            let name = text.replace('/', "_");
            std::fs::write(dir.join(name), "").unwrap();
        }
        git(&["add", "-A"]);
        git(&[
            "-c",
            "core.commentChar=%",
            "commit",
            "-q",
            "--allow-empty",
            "--cleanup=verbatim",
            "-m",
            &format!("m {text}"),
        ]);
        for arguments in [["plan", "push"], ["event", "push"], ["plan", "--json"]] {
            let mut command = crate::world::process::program(env!("CARGO_BIN_EXE_pocketci-agent"));
            command.env_clear().envs(world.agent.environment()).current_dir(&dir);
            let output = command.args(arguments).output().unwrap();
            let out = String::from_utf8_lossy(&output.stdout).into_owned();
            let err = String::from_utf8_lossy(&output.stderr).into_owned();
            expect_inert(&format!("{arguments:?}"), &out);
            expect_inert(&format!("{arguments:?} (stderr)"), &err);
        }
    }
}
