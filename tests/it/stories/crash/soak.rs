//! Rounds of dying at random points and starting again, on data folders that live through all of
//! them. `docs/faults.md` has the command for many more rounds than a test run takes.

#![expect(clippy::disallowed_methods, reason = "who soaks says how long")]

use std::time::{Duration, Instant};

use super::scene::{Begins, Scene};
use crate::world::{Refusal, eventually};

/// Worlds at once.
const WORLDS: u64 = 4;

#[test]
fn rounds_of_dying_at_random_points() {
    let rounds = number("POCKETCI_TEST_SOAK_ROUNDS").unwrap_or(200);
    let seed = number("POCKETCI_TEST_SOAK_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        now.as_millis() as u64
    });
    println!("POCKETCI_TEST_SOAK_SEED={seed} POCKETCI_TEST_SOAK_ROUNDS={rounds}");
    let began = Instant::now();
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let worlds: Vec<_> = (0..WORLDS)
            .map(|world| {
                let share = rounds / WORLDS + u64::from(world < rounds % WORLDS);
                scope.spawn(move || soak(Chance::new(seed, world), share, world))
            })
            .collect();
        worlds.into_iter().map(|world| world.join().unwrap()).collect()
    });
    let total = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    println!(
        "{rounds} rounds in {:.0} s: {} died at their point, {} at any moment, {} before they \
         listened; {} hooks were not answered and sent again, {} calls began twice",
        began.elapsed().as_secs_f64(),
        total(|tally| tally.at_point),
        total(|tally| tally.at_any_moment),
        total(|tally| tally.before_listening),
        total(|tally| tally.unanswered),
        total(|tally| tally.begun_twice),
    );
}

#[derive(Default)]
struct Tally {
    at_point: u64,
    at_any_moment: u64,
    before_listening: u64,
    unanswered: u64,
    begun_twice: u64,
}

fn soak(mut chance: Chance, rounds: u64, world: u64) -> Tally {
    let mut scene = Scene::prepare(&[("POCKETCI_PARALLELISM", "2")]);
    let mut tally = Tally::default();
    for round in 0..rounds {
        let point = chance.point();
        println!("world {world}, round {round}: {point}");
        if chance.one_in(8) {
            scene.world.forge.refuse_some_statuses_with(1, Refusal::BadGateway);
        }
        let new_module = chance.one_in(2);
        if scene.world.agent.start_armed(&point) {
            scene.push(new_module);
            let moment = chance.one_in(4).then(|| Duration::from_millis(chance.below(400)));
            let since = Instant::now();
            eventually("the end of a push or of the agent", || {
                let over = moment.is_some_and(|moment| since.elapsed() >= moment);
                (scene.world.agent.has_died() || over || scene.is_shown()).then_some(())
            });
            if scene.world.agent.has_died() {
                tally.at_point += 1;
            } else {
                tally.at_any_moment += 1;
                scene.world.agent.kill();
            }
        } else {
            tally.before_listening += 1;
            scene.world.agent.expect_death();
            scene.world.agent.start();
            scene.push(new_module);
            scene.world.agent.kill();
        }
        scene.world.forge.accept_statuses();
        scene.start_again();
        tally.unanswered += scene.come_to_rest();
        tally.begun_twice += scene.check(Begins::Again);
        scene.kill();
    }
    scene.world.agent.expect_nothing_left();
    tally
}

/// Numbers that follow from a seed alone (splitmix64).
struct Chance(u64);

impl Chance {
    fn new(seed: u64, world: u64) -> Self {
        Self(seed ^ world.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    /// A point, or in a third of all cases a write, whichever it is.
    fn point(&mut self) -> String {
        if self.one_in(3) {
            let side = if self.one_in(2) { "before" } else { "after" };
            return format!("commit.{side}:{}", 1 + self.below(20));
        }
        let points = super::passed_by_a_push();
        let point = points[self.below(points.len() as u64) as usize];
        format!("{point}:{}", 1 + self.below(2))
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}
