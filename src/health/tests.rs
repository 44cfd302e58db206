use jiff::Timestamp;

use super::{Condition, Health};

fn at(second: i64, ok: bool) -> Condition {
    let since = Timestamp::from_second(second).unwrap();
    Condition::new(ok, format!("seen at {second}"), since)
}

#[test]
fn since_is_the_moment_of_the_change() {
    let health = Health::default();
    assert!(health.snapshot().is_empty());

    health.set("engine", at(10, false));
    health.set("engine", at(20, false));
    let engine = health.snapshot()["engine"].clone();
    assert_eq!((engine.since.as_second(), engine.detail.as_str()), (10, "seen at 20"));

    health.set("engine", at(30, true));
    health.set("forge", at(31, true));
    let all = health.snapshot();
    assert_eq!(all["engine"].since.as_second(), 30);
    assert_eq!(all.keys().collect::<Vec<_>>(), ["engine", "forge"]);
}

#[test]
fn figures_are_replaced_and_told() {
    let health = Health::default();
    assert!(health.figures().is_empty() && health.condition("disk").is_none());
    health.set_figure("disk_free_bytes", 7);
    health.set_figure("disk_free_bytes", 9);
    health.set("disk", at(10, false));
    assert_eq!(health.figures()["disk_free_bytes"], 9);
    assert!(!health.condition("disk").unwrap().ok);
}

#[test]
fn repositories_are_named_to_those_who_may_know_of_them() {
    let detail = "Fetching https://git/a/b and https://git/x/b, asked at /projects/a%2Fb: refused";
    let condition = Condition::new(false, detail, Timestamp::UNIX_EPOCH);
    assert_eq!(condition.told_to_anybody(), detail);
    let about = vec!["a/b".to_owned(), "x/b".to_owned()];
    let told = Condition { about, ..condition }.told_to_anybody();
    assert_eq!(told, "Fetching https://git/… and https://git/…, asked at /projects/…: refused");
}
