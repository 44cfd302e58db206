use tempfile::TempDir;

use super::super::tests::at;
use super::*;
use crate::domain::ids::Vendor;
use crate::domain::rights::Scope;

fn session(forge: bool) -> PersonSession {
    let person = Person {
        forge: forge.then(|| Vendor::Github.into()),
        id: "583231".to_owned(),
        login: "alice".to_owned(),
        scope: (!forge).then_some(Scope::Operate),
    };
    PersonSession { way: "github".to_owned(), basis: Fingerprint::of("settings"), person }
}

#[tokio::test]
async fn a_session_of_a_person_ends_by_time_and_by_signing_out() {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    for (text, forge) in [("one", true), ("two", false)] {
        let of = Fingerprint::of(text);
        store.begin_person_session(of, &session(forge), at(10), at(20)).await.unwrap();
    }
    let open = async |text: &str, second| {
        store.person_session(Fingerprint::of(text), at(second)).await.unwrap()
    };
    assert_eq!(open("one", 19).await, Some(session(true)));
    assert_eq!(open("two", 19).await, Some(session(false)));
    assert_eq!((open("one", 20).await, open("other", 19).await), (None, None));
    store.end_session(Fingerprint::of("two")).await.unwrap();
    assert_eq!(open("two", 19).await, None);
    // What is over is gone once somebody else signs in.
    let later = Fingerprint::of("later");
    store.begin_person_session(later, &session(true), at(30), at(40)).await.unwrap();
    assert_eq!(open("one", 19).await, None);
}
