use super::*;

fn now() -> Timestamp {
    "2026-11-21T00:00:00Z".parse().unwrap()
}

#[test]
fn sizes_are_read() {
    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(Size::parse(text).ok().map(|size| size.0), expected, "{text}");
    }
    check("0", Some(0));
    check("1048576", Some(1 << 20));
    check("100MiB", Some(100 << 20));
    check("100 mib", Some(100 << 20));
    check("64k", Some(64 << 10));
    check("1.5GB", Some(1_500_000_000));
    check("2 TB", Some(2_000_000_000_000));
    check("17b", Some(17));
    for bad in ["", " ", "MB", "-1", "1e9", "1,5GB", "two", "1.2.3", ".", "99999999TiB", "5%"] {
        check(bad, None);
    }
}

#[test]
fn sizes_are_written() {
    let shown = [0, 999, 1_000, 123_400_000, 2_000_000_000, 3_500_000_000_000].map(Size);
    assert_eq!(
        shown.map(|size| size.to_string()),
        ["0 bytes", "999 bytes", "1.0 kB", "123.4 MB", "2.0 GB", "3.5 TB"]
    );
}

#[test]
fn a_disk_is_full_below_the_share_or_the_size() {
    #[track_caller]
    fn check(min: &str, free: u64, has_room: bool) {
        let min = MinFree::parse(min).unwrap();
        assert_eq!(Disk { free, total: 1000 }.has_room(min), has_room, "{min} {free}");
    }
    check("5%", 50, true);
    check("5%", 49, false);
    check("2.5%", 25, true);
    check("0", 0, true);
    check("0%", 0, true);
    check("100b", 99, false);
    check("100", 100, true);
    // A size that the disk does not have is never met.
    check("1MB", 1000, false);
    for bad in ["", "%", "95%", "-5%", "five%", "5 percent"] {
        assert!(MinFree::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_full_disk_is_said_with_what_to_do() {
    let (disk, min) = (Disk { free: 10_000_000, total: 1_000_000_000 }, MinFree::Percent(5.0));
    insta::assert_snapshot!(disk.describe(min), @"10.0 MB of 1.0 GB free, less than POCKETCI_MIN_FREE (5%): deliveries are refused until there is room; make some, or give the data folder a larger disk");
    assert_eq!(disk.describe(MinFree::Bytes(1)), "10.0 MB of 1.0 GB free");
}

#[test]
fn what_to_keep_is_read() {
    #[track_caller]
    fn check(text: &str, days: Option<u32>, runs: Option<u32>) {
        assert_eq!(Keep::parse(text), Ok(Keep { days, runs }), "{text}");
    }
    check("90d,10000", Some(90), Some(10_000));
    check("500, 7d", Some(7), Some(500));
    check("30d", Some(30), None);
    check("200", None, Some(200));
    for bad in ["", "d", "0d", "0", "90d,", "1d,2d", "1,2", "90 days", "-1", "+5", "1.5d", "90h"] {
        assert_eq!(Keep::parse(bad), Err(BadSpace::Keep(bad.to_owned())));
    }
}

#[test]
fn age_is_counted_back_from_now() {
    let since = |keep: Keep| keep.since(now()).map(|since| since.to_string());
    assert_eq!(since(Keep::default()).as_deref(), Some("2026-08-23T00:00:00Z"));
    assert_eq!(since(Keep { days: None, runs: Some(1) }), None);
    assert!(Keep { days: Some(u32::MAX), runs: None }.since(now()).is_some());
}

#[test]
fn deliveries_go_as_far_back_as_runs_and_as_replays() {
    #[track_caller]
    fn check(since: Option<&str>, oldest_run: Option<&str>, expected: Option<&str>) {
        let at = |day: &str| format!("2026-{day}T00:00:00Z").parse::<Timestamp>().unwrap();
        let found = deliveries_since(since.map(at), oldest_run.map(at), now());
        assert_eq!(found, expected.map(at));
    }
    check(None, None, None);
    check(Some("08-23"), None, Some("08-23"));
    check(Some("08-23"), Some("10-01"), Some("10-01"));
    check(Some("10-01"), Some("08-23"), Some("10-01"));
    check(None, Some("11-20"), Some("11-14"));
    check(Some("11-20"), None, Some("11-14"));
}
