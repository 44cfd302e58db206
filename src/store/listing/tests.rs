use super::super::tests::{World, at};

#[tokio::test]
async fn the_last_listing_under_a_key_is_kept() {
    let world = World::new().await;
    assert_eq!(world.store.listing("tree").await.unwrap(), None);
    for json in ["{}", r#"{"functions": []}"#] {
        world.store.keep_listing("tree", json.as_bytes(), at(1)).await.unwrap();
        assert_eq!(world.store.listing("tree").await.unwrap().as_deref(), Some(json.as_bytes()));
    }
}

#[tokio::test]
async fn the_oldest_make_room() {
    let world = World::new().await;
    world
        .sql(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
             INSERT INTO listing SELECT 'key ' || i, x'', i FROM n",
        )
        .await;
    world.store.keep_listing("new", b"{}", at(1)).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM listing").await, 1000);
    assert_eq!(world.count("SELECT count(*) FROM listing WHERE key = 'key 1'").await, 0);
    assert!(world.store.listing("new").await.unwrap().is_some());
}
