//! There and back again, with a provider that answers as told.

use std::sync::Arc;

use super::*;

async fn with_a_way() -> Agent {
    let mut agent = Agent::read_by(Readers::None).await;
    let mut app = agent.app.clone();
    app.ways = Arc::new([people::pretend("github")]);
    agent.serve(app).await;
    agent
}

/// Where the browser is sent, with the cookie and the state of its attempt.
async fn leave(agent: &Agent) -> (String, String, String) {
    let answer = agent.get("/sign-in/github?next=%2Fruns%2F7").await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let to = answer.header("location").unwrap().to_owned();
    let cookie = answer.header("set-cookie").unwrap();
    for part in ["__Host-pocketci-sign-in=", "Max-Age=600", "HttpOnly", "SameSite=Lax", "Secure"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let state = to.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    assert!(!cookie.contains(&state));
    (to, cookie, state)
}

async fn back(agent: &Agent, cookie: &str, query: &str) -> Answer {
    let request = format!("GET /sign-in/github/back?{query}");
    let site = "Sec-Fetch-Site: cross-site\r\n";
    agent.ask(&request, &format!("Cookie: {cookie}\r\n{site}"), "").await
}

#[tokio::test]
async fn there_and_back() {
    let agent = with_a_way().await;
    let page = agent.get("/sign-in?next=%2Fruns%2F7").await.body;
    assert!(page.contains("href=\"/sign-in/github?next=%2Fruns%2F7\""), "{page}");
    let (to, cookie, state) = leave(&agent).await;
    assert!(to.ends_with("back=https://ci.example.com/sign-in/github/back"), "{to}");

    let answer = back(&agent, &cookie, &format!("code=2&state={state}")).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/runs/7")));
    let session = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert!(session.starts_with("__Host-pocketci="), "{session}");
    let headers = format!("Cookie: {session}\r\n");
    assert_eq!(agent.ask("GET /api/v1/runs", &headers, "").await.status, 200);
    assert!(agent.ask("GET /sign-in", &headers, "").await.body.contains("signed in as person2"));
    let text = session.split_once('=').unwrap().1;
    let kept = agent.app.store.person_session(Fingerprint::of(text), at(5)).await.unwrap();
    assert_eq!(kept.unwrap().person, people::person("2"));

    agent.ask("POST /sign-out", &headers, "").await;
    assert_eq!(agent.ask("GET /api/v1/runs", &headers, "").await.status, 401);
}

#[tokio::test]
async fn only_the_answer_to_its_own_question_counts() {
    let agent = with_a_way().await;
    let (_, cookie, state) = leave(&agent).await;
    let (_, other_cookie, other_state) = leave(&agent).await;
    assert_ne!((&cookie, &state), (&other_cookie, &other_state));
    let right = format!("code=2&state={state}");
    for (cookie, query, status, words) in [
        ("theme=dark", right.clone(), 400, "did not begin at https://ci.example.com"),
        (&other_cookie, right.clone(), 400, "another attempt"),
        (&cookie, "code=2".to_owned(), 400, "another attempt"),
        (&cookie, format!("code=2&state={}", &state[1..]), 400, "another attempt"),
        (&cookie, format!("error=access_denied&state={other_state}"), 400, "another attempt"),
        (&cookie, format!("error=access_denied&state={state}"), 403, "have not let github"),
        (&cookie, format!("error=%3Cb%3E&state={state}"), 403, "does not confirm"),
        (&cookie, format!("state={state}"), 400, "not whole"),
        (&cookie, format!("code=wrong&state={state}"), 403, "does not confirm"),
        (&cookie, format!("code=away&state={state}"), 502, "does not answer"),
        (&cookie, format!("code=nobody&state={state}"), 403, "mallory&#60;b&#62;, who may see"),
    ] {
        let answer = back(&agent, cookie, &query).await;
        assert_eq!(answer.status, status, "{query}: {answer:?}");
        assert!(answer.body.contains(words), "{query}: {}", answer.body);
        // It cannot be tried again with the same question.
        let set = answer.header("set-cookie").unwrap();
        assert!(set.starts_with("__Host-pocketci-sign-in=;") && set.contains("Max-Age=0"), "{set}");
    }
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_and_no_other_site_begins() {
    let agent = with_a_way().await;
    let answer = agent.get("/sign-in/github?next=https%3A%2F%2Fevil.example").await;
    let cookie = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let to = answer.header("location").unwrap();
    let state = to.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let answer = back(&agent, &cookie, &format!("code=2&state={state}")).await;
    assert_eq!(answer.header("location"), Some("/runs"));

    let other = "Sec-Fetch-Site: cross-site\r\n";
    assert_eq!(agent.ask("GET /sign-in/github", other, "").await.status, 403);
    for nowhere in ["/sign-in/oidc", "/sign-in/oidc/back", "/sign-in/github/x"] {
        assert_eq!(agent.get(nowhere).await.status, 404, "{nowhere}");
    }
}
