use super::*;

#[track_caller]
fn check(tries: u32, from: u64, to: u64) {
    assert_eq!(pause(tries, 0), Duration::from_millis(from), "after {tries}");
    assert_eq!(pause(tries, u64::MAX), Duration::from_millis(to), "after {tries}");
}

#[test]
fn pauses_double_and_are_spread() {
    check(0, 500, 1500);
    check(1, 1000, 3000);
    check(5, 16_000, 48_000);
    check(9, 150_000, 450_000);
    check(u32::MAX, 150_000, 450_000);
}

#[test]
fn no_two_throws_are_alike() {
    let mut thrown: Vec<u64> = (0..100).map(|_| dice()).collect();
    thrown.sort_unstable();
    thrown.dedup();
    assert_eq!(thrown.len(), 100);
    // Spread over the whole range, not over a corner of it.
    assert!(thrown[10] < u64::MAX / 2 && thrown[90] > u64::MAX / 2);
}
