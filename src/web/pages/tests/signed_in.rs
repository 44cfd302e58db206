//! What those see who have signed in, and what they can do from there.

use super::*;
use crate::domain::actor::Actor;
use crate::domain::rights::{Readers, Scope};
use crate::domain::token::{Fingerprint, written};

/// The header of somebody with a token of this scope.
async fn signed_in(agent: &Agent, scope: Scope) -> String {
    let text = written(&[scope as u8; 32]);
    let (store, by) = (&agent.app.store, Actor::Local);
    let made = store.make_token("<b>ada", scope, Fingerprint::of(&text), &by, at(1)).await;
    made.unwrap().unwrap();
    format!("Authorization: Bearer {text}\r\n")
}

async fn ask(agent: &Agent, request: &str, headers: &str) -> Answer {
    let rest = "Connection: close\r\nContent-Length: 0\r\nSec-Fetch-Site: same-origin\r\n";
    agent.say(format!("{request} HTTP/1.1\r\nHost: ci\r\n{rest}{headers}\r\n")).await
}

#[tokio::test]
async fn every_page_says_who_has_signed_in() {
    let agent = Agent::read_by(Readers::All).await;
    let run = keep(&agent.app.store, "one", run_of(push(), &["testOnPush"])).await;
    let ada = signed_in(&agent, Scope::Read).await;
    let run = format!("/runs/{run}");
    for path in ["/runs", run.as_str(), "/deliveries", "/deliveries/1", "/waiting", "/health"] {
        let page = ask(&agent, &format!("GET {path}"), &ada).await.body;
        assert!(page.contains("&#60;b&#62;ada") && page.contains("Sign out"), "{path}: {page}");
        if path == "/deliveries" {
            // All that came is for those who may see what was sent.
            assert_eq!(agent.get(path).await.status, 303);
            continue;
        }
        let page = agent.get(path).await.body;
        assert!(page.contains(r#"href="/sign-in""#) && !page.contains("Sign out"), "{path}");
    }
}

#[tokio::test]
async fn a_delivery_shows_what_was_sent_to_those_who_may_see_it() {
    let agent = Agent::read_by(Readers::All).await;
    agent.send(&Hook::push("one")).await;
    let stranger = agent.get("/deliveries/1").await.body;
    assert!(!stranger.contains("What was sent") && !stranger.contains("/replay"), "{stranger}");
    let reader = signed_in(&agent, Scope::Read).await;
    let page = ask(&agent, "GET /deliveries/1", &reader).await.body;
    for part in ["x-github-event", "&#34;ref&#34;: &#34;refs/heads/main&#34;,"] {
        assert!(page.contains(part), "{part} in {page}");
    }
    for part in ["signature", "sha256=", "/replay"] {
        assert!(!page.contains(part), "{part} in {page}");
    }
    assert_eq!(ask(&agent, "POST /deliveries/1/replay", &reader).await.status, 403);
}

#[tokio::test]
async fn what_came_is_listed_by_what_became_of_it() {
    let agent = Agent::read_by(Readers::All).await;
    let reader = signed_in(&agent, Scope::Read).await;
    let list = async |path: &str| {
        let page = ask(&agent, &format!("GET {path}"), &reader).await;
        is_guarded(&page);
        (page.status, page.body)
    };
    assert!(list("/deliveries").await.1.contains("Nothing came yet."));
    for number in 0..52 {
        agent.send(&Hook::push(&format!("push-{number}"))).await;
    }
    let ping = r#"{"zen": "Keep it logically awesome.", "hook_id": 1}"#;
    agent.send(&Hook::new("ping", "ping", ping)).await;
    let shown = |page: &str| page.matches("<li id=\"delivery-").count();
    let (_, first) = list("/deliveries").await;
    assert_eq!((shown(&first), first.contains("delivery-53")), (50, true));
    let (_, rest) = first.split_once("class=\"pager\"").unwrap();
    let older = rest.split('"').find(|it| it.contains("cursor=")).unwrap();
    let (_, second) = list(older).await;
    assert_eq!((shown(&second), second.contains("Newest deliveries")), (3, true));
    assert!(!second.contains("Older deliveries"));
    let (_, skipped) = list("/deliveries?outcome=skipped").await;
    assert!(shown(&skipped) == 1 && skipped.contains("A ping only shows"), "{skipped}");
    let (_, none) = list("/deliveries?outcome=faulty").await;
    assert!(shown(&none) == 0 && none.contains("No delivery is like that."), "{none}");
    assert_eq!(list("/deliveries?outcome=x").await.0, 400);
    assert_eq!(list("/deliveries?cursor=x").await.0, 400);
}

#[tokio::test]
async fn a_delivery_is_played_again_by_a_button() {
    let agent = Agent::read_by(Readers::All).await;
    agent.send(&Hook::push("one")).await;
    let ada = signed_in(&agent, Scope::Operate).await;
    let page = ask(&agent, "GET /deliveries/1", &ada).await.body;
    assert!(page.contains(r#"action="/deliveries/1/replay""#), "{page}");
    let answer = ask(&agent, "POST /deliveries/1/replay", &ada).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/deliveries/2")));
    assert!(ask(&agent, "GET /deliveries/2", &ada).await.body.contains("replay:1:1"));
}

#[tokio::test]
async fn what_a_button_asks_for_begins_at_once() {
    let agent = Agent::read_by(Readers::All).await;
    let store = &agent.app.store;
    let run = keep(store, "one", run_of(push(), &["testOnPush"])).await;
    finish_one(store, 10, &[], Outcome::Failed { exit: 1 }).await;
    let ada = signed_in(&agent, Scope::Operate).await;
    let answer = ask(&agent, &format!("POST /runs/{run}/rerun"), &ada).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    // The worker is told, and does not find it by looking around now and then.
    agent.app.wake_calls.notified().await;
}
