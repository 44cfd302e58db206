use super::*;

fn ip(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

/// Which of these are still there.
fn stay(tickets: &[Ticket]) -> Vec<usize> {
    let there = |ticket: &Ticket| !ticket.seat.leave.is_cancelled();
    tickets.iter().enumerate().filter(|(_, ticket)| there(ticket)).map(|(at, _)| at).collect()
}

/// Ages the seats, the first most.
fn age(tickets: &[Ticket]) {
    for (at, ticket) in tickets.iter().enumerate() {
        ticket.seat.since.store(at as u64, Ordering::Relaxed);
    }
    while tickets[0].seat.epoch.elapsed().as_millis() <= tickets.len() as u128 {
        std::hint::spin_loop();
    }
}

#[test]
fn of_the_sender_with_the_most_the_oldest_goes() {
    let seats = Arc::new(Seats::new(4, 1));
    let mut tickets: Vec<Ticket> =
        [1, 2, 2, 2].map(|last| seats.take(ip(last)).unwrap()).into_iter().collect();
    age(&tickets);
    tickets.push(seats.take(ip(3)).unwrap());
    assert_eq!(stay(&tickets), [0, 2, 3, 4]);
    assert_eq!((seats.open(), seats.dropped()), (4, 1));
    drop(tickets);
    assert_eq!(seats.open(), 0);
}

#[test]
fn who_has_proven_something_goes_last_and_never_while_it_is_stored() {
    let seats = Arc::new(Seats::new(2, 1));
    let mut tickets = vec![seats.take(ip(1)).unwrap(), seats.take(ip(2)).unwrap()];
    tickets[0].seat.prove();
    age(&tickets);
    tickets.push(seats.take(ip(3)).unwrap());
    assert_eq!(stay(&tickets), [0, 2]);
    for at in [0, 2] {
        tickets[at].seat.prove();
        tickets[at].seat.enter(Stage::Answering);
    }
    assert!(seats.take(ip(4)).is_none());
    tickets[0].seat.enter(Stage::Waiting);
    assert!(seats.take(ip(4)).is_some());
}

#[test]
fn who_lingers_goes_before_anybody_who_waits() {
    let seats = Arc::new(Seats::new(3, 1));
    let mut tickets: Vec<Ticket> =
        [1, 1, 2].map(|last| seats.take(ip(last)).unwrap()).into_iter().collect();
    tickets[2].seat.enter(Stage::Lingering);
    age(&tickets);
    tickets.push(seats.take(ip(3)).unwrap());
    assert_eq!(stay(&tickets), [0, 1, 3]);
}

#[test]
fn files_are_few() {
    let seats = Arc::new(Seats::new(9, 2));
    let tickets = [1, 2, 2, 3].map(|last| seats.take(ip(last)).unwrap());
    seats.spool(&tickets[1].seat);
    seats.spool(&tickets[2].seat);
    assert_eq!(stay(&tickets), [0, 1, 2, 3]);
    seats.spool(&tickets[3].seat);
    let there = stay(&tickets);
    assert!(there.len() == 3 && there.contains(&0) && there.contains(&3), "{there:?}");
}
