//! People sign in through GitHub, and through an OpenID provider.

use serde_json::json;

use crate::world::forge::sign_in::{CLIENT, PERSONS_TOKEN};
use crate::world::{Forge, Module, Visitor, World};

const RIGHTS: &str = "groups:ci-operators=operate, email:*@example.org=read";

fn github() -> [(&'static str, &'static str); 3] {
    [
        ("POCKETCI_PUBLIC_RUNS", "none"),
        ("POCKETCI_GITHUB_OAUTH_ID", CLIENT.0),
        ("POCKETCI_GITHUB_OAUTH_SECRET", CLIENT.1),
    ]
}

/// A world with a finished run of `ada/site`, which is private.
fn with_a_run(variables: &[(&str, &str)]) -> World {
    let mut world = World::prepare();
    let issuer = world.forge.issuer();
    for (name, value) in variables {
        world.agent.set(name, if *name == "POCKETCI_OIDC_ISSUER" { &issuer } else { value });
    }
    world.agent.start();
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", |f| f.exits(3)));
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci", "failure");
    world
}

fn browser(world: &World) -> Visitor {
    Visitor::new(&world.agent.url(""))
}

/// Goes to a page, and from there by the button in.
#[track_caller]
fn enter(browser: &mut Visitor, way: &str, page: &str) -> crate::world::http::Answer {
    let asked = browser.go(page);
    let next: String = url::form_urlencoded::byte_serialize(page.as_bytes()).collect();
    let button = format!("/sign-in/{way}?next={next}");
    assert!(asked.body.contains(&format!("href=\"{button}\"")), "{}", asked.body);
    browser.go(&button)
}

#[test]
fn who_may_read_the_repository_may_read_its_runs() {
    let world = with_a_run(&github());
    world.forge.grant("mallory", "none");
    world.forge.may_write("carol");

    world.forge.be_visited_by("bob");
    let mut bob = browser(&world);
    let page = enter(&mut bob, "github", "/runs/1");
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.body.contains("ada/site") && page.body.contains("bob"), "{}", page.body);
    assert!(bob.go("/runs").body.contains("ada/site"));
    assert_eq!(bob.press("/runs/1/rerun", "which=failed").status, 403);
    assert_eq!(bob.go("/api/v1/tokens").status, 403);

    world.forge.be_visited_by("carol");
    let mut carol = browser(&world);
    enter(&mut carol, "github", "/runs/1");
    assert_eq!(carol.press("/runs/1/rerun", "which=failed").status, 303);
    assert!(carol.go("/runs/1").body.contains("carol began it again"));

    world.forge.be_visited_by("mallory");
    let mut mallory = browser(&world);
    assert_eq!(enter(&mut mallory, "github", "/runs/1").status, 404);
    let list = mallory.go("/runs");
    assert!(list.status == 200 && !list.body.contains("ada/site"), "{}", list.body);
    assert_eq!(mallory.press("/runs/1/rerun", "which=failed").status, 404);
    assert_eq!(mallory.go("/api/v1/badge/github/ada/site.svg").status, 404);
}

#[test]
fn an_admin_does_everything() {
    let admin = [("POCKETCI_ADMINS", "github:Root")];
    let world = with_a_run(&[&github()[..], &admin].concat());
    world.forge.grant("root", "none");
    world.forge.be_visited_by("root");
    let mut root = browser(&world);
    assert_eq!(enter(&mut root, "github", "/runs/1").status, 200);
    let made = root.press("/api/v1/tokens", r#"{"name": "deploy", "scope": "operate"}"#);
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json()["created_by"], "root");
}

#[test]
fn nothing_is_kept_that_opens_anything() {
    let world = with_a_run(&github());
    world.forge.be_visited_by("bob");
    let mut bob = browser(&world);
    enter(&mut bob, "github", "/runs/1");
    let cookie = bob.cookie("pocketci").unwrap().to_owned();
    assert_eq!(bob.cookie("pocketci-sign-in"), None);
    let token = format!("{PERSONS_TOKEN}bob");

    // The person's token went to one address, and the agent's own did not go with the code.
    let shown = |text: &str| {
        let requests = world.forge.requests();
        let with = requests.into_iter().filter(|it| it.authorization.as_deref() == Some(text));
        with.map(|it| it.path).collect::<Vec<_>>()
    };
    assert_eq!(shown(&format!("Bearer {token}")), ["/api/v3/user"]);
    let exchanges = world.forge.requests();
    let mut exchanges = exchanges.iter().filter(|it| it.path.starts_with("/login/oauth/access"));
    assert!(exchanges.all(|it| it.authorization.is_none()));

    for entry in std::fs::read_dir(world.agent.data()).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        for secret in [&cookie, &token, CLIENT.1] {
            let found = bytes.windows(secret.len()).any(|some| some == secret.as_bytes());
            assert!(!found, "{secret} is in {}", path.display());
        }
    }
    let said = world.agent.said().join("\n");
    for secret in [&cookie, &token, CLIENT.1, "code1"] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }

    assert_eq!(bob.press("/sign-out", "").status, 303);
    assert!(bob.go("/runs/1").body.contains("Sign in with GitHub"));
    let mut thief = browser(&world);
    let with = format!("pocketci={cookie}");
    let answer = crate::world::http::send(
        "GET",
        &world.agent.url("/api/v1/runs"),
        &[("Cookie", &with)],
        b"",
    );
    assert_eq!(answer.unwrap().status, 401);
    assert!(thief.go("/runs/1").body.contains("Sign in with GitHub"));
}

