use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn an_app_is_kept_for_its_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(&folder.path().join("data"));
    assert!(store.read().unwrap().is_none());
    let app = Kept {
        id: 7,
        slug: "ci".to_owned(),
        html_url: "https://github.com/apps/ci".to_owned(),
        url: "https://github.com/".to_owned(),
        webhook_secret: "hidden".to_owned(),
        key: "KEY".to_owned(),
    };
    store.keep(&app).unwrap();
    let kept = store.read().unwrap().unwrap();
    assert_eq!((kept.id, kept.key.as_str(), kept.webhook_secret.as_str()), (7, "KEY", "hidden"));
    assert!(!format!("{kept:?}").contains("KEY") && !format!("{kept:?}").contains("hidden"));
    for name in [ABOUT, KEY] {
        let mode = fs::metadata(folder.path().join("data").join(name)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
    }
    fs::write(store.path(), "{\"webhook_secret\": \"hidden\"").unwrap();
    let why = store.read().unwrap_err();
    assert!(why.contains("github-app.json") && !why.contains("hidden"), "{why}");
}
