mod any_bytes;

use futures_util::FutureExt;
use futures_util::future::join_all;
use jiff::Timestamp;

use std::sync::Arc;

use super::super::server::Seats;
use super::super::tests::{Agent, Answer, Hook, IMPATIENT, NEXT_SECRET, PUSH};
use super::super::{Limits, body, router};

/// Sends to an agent of its own; the words are a part of the body's `error`.
#[track_caller]
fn check(hook: Hook, status: u16, words: &str) -> impl Future<Output = Answer> {
    let place = std::panic::Location::caller();
    async move {
        let agent = Agent::start().await;
        let answer = agent.send(&hook).await;
        assert_eq!(answer.status, status, "{place}: {answer:?}");
        if status >= 400 {
            assert_eq!(answer.header("connection"), Some("close"), "{place}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{place}");
            let error = answer.json()["error"].as_str().unwrap().to_owned();
            assert!(error.contains(words), "{place}: `{error}` has no `{words}`");
        }
        answer
    }
}

#[tokio::test]
async fn a_delivery_is_accepted_once() {
    let agent = Agent::start().await;
    for (path, id) in [("/", "one"), ("/webhooks/github", "two")] {
        let hook = Hook::push(id).to(path);
        let first = agent.send(&hook).await;
        assert_eq!(first.status, 202, "{first:?}");
        assert_eq!(first.header("content-type"), Some("application/json"));
        assert!(agent.app.wake.notified().now_or_never().is_some(), "the worker is woken");

        let again = agent.send(&hook).await;
        assert_eq!((again.status, &again.body), (200, &first.body));
        assert!(agent.app.wake.notified().now_or_never().is_none(), "a replay wakes nobody");
    }
    let answer = agent.send(&Hook::push("one")).await.json();
    assert_eq!(answer["delivery"], "one");
    assert_eq!(answer["runs_url"], "https://ci.example.com/runs?delivery=1");
}

#[tokio::test]
async fn of_many_at_once_one_is_new() {
    let agent = Agent::start().await;
    let hook = Hook::push("same");
    let mut answers: Vec<u16> =
        join_all((0..16).map(|_| agent.send(&hook))).await.iter().map(|a| a.status).collect();
    answers.sort_unstable();
    assert_eq!(answers, [vec![200; 15], vec![202]].concat());
}

#[tokio::test]
async fn what_starts_nothing_is_kept_and_answered_with_nothing() {
    let agent = Agent::start().await;
    let ping = r#"{"zen": "Keep it logically awesome.", "hook_id": 1}"#;
    for (id, event) in [("ping", "ping"), ("odd", "an_event_of_tomorrow")] {
        for _ in 0..2 {
            let answer = agent.send(&Hook::new(event, id, ping)).await;
            assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{event}");
        }
    }
    assert!(agent.app.wake.notified().now_or_never().is_none());
    let page = agent.get("/deliveries/1").await.body;
    assert!(page.contains("skipped") && page.contains("A ping only shows"), "{page}");
    assert!(agent.app.store.claim_delivery(Timestamp::now()).await.unwrap().is_none());
}

#[tokio::test]
async fn who_did_not_sign_is_told_the_same_whatever_is_wrong() {
    let answer = check(Hook::push("a").without("X-Hub-Signature-256"), 401, "").await;
    assert!(answer.body.contains("missing or wrong"), "{answer:?}");
    let answer = check(Hook::push("a").signed("another secret"), 401, "").await;
    assert!(answer.body.contains("missing or wrong"), "{answer:?}");
    check(Hook::push("a").with("X-Hub-Signature-256", "sha256=00"), 401, "").await;
    check(Hook::push("a").with("X-Hub-Signature-256", ""), 401, "").await;
    // Nothing but the signature is looked at before it: not the type, not the event, not the JSON.
    let strange = Hook::new("push", "a", "{").signed("another secret");
    check(strange.with("Content-Type", "text/plain").without("X-GitHub-Event"), 401, "").await;
}

#[tokio::test]
async fn a_sha1_signature_counts_where_the_operator_says_so() {
    check(Hook::push("a").signed_sha1(), 401, "").await;
    let agent = Agent::with(IMPATIENT, true).await;
    assert_eq!(agent.send(&Hook::push("a").signed_sha1()).await.status, 202);
    // Where both are sent, the better one counts.
    let both = Hook::push("b").signed_sha1().with("X-Hub-Signature-256", "sha256=00");
    assert_eq!(agent.send(&both).await.status, 401);
}

#[tokio::test]
async fn either_secret_will_do_while_one_is_rotated() {
    check(Hook::push("a").signed(NEXT_SECRET), 202, "").await;
}

