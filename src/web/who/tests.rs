mod elsewhere;
mod people;
mod table;

use super::*;
use crate::domain::ids::RunId;
use crate::domain::rights::Readers;
use crate::store::NewRun;
use crate::web::tests::fixture::{at, keep, push, run_of};
use crate::web::tests::{Agent, Answer};

impl Agent {
    /// A token of this scope.
    pub(super) async fn token(&self, scope: Scope) -> String {
        let text = crate::domain::token::written(&[scope as u8; 32]);
        let fingerprint = Fingerprint::of(&text);
        let store = &self.app.store;
        let by = Actor::Local;
        store.make_token(scope.as_str(), scope, fingerprint, &by, at(1)).await.unwrap().unwrap();
        text
    }

    pub(super) async fn ask(&self, request: &str, headers: &str, body: &str) -> Answer {
        let length = body.len();
        let host = if headers.contains("Host:") { "" } else { "Host: ci\r\n" };
        self.say(format!(
            "{request} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {length}\r\n\
             {headers}\r\n{body}"
        ))
        .await
    }
}

/// A run that the forge shows to everybody, and one that it does not; both are waiting for a
/// worker.
async fn with_runs(agent: &Agent) -> [RunId; 2] {
    let store = &agent.app.store;
    let public = keep(store, "one", run_of(push(), &["testOnPush"])).await;
    let private = keep(store, "two", private(run_of(push(), &["testOnPush"]), "octo/secret")).await;
    [public, private]
}

/// The same run of a repository that the forge does not show to everybody.
fn private(mut run: NewRun, name: &str) -> NewRun {
    let repository = run.event.repository.as_mut().unwrap();
    repository.full_name = name.parse().unwrap();
    repository.name = repository.full_name.name().to_owned();
    repository.private = true;
    run
}

const PUBLIC: usize = 0;

#[tokio::test]
async fn a_list_shows_strangers_public_repositories_alone() {
    let agent = Agent::read_by(Readers::Public).await;
    let runs = with_runs(&agent).await;
    let page = agent.get("/api/v1/runs").await.json();
    let ids: Vec<_> = page["runs"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, [runs[PUBLIC].0]);
    let all = agent.get("/api/v1/repositories").await.body;
    assert!(all.contains("octo/hello") && !all.contains("octo/secret"), "{all}");
    let html = agent.get("/runs").await.body;
    assert!(html.contains("octo/hello") && !html.contains("octo/secret"), "{html}");
}

#[tokio::test]
async fn this_machine_is_not_whoever_comes_through_it() {
    let agent = Agent::read_by(Readers::ThisMachine).await;
    for (headers, expected) in [
        ("Host: 127.0.0.1:8080\r\n", 200),
        ("Host: localhost\r\n", 200),
        ("Host: [::1]:8080\r\n", 200),
        ("Host: evil.example\r\n", 401),
        ("Host: 127.0.0.1.evil.example\r\n", 401),
        ("Host: 127.0.0.1\r\nX-Forwarded-For: 203.0.113.7\r\n", 401),
        ("Host: 127.0.0.1\r\nForwarded: for=203.0.113.7\r\n", 401),
    ] {
        let answer = agent.ask("GET /api/v1/runs", headers, "").await;
        assert_eq!(answer.status, expected, "{headers}");
    }
}

#[tokio::test]
async fn a_token_that_was_revoked_opens_nothing() {
    let agent = Agent::read_by(Readers::All).await;
    let header = format!("Authorization: Bearer {}\r\n", agent.token(Scope::Admin).await);
    let id = agent.app.store.tokens().await.unwrap()[0].id;
    let deleted = agent.ask(&format!("DELETE /api/v1/tokens/{id}"), &header, "").await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    // Not even what everybody may read: whoever sends it should hear of it.
    let answer = agent.ask("GET /api/v1/runs", &header, "").await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")));
    // Other credentials are for somebody in front of us.
    let answer = agent.ask("GET /api/v1/runs", "Authorization: Basic YTpi\r\n", "").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_token_is_shown_once_and_opens_what_it_says() {
    let agent = Agent::read_by(Readers::None).await;
    let header = format!("Authorization: Bearer {}\r\n", agent.token(Scope::Admin).await);
    let body = r#"{"name": " deploy bot ", "scope": "operate"}"#;
    let made = agent.ask("POST /api/v1/tokens", &header, body).await;
    let text = made.json()["token"].as_str().unwrap().to_owned();
    assert_eq!((made.status, &made.json()["name"]), (201, &"deploy bot".into()));
    let own = format!("Authorization: Bearer {text}\r\n");
    assert_eq!(agent.ask("GET /api/v1/runs", &own, "").await.status, 200);
    let list = agent.ask("GET /api/v1/tokens", &header, "").await.body;
    assert!(list.contains("deploy bot") && !list.contains(&text), "{list}");
}

#[tokio::test]
async fn people_sign_in_and_out() {
    let agent = Agent::read_by(Readers::None).await;
    let token = agent.token(Scope::Operate).await;
    let to = agent.get("/runs/7?x=1").await;
    assert_eq!(to.header("location"), Some("/sign-in?next=%2Fruns%2F7%3Fx%3D1"));
    let page = agent.get(to.header("location").unwrap()).await;
    assert!(page.body.contains("name=\"next\" value=\"/runs/7?x=1\""), "{page:?}");
    assert!(page.header("content-security-policy").unwrap().contains("form-action 'self'"));

    let wrong = agent.ask("POST /sign-in", "", "token=pci_00&next=/runs/7").await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (403, None));
    let form = format!("token={token}&next=%2Fruns%2F7");
    let signed_in = agent.ask("POST /sign-in", "Sec-Fetch-Site: same-origin\r\n", &form).await;
    assert_eq!((signed_in.status, signed_in.header("location")), (303, Some("/runs/7")));
    let cookie = signed_in.header("set-cookie").unwrap();
    // The agent's own address is https in these tests.
    for part in ["__Host-pocketci=", "Path=/;", "HttpOnly", "SameSite=Lax", "Secure"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let cookie = cookie.split(';').next().unwrap();
    assert!(!cookie.contains(&token));
    let header = format!("Cookie: theme=dark; {cookie}\r\n");
    assert_eq!(agent.ask("GET /runs", &header, "").await.status, 200);
    assert_eq!(agent.ask("POST /api/v1/runs/1/cancel", &header, "").await.status, 404);
    assert!(
        agent
            .ask("GET /sign-in", &header, "")
            .await
            .body
            .contains("the token <code>operate</code>")
    );

    for other in ["Sec-Fetch-Site: cross-site\r\n", "Origin: https://evil.example\r\n"] {
        let headers = format!("{header}{other}");
        for request in ["POST /api/v1/runs/1/cancel", "POST /sign-out", "DELETE /api/v1/tokens/1"] {
            let answer = agent.ask(request, &headers, "").await;
            assert_eq!(answer.status, 403, "{request} {other}");
            assert!(answer.body.contains("another site"), "{answer:?}");
        }
    }
    let out = agent.ask("POST /sign-out", &header, "").await;
    assert_eq!((out.status, out.header("location")), (303, Some("/sign-in")));
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(agent.ask("GET /runs", &header, "").await.status, 303);
}

#[tokio::test]
async fn forges_are_not_asked_for_a_name() {
    let agent = Agent::read_by(Readers::None).await;
    let hook = crate::web::tests::Hook::push("one").with("Sec-Fetch-Site", "cross-site");
    assert_eq!(agent.send(&hook).await.status, 202);
}
