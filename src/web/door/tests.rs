use std::net::{IpAddr, Ipv4Addr};

use super::*;

fn stranger(number: u32) -> Sender {
    Sender::new(IpAddr::V4(Ipv4Addr::from_bits(0xc000_0200 + number)))
}

fn admitted(door: &Counter, sender: Sender, tries: u32, now: Instant) -> u32 {
    (0..tries).filter(|_| door.admit(sender, now).is_ok()).count() as u32
}

#[test]
fn a_stranger_has_so_many_at_once_and_then_so_many_a_second() {
    let now = Instant::now();
    let door = Counter::new(now);
    assert_eq!(admitted(&door, stranger(1), 1_000, now), ONE.burst);
    let wait = door.admit(stranger(1), now).unwrap_err();
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
    assert_eq!(admitted(&door, stranger(1), 1_000, now + Duration::from_secs(1)), ONE.per_second);
    assert_eq!(admitted(&door, stranger(2), 5, now), 5, "another's count is another's");
    let later = now + Duration::from_secs(3_600);
    assert_eq!(admitted(&door, stranger(1), 1_000, later), ONE.burst, "no more is saved up");
}

#[test]
fn strangers_have_a_limit_together_and_the_forge_is_none() {
    let now = Instant::now();
    let door = Counter::new(now);
    let forge = Sender::new("140.82.115.1".parse().unwrap());
    door.admit(forge, now).unwrap();
    door.proved(forge, now);
    let let_in: u32 = (0..100).map(|n| admitted(&door, stranger(n), 50, now)).sum();
    assert_eq!(let_in, ALL.burst);
    assert_eq!(admitted(&door, forge, 10_000, now), 10_000);
    let neighbour = Sender::new("140.82.115.9".parse().unwrap());
    assert_eq!(admitted(&door, neighbour, 10, now), 10);
    let days_later = now + KNOWN_FOR * 2;
    assert_eq!(admitted(&door, forge, 10_000, days_later), ONE.burst, "it is forgotten one day");
}

#[test]
fn what_proves_right_is_given_back() {
    let now = Instant::now();
    let door = Counter::new(now);
    for _ in 0..10 * ALL.burst {
        door.admit(stranger(1), now).unwrap();
        door.proved(stranger(1), now);
    }
    assert_eq!(admitted(&door, stranger(700), 1_000, now), ONE.burst, "nor is it at others' cost");
}

#[test]
fn a_proxy_is_not_shut_out() {
    let door = Counter::new(Instant::now());
    let proxy = Sender::new("10.0.0.2".parse().unwrap());
    assert_eq!(admitted(&door, proxy, 10_000, Instant::now()), 10_000);
}

#[test]
fn memory_is_bounded_whatever_the_number_of_addresses() {
    let now = Instant::now();
    let door = Counter::new(now);
    for number in 0..3 * STRANGERS as u32 {
        // Slowly enough for the limit on all of them together.
        let at = now + number * ALL.each();
        let _ = door.admit(stranger(number), at);
        door.proved(Sender::new(IpAddr::V4(Ipv4Addr::from_bits(0x0800_0000 + number * 256))), at);
    }
    let counts = door.counts();
    assert!(counts.strangers.len() <= STRANGERS, "{}", counts.strangers.len());
    assert!(counts.known.len() <= KNOWN, "{}", counts.known.len());
}

/// However many addresses somebody has.
#[test]
fn the_table_of_strangers_does_not_grow_for_ever() {
    let now = Instant::now();
    let door = Counter::new(now);
    let mut counts = door.counts();
    for number in 0..STRANGERS as u32 + 500 {
        // Nobody is through with waiting, so that none can be forgotten.
        let _ = counts.account(stranger(number), now).charge(ONE, now);
    }
    assert_eq!(counts.strangers.len(), STRANGERS);
}