#[tokio::test]
async fn a_form_is_kept_as_its_json() {
    let body =
        form_urlencoded::Serializer::new(String::new()).append_pair("payload", PUSH).finish();
    let form = |body: &str| {
        Hook::new("push", "form", body).with("Content-Type", "application/x-www-form-urlencoded")
    };
    let agent = Agent::start().await;
    assert_eq!(agent.send(&form(&body)).await.status, 202);
    let kept = agent.app.store.claim_delivery(Timestamp::now()).await.unwrap().unwrap();
    assert_eq!(String::from_utf8(kept.body).unwrap(), PUSH);

    check(form("other=1"), 400, "payload").await;
}

#[tokio::test]
async fn what_is_kept_is_the_body_and_headers_that_prove_nothing() {
    let agent = Agent::start().await;
    let hook = Hook::push("a")
        .with("Authorization", "Bearer stolen")
        .with("Cookie", "session=stolen")
        .with("X-Forwarded-For", "10.0.0.1")
        .with("X-GitHub-Hook-ID", "7");
    assert_eq!(agent.send(&hook).await.status, 202);
    let kept = agent.app.store.claim_delivery(Timestamp::now()).await.unwrap().unwrap();
    assert_eq!(kept.body, PUSH.as_bytes());
    let mut names: Vec<&str> = kept.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let expected =
        ["content-type", "user-agent", "x-github-delivery", "x-github-event", "x-github-hook-id"];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn what_is_no_webhook_is_told_so() {
    check(Hook::push("a").with("Content-Type", "text/plain"), 415, "application/json").await;
    check(Hook::push("a").without("Content-Type"), 415, "application/json").await;
    check(Hook::push("a").without("X-GitHub-Event"), 400, "X-GitHub-Event").await;
    check(Hook::push("a").with("X-GitHub-Event", "manual"), 400, "the agent's own").await;
    check(Hook::new("push", "a", "not json"), 400, "").await;
    check(Hook::new("push", "a", ""), 400, "").await;
    let cut = PUSH.replace(r#""after""#, r#""behind""#);
    check(Hook::new("push", "a", &cut), 400, "after").await;
    check(Hook::push("a").with("Content-Type", "application/json; charset=utf-8"), 202, "").await;
}

#[tokio::test]
async fn other_forges_have_their_own_addresses() {
    // Which forges there are is nobody's business.
    check(Hook::push("a").to("/webhooks/gitlab"), 401, "signature").await;
    check(Hook::push("a").to("/webhooks/github/work"), 401, "signature").await;
    check(Hook::push("a").to("/webhooks/github/NO"), 401, "signature").await;
    check(Hook::push("a").to("/webhooks/sourceforge"), 401, "signature").await;
    let agent = Agent::start().await;
    let answer = agent.get("/webhooks/github").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
}

#[tokio::test]
async fn a_delivery_without_an_id_is_known_by_its_body() {
    let agent = Agent::start().await;
    let hook = Hook::push("").without("X-GitHub-Delivery");
    let answer = agent.send(&hook).await;
    assert_eq!(answer.status, 202);
    assert!(answer.json()["delivery"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(agent.send(&hook).await.status, 200);
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_not_read() {
    let agent = Agent::start().await;
    let large = (body::LIMIT + 1).to_string();
    let hook = Hook::push("a").with("Content-Length", &large);
    // The head alone is enough for an answer, and no `100 Continue` comes before it.
    let expecting = hook.clone().with("Expect", "100-continue");
    for head in [hook.head(), expecting.head()] {
        assert_eq!(agent.say(head).await.status, 413);
    }
    let unsigned = hook.without("X-Hub-Signature-256").with("Expect", "100-continue");
    assert_eq!(agent.say(unsigned.head()).await.status, 401);
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_cut_off() {
    // Hashing so much takes a build for tests on a busy machine longer than a sender has.
    let patient = Limits { body: std::time::Duration::from_secs(120), ..Limits::default() };
    let agent = Agent::with(patient, false).await;
    let hook = Hook::push("a").without("Content-Length").with("Transfer-Encoding", "chunked");
    let mut client = agent.connect().await;
    client.say(hook.head()).await;
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    for _ in 0..=body::LIMIT / 0x10000 {
        client.say(&chunk).await;
    }
    assert_eq!(client.hear().await.status, 413);
}

#[tokio::test]
async fn a_body_of_a_few_megabytes_is_taken() {
    let padded = format!("{}{PUSH}", " ".repeat(3 << 20));
    check(Hook::new("push", "a", &padded), 202, "").await;
}

#[tokio::test]
async fn a_careful_sender_is_told_to_continue() {
    let agent = Agent::start().await;
    let hook = Hook::push("a").with("Expect", "100-continue");
    let mut client = agent.connect().await;
    client.say(hook.head()).await;
    let mut words = [0; 25];
    tokio::io::AsyncReadExt::read_exact(&mut client.0, &mut words).await.unwrap();
    assert_eq!(&words, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.say(PUSH).await;
    assert_eq!(client.hear().await.status, 202);
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for() {
    let agent = Agent::with(IMPATIENT, false).await;
    let hook = Hook::push("a");
    let mut client = agent.connect().await;
    client.say(hook.head()).await;
    client.say(&PUSH[..40]).await;
    let answer = client.hear().await;
    assert_eq!((answer.status, answer.body.as_str()), (408, r#"{"error":"Request Timeout"}"#));
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test]
async fn a_sender_who_goes_away_leaves_nothing() {
    let agent = Agent::start().await;
    let mut client = agent.connect().await;
    client.say(Hook::push("a").head()).await;
    client.say(&PUSH[..40]).await;
    drop(client);
    assert_eq!(agent.send(&Hook::push("a")).await.status, 202);
}

#[tokio::test]
async fn what_cannot_be_stored_is_asked_for_again() {
    let agent = Agent::start().await;
    agent.app.store.clone().close().await;
    let answer = agent.send(&Hook::push("a")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("30")), "{answer:?}");
    assert!(answer.json()["error"].as_str().unwrap().contains("stored"));
    assert!(agent.app.wake.notified().now_or_never().is_none());
}

#[tokio::test]
async fn while_the_disk_is_full_nothing_is_accepted() {
    let agent = Agent::start().await;
    let disk = |ok, detail: &str| {
        let since = jiff::Timestamp::UNIX_EPOCH;
        let condition = crate::health::Condition::new(ok, detail, since);
        agent.app.health.set(crate::health::DISK, condition);
    };
    disk(false, "1 MB free");
    let refused = agent.send(&Hook::push("a")).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("30")));
    assert_eq!(agent.app.store.deliveries(10).await.unwrap(), []);
    let forged = agent.send(&Hook::push("a").signed("not the secret")).await;
    assert_eq!(forged.status, 401);

    disk(true, "9 GB free");
    assert_eq!(agent.send(&Hook::push("a")).await.status, 202);
}

#[tokio::test]
async fn a_stranger_is_limited_and_the_forge_is_not() {
    let agent = Agent::start().await;
    let from = |hook: Hook, address: &str| hook.with("X-Forwarded-For", address);
    let mut forged = Vec::new();
    for _ in 0..150 {
        let hook = from(Hook::push("a").signed("not the secret"), "203.0.113.7");
        forged.push(agent.send(&hook).await);
    }
    assert_eq!(forged[0].status, 401);
    let last = &forged[149];
    assert_eq!((last.status, last.header("retry-after")), (429, Some("1")), "{last:?}");
    assert_eq!(last.body, r#"{"error":"Too Many Requests"}"#);
    // The same sender, whatever it says about itself; and anybody else.
    let spoofed = from(Hook::push("a").signed("no"), "140.82.112.1, 203.0.113.7");
    assert_eq!(agent.send(&spoofed).await.status, 429);
    assert_eq!(agent.send(&from(Hook::push("a"), "140.82.112.1")).await.status, 202);
    let metrics = agent.get("/metrics").await.body;
    let refused = metrics.lines().find(|line| line.contains(r#"refused_total{status="429"}"#));
    let count: u32 = refused.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!((20..=51).contains(&count), "{count}");
    // The forge sends as much as it likes.
    for number in 0..150 {
        let hook = from(Hook::push(&number.to_string()), "140.82.112.1");
        assert_eq!(agent.send(&hook).await.status, 202, "{number}");
    }
}

#[tokio::test]
async fn a_long_body_is_taken_from_its_file() {
    let padded = format!("{}{PUSH}", " ".repeat(3 << 20));
    let agent = Agent::start().await;
    let hook = Hook::new("push", "a", &padded);
    assert_eq!(agent.send(&hook.clone().signed("not the secret")).await.status, 401);
    assert_eq!(agent.app.store.deliveries(10).await.unwrap(), []);
    assert_eq!(agent.send(&hook).await.status, 202);
    let kept = agent.app.store.claim_delivery(Timestamp::now()).await.unwrap().unwrap();
    assert_eq!(kept.body, padded.as_bytes());
}
