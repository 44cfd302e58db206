//! People see what a call did step by step, and an operator's collector is told.

use std::collections::{BTreeMap, BTreeSet};

use pocketci::domain::trace::{Span, SpanId, TraceId};
use serde_json::{Value, json};

use crate::traces;
use crate::world::collector::Collector;
use crate::world::forge::Status;
use crate::world::module::Function;
use crate::world::{Module, World, eventually, http};

/// Lets one function run to its end.
fn run(world: &World, write: impl FnOnce(Function) -> Function) -> Status {
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", Module::new("ci").function("testOnPush", write));
    world.forge.push(&repo, "main");
    world.forge.expect_status_like(&sha, "an end", |status| {
        status.context == "pocketci/test-on-push" && status.is_final()
    })
}

/// The address of the call that a status is about.
fn call_of(world: &World, status: &Status) -> String {
    let page = world.agent.run_page(status);
    let (_, rest) = page.split_once("/calls/").unwrap();
    let call = rest.split(['/', '"', '?', '#']).next().unwrap();
    let run = status.target_url.split("/runs/").nth(1).unwrap();
    format!("/runs/{}/calls/{call}", run.split(['#', '?']).next().unwrap())
}

/// All spans that a collector has, each with its trace.
fn spans_of(collector: &Collector) -> Vec<(TraceId, Span)> {
    let taken = collector.taken();
    let sent = taken.iter().filter(|it| it.path == "/v1/traces");
    traces::spans(sent.map(|it| &it.body[..]))
}

