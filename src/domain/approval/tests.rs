use super::*;

fn sha(digit: char) -> Sha {
    digit.to_string().repeat(40).parse().unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).unwrap()
}

/// With the head at `head` by now, and `held` waiting since 100.
#[track_caller]
fn check(named: Option<&str>, at_: Option<i64>, head: char, held: Option<char>, expected: &str) {
    let (head, held) = (sha(head), held.map(sha));
    let approval = Approval {
        named,
        commented_at: at_.map(at),
        head: &head,
        held: held.as_ref().map(|held| (held, at(100))),
        known: &[],
    };
    let text = match approval.commit() {
        Ok(sha) => sha.short().to_owned(),
        Err(Unclear::Moved(sha)) => format!("moved to {}", sha.short()),
        Err(Unclear::JustCame(sha)) => format!("{} just came", sha.short()),
        Err(Unclear::NothingHeld(sha)) => format!("nothing of {}", sha.short()),
        Err(Unclear::Several(sha)) => format!("several like {}", sha.short()),
    };
    assert_eq!(text, expected);
}

#[test]
fn what_was_seen_is_approved() {
    check(None, Some(200), 'a', Some('a'), "aaaaaaa");
    check(None, Some(130), 'a', Some('a'), "aaaaaaa");
    check(None, Some(129), 'a', Some('a'), "aaaaaaa just came");
    check(None, Some(50), 'a', Some('a'), "aaaaaaa just came");
    check(None, None, 'a', Some('a'), "aaaaaaa just came");
    check(None, Some(200), 'b', Some('a'), "moved to bbbbbbb");
    check(None, Some(200), 'a', None, "nothing of aaaaaaa");
}

#[test]
fn a_named_commit_must_be_the_head() {
    check(Some("aaaaaaa"), None, 'a', None, "aaaaaaa");
    check(Some("aaaaaaa"), Some(0), 'a', Some('b'), "aaaaaaa");
    check(Some("aaaaaaa"), Some(200), 'b', Some('a'), "moved to bbbbbbb");
    check(Some(&"a".repeat(41)), Some(200), 'a', Some('a'), "moved to aaaaaaa");
}

#[test]
fn the_words_name_what_to_say() {
    let words = Unclear::Moved(sha('b')).to_string();
    assert!(words.ends_with("comment `/pocketci approve bbbbbbb`"), "{words}");
}

/// The beginning of an id is whoever's who takes the trouble: a second commit that begins like the
/// one that was looked at is not approved in its name.
#[test]
fn a_beginning_that_two_commits_share_names_neither() {
    let (seen, pushed) = (sha('a'), format!("{}{}", "a".repeat(12), "b".repeat(28)));
    let pushed: Sha = pushed.parse().unwrap();
    let approve = |named: &str| {
        let known = [seen.clone(), pushed.clone()];
        let held = Some((&pushed, at(100)));
        let named = Some(named);
        Approval { named, commented_at: None, head: &pushed, held, known: &known }.commit().cloned()
    };
    assert_eq!(approve(&seen.as_str()[..7]), Err(Unclear::Several(pushed.clone())));
    assert_eq!(approve(&seen.as_str()[..12]), Err(Unclear::Several(pushed.clone())));
    assert_eq!(approve(seen.as_str()), Err(Unclear::Moved(pushed.clone())));
    assert_eq!(approve(&pushed.as_str()[..13]), Ok(pushed.clone()));
    assert_eq!(approve(pushed.as_str()), Ok(pushed.clone()));
    let words = Unclear::Several(pushed.clone()).to_string();
    assert!(words.ends_with(&format!("`/pocketci approve {pushed}`")), "{words}");
}