#[test]
fn whoever_is_not_confirmed_stays_outside() {
    let world = with_a_run(&github());
    let mut bob = browser(&world);
    let outside = |bob: &mut Visitor| assert_eq!(bob.go("/api/v1/runs").status, 401);

    world.forge.be_visited_by_nobody();
    let denied = enter(&mut bob, "github", "/runs/1");
    assert_eq!(denied.status, 403, "{denied:?}");
    assert!(denied.body.contains("You have not let GitHub say who you are"), "{}", denied.body);
    outside(&mut bob);

    world.forge.be_visited_by("bob");
    world.forge.exchange_codes(false);
    let down = enter(&mut bob, "github", "/runs/1");
    assert_eq!(down.status, 502, "{down:?}");
    outside(&mut bob);
    world.forge.exchange_codes(true);

    // What it answers is not asked for elsewhere.
    let other = Forge::start();
    world.forge.redirect_to(other.url(), |path| path.ends_with("/access_token"));
    assert_eq!(enter(&mut bob, "github", "/runs/1").status, 502);
    assert!(other.requests().is_empty());
    world.forge.stay();
    outside(&mut bob);

    // Somebody's answer in another browser, and once more in their own.
    assert_eq!(enter(&mut bob, "github", "/runs/1").status, 200);
    let answer = bob.visited.iter().rev().find(|it| it.contains("/back?code=")).unwrap().clone();
    let mut eve = browser(&world);
    assert_eq!(eve.go(&answer).status, 400);
    outside(&mut eve);
    let again = bob.go(&answer);
    assert!(again.status == 400 && again.body.contains("Begin again"), "{again:?}");

    // A code that was used, with the state of a new attempt.
    let begun = eve.once("GET", "http://ci.example/sign-in/github", b"");
    let to = begun.header("location").unwrap();
    let state = to.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let code = answer.split("code=").nth(1).unwrap().split('&').next().unwrap();
    let back = format!("http://ci.example/sign-in/github/back?code={code}&state={state}");
    assert_eq!(eve.go(&back).status, 403);
    outside(&mut eve);
    // Nor is somebody's code worth anything in an attempt of somebody else.
    let mut fresh = browser(&world);
    let begun = fresh.once("GET", "http://ci.example/sign-in/github", b"");
    let to = begun.header("location").unwrap().to_owned();
    let theirs = fresh.once("GET", &to, b"").header("location").unwrap().to_owned();
    let code = theirs.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let begun = eve.once("GET", "http://ci.example/sign-in/github", b"");
    let to = begun.header("location").unwrap();
    let state = to.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let back = format!("http://ci.example/sign-in/github/back?code={code}&state={state}");
    assert_eq!(eve.go(&back).status, 403);
    outside(&mut eve);
}

#[test]
fn an_openid_provider_says_who_may_what() {
    let variables = [
        ("POCKETCI_PUBLIC_RUNS", "none"),
        ("POCKETCI_OIDC_ISSUER", ""),
        ("POCKETCI_OIDC_CLIENT_ID", CLIENT.0),
        ("POCKETCI_OIDC_CLIENT_SECRET", CLIENT.1),
        ("POCKETCI_OIDC_RIGHTS", RIGHTS),
    ];
    let mut world = with_a_run(&variables);
    world.forge.be_visited_by("grace");
    for (claims, status) in [
        (json!({}), 403),
        (json!({"groups": ["staff"]}), 403),
        (json!({"email": "grace@example.org"}), 403),
        (json!({"groups": ["ci-operators"], "nonce": "another"}), 403),
        (json!({"groups": ["ci-operators"], "aud": "another"}), 403),
        (json!({"groups": ["ci-operators"], "iss": "https://evil.example"}), 403),
        (json!({"groups": ["ci-operators"], "exp": 1_000_000}), 403),
        (json!({"email": "grace@example.org", "email_verified": true}), 200),
    ] {
        world.forge.claim(claims.clone());
        let mut grace = browser(&world);
        let page = enter(&mut grace, "oidc", "/runs/1");
        assert_eq!(page.status, status, "{claims}: {}", page.body);
        assert_eq!(grace.go("/api/v1/runs").status, if status == 200 { 200 } else { 401 });
        if status == 200 {
            assert_eq!(grace.press("/runs/1/rerun", "which=failed").status, 403);
        }
    }
    world.forge.claim(json!({"groups": ["ci-operators"]}));
    let mut grace = browser(&world);
    enter(&mut grace, "oidc", "/runs/1");
    assert_eq!(grace.press("/runs/1/rerun", "which=failed").status, 303);
    assert!(grace.go("/runs/1").body.contains("grace began it again"));

    // Nobody goes on with what the operator has taken back.
    world.agent.set("POCKETCI_OIDC_RIGHTS", "groups:others=read");
    world.agent.restart();
    grace.moved_to(&world.agent.url(""));
    assert_eq!(grace.go("/api/v1/runs").status, 401);
}
