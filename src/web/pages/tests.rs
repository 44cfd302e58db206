mod signed_in;

use jiff::Timestamp;

use super::super::log::Tail;
use super::super::tests::fixture::{self, at, hostile, keep, push, run_of};
use super::super::tests::{Agent, Answer, Hook};
use super::run::{Around, RunPage};
use crate::domain::ids::RunId;
use crate::domain::run::{Outcome, Verdict};
use crate::health::Condition;
use crate::store::log::{LogStream, LogWriter};
use crate::store::{NewRunState, Settlement, Startable, Store, Whose};
use askama::Template;

/// What a reader sees of a page: the text without the tags, a line for each piece.
fn seen(html: &str) -> String {
    let main = html.split_once("<main id=\"main\">").map_or(html, |(_, main)| main);
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
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    // Scripts are files of ours, never text in a page.
    for script in answer.body.split("<script").skip(1) {
        assert!(script.starts_with(" type=\"module\" src=\"/assets/"), "{script}");
        assert!(script.contains("\"></script>"), "{script}");
    }
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
    let tails = vec![Tail::read(&path, 200, 1 << 16).unwrap()];
    let around = Around { tails, root: "https://ci".to_owned(), ..Around::default() };
    let html = RunPage::new(&view, around, at(120)).render().unwrap();
    insta::assert_snapshot!(seen(&html), @r#"
    octo/hello · Run 1 of delivery 1
    alice pushed to main ◐ running
    Say hello
    octo/hello · main · 2222222 · services/api/pocketci.yaml · 1 min ago · 1 min 50 s
    Calls
    ✕ failed test-on-push 1 min 15 s
    Exit status 1.
    queued 1970-01-01 00:00:02 UTC · started 00:00:10, after 8.0 s · ended 00:01:25
    status pocketci/api/test-on-push · level 4
    00:00:10 === RUN
    00:00:10 FAIL
    Log as text
    Run it in a terminal
    dagger call --progress=plain -m ./services/api/ci test-on-push --src=. '--filter=it'\''s main' --token=env:GITHUB_TOKEN sync
    ○ queued lint-on-push
    It waits for its turn.
    queued 1970-01-01 00:00:02 UTC, waits 1 min 58 s
    status pocketci/api/lint-on-push · level 4
    Run it in a terminal
    dagger call --progress=plain -m ./services/api/ci lint-on-push --src=. '--filter=it'\''s main' --token=env:GITHUB_TOKEN sync
    Why
    Not called (2)
    deployOnPush ✕ error the argument stage is required and nothing fills it
    docsOnPush onChanges docs/** matches none of 3 changed files
    Called (2)
    testOnPush level 4: its name ends with OnPush
    lintOnPush level 4: its name ends with OnPush
    Event
    As functions are given it (JSON) Its delivery
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
        let said = "Cannot fetch <code>octo/hello</code>: &#60;gone&#62;";
        assert!(body.contains(said), "{body}");
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
    assert!(
        body.contains(r#"<span class="badge warn"><span aria-hidden="true">!</span> held</span>"#)
    );

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
    assert!(page.contains("line 19999") && page.contains("line 19988"), "the end is there");
    assert!(!page.contains("line 19987"));
    let page = agent.get("/runs/1/calls/1").await.body;
    assert!(page.contains("line 19999") && page.contains("line 18000<"), "2000 lines are there");
    assert!(!page.contains("line 17999") && page.contains("Only the end is shown"));
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
        "/assets/0/x.css",
        "/repositories/github/octo",
        "/repositories/nothing/octo/hello",
        "/runs/1/calls/1",
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
async fn assets_are_kept_for_good_under_their_own_address() {
    let agent = Agent::start().await;
    let page = agent.get("/runs").await.body;
    let style = page.split('"').find(|it| it.ends_with("/style.css")).unwrap();
    let answer = agent.get(style).await;
    assert_eq!(
        (answer.status, answer.header("content-type"), answer.header("cache-control")),
        (200, Some("text/css; charset=utf-8"), Some("public, max-age=31536000, immutable"))
    );
    assert!(answer.body.contains("prefers-color-scheme: dark"));
    for name in ["live.js", "log.js", "lines.js", "ansi.js", "log.css", "icon-good.svg"] {
        let answer = agent.get(&style.replace("style.css", name)).await;
        assert_eq!((answer.status, answer.body.is_empty()), (200, false), "{name}");
    }
    // Of another version: what there is, and not for good.
    let answer = agent.get("/assets/0/style.css").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-cache")));
}

#[tokio::test]
async fn a_list_is_narrowed_and_goes_on() {
    let agent = Agent::start().await;
    let store = &agent.app.store;
    for number in 0..60 {
        keep(store, &number.to_string(), run_of(push(), &["testOnPush"])).await;
    }
    let first = agent.get("/repositories/github/octo/hello?state=queued").await.body;
    assert!(first.contains("<h1><bdi>octo/hello</bdi></h1>"), "{first}");
    let older = "/repositories/github/octo/hello?state=queued&#38;cursor=11";
    assert!(first.contains(older) && first.contains(r#"id="run-60""#), "{first}");
    let second = agent.get(&older.replace("&#38;", "&")).await.body;
    assert!(second.contains(r#"id="run-10""#) && !second.contains(r#"id="run-11""#), "{second}");
    assert!(second.contains("Newest runs") && !second.contains("Older runs"), "{second}");
    let none = agent.get("/runs?branch=nothing").await.body;
    assert!(none.contains("No run is like that") && none.contains(r#"value="nothing""#), "{none}");
    assert_eq!(agent.get("/runs?state=asleep").await.status, 400);
}

#[tokio::test]
async fn what_waits_and_what_came_and_how_it_does_have_pages() {
    let agent = Agent::start().await;
    assert!(agent.get("/waiting").await.body.contains("Nothing waits."));
    let mut held = run_of(hostile(), &["testOnPullRequest"]);
    held.state = NewRunState::Held("A fork's pull request waits for a maintainer".to_owned());
    keep(&agent.app.store, "one", held).await;
    let condition = Condition::new(false, "no <answer>", at(1));
    agent.app.health.set("engine", condition);
    for (path, text) in [
        ("/waiting", "A fork&#39;s pull request waits for a maintainer."),
        ("/deliveries/1", "It became 1 run."),
        ("/health", "No &#60;answer&#62;."),
    ] {
        let answer = agent.get(path).await;
        is_guarded(&answer);
        assert!(answer.body.contains(text), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn who_may_not_act_sees_no_button_and_changes_nothing() {
    let agent = Agent::start().await;
    let run = keep(&agent.app.store, "one", run_of(push(), &["testOnPush"])).await;
    assert!(!page_of(&agent, run).await.contains("<form"));
    for deed in ["rerun", "cancel", "approve"] {
        let request = format!(
            "POST /runs/{run}/{deed} HTTP/1.1\r\nHost: ci\r\nConnection: close\r\n\
             Sec-Fetch-Site: same-origin\r\nContent-Length: 0\r\n\r\n"
        );
        let answer = agent.say(request).await;
        assert!(matches!(answer.status, 401 | 403), "{answer:?}");
        is_guarded(&answer);
    }
    assert!(page_of(&agent, run).await.contains("queued"));
}

#[tokio::test]
async fn who_may_act_is_offered_what_can_be_done() {
    let agent = Agent::start().await;
    let store = &agent.app.store;
    let run = keep(store, "one", run_of(push(), &["testOnPush", "lintOnPush"])).await;
    let offered = async || {
        let view = store.run(run).await.unwrap().unwrap();
        let around = Around { may: true, ..Around::default() };
        let html = RunPage::new(&view, around, at(120)).render().unwrap();
        let buttons = ["Cancel the run", "Rerun what did not pass", "Rerun everything"];
        buttons.map(|button| html.contains(button))
    };
    assert_eq!(offered().await, [true, false, false]);
    finish_one(store, 10, &[], Outcome::Failed { exit: 1 }).await;
    finish_one(store, 10, &[], Outcome::Passed).await;
    assert_eq!(offered().await, [false, true, true]);
}
