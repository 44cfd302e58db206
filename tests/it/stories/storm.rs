//! A burst of hooks, while the agent is killed: `benches/storm.rs` is the same ten times as large.

use std::time::Duration;

use crate::world::World;
use crate::world::storm::Storm;

#[test]
fn a_storm_with_kills_loses_and_doubles_nothing() {
    let mut world = World::start();
    let storm = Storm {
        hooks: 1000,
        connections: 8,
        replay_every: 20,
        kills: 2,
        patience: Duration::from_secs(300),
    };

    let figures = world.storm(&storm);

    println!("{figures:?}");
    assert_eq!((figures.lost, figures.doubled), (0, 0), "{figures:?}");
    assert!(figures.replayed >= 40, "{figures:?}");
    assert_eq!(figures.acknowledged + figures.replayed, storm.hooks, "{figures:?}");
}
