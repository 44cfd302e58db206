use super::*;

#[test]
fn work_is_under_way_for_as_long_as_its_guard_lives() {
    let under_way = UnderWay::<u32>::default();
    let held = under_way.register(7, &CancellationToken::new());
    assert!(under_way.contains(7));
    drop(held);
    assert!(!under_way.contains(7));
}

#[test]
fn one_is_cancelled_with_the_first_reason_and_the_others_go_on() {
    let (under_way, parent) = (UnderWay::<u32>::default(), CancellationToken::new());
    let (one, other) = (under_way.register(1, &parent), under_way.register(2, &parent));
    assert!(under_way.clone().cancel(1, "superseded"));
    assert!(under_way.cancel(1, "once more"));
    assert!(one.token().is_cancelled() && !other.token().is_cancelled());
    assert_eq!(one.cancelled_because(), Some("superseded"));
    assert_eq!(other.cancelled_because(), None);
    assert!(!under_way.cancel(3, "nobody works on it"));
}

#[test]
fn the_end_of_all_gives_no_reason() {
    let (under_way, parent) = (UnderWay::<u32>::default(), CancellationToken::new());
    let held = under_way.register(1, &parent);
    parent.cancel();
    assert!(held.token().is_cancelled());
    assert_eq!(held.cancelled_because(), None);
}

#[test]
fn an_earlier_holder_does_not_take_the_later_one_along() {
    let (under_way, parent) = (UnderWay::<u32>::default(), CancellationToken::new());
    let earlier = under_way.register(1, &parent);
    let later = under_way.register(1, &parent);
    drop(earlier);
    assert!(under_way.contains(1));
    drop(later);
    assert!(!under_way.contains(1));
}

#[test]
fn a_panic_lets_go() {
    let under_way = UnderWay::<u32>::default();
    let inside = under_way.clone();
    let panicked = std::thread::spawn(move || {
        let _held = inside.register(1, &CancellationToken::new());
        panic!("the work is lost");
    });
    assert!(panicked.join().is_err());
    assert!(!under_way.contains(1));
}
