//! Rights as a table: who × what × which repository × who reads without a name.
//!
//! The table is `rights.txt`. Its rows are the routes that the router has, so that a route that
//! nobody has thought about is a row that is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::Request;
use tower::ServiceExt as _;

use super::super::OwnUser;
use super::*;
use crate::domain::ids::CallId;
use crate::domain::sign_in::admins::Admins;
use crate::web::server::Seats;
use crate::web::{Limits, router};

const TABLE: &str = include_str!("rights.txt");

/// What is asked about; the last is nowhere.
const KINDS: [&str; 3] = ["public", "private", "unknown"];
const SHA: &str = "2222222222222222222222222222222222222222";

/// The columns, in their order.
const PEOPLE: [&str; 12] = [
    "nobody", "expired", "revoked", "read", "operate", "admin", "reader", "writer", "stranger",
    "oidc", "boss", "local",
];

const READERS: [(&str, Readers); 4] = [
    ("none", Readers::None),
    ("public", Readers::Public),
    ("machine", Readers::ThisMachine),
    ("all", Readers::All),
];

#[tokio::test]
async fn rights() {
    let mut rows = BTreeMap::<String, Vec<(&str, String)>>::new();
    for (word, readers) in READERS {
        let scene = Scene::new(readers).await;
        for route in routes() {
            for kind in kinds(&route) {
                let mut row = Vec::new();
                for who in PEOPLE {
                    row.push(scene.status(&route, kind, who).await.to_string());
                }
                let name = format!("{:<6} {:<47} {:<7}", route.0, route.1, kind);
                rows.entry(name).or_default().push((word, row.join(" ")));
            }
        }
    }
    let mut found = Vec::new();
    for (name, by_readers) in &rows {
        let mut same: Vec<(Vec<&str>, &str)> = Vec::new();
        for (word, row) in by_readers {
            match same.iter_mut().find(|(_, known)| known == row) {
                Some((words, _)) => words.push(word),
                None => same.push((vec![word], row)),
            }
        }
        for (number, (words, row)) in same.iter().enumerate() {
            let name = if number == 0 { name.clone() } else { " ".repeat(name.len()) };
            let words = if words.len() == READERS.len() { "*".into() } else { words.join(",") };
            found.push(format!("{name} {words:<18} {row}"));
        }
    }
    let table: Vec<_> = TABLE.lines().filter(|line| !line.starts_with('#')).collect();
    let missing: Vec<_> = found.iter().filter(|line| !table.contains(&line.as_str())).collect();
    let wrong: Vec<_> = table.iter().filter(|line| !found.iter().any(|it| it == *line)).collect();
    assert!(
        found == table,
        "the table says\n{wrong:#?}\nand this is so; if it is right, it belongs there\n{missing:#?}\n\
         the whole:\n{}",
        found.join("\n")
    );
}

/// Each route with its method and what is asked for there.
fn routes() -> Vec<(String, String)> {
    let mut found = BTreeSet::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web")) {
        let text = std::fs::read_to_string(&file).unwrap();
        for rest in text.split(".route(").skip(1) {
            let Some(rest) = rest.trim_start().strip_prefix('"') else { continue };
            let (path, rest) = rest.split_once('"').unwrap();
            let verbs = rest.split_once(".route(").map_or(rest, |(own, _)| own);
            let verbs = verbs.split(';').next().unwrap();
            for method in ["get", "post", "put", "patch", "delete", "any"] {
                let called = |before: &str| verbs.contains(&format!("{before}{method}("));
                if called(" ") || called(".") {
                    found.insert((method.to_uppercase(), path.to_owned()));
                }
            }
        }
    }
    let document = serde_json::to_value(crate::web::api::document()).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            found.insert((method.to_uppercase(), path.clone()));
        }
    }
    assert!(found.len() > 40, "{found:?}");
    // What another listener answers.
    found.retain(|(_, path)| !path.starts_with("/v1/"));
    // It ends the sessions that the others are asked with.
    let mut routes: Vec<_> = found.into_iter().collect();
    routes.sort_by_key(|(_, path)| path == "/sign-out");
    routes
}

/// The files that are no tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|name| name == "tests") {
            continue;
        } else if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
    files.push(folder.with_extension("rs"));
    files.retain(|file| file.is_file());
    files
}

/// About what it is asked.
fn kinds((_, path): &(String, String)) -> &'static [&'static str] {
    let about = ["/runs/{", "/deliveries/{", "/{forge}/", "/trigger"];
    if about.iter().any(|part| path.contains(part)) { &KINDS } else { &["-"] }
}

/// An agent with a run of a public repository and one of a private one.
struct Scene {
    router: Router,
    runs: [String; 3],
    tokens: BTreeMap<&'static str, String>,
    cookies: BTreeMap<&'static str, String>,
    _agent: Agent,
}

