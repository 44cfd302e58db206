//! Secrets on their way through a real child: whatever way a function prints one, no line shows it.

use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use pocketci::dagger::Dagger;
use pocketci::dagger::child::{Ended, run};
use pocketci::domain::redact::Redactor;
use serde_json::json;
use tokio_util::sync::CancellationToken;

const SECRET: &str = "p@ss/word+\"quoted\" and long enough to be wrapped by base64 at 76 columns";
const PREFIX: &str = "p@ss";
const KEY: &str = "-----BEGIN KEY-----\nMIIEowIBAAKCAQEA\n-----END KEY-----\n";

#[tokio::test]
async fn no_line_of_a_call_shows_a_secret() {
    let root = tempfile::tempdir().unwrap();
    let module = root.path().join("ci");
    fs::create_dir(&module).unwrap();
    let config = json!({"name": "ci", "sdk": {"source": "go"}});
    fs::write(module.join("dagger.json"), config.to_string()).unwrap();
    let source = json!({"functions": [{
        "name": "leak",
        "args": ["token: Secret!", "key: Secret!"],
        "returns": "String!",
        "does": [
            {"print": "in clear: ${token}, ${key}"},
            // The two halves are written, and mostly read, apart.
            {"write": &SECRET[..9], "to": "stderr"},
            {"sleep-ms": 50},
            {"write": &SECRET[9..], "to": "stderr"},
            {"write": "\n", "to": "stderr"},
            {"spawn": "printf %s \"$TOKEN\" | base64; printf 'xy%s' \"$TOKEN\" | base64 -w0; echo"},
            {"raise": "cannot log in with ${token}"},
        ],
    }]});
    fs::write(module.join("stand-in.json"), source.to_string()).unwrap();
    let values = [("PATH", "/usr/bin:/bin"), ("NO_COLOR", "1"), ("TOKEN", SECRET), ("KEY", KEY)];
    let env: Vec<_> =
        values.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
    let dagger = Dagger::new(crate::stand_in::program(), env.clone(), root.path().to_owned());
    let module = module.display().to_string();
    let argv =
        ["call", "--progress=plain", "-m", &module, "leak", "--token=env:TOKEN", "--key=env:KEY"];
    let program = dagger.call(argv.map(str::to_owned).into(), env, root.path().to_owned());

    let mut lines = Vec::new();
    let redactor = Redactor::new(&[PREFIX, SECRET, KEY]);
    let never = CancellationToken::new();
    let ended = run(program, &redactor, Duration::from_secs(120), &never, |_, line| {
        lines.push(String::from_utf8_lossy(line).into_owned());
    })
    .await;
    assert!(matches!(ended, Ended::Exited(1)), "{ended:?}");

    let text = lines.join("\n");
    for part in ["p@ss", "quoted", "MIIEow", "BEGIN KEY", "cEBzcy", "columns", "Y29sdW1u"] {
        assert!(!text.contains(part), "`{part}` in\n{text}");
    }
    assert!(text.contains("in clear: ***, ***"), "{text}");
    assert!(text.contains("Error: cannot log in with ***"), "{text}");
    let masked = lines.iter().filter(|line| *line == "***").count();
    assert!(masked >= 2, "{text}");
}
