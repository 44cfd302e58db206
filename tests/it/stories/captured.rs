//! What a Gitea once sent, sent again byte for byte to a running agent.

use base64::Engine as _;
use serde_json::Value;

use crate::bodies::webhooks;
use crate::world::World;

/// What the webhooks were signed with.
const SECRET: &str = "s3cret";

/// How something was sent: its headers in their order, and its body.
type Exchange = (Vec<(String, String)>, Vec<u8>);

fn exchanges() -> Option<Vec<Exchange>> {
    let folder = webhooks()?.join("captured-gitea");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let exchange: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let headers: Vec<(String, String)> =
            serde_json::from_value(exchange["headers"].clone()).unwrap();
        let body = exchange["body_b64"].as_str().unwrap();
        let body = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
        (headers, body)
    };
    Some(files.iter().map(read).collect())
}

#[test]
fn what_a_gitea_once_sent_is_taken_once() {
    let Some(exchanges) = exchanges() else { return };
    let mut world = World::prepare();
    // Nobody is there any more: what is taken waits.
    world.agent.set("GITEA_URL", "http://127.0.0.1:9");
    world.agent.set("GITEA_WEBHOOK_SECRET", SECRET);
    world.agent.start();
    // The client names these itself.
    let own = |name: &str| {
        ["host", "content-length", "connection", "transfer-encoding"]
            .contains(&name.to_ascii_lowercase().as_str())
    };
    let send = |(headers, body): &Exchange| {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .filter(|(name, _)| !own(name))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        world.forge.deliver_raw(&headers, body).status
    };

    let first: Vec<u16> = exchanges.iter().map(send).collect();
    let again: Vec<u16> = exchanges.iter().map(send).collect();

    let taken = first.iter().filter(|status| **status == 202).count();
    let skipped = first.iter().filter(|status| **status == 204).count();
    assert!(taken > 20 && skipped > 5 && taken + skipped == first.len(), "{first:?}");
    let known = |status: &u16| if *status == 202 { 200 } else { 204 };
    assert_eq!(again, first.iter().map(known).collect::<Vec<_>>());

    for exchange in &exchanges {
        let mut damaged = exchange.clone();
        *damaged.1.last_mut().unwrap() ^= 1;
        assert_eq!(send(&damaged), 401);
    }
}
