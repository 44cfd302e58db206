use super::*;

fn person(forge: &str, id: &str, login: &str) -> Person {
    Person { forge: forge.parse().ok(), id: id.into(), login: login.into(), scope: None }
}

#[test]
fn admins_are_of_a_forge_by_login_or_by_id() {
    let admins =
        Admins::parse("github:Alice, github:id:7 gitea:work:bob\ngitea:work:id:9").unwrap();
    for (forge, id, login, expected) in [
        ("github", "1", "alice", true),
        ("github", "1", "ALICE", true),
        ("gitea", "1", "alice", false),
        ("github", "7", "anybody", true),
        // A login that looks like an id is none.
        ("github", "8", "7", false),
        ("github", "8", "id", false),
        ("gitea:work", "1", "bob", true),
        ("gitea", "1", "bob", false),
        ("gitea:work", "9", "x", true),
        ("", "7", "alice", false),
    ] {
        assert_eq!(admins.has(&person(forge, id, login)), expected, "{forge} {id} {login}");
    }
    assert!(!Admins::default().has(&person("github", "7", "alice")));
}

#[test]
fn what_names_nobody_is_refused() {
    for text in ["alice", "github:", "nowhere:alice", "github:work:x:id:", ":alice", "id:7"] {
        assert!(Admins::parse(text).is_err(), "{text}");
    }
}