impl Scene {
    async fn new(readers: Readers) -> Self {
        let agent = Agent::read_by(readers).await;
        let store = agent.app.store.clone();
        let [public, private] = with_runs(&agent).await;
        for run in [public, private] {
            // So that nothing that is asked for here can change anything.
            store.cancel_run_by(run, &Actor::Local, at(3)).await.unwrap();
            let log = store.log_path(run, CallId(run.0), 1);
            std::fs::create_dir_all(log.parent().unwrap()).unwrap();
            std::fs::write(log, "2026-11-21T07:34:28Z 1 hello\n").unwrap();
        }
        let mut tokens = BTreeMap::new();
        for scope in Scope::ALL {
            tokens.insert(scope.as_str(), agent.token(scope).await);
        }
        let gone = Fingerprint::of("pci_gone");
        let gone = store.make_token("gone", Scope::Admin, gone, &Actor::Local, at(1)).await;
        store.revoke_token(gone.unwrap().unwrap().id, at(2)).await.unwrap();
        tokens.insert("revoked", "pci_gone".to_owned());

        let mut app = agent.app.clone();
        app.ways = Arc::new([people::pretend("github"), people::pretend("oidc")]);
        app.admins = Arc::new(Admins::parse("github:id:4").unwrap());
        let mut cookies = BTreeMap::new();
        for (who, person) in [
            ("reader", people::person("1")),
            ("writer", people::person("2")),
            ("stranger", people::person("3")),
            ("boss", people::person("4")),
            ("expired", people::person("2")),
            ("oidc", Person { forge: None, scope: Some(Scope::Operate), ..people::person("5") }),
        ] {
            let ends = if who == "expired" { at(2) } else { Timestamp::now() + people::HOUR };
            cookies.insert(who, people::begin(&store, person, ends).await);
        }
        let runs = [public.to_string(), private.to_string(), "99".to_owned()];
        let router = router(app, Limits::default(), Arc::new(Seats::new(16, 4)));
        Self { router, runs, tokens, cookies, _agent: agent }
    }

    async fn status(&self, route: &(String, String), kind: &str, who: &str) -> u16 {
        let (method, path) = route;
        let number = KINDS.iter().position(|it| *it == kind).unwrap_or(2);
        let repository = ["octo/hello", "octo/secret", "octo/nowhere"][number];
        let address = path
            .replace("{id}", &self.runs[number])
            .replace("{call}", &self.runs[number])
            .replace("{forge}", "github")
            .replace("{*name}", repository)
            .replace("{*repository}", repository)
            .replace("{*rest}", "nothing")
            .replace("{token}", "99")
            .replace("{span}", "00f067aa0ba902b7")
            .replace("{vendor}", "github")
            .replace("{way}", "github")
            .replace("{hash}/{name}", "0/style.css")
            .replace("{name}", "nobody");
        assert!(!address.contains('{'), "{address}: say here what stands in its place");
        let api = path.starts_with("/api/");
        let body = match path.rsplit('/').next() {
            // Nothing that can be done, so that only the rights are seen.
            Some("rerun") if api => r#"{"which": "none"}"#.to_owned(),
            Some("rerun") => "which=99".to_owned(),
            Some("approve") if api => format!(r#"{{"sha": "{SHA}"}}"#),
            Some("approve") => format!("sha={SHA}"),
            Some("trigger") => {
                format!(r#"{{"repository": "{repository}", "ref": "refs/pull/1/head"}}"#)
            }
            Some("tokens") => r#"{"name": "x", "scope": "all"}"#.to_owned(),
            _ => String::new(),
        };
        let mut request = Request::builder().method(method.as_str()).uri(address);
        request = request.header("host", "127.0.0.1");
        if let Some(token) = self.tokens.get(who) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(cookie) = self.cookies.get(who) {
            request = request.header("cookie", format!("__Host-pocketci={cookie}"));
        }
        let mut request = request.body(Body::from(body)).unwrap();
        request.extensions_mut().insert(Arc::<crate::web::server::Seat>::default());
        if who == "local" {
            request.extensions_mut().insert(OwnUser);
        }
        self.router.clone().oneshot(request).await.unwrap().status().as_u16()
    }
}

/// Another site's page can have nothing done, wherever it sends a browser.
#[tokio::test]
async fn no_other_site_changes_anything() {
    let scene = Scene::new(Readers::All).await;
    let mut asked = 0;
    for (method, path) in routes() {
        let hook = path == "/" || path.starts_with("/webhooks/");
        if ["GET", "HEAD"].contains(&method.as_str()) || hook {
            continue;
        }
        for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")]
        {
            let address = path.replace("{id}", "1").replace("{call}", "1").replace("{token}", "1");
            let cookie = format!("__Host-pocketci={}", scene.cookies["boss"]);
            let request = Request::builder().method(method.as_str()).uri(address);
            let request = request.header("host", "ci").header("cookie", cookie);
            let request = request.header(name, value).body(Body::empty()).unwrap();
            let answer = scene.router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), 403, "{method} {path} {name}");
            let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
            assert!(String::from_utf8_lossy(&body).contains("another site"), "{method} {path}");
            asked += 1;
        }
    }
    assert!(asked >= 20, "{asked}");
}
