use super::super::tests::at;
use super::*;
use tempfile::TempDir;

async fn store() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    (folder, store)
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

async fn make(store: &Store, name: &str) -> Option<TokenView> {
    let fingerprint = Fingerprint::of(&format!("{name} {}", store.tokens().await.unwrap().len()));
    store.make_token(name, Scope::Operate, fingerprint, &Actor::Local, at(1)).await.unwrap()
}

#[tokio::test]
async fn a_name_is_in_use_until_its_token_is_revoked() {
    let (_folder, store) = store().await;
    let first = make(&store, "deploy").await.unwrap();
    assert_eq!((first.scope, &*first.created_by), (Scope::Operate, "the command line"));
    assert_eq!(make(&store, "deploy").await, None);
    assert!(store.revoke_token(first.id, at(2)).await.unwrap());
    assert!(make(&store, "deploy").await.is_some());
    assert!(!store.revoke_token(99, at(2)).await.unwrap());
    let revoked: Vec<_> = store.tokens().await.unwrap().iter().map(|it| it.revoked_at).collect();
    assert_eq!(revoked, [None, Some(at(2))]);
    assert_eq!(store.token(Fingerprint::of("deploy 0")).await.unwrap(), None);
    assert!(store.token(Fingerprint::of("deploy 1")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_session_ends_by_time_by_signing_out_and_with_its_token() {
    let (_folder, store) = store().await;
    let token = make(&store, "alice").await.unwrap();
    for text in ["one", "two", "three"] {
        let fingerprint = Fingerprint::of(text);
        store.begin_session(fingerprint, token.id, at(10), at(20)).await.unwrap();
    }
    let open = async |text: &str, second| {
        store.session(Fingerprint::of(text), at(second)).await.unwrap().is_some()
    };
    assert!(open("one", 19).await && !open("one", 20).await && !open("other", 19).await);
    store.end_session(Fingerprint::of("two")).await.unwrap();
    assert!(!open("two", 19).await && open("three", 19).await);
    store.revoke_token(token.id, at(15)).await.unwrap();
    assert!(!open("three", 19).await);
}

#[tokio::test]
async fn the_last_use_is_told_to_the_minute() {
    let (_folder, store) = store().await;
    let token = make(&store, "alice").await.unwrap();
    store.note_token(&token, second(3700)).await.unwrap();
    let used = store.tokens().await.unwrap().remove(0);
    assert_eq!(used.used_at, Some(second(3660)));
    store.note_token(&used, second(3719)).await.unwrap();
    assert_eq!(store.tokens().await.unwrap()[0].used_at, Some(second(3660)));
    store.note_token(&used, second(3720)).await.unwrap();
    assert_eq!(store.tokens().await.unwrap()[0].used_at, Some(second(3720)));
}
