use super::*;

#[track_caller]
fn check(actor: Actor, text: &str, name: &str) {
    assert_eq!(actor.to_string(), text);
    assert_eq!(actor.name(), name);
    assert_eq!(text.parse(), Ok(actor));
}

#[test]
fn what_is_kept_is_read_again() {
    let forge = |login: &str, id: &str| Actor::Forge { login: login.into(), id: id.into() };
    check(forge("alice", "123"), "forge:123:alice", "alice");
    check(forge("a:b", "7"), "forge:7:a:b", "a:b");
    let person = |login: &str, id: &str| Actor::Person { login: login.into(), id: id.into() };
    check(person("ada", "f81d"), "person:f81d:ada", "ada");
    check(person("a:%3A", "auth0|7:%"), "person:auth0|7%3A%25:a:%3A", "a:%3A");
    check(Actor::Local, "local", "the command line");
    check(Actor::Token("deploy".into()), "token:deploy", "the token `deploy`");
    for text in ["", "forge", "forge:7", "local:x", "somebody"] {
        assert!(text.parse::<Actor>().is_err(), "{text}");
    }
}
