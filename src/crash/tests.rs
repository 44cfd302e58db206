use super::*;

#[test]
fn what_is_no_point_is_refused_where_points_are() {
    for at in ["no.point", "call.claimed:0", "call.claimed:often", "", "call.claimed:"] {
        assert_eq!(arm(at).is_err(), cfg!(debug_assertions), "{at}");
    }
}

#[test]
fn a_point_that_is_not_armed_is_passed() {
    POINTS.iter().for_each(|name| point(name));
}

/// A release can be armed with anything, and goes on.
#[cfg(not(debug_assertions))]
#[test]
fn a_release_passes_every_point() {
    arm(POINTS[0]).unwrap();
    point(POINTS[0]);
    assert!(ARMED.get().is_none());
}
