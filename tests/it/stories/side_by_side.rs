//! Several forges, and several of one vendor, served by one agent: nothing of one is another's.

use crate::world::forge::{self, Kind, headers, new_id, sign};
use crate::world::{Forge, Module, World};

const SECRET: &str = "the secret of the forge at work";
const TOKEN: &str = "ghp_theTokenOfTheForgeAtWork";

/// An agent with a GitHub by its variables, another one and a GitLab by its file.
fn world() -> (World, Forge, Forge) {
    let mut world = World::prepare();
    let work = Forge::start_with(Kind::Github, TOKEN, SECRET);
    let lab = Forge::start_with(Kind::Gitlab, "glpat-the-token", "the secret of the lab");
    let path = world.path("agent.yaml");
    let file = format!(
        "forges:\n  - {{vendor: github, name: work, url: \"{}\", username: {}, token: {{env: \
         WORK_TOKEN}}, webhook-secret: {{file: hook}}}}\n  - {{vendor: gitlab, url: \"{}\", token: \
         {{env: LAB_TOKEN}}, webhook-secret: {{env: LAB_SECRET}}}}\n",
        work.url(),
        forge::USERNAME,
        lab.url(),
    );
    std::fs::write(world.path("hook"), format!("{SECRET}\n")).unwrap();
    std::fs::write(&path, file).unwrap();
    world.agent.set("POCKETCI_CONFIG", path.to_str().unwrap());
    for (name, value) in [
        ("WORK_TOKEN", TOKEN),
        ("LAB_TOKEN", "glpat-the-token"),
        ("LAB_SECRET", "the secret of the lab"),
    ] {
        world.agent.set(name, value);
    }
    world.agent.start();
    world.forge.send_hooks_to(&world.agent.url("/webhooks/github"));
    work.send_hooks_to(&world.agent.url("/webhooks/github:work"));
    lab.send_hooks_to(&world.agent.url("/webhooks/gitlab"));
    (world, work, lab)
}

#[test]
fn repositories_of_one_name_on_three_forges_stay_apart() {
    let (world, work, lab) = world();
    let forges = [&world.forge, &work, &lab];
    let pushed: Vec<String> = forges
        .iter()
        .enumerate()
        .map(|(number, forge)| {
            let repo = forge.repository("ada/site");
            let text = format!("of forge {number} with ghp_theTokenOfTheForgeAtWork");
            let module = Module::new("ci").function("testOnPush", |f| f.prints(&text));
            let sha = repo.commit("main", module);
            forge.push(&repo, "main");
            sha
        })
        .collect();
    for (number, (forge, sha)) in forges.iter().zip(&pushed).enumerate() {
        let status = forge.expect_status(sha, "pocketci/test-on-push", "success");
        let log = world.agent.logs(&status);
        assert!(log.contains(&format!("of forge {number} with ***")), "{log}");
    }
    world.let_later_work_pass();
    for (at, forge) in forges.iter().enumerate() {
        for (of, sha) in pushed.iter().enumerate() {
            assert_eq!(forge.statuses(sha).is_empty(), at != of, "{of} at {at}");
        }
        // Nobody was shown what belongs to somebody else.
        let refused = forge.requests().into_iter().filter(|one| one.status == 401);
        let tried = refused.filter(|one| one.authorization.is_some()).collect::<Vec<_>>();
        assert!(tried.is_empty(), "{tried:?}");
    }
}

#[test]
fn a_secret_proves_what_its_own_forge_sends_alone() {
    let (world, work, lab) = world();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f));
    let body = world.forge.pushed(&repo, "main").to_string().into_bytes();
    let send = |place: &Forge, secret: &str| {
        let headers = headers(&new_id(), "push", "application/json", &sign(secret, &body));
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        place.deliver_raw(&headers, &body).status
    };

    assert_eq!(send(&work, forge::SECRET), 401);
    assert_eq!(send(&lab, SECRET), 401);
    assert_eq!(send(&world.forge, "the secret of the lab"), 401);
    assert_eq!(send(&world.forge, forge::SECRET), 202);

    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    assert!(work.statuses(&sha).is_empty());
}

#[test]
fn doctor_and_readyz_name_each_forge_and_show_no_secret() {
    let (world, _work, _lab) = world();
    let found = world.agent.doctor();
    let text = format!("{found:?}");
    for part in ["github: ", "github:work: ", "gitlab: ", "`webhook-secret` of `github:work`"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let ready = crate::world::eventually("/readyz to know every forge", || {
        let body = world.agent.get("/readyz").body;
        body.contains("forge:github:work").then_some(body)
    });
    let said = world.agent.said().join("\n");
    for secret in [SECRET, TOKEN, "glpat-the-token", "the secret of the lab"] {
        for shown in [&text, &ready, &said] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}

/// What a person may do on one forge is nothing on another.
#[test]
fn rights_on_one_forge_are_none_on_another() {
    let (world, work, _lab) = world();
    world.forge.may_write("eve");
    let repo = work.repository("ada/site");
    repo.commit("main", Module::new("ci").function("testOnPullRequest", |f| f));
    work.push(&repo, "main");
    let fork = work.fork(&repo, "eve");
    let sha = fork.commit("main", [("a", "1\n")]);
    let number = work.open_pull_request_from_fork(&fork, "main", &repo, "main");
    work.expect_status_like(&sha, "that it waits", |status| status.description.contains("waits"));

    let asked = work.comment(number, "eve", "/pocketci approve");

    assert_eq!(work.expect_reaction(asked), "confused");
    world.let_later_work_pass();
    assert!(world.engine.calls("test-on-pull-request").is_empty());
    let asked = work.comment(number, "ada", "/pocketci approve");
    assert_eq!(work.expect_reaction(asked), "+1");
    work.expect_status(&sha, "pocketci/test-on-pull-request", "success");
}

#[test]
fn a_refused_token_is_named_by_where_its_own_forge_has_it() {
    let mut world = World::prepare();
    let work = Forge::start_with(Kind::Gitea, TOKEN, SECRET);
    let path = world.path("agent.yaml");
    let file = format!(
        "forges:\n  - {{vendor: gitea, name: work, url: \"{}\", token: {{env: WORK_TOKEN}}, \
         webhook-secret: {{env: WORK_SECRET}}}}\n",
        work.url(),
    );
    std::fs::write(&path, file).unwrap();
    world.agent.set("POCKETCI_CONFIG", path.to_str().unwrap());
    world.agent.set("WORK_TOKEN", "another-token-than-that");
    world.agent.set("WORK_SECRET", SECRET);
    world.agent.start();
    let own = "`token` of `gitea:work` in POCKETCI_CONFIG is not valid";

    crate::world::eventually("/readyz to name it", || {
        world.agent.get("/readyz").body.contains(own).then_some(())
    });

    let asked = ["hooks", "list", "ada/site", "--forge", "gitea:work"];
    let (status, said) = world.agent.command(&asked);
    assert!(status != 0 && said.contains(own), "{said}");
    let told = world.agent.said().join("\n");
    assert!(told.contains(own) && !told.contains("GITEA_TOKEN"), "{told}");
}
