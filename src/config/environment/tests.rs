use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret;

use crate::domain::space::{Keep, MinFree};

use super::{Config, ConfigError, Forks, Host, LogFormat, read};

const HOST: Host = Host { root: false, cpus: 3 };

fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let map: BTreeMap<String, OsString> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    let names: BTreeSet<String> = map.keys().cloned().collect();
    let home = |name: &str| (name == "HOME").then(|| OsString::from("/home/ci"));
    read(|name| map.get(name).cloned().or_else(|| home(name)), names, HOST)
}

#[track_caller]
fn good(variables: &[(&str, &str)]) -> Config {
    config(variables).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn bad(name: &str, value: &str, expected: &str) {
    let error = config(&[(name, value)]).expect_err("must be refused").to_string();
    assert_eq!(error, expected);
}

#[test]
fn nothing_set_is_a_whole_configuration() {
    let config = good(&[]);
    assert_eq!(config.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(config.public_url, None);
    assert_eq!(config.data_dir, Path::new("/home/ci/.local/state/pocketci"));
    assert_eq!(config.forges[0].url.as_str(), "https://github.com/");
    assert_eq!(config.forges[0].api, "https://api.github.com");
    assert!(config.forges[0].token.is_none() && config.forges[0].webhook_secrets.is_empty());
    assert!(!config.allow_sha1 && !config.host_commands);
    assert_eq!(config.secret_names, ["GITHUB_USERNAME", "GITHUB_TOKEN"]);
    assert_eq!(config.forks, Forks::Approve);
    assert_eq!(config.parallelism, 3);
    assert_eq!((config.call_timeout, config.run_timeout), (Duration::from_secs(3600), None));
    assert_eq!(config.keep, Keep { days: Some(90), runs: Some(10_000) });
    assert_eq!(config.min_free, MinFree::Percent(5.0));
    assert_eq!(config.log_limit, 100 << 20);
    assert_eq!(config.dagger, Path::new("dagger"));
    assert_eq!(config.log_format, LogFormat::Human);
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn empty_counts_as_unset() {
    let empty: Vec<(&str, &str)> = super::VARIABLES
        .iter()
        .map(|(name, _)| *name)
        .chain(super::BASE)
        .map(|n| (n, ""))
        .collect();
    let config = good(&empty);
    assert_eq!(config.parallelism, 3);
    assert!(config.base_env.is_empty());
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn every_variable_is_read() {
    let config = good(&[
        ("POCKETCI_LISTEN", ":9000"),
        ("POCKETCI_URL", "https://ci.example.org/"),
        ("POCKETCI_DATA_DIR", "/srv/ci"),
        ("POCKETCI_GITHUB_URL", "https://ghe.example.org/"),
        ("GITHUB_USERNAME", "bot"),
        ("GITHUB_TOKEN", "ghp_x\n"),
        ("X_HUB_SIGNATURE", "old one\r\n\n  \nnew one\n"),
        ("POCKETCI_ALLOW_SHA1", "true"),
        ("POCKETCI_SECRETS", "NPM_TOKEN, DEPLOY_KEY\nNPM_TOKEN"),
        ("NPM_TOKEN", "npm-value"),
        ("POCKETCI_FORKS", "never"),
        ("POCKETCI_PASS_ENV", "DOCKER_CONFIG SSH_AUTH_SOCK"),
        ("DOCKER_CONFIG", "/root/.docker"),
        ("POCKETCI_HOST_COMMANDS", "allow"),
        ("POCKETCI_PARALLELISM", "12"),
        ("POCKETCI_CALL_TIMEOUT", "1h30m"),
        ("POCKETCI_RUN_TIMEOUT", "6h"),
        ("POCKETCI_DAGGER", "/opt/dagger"),
        ("POCKETCI_LOG_FORMAT", "json"),
        ("POCKETCI_DATABASE_URL", "sqlite:"),
        ("PATH", "/usr/bin"),
        ("HTTPS_PROXY", "http://proxy"),
        ("no_proxy", "localhost"),
        ("DAGGER_CLOUD_TOKEN", "dag-value"),
        ("AWS_SECRET", "never passed"),
    ]);
    assert_eq!(config.listen.to_string(), "0.0.0.0:9000");
    assert_eq!(config.public_url.as_deref(), Some("https://ci.example.org"));
    assert_eq!(config.data_dir, Path::new("/srv/ci"));
    assert_eq!(config.forges[0].api, "https://ghe.example.org/api/v3");
    assert_eq!(config.forges[0].webhook_secrets.len(), 2);
    assert!(config.allow_sha1 && config.host_commands);
    let names = ["GITHUB_USERNAME", "GITHUB_TOKEN", "NPM_TOKEN", "DEPLOY_KEY"];
    assert_eq!(config.secret_names, names);
    let value = |name| config.secret_value(name).map(|value| value.expose_secret().to_owned());
    assert_eq!(value("NPM_TOKEN").as_deref(), Some("npm-value"));
    assert_eq!(value("GITHUB_TOKEN").as_deref(), Some("ghp_x"));
    assert_eq!(value("AWS_SECRET"), None);
    assert_eq!(config.forks, Forks::Never);
    assert_eq!(config.pass_env, [("DOCKER_CONFIG".to_owned(), "/root/.docker".into())]);
    let base: Vec<&str> = config.base_env.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(base, ["PATH", "no_proxy", "HTTPS_PROXY", "DAGGER_CLOUD_TOKEN"]);
    assert_eq!(config.parallelism, 12);
    assert_eq!(config.call_timeout, Duration::from_secs(5400));
    assert_eq!(config.run_timeout, Some(Duration::from_secs(6 * 3600)));
    assert_eq!(config.dagger, Path::new("/opt/dagger"));
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(
        config.warnings,
        [
            "POCKETCI_SECRETS names DEPLOY_KEY, which is not set",
            "POCKETCI_PASS_ENV names SSH_AUTH_SOCK, which is not set",
        ]
    );
}

#[test]
fn debug_shows_no_secret() {
    let config = good(&[
        ("GITHUB_TOKEN", "canary1"),
        ("X_HUB_SIGNATURE", "canary2"),
        ("POCKETCI_SECRETS", "A"),
        ("A", "canary3"),
        ("DAGGER_CLOUD_TOKEN", "canary4"),
        ("POCKETCI_PASS_ENV", "B"),
        ("B", "canary5"),
    ]);
    let shown = format!("{config:?} {config:#?}");
    assert!(!shown.contains("canary"), "{shown}");
    assert!(shown.contains("DAGGER_CLOUD_TOKEN"), "{shown}");
}

#[test]
fn errors_name_variable_value_and_what_is_right() {
    bad(
        "POCKETCI_LISTEN",
        "8080",
        "POCKETCI_LISTEN is `8080`: it must be an address and a port, like `0.0.0.0:8080`",
    );
    bad(
        "POCKETCI_URL",
        "ci.example.org",
        "POCKETCI_URL is `ci.example.org`: it must be what the world calls it, \
         like `https://ci.example.org`",
    );
    bad(
        "POCKETCI_GITHUB_URL",
        "http://github.com",
        "POCKETCI_GITHUB_URL is `http://github.com/`: it must be `https://github.com`",
    );
    bad("POCKETCI_ALLOW_SHA1", "yes", "POCKETCI_ALLOW_SHA1 is `yes`: it must be `true` or `false`");
    bad("POCKETCI_FORKS", "ask", "POCKETCI_FORKS is `ask`: it must be `approve`, `run` or `never`");
    bad(
        "POCKETCI_HOST_COMMANDS",
        "true",
        "POCKETCI_HOST_COMMANDS is `true`: it must be `allow`, which gives commands the rights \
         of this agent, or unset",
    );
    bad(
        "POCKETCI_PARALLELISM",
        "0",
        "POCKETCI_PARALLELISM is `0`: it must be a number of calls from 1 to 1024",
    );
    bad(
        "POCKETCI_CALL_TIMEOUT",
        "60",
        "POCKETCI_CALL_TIMEOUT: `60` has no unit: write `60s`, `60m` or `60h`",
    );
    bad("POCKETCI_LOG_FORMAT", "xml", "POCKETCI_LOG_FORMAT is `xml`: it must be `human` or `json`");
    bad(
        "POCKETCI_SECRETS",
        "A, X_HUB_SIGNATURE",
        "POCKETCI_SECRETS names X_HUB_SIGNATURE, which is the agent's own: take it out",
    );
    bad(
        "POCKETCI_SECRETS",
        "POCKETCI_URL",
        "POCKETCI_SECRETS names POCKETCI_URL, which is the agent's own: take it out",
    );
    bad(
        "POCKETCI_PASS_ENV",
        "GITHUB_TOKEN",
        "POCKETCI_PASS_ENV names GITHUB_TOKEN, which every call would see: let the specs that \
         need it name it under `secrets`",
    );
}

#[test]
fn errors_hold_no_secret() {
    for (name, value) in [
        ("GITHUB_TOKEN", "canary é"),
        ("POCKETCI_SECRETS", "canary-value"),
        ("POCKETCI_GITHUB_URL", "https://bot:canary@ghe.example.org"),
        ("POCKETCI_URL", "bot:canary@example.org"),
        ("POCKETCI_DATABASE_URL", "postgres://ci:canary@db/ci"),
    ] {
        let error = config(&[(name, value)]).expect_err("must be refused").to_string();
        assert!(error.starts_with(name) && !error.contains("canary"), "{error}");
    }
    let broken = |name: &str| {
        let bytes = OsString::from_vec(b"canary\xff".to_vec());
        (name == "GITHUB_TOKEN").then_some(bytes)
    };
    let error = read(broken, BTreeSet::new(), HOST).expect_err("must be refused").to_string();
    assert!(error.contains("GITHUB_TOKEN is not UTF-8") && !error.contains("canary"), "{error}");
}

#[test]
fn all_errors_come_at_once() {
    let error = config(&[("POCKETCI_FORKS", "x"), ("POCKETCI_PARALLELISM", "y")]).unwrap_err();
    assert_eq!(error.0.len(), 2, "{error}");
}

#[test]
fn slips_in_our_names_are_told() {
    let config = good(&[("POCKETCI_FORK", "never"), ("POCKETCI_TEST_SHARED", "/x")]);
    assert_eq!(
        config.warnings,
        ["POCKETCI_FORK is not a variable of ours: did you mean POCKETCI_FORKS?",]
    );
}

#[test]
fn where_the_state_belongs() {
    #[track_caller]
    fn check(variables: &[(&str, &str)], root: bool, expected: Option<&str>) {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let config = read(lookup, BTreeSet::new(), Host { root, cpus: 1 });
        assert_eq!(config.ok().map(|c| c.data_dir), expected.map(Into::into), "{variables:?}");
    }
    check(&[("HOME", "/home/a")], false, Some("/home/a/.local/state/pocketci"));
    check(&[("HOME", "/root")], true, Some("/var/lib/pocketci"));
    check(&[("XDG_STATE_HOME", "/state"), ("HOME", "/h")], false, Some("/state/pocketci"));
    check(&[("XDG_STATE_HOME", "state"), ("HOME", "/h")], false, Some("/h/.local/state/pocketci"));
    check(&[("POCKETCI_DATA_DIR", "/d"), ("XDG_STATE_HOME", "/state")], true, Some("/d"));
    check(&[], false, None);
}

#[test]
fn space_is_what_the_operator_says() {
    let config = good(&[
        ("POCKETCI_KEEP", "30d"),
        ("POCKETCI_MIN_FREE", "2GiB"),
        ("POCKETCI_LOG_LIMIT", "1 MB"),
    ]);
    assert_eq!(config.keep, Keep { days: Some(30), runs: None });
    assert_eq!(config.min_free, MinFree::Bytes(2 << 30));
    assert_eq!(config.log_limit, 1_000_000);
    bad(
        "POCKETCI_KEEP",
        "forever",
        "POCKETCI_KEEP: `forever` does not say what to keep: write days, a number of runs, or both: `90d`, `10000` or `90d,10000`",
    );
    bad(
        "POCKETCI_MIN_FREE",
        "95%",
        "POCKETCI_MIN_FREE: `95%` is not a share: write it like `5%`, from `0%` to `90%`",
    );
    bad(
        "POCKETCI_LOG_LIMIT",
        "1k",
        "POCKETCI_LOG_LIMIT is `1.0 kB`: it must be a size from `64KiB` on: less would not hold what went wrong",
    );
}

#[test]
fn a_collector_is_read_with_its_headers() {
    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20a-long-token-0, team=ci");
    let config = good(&[ENDPOINT, headers]);
    let collector = config.collector.unwrap();
    assert_eq!(collector.endpoint, "http://collector:4318");
    let read = collector.headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret()));
    let expected = [("authorization", "Bearer a-long-token-0"), ("team", "ci")];
    assert_eq!(read.collect::<Vec<_>>(), expected);
    assert_eq!(config.masks.text("ci a-long-token-0"), "ci ***");
    let grpc = good(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
    assert!(grpc.collector.is_none() && grpc.warnings[0].contains("only `http/protobuf`"));
    let wrong = config_error(&[ENDPOINT, ("OTEL_EXPORTER_OTLP_HEADERS", "hunter22")]);
    assert!(wrong.starts_with("OTEL_EXPORTER_OTLP_HEADERS must be") && !wrong.contains("hunter"));
}

fn config_error(variables: &[(&str, &str)]) -> String {
    config(variables).expect_err("must be refused").to_string()
}

/// What a file in a folder of its own makes of these variables; `{}` in it is the folder.
fn with_file(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("hook"), "secret of the work\n").unwrap();
    let path = folder.path().join("agent.yaml");
    std::fs::write(&path, file).unwrap();
    let own = ("POCKETCI_CONFIG", path.to_str().unwrap());
    config(&[&[own], variables].concat())
}

const WORK: &str = "forges:\n  - {vendor: gitea, name: work, url: \"https://git.example.com\", \
                    token: {env: WORK_TOKEN}, webhook-secret: {file: hook}}\n";

#[test]
fn forges_of_the_file_stand_beside_those_of_the_variables() {
    let variables = [
        ("WORK_TOKEN", "canary-of-work\n"),
        ("GITEA_URL", "https://gitea.example.org"),
        ("GITEA_WEBHOOK_SECRET", "another secret"),
    ];
    let config = with_file(WORK, &variables).unwrap_or_else(|error| panic!("{error}"));
    let ids: Vec<String> = config.forges.iter().map(|forge| forge.id.to_string()).collect();
    assert_eq!(ids, ["gitea", "gitea:work"]);
    let work = &config.forges[1];
    assert_eq!(work.api, "https://git.example.com/api/v1");
    assert_eq!(work.webhook_secrets[0].expose(), "secret of the work");
    assert_eq!(work.token.as_ref().map(|it| it.expose_secret()), Some("canary-of-work"));
    assert_eq!(work.names.token, "`token` of `gitea:work` in POCKETCI_CONFIG");
    let masked = config.masks.text("canary-of-work and secret of the work");
    assert_eq!(masked, "*** and ***");
    assert_eq!(config.warnings, [""; 0]);
}

#[test]
fn a_forge_is_set_up_in_one_place_with_a_secret_of_its_own() {
    let error = |file: &str, variables: &[(&str, &str)]| {
        with_file(file, variables).map(|_| ()).unwrap_err().to_string()
    };
    let token = ("WORK_TOKEN", "canary-of-work");
    assert_eq!(
        error(WORK, &[]),
        "`token` of `gitea:work` in POCKETCI_CONFIG: WORK_TOKEN is not set"
    );
    let unnamed = WORK.replace("name: work, ", "");
    assert_eq!(
        error(&unnamed, &[token, ("GITEA_URL", "https://gitea.example.org")]),
        "GITEA_URL is set, and POCKETCI_CONFIG sets `gitea` up too: take one away, or give the \
         file's a `name`"
    );
    assert_eq!(
        error(WORK, &[token, ("GITEA_URL", "https://git.example.com")]),
        "POCKETCI_CONFIG: `gitea:work` is where `gitea` is"
    );
    let told = error(WORK, &[token, ("POCKETCI_PASS_ENV", "WORK_TOKEN")]);
    assert!(told.contains("POCKETCI_PASS_ENV names WORK_TOKEN"), "{told}");
    let leak = "repositories:\n  - {match: a/b, secrets: [{name: HOOK, from: {file: hook}}]}\n";
    let told = error(&format!("{WORK}{leak}"), &[token]);
    assert!(told.contains("gives `HOOK` to repositories"), "{told}");
    let by_variable = WORK.replace("{file: hook}", "{env: HOOK}");
    let told = error(&by_variable, &[token, ("HOOK", "some secret"), ("POCKETCI_SECRETS", "HOOK")]);
    assert!(told.contains("names HOOK, which is the agent's own"), "{told}");
    let same = [token, ("GITEA_URL", "https://x.org"), ("GITEA_WEBHOOK_SECRET", "some secret")];
    let same = [&same[..], &[("HOOK", "some secret")]].concat();
    let warned = with_file(&by_variable, &same).unwrap().warnings;
    assert!(warned[0].contains("have the same webhook secret"), "{warned:?}");
}
