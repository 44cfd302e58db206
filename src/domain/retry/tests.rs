use super::*;

#[test]
fn an_engines_failure_is_tried_again_twice() {
    let pauses: Vec<_> = (0..4).map(engine_pause).collect();
    let seconds = |n| Some(Duration::from_secs(n));
    assert_eq!(pauses, [seconds(2), seconds(10), None, None]);
    assert_eq!(engine_pause(u32::MAX), None);
}

#[test]
fn an_interruption_is_made_up_for_once() {
    use Interrupted::{Again, Lost};
    let first = "the agent was restarted while it ran";
    let second = "the agent was restarted while it ran, for the second time";
    for (policy, interruptions, expected) in [
        (OnInterrupt::Retry, 0, Again),
        (OnInterrupt::Retry, 1, Lost(second)),
        (OnInterrupt::Retry, 2, Lost(second)),
        (OnInterrupt::Fail, 0, Lost(first)),
        (OnInterrupt::Fail, 1, Lost(first)),
    ] {
        assert_eq!(interrupted(policy, interruptions), expected, "{policy:?} {interruptions}");
    }
}
