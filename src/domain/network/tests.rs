use super::*;

#[track_caller]
fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[track_caller]
fn same(one: &str, other: &str, expected: bool) {
    assert_eq!(Sender::new(ip(one)) == Sender::new(ip(other)), expected, "{one} {other}");
}

#[test]
fn one_customer_is_one_sender() {
    same("192.0.2.1", "192.0.2.1", true);
    same("192.0.2.1", "192.0.2.2", false);
    same("::ffff:192.0.2.1", "192.0.2.1", true);
    same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true);
    same("2001:db8:1:2::1", "2001:db8:1:3::1", false);
    assert_eq!(Sender::new(ip("2001:db8:1:2::1")).to_string(), "2001:db8:1:2::/64");
}

#[test]
fn the_own_network_is_told_from_the_world() {
    for local in ["127.0.0.1", "10.1.2.3", "192.168.0.9", "172.16.0.1", "::1", "fd00::1", "fe80::1"]
    {
        assert!(Sender::new(ip(local)).is_local(), "{local}");
    }
    for world in ["192.0.2.1", "140.82.112.1", "2001:db8::1", "172.32.0.1"] {
        assert!(!Sender::new(ip(world)).is_local(), "{world}");
    }
}

#[track_caller]
fn check(proxies: &str, peer: &str, forwarded: &[&str], expected: &str) {
    let proxies = Proxies::parse(proxies).unwrap();
    assert_eq!(proxies.sender(ip(peer), forwarded.iter().copied()), ip(expected));
}

#[test]
fn only_trusted_proxies_are_believed() {
    check("", "127.0.0.1", &["203.0.113.7"], "127.0.0.1");
    check("10.0.0.1", "10.0.0.2", &["203.0.113.7"], "10.0.0.2");
    check("10.0.0.1", "10.0.0.1", &["203.0.113.7"], "203.0.113.7");
    check("10.0.0.0/8", "10.0.0.1", &["198.51.100.1, 203.0.113.7, 10.9.9.9"], "203.0.113.7");
    // What a stranger wrote stands further away than the stranger.
    check("10.0.0.0/8", "10.0.0.1", &["10.0.0.3, 203.0.113.7"], "203.0.113.7");
    check("10.0.0.0/8", "10.0.0.1", &["198.51.100.1", "203.0.113.7"], "203.0.113.7");
    check("10.0.0.0/8, fd00::/8", "fd00::5", &["[2001:db8::1]:443"], "2001:db8::1");
    check("0.0.0.0/0", "203.0.113.7:".trim_end_matches(':'), &["nonsense"], "203.0.113.7");
    check("10.0.0.1", "::ffff:10.0.0.1", &["203.0.113.7:5000"], "203.0.113.7");
    check("10.0.0.1", "10.0.0.1", &[], "10.0.0.1");
    check("10.0.0.1", "10.0.0.1", &["unknown, 10.0.0.1"], "10.0.0.1");
}

#[test]
fn a_list_is_of_addresses_and_networks() {
    assert!(Proxies::parse("10.0.0.1,10.0.0.0/8  ::1 fd00::/8").is_ok());
    for word in ["10.0.0", "10.0.0.0/33", "::/129", "proxy.local", "10.0.0.0/x", "10.0.0.0/"] {
        assert_eq!(Proxies::parse(word), Err(BadNetwork(word.to_owned())), "{word}");
    }
}
