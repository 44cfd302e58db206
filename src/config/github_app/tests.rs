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
        client_id: "Iv23".to_owned(),
        client_secret: "concealed".to_owned(),
        key: "KEY".to_owned(),
    };
    store.keep(&app).unwrap();
    let kept = store.read().unwrap().unwrap();
    assert_eq!((kept.id, kept.key.as_str(), kept.webhook_secret.as_str()), (7, "KEY", "hidden"));
    assert_eq!((kept.client_id.as_str(), kept.client_secret.as_str()), ("Iv23", "concealed"));
    for secret in ["KEY", "hidden", "concealed"] {
        assert!(!format!("{kept:?}").contains(secret), "{kept:?}");
    }
    for name in [ABOUT, KEY] {
        let mode = fs::metadata(folder.path().join("data").join(name)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
    }
    // One of the time before people could sign in.
    let old = r#"{"id": 7, "slug": "ci", "html_url": "", "url": "", "webhook_secret": "hidden"}"#;
    fs::write(store.path(), old).unwrap();
    assert_eq!(store.read().unwrap().unwrap().client_secret, "");
    fs::write(store.path(), "{\"webhook_secret\": \"hidden\"").unwrap();
    let why = store.read().unwrap_err();
    assert!(why.contains("github-app.json") && !why.contains("hidden"), "{why}");
}