fn steps(world: &World, call: &str) -> Value {
    let answer = world.agent.get(&format!("/api/v1{call}/spans"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn named<'a>(steps: &'a Value, name: &str) -> &'a Value {
    let found = steps["steps"].as_array().unwrap().iter().find(|step| step["name"] == name);
    found.unwrap_or_else(|| panic!("no step `{name}` in {steps:#}"))
}

#[test]
fn the_step_that_failed_is_open_with_its_own_output() {
    let world = World::start();
    let failed =
        run(&world, |f| f.prints("preparing").executes("echo built; echo boom >&2; exit 3"));
    let call = call_of(&world, &failed);

    let told = steps(&world, &call);
    let (exec, function) = (named(&told, "Container.withExec"), named(&told, "Ci.testOnPush"));
    assert_eq!(exec["state"], "failed");
    assert_eq!((&exec["exit_status"], &told["failing"]), (&json!(3), &exec["id"]));
    assert_eq!(exec["arguments"], "sh -c 'echo built; echo boom >&2; exit 3'");
    assert_eq!(exec["parent"], function["id"]);
    assert_eq!(named(&told, "Query.ci")["cached"], json!(true));
    let log = |step: &Value| {
        let id = step["id"].as_str().unwrap();
        let answer = world.agent.get(&format!("/api/v1{call}/spans/{id}/log"));
        assert_eq!(answer.status, 200);
        let text = answer.body.lines().map(|line| line.split_once(' ').unwrap().1.to_owned());
        // Which of two streams is read first, the engine does not say either.
        text.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(log(exec), ["1 built", "2 boom"]);
    assert_eq!(log(function), ["1 preparing"]);

    let page = world.agent.get(&call).body;
    let (_, steps) = page.split_once("id=\"trace\"").unwrap();
    let (steps, _) = steps.split_once("</section>").unwrap();
    let open = |step: &Value| steps.contains(&format!("s-{}\" open", step["id"].as_str().unwrap()));
    assert!(open(exec) && open(function) && !open(named(&told, "connect")), "{steps}");
    assert!(steps.contains("boom") && !steps.contains("preparing"), "{steps}");
    assert!(page.contains("id=\"viewer\"") && world.agent.logs(&failed).contains("boom"));
}

#[test]
fn steps_are_seen_while_the_call_runs() {
    let world = World::start();
    let (began, go) = (world.path("began"), world.path("go"));
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.executes("echo first").touches(&began).waits_for(&go));
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.expect_file("began");
    let told = eventually("the first step", || {
        let answer = world.agent.get("/api/v1/runs/1/calls/1/spans");
        let told = (answer.status == 200).then(|| answer.json())?;
        let steps = told["steps"].as_array().unwrap();
        steps.iter().any(|step| step["name"] == "Container.withExec").then_some(told)
    });
    assert_eq!(named(&told, "Ci.testOnPush")["state"], "running");
    assert_eq!(named(&told, "Ci.testOnPush")["seconds"], json!(null));
    world.touch("go");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    assert_eq!(named(&steps(&world, "/runs/1/calls/1"), "Ci.testOnPush")["state"], "passed");
}

/// The variables of a call, as the CLI saw them.
fn told(world: &World) -> BTreeMap<String, String> {
    let call = world.engine.calls("test-on-push").pop().unwrap();
    let env = call.env.as_object().unwrap().iter();
    env.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

#[test]
fn nobody_writes_into_the_steps_of_another() {
    let world = World::start();
    let ended = run(&world, |f| f.prints("done"));
    let call = call_of(&world, &ended);
    let before = steps(&world, &call);
    let env = told(&world);
    let endpoint = &env["OTEL_EXPORTER_OTLP_ENDPOINT"];
    assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint}");
    let (_, token) = env["OTEL_EXPORTER_OTLP_HEADERS"].split_once('=').unwrap();
    assert_eq!(token.len(), 64);
    // The call is over, and so is its token; others were never any.
    for token in [token, "", "0", &"0".repeat(64)] {
        for signal in ["traces", "logs", "metrics"] {
            let headers = [("X-Pocketci-Token", token), ("Content-Type", "application/x-protobuf")];
            let answer = http::post(&format!("{endpoint}/v1/{signal}"), &headers, b"");
            assert_eq!(answer.status, 401, "{signal} {token}");
        }
    }
    assert_eq!(steps(&world, &call), before);
    let page = world.agent.get(&call).body;
    assert!(!page.contains(token) && !world.agent.said().join("\n").contains(token));
}

#[test]
fn a_secret_is_masked_in_steps_and_what_they_print() {
    const VALUE: &str = "s3cr3t-value-that-nobody-may-see";
    const SPEC: &str = "secrets:\n  - {name: deployKey, from-env: DEPLOY_KEY}\n";
    let collector = Collector::start();
    let world = World::with(&[
        ("POCKETCI_SECRETS", "DEPLOY_KEY"),
        ("DEPLOY_KEY", VALUE),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address()),
    ]);
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| {
            f.secret("deployKey").prints("the key is ${deployKey}").raises("no: ${deployKey}")
        })
        .file("pocketci.yaml", SPEC);
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    let ended = world.forge.expect_status_like(&sha, "an end", |status| {
        status.context == "pocketci/test-on-push" && status.is_final()
    });
    let call = call_of(&world, &ended);
    let told = steps(&world, &call);
    let function = named(&told, "Ci.testOnPush");
    assert_eq!(function["message"], "no: ***");
    let log = format!("/api/v1{call}/spans/{}/log", function["id"].as_str().unwrap());
    assert!(world.agent.get(&log).body.contains("the key is ***"));
    for file in std::fs::read_dir(world.agent.data().join("logs/1")).unwrap() {
        let text = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&text).contains(VALUE));
    }
    eventually("the delivery's span", || {
        spans_of(&collector).iter().any(|(_, span)| span.name == "delivery push").then_some(())
    });
    for taken in collector.taken() {
        assert!(!String::from_utf8_lossy(&taken.body).contains(VALUE), "{taken:?}");
    }
}

