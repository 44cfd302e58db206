//! Ten thousand signed hooks as fast as they are answered, over 8 connections, one in 20 a replay,
//! while the agent is killed five times and started again: all that were acknowledged are planned
//! exactly once.
//!
//! ```sh
//! cargo build --release --locked --examples && cargo bench --locked --bench storm
//! ```
//!
//! Needs `git`. Everything is on loopback and ends by itself; it fails when a delivery is lost or
//! doubled.

#[path = "../tests/it/world/mod.rs"]
mod world;

use std::time::Duration;

use world::World;
use world::storm::Storm;

fn main() {
    let storm = Storm {
        hooks: 10_000,
        connections: 8,
        replay_every: 20,
        kills: 5,
        patience: Duration::from_secs(1800),
    };
    let mut world = World::start();
    let idle = world.agent.resident();
    let figures = world.storm(&storm);
    let Storm { hooks, connections, kills, .. } = storm;
    println!("{hooks} hooks over {connections} connections, {kills} kills");
    println!("acknowledged:           {}", figures.acknowledged);
    println!("replays answered 200:   {}", figures.replayed);
    println!("sent again, unanswered: {}", figures.resent);
    println!("lost:                   {}", figures.lost);
    println!("doubled:                {}", figures.doubled);
    println!("sending:                {:.1} s", figures.sending.as_secs_f64());
    println!("until the last planned: {:.1} s", figures.draining.as_secs_f64());
    println!("resident memory:        {idle:.1} MB idle, {:.1} MB after", figures.memory);
    assert_eq!((figures.lost, figures.doubled), (0, 0), "deliveries were lost or doubled");
}
