use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).unwrap()
}

fn repo(name: &str) -> RepoName {
    format!("acme/{name}").parse().unwrap()
}

fn done() -> Answer {
    Answer::Done { post: None }
}

fn retry() -> Answer {
    Answer::Retry { why: "502".to_owned() }
}

fn limited(seconds: u64) -> Answer {
    Answer::Limited { after: Duration::from_secs(seconds), why: "429".to_owned() }
}

fn refused(whom: Refused) -> Answer {
    Answer::Refused { whom, why: "401".to_owned() }
}

/// A gate that is told answers about one repository; every throw of the dice is the lowest.
struct World(Gate);

impl World {
    fn new() -> Self {
        Self(Gate::default())
    }

    fn learn(&self, answer: &Answer, pass: Pass, now: i64) -> News {
        self.0.learn(&repo("app"), answer, pass, at(now), 0)
    }

    #[track_caller]
    fn expect_wait(&self, from: i64, to: i64) {
        let pass = self.0.pass(at(from));
        let Pass::Wait(Some(until)) = pass else { panic!("{pass:?}") };
        assert!(until >= at(to), "{until} is before {to}");
        assert_eq!(self.0.pass(at(to) - Duration::from_millis(1)), pass);
    }
}

#[test]
fn a_limit_holds_up_everybody_and_one_finds_out() {
    let world = World::new();
    assert_eq!(world.0.pass(at(0)), Pass::Open);
    let news = world.learn(&limited(60), Pass::Open, 0);
    assert!(matches!(news, News::Shut { why: Why::Limited, .. }), "{news:?}");
    world.expect_wait(0, 60);
    // Those that were under way say nothing new, and what was taken of them proves nothing.
    assert_eq!(world.learn(&limited(30), Pass::Open, 1), News::Nothing);
    assert_eq!(world.learn(&done(), Pass::Open, 1), News::Nothing);
    world.expect_wait(1, 60);
    assert_eq!(world.0.pass(at(62)), Pass::Probe);
    assert_eq!(world.0.pass(at(62)), Pass::Wait(None));
    assert_eq!(world.learn(&done(), Pass::Probe, 63), News::Opened);
    assert_eq!(world.0.pass(at(63)), Pass::Open);
}

#[test]
fn the_probe_of_a_limit_may_meet_the_next() {
    let world = World::new();
    world.learn(&limited(60), Pass::Open, 0);
    assert_eq!(world.0.pass(at(62)), Pass::Probe);
    assert_eq!(world.learn(&limited(100), Pass::Probe, 62), News::Nothing);
    world.expect_wait(62, 162);
}

#[test]
fn a_refused_token_is_told_once_and_tried_by_one_every_few_minutes() {
    let world = World::new();
    let news = world.learn(&refused(Refused::Everything), Pass::Open, 0);
    assert!(matches!(news, News::Shut { why: Why::Refused, .. }), "{news:?}");
    for again in 1..4 {
        let now = again * 1000;
        assert_eq!(world.0.pass(at(now)), Pass::Probe);
        assert_eq!(world.learn(&refused(Refused::Everything), Pass::Probe, now), News::Nothing);
        world.expect_wait(now, now + 90);
    }
    // An outage on top of it is no news, and does not make it a matter of seconds.
    assert_eq!(world.0.pass(at(5000)), Pass::Probe);
    assert_eq!(world.learn(&retry(), Pass::Probe, 5000), News::Nothing);
    assert_eq!(world.0.pass(at(6000)), Pass::Probe);
    assert_eq!(world.learn(&done(), Pass::Probe, 6000), News::Opened);
}

#[test]
fn a_forge_is_down_after_some_failures_in_a_row() {
    let world = World::new();
    assert_eq!(world.learn(&retry(), Pass::Open, 0), News::Nothing);
    assert_eq!(world.learn(&done(), Pass::Open, 0), News::Nothing);
    for _ in 1..DOWN {
        assert_eq!(world.learn(&retry(), Pass::Open, 1), News::Nothing);
    }
    let news = world.learn(&retry(), Pass::Open, 1);
    assert!(matches!(news, News::Shut { why: Why::Down, .. }), "{news:?}");
    for again in 1..20 {
        let now = again * 100;
        assert_eq!(world.0.pass(at(now)), Pass::Probe);
        assert_eq!(world.learn(&retry(), Pass::Probe, now), News::Nothing);
        assert!(world.0.pass(at(now + 61)) == Pass::Probe);
        world.0.unused(Pass::Probe);
    }
    // Whatever it takes shows that it is back.
    assert_eq!(world.learn(&done(), Pass::Open, 3000), News::Opened);
}

#[test]
fn a_commit_that_is_not_there_is_no_outage() {
    let world = World::new();
    for _ in 0..10 {
        let answer = Answer::NotYet { why: "422".to_owned() };
        assert_eq!(world.learn(&answer, Pass::Open, 0), News::Nothing);
    }
    assert_eq!(world.0.pass(at(0)), Pass::Open);
}

#[test]
fn one_repository_does_not_hold_up_another() {
    let world = World::new();
    let news = world.learn(&refused(Refused::Repository), Pass::Open, 0);
    assert_eq!(news, News::RepositoryRefuses { alone: true });
    assert_eq!(world.learn(&refused(Refused::Repository), Pass::Open, 0), News::Nothing);
    assert_eq!(world.0.pass(at(1)), Pass::Open);
    assert!(world.0.holds_up(&repo("app"), at(1), 0).is_some_and(|next| next > at(300)));
    assert_eq!(world.0.holds_up(&repo("other"), at(1), 0), None);
    // One looks, the others wait for the next time.
    assert_eq!(world.0.holds_up(&repo("app"), at(301), 0), None);
    assert!(world.0.holds_up(&repo("app"), at(301), 0).is_some());
    assert_eq!(world.learn(&done(), Pass::Open, 302), News::RepositoryTakes);
    assert_eq!(world.0.holds_up(&repo("app"), at(303), 0), None);
    let news = world.learn(&refused(Refused::Repository), Pass::Open, 304);
    assert_eq!(news, News::RepositoryRefuses { alone: false });
}

#[test]
fn a_probe_with_nothing_to_send_lets_the_next_one_through() {
    let world = World::new();
    world.learn(&limited(1), Pass::Open, 0);
    assert_eq!(world.0.pass(at(10)), Pass::Probe);
    world.0.unused(Pass::Probe);
    assert_eq!(world.0.pass(at(10)), Pass::Probe);
}

#[test]
fn a_question_finds_out_where_no_status_is_owed() {
    let world = World::new();
    world.learn(&refused(Refused::Everything), Pass::Open, 0);
    assert_eq!(world.0.pass(at(400)), Pass::Probe);
    let still = world.0.found_out(&refused(Refused::Everything), at(400), 0);
    assert_eq!(still, News::Nothing, "people know it");
    assert!(matches!(world.0.pass(at(401)), Pass::Wait(Some(_))));
    assert_eq!(world.0.pass(at(800)), Pass::Probe);
    assert_eq!(world.0.found_out(&done(), at(800), 0), News::Opened);
    assert_eq!(world.0.pass(at(801)), Pass::Open);
}
