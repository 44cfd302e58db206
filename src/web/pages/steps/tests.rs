use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::domain::ids::RunId;
use crate::domain::run::Outcome;
use crate::store::{ClaimedCall, Startable};
use crate::web::tests::Agent;
use crate::web::tests::fixture::{at, keep, push, run_of};

/// A call that runs or has failed, with these lines of its two files.
async fn with_steps(over: bool, spans: &str, records: &str) -> (Agent, ClaimedCall) {
    let agent = Agent::start().await;
    let store = &agent.app.store;
    keep(store, "one", run_of(push(), &["testOnPush"])).await;
    let call = store.claim_call(Startable::Any, at(10)).await.unwrap().unwrap();
    let path = store.trace_path(call.run, call.id, call.attempt);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    if !spans.is_empty() {
        std::fs::write(&path, spans).unwrap();
        std::fs::write(path.with_extension("records"), records).unwrap();
    }
    if over {
        store.finish_call(call.id, &Outcome::Failed { exit: 3 }, at(20)).await.unwrap();
    }
    (agent, call)
}

impl Agent {
    /// A page at an address below a call's.
    async fn of_call(&self, call: &ClaimedCall, path: &str) -> String {
        let answer = self.get(&format!("/runs/{}/calls/{}{path}", call.run, call.id)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.body
    }
}

fn span(number: usize, parent: usize, name: &str, more: &str) -> String {
    let (id, parent) = (id(number), id(parent));
    format!(
        "{{\"id\":\"{id}\",\"parent\":\"{parent}\",\"name\":\"{name}\",\
         \"start\":\"2026-11-21T07:00:00Z\",\"end\":\"2026-11-21T07:00:02Z\"{more}}}\n"
    )
}

fn id(number: usize) -> String {
    format!("{number:016x}")
}

fn failing() -> (String, String) {
    let failed = ",\"failed\":true,\"message\":\"exit code: 3\"";
    let spans = [
        span(1, 99, "call", failed),
        span(2, 1, "connect", ""),
        span(3, 2, "starting engine", ""),
        span(4, 1, "Ci.test", failed),
        span(5, 4, "withExec", &format!("{failed},\"detail\":\"sh -c '<b>make</b>'\"")),
        span(6, 4, "container", ",\"marks\":{\"cached\":true}"),
        span(7, 1, "moduleSource", ",\"marks\":{\"internal\":true}"),
        format!("{{\"logged\":\"{}\"}}\n{{\"logged\":\"{}\"}}\n", id(3), id(5)),
    ];
    let records = format!(
        "{five} 2026-11-21T07:00:01.000Z 2 <script>boom</script>\n\
         {three} 2026-11-21T07:00:01.000Z - engine is up\n",
        five = id(5),
        three = id(3)
    );
    (spans.concat(), records)
}

#[tokio::test]
async fn the_failing_step_is_open_with_its_output_and_the_others_are_folded() {
    let (spans, records) = failing();
    let (agent, call) = with_steps(true, &spans, &records).await;
    let page = agent.of_call(&call, "").await;
    for (number, open) in [(1, true), (2, false), (3, false), (4, true), (5, true)] {
        let fold = format!("<details id=\"s-{}\"{}>", id(number), if open { " open" } else { "" });
        assert!(page.contains(&fold), "{fold}\n{page}");
    }
    assert!(
        page.contains("&lt;script&gt;boom&lt;/script&gt;") || page.contains("&#60;script&#62;boom")
    );
    assert!(!page.contains("<script>boom") && !page.contains("<b>make"));
    assert!(!page.contains("engine is up"), "the output of others is not there at once");
    assert!(page.contains("6 steps, 1 cached") && page.contains("exit code: 3"));
    assert!(!page.contains("moduleSource") && page.contains("1 of the engine's own"), "{page}");
    assert!(page.contains("id=\"viewer\""), "the log stays");
    let all = agent.of_call(&call, "/steps?all=1").await;
    assert!(all.contains("moduleSource"));
    let output = agent.of_call(&call, &format!("/steps/{}/log?fragment=1", id(3))).await;
    assert!(output.contains("engine is up") && !output.contains("<html"));
    let step = agent.of_call(&call, &format!("/steps/{}", id(5))).await;
    assert!(step.contains("<h1><bdi>withExec</bdi>") && step.contains("boom"));
    let none = agent.get(&format!("/runs/{}/calls/{}/steps/{}", call.run, call.id, id(55))).await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn a_call_without_steps_has_its_log_alone() {
    let (agent, call) = with_steps(true, "", "").await;
    let page = agent.of_call(&call, "").await;
    assert!(page.contains("id=\"viewer\"") && !page.contains("id=\"trace\""), "{page}");
}

#[tokio::test]
async fn while_a_call_runs_its_page_looks_for_more_steps() {
    let (agent, call) = with_steps(false, "", "").await;
    let page = agent.of_call(&call, "").await;
    assert!(page.contains("data-trace=") && page.contains(" hidden>"), "{page}");
    let path = agent.app.store.trace_path(call.run, call.id, call.attempt);
    let running = span(1, 99, "call", "").replace(",\"end\":\"2026-11-21T07:00:02Z\"", "");
    std::fs::write(path, running).unwrap();
    let fragment = agent.of_call(&call, "/steps?attempt=1&fragment=1").await;
    assert!(fragment.contains("1 step, 1 running") && !fragment.contains("<html"), "{fragment}");
    let over = agent.app.store.finish_call(call.id, &Outcome::TimedOut, at(20)).await;
    over.unwrap();
    let page = agent.of_call(&call, "").await;
    assert!(page.contains("interrupted") && !page.contains("data-trace"), "{page}");
}

/// The ids of the steps that are on a page, and the addresses of those that are not.
fn on(page: &str) -> (BTreeSet<String>, Vec<String>) {
    let names = page.split("<bdi class=\"name\">").skip(1);
    let names = names.filter_map(|rest| rest.split('<').next()).map(str::to_owned).collect();
    let more = page.split("data-more").map(|before| before.rsplit("href=\"").next().unwrap());
    let more: Vec<String> = more.map(|it| it.split('"').next().unwrap().to_owned()).collect();
    let more =
        more[..more.len() - 1].iter().map(|it| it.replace("&amp;", "&").replace("&#38;", "&"));
    (names, more.collect())
}

/// Whatever shape thousands of steps have, a page has some hundreds of them, and links lead to
/// every other.
#[tokio::test]
async fn thousands_of_steps_are_written_as_they_are_asked_for() {
    const COUNT: usize = 5000;
    for shape in ["wide", "bushy", "deep"] {
        // Each page of a shape that is not flat has few of them, and reads them all.
        let count = match shape {
            "wide" => COUNT,
            "bushy" => 800,
            _ => 100,
        };
        let mut spans = span(1, 99_999, "step1", "");
        for number in 2..=count {
            let parent = match shape {
                "wide" => 1,
                "bushy" => (number / 3 + 1).min(number - 1),
                _ => number - 1,
            };
            let _ = write!(spans, "{}", span(number, parent, &format!("step{number}"), ""));
        }
        let (agent, call) = with_steps(true, &spans, "").await;
        let page = agent.of_call(&call, "").await;
        let (mut seen, mut more) = on(&page);
        assert!((1..=COUNT / 8).contains(&seen.len()), "{shape}: {}", seen.len());
        assert!(page.len() < 400_000, "{shape}: {}", page.len());
        while let Some(href) = more.pop() {
            let answer = agent.get(&format!("{href}&fragment=1")).await;
            assert_eq!(answer.status, 200, "{href}");
            let (found, further) = on(&answer.body);
            assert!(!found.is_empty(), "{shape}: {href} leads nowhere\n{}", answer.body);
            seen.extend(found);
            more.extend(further);
        }
        assert_eq!(seen.len(), count, "{shape}");
    }
}

#[tokio::test]
async fn the_api_tells_the_same() {
    let (spans, records) = failing();
    let (agent, call) = with_steps(true, &spans, &records).await;
    let base = format!("/api/v1/runs/{}/calls/{}/spans", call.run, call.id);
    let answer = agent.get(&base).await;
    let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(told["failing"], id(5));
    let steps = told["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["id"] == id(5)).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(step).unwrap(), @r#"
    {
      "id": "0000000000000005",
      "parent": "0000000000000004",
      "depth": 2,
      "name": "withExec",
      "arguments": "sh -c '<b>make</b>'",
      "state": "failed",
      "message": "exit code: 3",
      "exit_status": null,
      "cached": false,
      "hidden": false,
      "has_log": true,
      "started_at": "2026-11-21T07:00:00Z",
      "seconds": 2.0
    }
    "#);
    let log = agent.get(&format!("{base}/{}/log", id(5))).await;
    assert_eq!(log.body, "2026-11-21T07:00:01.000Z 2 <script>boom</script>\n");
    assert_eq!(agent.get(&format!("{base}/x/log")).await.status, 404);
    assert_eq!(agent.get(&format!("{base}?attempt=2")).await.status, 404);
    let other = keep(&agent.app.store, "two", run_of(push(), &["testOnPush"])).await;
    assert_ne!(other, RunId(1));
    let silent = agent.get(&format!("/api/v1/runs/{other}/calls/2/spans")).await;
    assert_eq!(silent.status, 404);
    assert!(silent.body.contains("see its log"), "{}", silent.body);
}