#[test]
fn a_command_has_its_log_alone() {
    let world = World::with(&[("POCKETCI_HOST_COMMANDS", "allow")]);
    let repo = world.forge.repository("ada/site");
    let sha = repo.commit("main", [("pocketci.yaml", "commands:\n  testOnPush: {run: env}\n")]);
    world.forge.push(&repo, "main");
    let ended = world.forge.expect_status_like(&sha, "an end", |status| {
        status.context.starts_with("pocketci/") && status.is_final()
    });
    let page = world.agent.get(&call_of(&world, &ended)).body;
    assert!(page.contains("id=\"viewer\"") && !page.contains("id=\"trace\""), "{page}");
    assert!(!world.agent.logs(&ended).contains("OTEL_"));
}

#[test]
fn a_collector_gets_the_steps_below_the_delivery_the_run_and_the_call() {
    let collector = Collector::start();
    let world = World::with(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.address()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "X-Scope=Bearer%20t"),
    ]);
    run(&world, |f| f.executes("echo hi"));
    let spans = eventually("the delivery's span", || {
        let spans = spans_of(&collector);
        spans.iter().any(|(_, span)| span.name == "delivery push").then_some(spans)
    });
    let find = |name: &str| -> &Span {
        let found = spans.iter().find(|(_, span)| span.name.starts_with(name));
        &found.unwrap_or_else(|| panic!("no `{name}` in {spans:#?}")).1
    };
    let (delivery, run, call) = (find("delivery "), find("run "), find("call "));
    let (root, exec) = (find("test-on-push"), find("Container.withExec"));
    let parents: [Option<SpanId>; 4] = [delivery, run, call, root].map(|span| span.parent);
    assert_eq!(parents, [None, Some(delivery.id), Some(run.id), Some(call.id)]);
    assert!(exec.marks.pending);
    let trace = spans[0].0;
    assert!(spans.iter().all(|(own, span)| *own == trace && span.end.is_some()), "{spans:#?}");
    let taken = collector.taken();
    assert!(taken.iter().any(|it| it.path == "/v1/logs"));
    assert!(taken.iter().all(|it| it.headers.contains(&"x-scope: bearer t".to_owned())));
    let metrics = world.agent.get("/metrics").body;
    assert!(metrics.contains("pocketci_trace_exports_total{end=\"dropped\"} 0"), "{metrics}");
}

#[test]
fn a_collector_that_is_away_holds_nothing_up() {
    let world = World::with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")]);
    let ended = run(&world, |f| f.executes("echo hi"));
    assert_eq!(ended.state, "success");
    eventually("what was dropped to be counted", || {
        let metrics = world.agent.get("/metrics").body;
        let line = metrics.lines().find(|it| it.contains("trace_exports_total{end=\"dropped\""))?;
        (!line.ends_with(" 0")).then_some(())
    });
}

#[test]
fn what_was_kept_of_a_call_survives_a_kill() {
    let mut world = World::start();
    let (began, go) = (world.path("began"), world.path("go"));
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.executes("echo first").touches(&began).waits_for(&go));
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.expect_file("began");
    let before = eventually("the first step", || {
        let answer = world.agent.get("/api/v1/runs/1/calls/1/spans");
        let told = (answer.status == 200).then(|| answer.json())?;
        let steps = told["steps"].as_array().unwrap().clone();
        steps.iter().any(|step| step["name"] == "Container.withExec").then_some(steps)
    });
    world.agent.kill();
    world.touch("go");
    world.agent.start();
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    let attempts = world.agent.get("/api/v1/runs/1/calls/1").json()["attempt"].as_u64().unwrap();
    let kept: Vec<Value> = (1..=attempts)
        .filter_map(|number| {
            let path = format!("/api/v1/runs/1/calls/1/spans?attempt={number}");
            let answer = world.agent.get(&path);
            (answer.status == 200).then(|| answer.json())
        })
        .flat_map(|told| told["steps"].as_array().unwrap().clone())
        .collect();
    for step in before {
        assert!(kept.iter().any(|it| it["id"] == step["id"]), "{step} is lost");
    }
}
