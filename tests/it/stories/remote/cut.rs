//! A line to the agent that is cut.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::Shell;
use crate::world::{Module, World, http};

/// Passes connections on to the agent, and cuts the first of them as soon as there is an answer.
fn bad_line(world: &World) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let agent = world.agent.url("").trim_start_matches("http://").trim_end_matches('/').to_owned();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(agent) = TcpStream::connect(&agent) else { return };
            let cut = counted.fetch_add(1, Ordering::SeqCst) == 0;
            let (from, to) = (client.try_clone().unwrap(), agent.try_clone().unwrap());
            std::thread::spawn(move || pass(from, to, false));
            std::thread::spawn(move || pass(agent, client, cut));
        }
    });
    (url, count)
}

fn pass(mut from: TcpStream, mut to: TcpStream, cut: bool) {
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        if cut || to.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
}

/// A repository that the agent knows, and a token to start something in it.
fn known(world: &World) -> String {
    let repo = world.forge.repository("ada/site");
    let module = Module::new("ci")
        .function("testOnPush", |f| f.src())
        .function("deployOnManual", |f| f.src());
    let sha = repo.commit("main", module);
    world.forge.push(&repo, "main");
    world.forge.expect_status(&sha, "pocketci/test-on-push", "success");
    let made = Shell::local(world).run("tokens create --name hand --scope operate").status(0);
    made.stdout.trim().to_owned()
}

#[test]
fn what_is_started_over_a_line_that_is_cut_is_started_once() {
    let world = World::start();
    let token = known(&world);
    let (url, lines) = bad_line(&world);
    let mut shell = Shell::remote(&world);
    shell.environment =
        vec![("POCKETCI_URL".to_owned(), url), ("POCKETCI_TOKEN".to_owned(), token)];

    let said = shell.run("trigger ada/site --watch").status(0);

    assert!(lines.load(Ordering::SeqCst) > 1, "it was not cut: {said:?}");
    world.let_later_work_pass();
    assert_eq!(world.engine.calls("deploy-on-manual").len(), 1);
}

#[test]
fn a_key_stands_for_one_wish() {
    let world = World::start();
    let token = format!("Bearer {}", known(&world));
    let ask = |key: &str, token: &str, reference: &str| {
        let headers = [("Authorization", token), ("Idempotency-Key", key)];
        let wish = json!({ "repository": "ada/site", "ref": reference }).to_string();
        let answer = http::post(&world.agent.url("/api/v1/trigger"), &headers, wish.as_bytes());
        (answer.status, answer.json()["delivery"].as_i64())
    };

    let answers: Vec<_> = std::thread::scope(|scope| {
        let one = || ask("a-key", &token, "main");
        let all: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });

    assert_eq!(answers, vec![(202, Some(2)); 4]);
    assert_eq!(ask("a-key", &token, "v1"), (422, None));
    let (status, another) = ask("another", &token, "main");
    assert!(status == 202 && another > Some(2), "{status} {another:?}");
    assert_eq!(ask("with a blank", &token, "main"), (400, None));
    // Another's keys are no business of one's own.
    let made = Shell::local(&world).run("tokens create --name other --scope operate").status(0);
    let (status, others) = ask("a-key", &format!("Bearer {}", made.stdout.trim()), "main");
    assert!(status == 202 && others > another, "{status} {others:?}");
}
