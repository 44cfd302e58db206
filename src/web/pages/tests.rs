use jiff::Timestamp;

use super::super::log::Tail;
use super::super::tests::fixture::{self, at, hostile, keep, push, run_of};
use super::super::tests::{Agent, Answer, Hook};
use super::view::RunPage;
use crate::domain::ids::RunId;
use crate::domain::run::{Outcome, Verdict};
use crate::store::log::{LogStream, LogWriter};
use crate::store::{NewRunState, Settlement, Startable, Store, Whose};
use askama::Template;

/// What a reader sees of a page: the text without the tags, a line for each piece.
fn seen(html: &str) -> String {
    let main = html.split_once("<main>").map_or(html, |(_, main)| main);
    let main = main.replace("</span><span class", "</span>\n<span class");
    let mut text = String::new();
    let mut in_tag = false;
    for c in main.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    let text = text.replace("&#39;", "'").replace("&#38;", "&").replace("&#62;", ">");
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Claims the next call, gives it a log and an end.
async fn finish_one(store: &Store, second: i64, lines: &[(&str, LogStream)], outcome: Outcome) {
    let call = store.claim_call(Startable::Any, at(second)).await.unwrap().unwrap();
    let path = store.log_path(call.run, call.id, call.attempt);
    let mut log = LogWriter::create(&path, 1 << 20).unwrap();
    for (text, stream) in lines {
        log.line(at(second), *stream, text.as_bytes()).unwrap();
    }
    log.flush().unwrap();
    store.finish_call(call.id, &outcome, at(second + 75)).await.unwrap();
}

async fn page_of(agent: &Agent, run: RunId) -> String {
    let answer = agent.get(&format!("/runs/{run}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

fn is_guarded(answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(!answer.body.contains("<script"), "{}", answer.body);
    assert!(!answer.body.contains("style="), "{}", answer.body);
}

#[tokio::test]
async fn a_run_tells_everything_about_itself() {
    let agent = Agent::start().await;
    let store = &agent.app.store;
    let run = keep(store, "one", run_of(push(), &["testOnPush", "lintOnPush"])).await;
    let log = [("=== RUN", LogStream::Stdout), ("\u{1b}[31mFAIL\u{1b}[0m", LogStream::Stderr)];
    finish_one(store, 10, &log, Outcome::Failed { exit: 1 }).await;
    let view = store.run(run).await.unwrap().unwrap();
    let path = store.log_path(run, view.calls[0].id, 1);
    let tails = vec![Tail::read(&path).unwrap()];
    let html = RunPage::new(&view, tails, at(120)).render().unwrap();
    insta::assert_snapshot!(seen(&html), @r#"
    Run 1 of delivery 1
    alice pushed to main running
    Say hello
    octo/hello · main · 2222222 · services/api/pocketci.yaml · 1 min ago · 1 min 50 s
    Calls
    failed testOnPush 1 min 15 s
    Exit status 1.
    dagger call --progress=plain -m ./services/api/ci test-on-push --src=. '--filter=it'\''s main' --token=env:GITHUB_TOKEN sync
    1970-01-01 00:00:10 UTC · level 4 · pocketci/api/test-on-push
    Log
    00:00:10 === RUN
    00:00:10 FAIL
    Full log as text
    queued lintOnPush
    dagger call --progress=plain -m ./services/api/ci lint-on-push --src=. '--filter=it'\''s main' --token=env:GITHUB_TOKEN sync
    level 4 · pocketci/api/lint-on-push
    Why
    Every function of the module, and why it was called or not.
    testOnPush called level 4: its name ends with OnPush
    lintOnPush called level 4: its name ends with OnPush
    docsOnPush not called onChanges docs/** matches none of 3 changed files
    deployOnPush error the argument `stage` is required and nothing fills it
    "#);
}

#[tokio::test]
async fn what_strangers_write_is_inert_everywhere() {
    let agent = Agent::start().await;
    let store = &agent.app.store;
    let run = keep(store, "<i>id", run_of(hostile(), &["<b>test</b>OnPullRequest"])).await;
    let log = [("</pre><script>alert(1)</script>\u{1b}]0;x\u{7}\u{202e}", LogStream::Stdout)];
    finish_one(store, 10, &log, Outcome::Errored("<img src=x>".to_owned())).await;
    for path in [format!("/runs/{run}"), "/".to_owned(), "/runs?delivery=1".to_owned()] {
        let answer = agent.get(&path).await;
        is_guarded(&answer);
        let body = answer.body;
        for mark in ["<img", "<b>", "<i>id", "javascript:", "\u{1b}", "\u{202e}", "</pre><"] {
            assert!(!body.contains(mark), "{path} has {mark}: {body}");
        }
    }
    let body = page_of(&agent, run).await;
    assert!(body.contains("&#60;script&#62;alert(1)"), "{body}");
    is_guarded(&agent.get("/deliveries/1").await);
}

#[tokio::test]
async fn a_page_is_loaded_again_until_the_run_ends() {
    let agent = Agent::start().await;
    let store = &agent.app.store;
    let run = keep(store, "one", run_of(push(), &["testOnPush"])).await;
    let refresh = r#"<meta http-equiv="refresh" content="5">"#;
    assert!(page_of(&agent, run).await.contains(refresh));
    assert!(agent.get("/").await.body.contains(refresh));
    finish_one(store, 10, &[], Outcome::Passed).await;
    assert!(!page_of(&agent, run).await.contains(refresh));
    assert!(!agent.get("/").await.body.contains(refresh));
}

#[tokio::test]
async fn the_list_has_the_newest_first_and_can_be_one_delivery() {
    let agent = Agent::start().await;
    let store = &agent.app.store;
    assert!(agent.get("/").await.body.contains("Nothing has run yet"));
    for id in ["one", "two"] {
        keep(store, id, run_of(push(), &["testOnPush"])).await;
    }
    let all = agent.get("/runs").await.body;
    assert!(all.find("/runs/2").unwrap() < all.find("/runs/1").unwrap(), "{all}");
    assert_eq!(all, agent.get("/").await.body);
    let one = agent.get("/runs?delivery=1").await.body;
    assert!(one.contains("/runs/1") && !one.contains("/runs/2"), "{one}");
    assert!(one.contains(r#"href="/deliveries/1""#));
}

#[tokio::test]
async fn a_delivery_without_runs_says_what_became_of_it() {
    let agent = Agent::start().await;
    let store = &agent.app.store;
    assert_eq!(agent.send(&Hook::push("one")).await.status, 202);
    let waiting = agent.get("/runs?delivery=1").await.body;
    assert!(waiting.contains("It waits to be planned") && waiting.contains("refresh"), "{waiting}");

    let delivery = store.claim_delivery(Timestamp::now()).await.unwrap().unwrap();
    let text = "Cannot fetch `octo/hello`: <gone>".to_owned();
    let forge = crate::domain::ids::Vendor::Github.into();
    let faulty = Settlement::Faulty { whose: Whose::Repository, text, forge, statuses: vec![] };
    store.settle(delivery.id, faulty, Timestamp::now()).await.unwrap();
    for path in ["/runs?delivery=1", "/deliveries/1"] {
        let body = agent.get(path).await.body;
        assert!(body.contains("Cannot fetch `octo/hello`: &#60;gone&#62;"), "{body}");
        assert!(!body.contains("http-equiv"), "{body}");
    }
}

#[tokio::test]
async fn a_run_that_is_held_or_calls_nothing_says_why() {
    let agent = Agent::start().await;
    let mut held = run_of(hostile(), &["testOnPullRequest"]);
    held.state = NewRunState::Held("A fork's pull request waits for a maintainer".to_owned());
    let held = keep(&agent.app.store, "one", held).await;
    let body = page_of(&agent, held).await;
    assert!(body.contains("A fork&#39;s pull request waits for a maintainer."), "{body}");
    assert!(body.contains(r#"<span class="badge warn">held</span>"#), "{body}");

    let mut nothing = run_of(push(), &[]);
    nothing.plan = fixture::nothing_matches();
    nothing.state = NewRunState::Finished(Verdict::Passed);
    let nothing = keep(&agent.app.store, "two", nothing).await;
    let body = page_of(&agent, nothing).await;
    assert!(body.contains("No function for push main."), "{body}");
    assert!(agent.get("/").await.body.contains("nothing called"));
}

#[tokio::test]
async fn a_log_is_text_as_it_was_written() {
    let agent = Agent::start().await;
    let store = &agent.app.store;
    keep(store, "one", run_of(push(), &["testOnPush", "lintOnPush"])).await;
    let log = [("<b>bold</b>", LogStream::Stdout), ("two words", LogStream::Stderr)];
    finish_one(store, 10, &log, Outcome::Passed).await;

    let whole = agent.get("/runs/1/calls/1/log").await;
    assert_eq!(whole.status, 200);
    assert_eq!(whole.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(whole.header("x-content-type-options"), Some("nosniff"));
    let expected = "1970-01-01T00:00:10.000Z 1 <b>bold</b>\n1970-01-01T00:00:10.000Z 2 two words\n";
    assert_eq!(whole.body, expected);
    assert_eq!(agent.get("/runs/1/calls/1/log?plain=1").await.body, "<b>bold</b>\ntwo words\n");

    // There is no log yet, or no such call, or it is another run's.
    for path in ["/runs/1/calls/2/log", "/runs/1/calls/9/log", "/runs/7/calls/1/log"] {
        let answer = agent.get(path).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (404, Some("text/plain; charset=utf-8"))
        );
    }
}

#[tokio::test]
async fn a_long_log_is_streamed_whole_and_shown_in_part() {
    let agent = Agent::start().await;
    let store = &agent.app.store;
    keep(store, "one", run_of(push(), &["testOnPush"])).await;
    let lines: Vec<String> = (0..20_000).map(|n| format!("line {n}")).collect();
    let lines: Vec<_> = lines.iter().map(|line| (line.as_str(), LogStream::Stdout)).collect();
    finish_one(store, 10, &lines, Outcome::Failed { exit: 2 }).await;
    assert_eq!(agent.get("/runs/1/calls/1/log").await.body.lines().count(), 20_000);
    let plain = agent.get("/runs/1/calls/1/log?plain=1").await.body;
    assert_eq!(plain.lines().last(), Some("line 19999"));
    let page = agent.get("/runs/1").await.body;
    assert!(page.contains("line 19999") && page.contains("line 19800"), "the end is there");
    assert!(!page.contains("line 19799") && page.contains("Only the end is shown"));
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_and_what_to_do() {
    let agent = Agent::start().await;
    for path in [
        "/runs/1",
        "/runs/0",
        "/runs/-1",
        "/runs/one",
        "/runs/99999999999999999999",
        "/runs/%3Cscript%3E",
        "/runs/%1b%5b31m",
        "/deliveries/1",
        "/deliveries/x",
        "/runs?delivery=5",
        "/runs?delivery=x",
        "/nothing",
        "/runs/1/calls",
        "/assets/x.css",
    ] {
        let answer = agent.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        is_guarded(&answer);
        assert!(answer.body.contains(r#"<a href="/runs">"#), "{path}");
    }
    for path in ["/runs/x/calls/1/log", "/runs/1/calls/x/log"] {
        assert_eq!(agent.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_no_blank_page() {
    let agent = Agent::start().await;
    agent.app.store.clone().close().await;
    for path in ["/", "/runs/1", "/deliveries/1"] {
        let answer = agent.get(path).await;
        assert_eq!(answer.status, 503, "{path}");
        is_guarded(&answer);
    }
    assert_eq!(agent.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn the_stylesheet_is_the_only_asset() {
    let agent = Agent::start().await;
    let style = agent.get("/assets/style.css").await;
    assert_eq!(
        (style.status, style.header("content-type")),
        (200, Some("text/css; charset=utf-8"))
    );
    assert!(style.body.contains("prefers-color-scheme: dark"));
}
