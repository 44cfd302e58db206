use tokio_util::sync::CancellationToken;

use super::*;
use crate::domain::ids::Vendor;
use crate::worker::under_way::UnderWay;

fn line(repositories: &[&str]) -> Line {
    let (mut line, hands) = (Line::default(), UnderWay::<DeliveryId>::default());
    for (id, repository) in (1..).zip(repositories) {
        let delivery = ClaimedDelivery {
            id: DeliveryId(id),
            forge: Vendor::Github.into(),
            forge_id: id.to_string(),
            event_name: "push".to_owned(),
            repository: Some((*repository).to_owned()),
            headers: Vec::new(),
            body: Vec::new(),
            received_at: jiff::Timestamp::UNIX_EPOCH,
            tries: 1,
        };
        let held = hands.register(delivery.id, &CancellationToken::new());
        line.push(delivery, held);
    }
    line
}

#[test]
fn one_repository_leaves_room_for_the_others() {
    let mut line = line(&["a/a", "a/a", "a/a", "a/a", "a/a", "b/b", "a/a"]);
    let mut turns = Vec::new();
    let mut served = Vec::new();
    while let Some((delivery, turn)) = line.next() {
        served.push(delivery.id.0);
        turns.push(turn);
    }
    assert_eq!(served, [1, 2, 3, 4, 6]);
    assert!(line.has_room(), "others than these could be served");
    turns.remove(0);
    assert_eq!(line.next().map(|(delivery, _)| delivery.id.0), Some(5));
}

#[test]
fn no_more_than_there_are_turns_are_served() {
    let names: Vec<String> = (0..2 * AT_ONCE).map(|n| format!("a/{n}")).collect();
    let mut line = line(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let turns: Vec<_> = std::iter::from_fn(|| line.next()).collect();
    assert_eq!(turns.len(), AT_ONCE);
    assert!(!line.has_room());
    drop(turns);
    assert!(line.has_room());
}
