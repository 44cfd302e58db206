use std::path::PathBuf;

use super::*;
use crate::domain::ids::{RepoName, Vendor};
use crate::domain::policy::Source;
use crate::domain::trust::Forks;

fn parse(text: &str) -> Result<File, Diagnostics> {
    File::parse(Path::new("/etc/pocketci/agent.yaml"), text.as_bytes())
}

#[track_caller]
fn good(text: &str) -> File {
    parse(text).unwrap_or_else(|errors| panic!("{}", errors.render(false)))
}

/// The first thing that is wrong with a text.
#[track_caller]
fn bad(text: &str, expected: &str) {
    let errors = parse(text).expect_err("must be refused");
    let headline = errors.diagnostics()[0].headline();
    let headline = headline.strip_prefix("/etc/pocketci/agent.yaml:").unwrap();
    assert_eq!(headline, expected);
}

/// A text with one entry of `repositories`, and in it one secret.
fn secret(rest: &str) -> String {
    format!("repositories:\n  - match: a/b\n    secrets:\n      - {{name: KEY, {rest}}}\n")
}

#[test]
fn everything_is_read() {
    let file = good(
        "forges: [{vendor: gitlab}]\ngithub-app: {id: 1, key: {file: app.pem}}\nrepositories:\n\
         \x20 - match: [\"franela/*\", \"!franela/old\"]\n    forks: run\n    \
         trusted: [alice, \"id:123\"]\n    dotenv: allow\n    host-commands: never\n    \
         secrets:\n      - name: DEPLOY_KEY\n        from: {file: keys/deploy}\n        \
         events: [push, tags]\n        refs: [main, \"v*\"]\n        functions: [\"deploy*\"]\n      \
         - {name: NPM_TOKEN}\n      - {name: OP, from: {dagger: \"op://vault/my item\"}}\n",
    );
    assert!(file.forges.len() == 1 && file.github_app.is_some());
    let [rule] = file.repositories.try_into().unwrap();
    let matches = |name: &str| {
        let name: RepoName = name.parse().unwrap();
        rule.repositories.matches(Vendor::Github.as_str(), &name)
    };
    assert!(matches("franela/pocketci") && !matches("franela/old"));
    assert_eq!(rule.forks, Some(Forks::Run));
    assert_eq!(rule.trusted.map(|trusted| trusted.len()), Some(2));
    assert_eq!((rule.dotenv, rule.host_commands), (Some(true), Some(false)));
    let [key, npm, op] = rule.secrets.unwrap().try_into().unwrap();
    assert_eq!(key.source, Source::File(PathBuf::from("/etc/pocketci/keys/deploy")));
    assert_eq!(key.events, Some(vec!["push".to_owned(), "tag".to_owned()]));
    assert!(key.refs.unwrap().matches("refs/tags/v1"));
    assert!(key.functions.unwrap().matches("deployOnPush"));
    assert_eq!(npm.source, Source::Env("NPM_TOKEN".to_owned()));
    assert_eq!(op.source, Source::Dagger("op://vault/my item".to_owned()));
}

#[test]
fn forges_are_read() {
    let file = good(
        "forges:\n  - {vendor: gitea, name: work, url: \"https://git.example.com\", username: bot,\n     \
         token: {env: WORK_TOKEN}, webhook-secret: {file: hook}}\n  - vendor: gitlab\n    \
         webhook-secret: [{env: NEW}, {env: OLD}]\n",
    );
    let [work, gitlab] = file.forges.try_into().unwrap();
    assert_eq!(work.id.to_string(), "gitea:work");
    assert_eq!(work.url.as_str(), "https://git.example.com/");
    assert_eq!(work.username.as_deref(), Some("bot"));
    assert_eq!(work.token, Some(Source::Env("WORK_TOKEN".to_owned())));
    assert_eq!(work.webhook_secrets, [Source::File(PathBuf::from("/etc/pocketci/hook"))]);
    assert_eq!((gitlab.id, gitlab.url.as_str()), (Vendor::Gitlab.into(), "https://gitlab.com/"));
    assert_eq!(gitlab.webhook_secrets.len(), 2);
}

#[test]
fn mistakes_in_forges_are_shown_where_they_are() {
    let one = |rest: &str| format!("forges:\n  - {{vendor: gitea, {rest}}}\n");
    bad("forges: {}", "1:9: `forges` must be a list of entries with `vendor`, not a mapping");
    bad("forges:\n  - url: https://x", "2:5: an entry of `forges` has no `vendor`");
    bad(&one("name: work"), "2:5: an entry of `forges` for gitea has no `url`");
    bad(&one("url: git.example.com"), "2:26: `git.example.com` is no address of a forge");
    bad(&one("url: \"https://x/?a=b\""), "2:26: `https://x/?a=b` is no address of a forge");
    bad(
        &one("url: \"https://x\", name: Work"),
        "2:45: `name`: `Work` is not a forge's name (up to 30 lower-case letters, digits, `-`, \
         `_`, `.`)",
    );
    bad(&one("url: \"https://x\", secret: {env: X}"), "2:39: unknown key `secret`");
    bad(
        "forges:\n  - {vendor: gitlab}\n  - {vendor: gitlab, url: \"https://x\"}\n",
        "3:5: `forges` has `gitlab` twice",
    );
    bad(
        "forges:\n  - {vendor: gitlab}\n  - {vendor: gitlab, name: two}\n",
        "3:5: `gitlab:two` is where `gitlab` is",
    );
    for hidden in [
        "url: \"https://bot:canary@x\"",
        "url: \"https://x\", token: canary",
        "url: \"https://x\", webhook-secret: canary",
    ] {
        let errors = parse(&one(hidden)).unwrap_err();
        assert!(!errors.render(false).contains("canary"), "{}", errors.render(false));
    }
}

#[test]
fn an_empty_file_says_nothing() {
    assert!(good("").repositories.is_empty());
    assert!(good("# nothing yet\n").repositories.is_empty());
}

#[test]
fn mistakes_are_shown_where_they_are() {
    bad("repositorys: []", "1:1: unknown key `repositorys`");
    bad("repositories:\n  - forks: run", "2:5: an entry of `repositories` has no `match`");
    bad(
        "repositories:\n  - {match: a/b, forks: yes}",
        "2:25: `forks` must be `approve` or `run` or `never`, not `yes`",
    );
    bad("repositories:\n  - {match: a/b, match: c/d}", "2:18: duplicate key `match`");
    bad(
        "repositories: {}",
        "1:15: `repositories` must be a list of entries with `match`, not a mapping",
    );
    bad(
        "repositories:\n  - match: [a/b, nothing]",
        "2:18: `match`: `nothing` names no repository: write `owner/name` or `owner/*`",
    );
    bad(
        "repositories:\n  - {match: a/b, dotenv: true}",
        "2:26: `dotenv` must be a text, not a boolean",
    );
    bad("repositories: []\n---\nforges: []\n", "3:1: the agent's file is one document");
    bad(&secret("events: [pusj]"), "4:30: unknown event `pusj`");
    bad(&secret("refs: [\"a[\"]"), "4:28: `a[` is not a filter pattern: a `[` is never closed");
    bad(&secret("refs: [\"!main\"]"), "4:27: `refs` only excludes");
    bad(&secret("functions: [deploy-on-push]"), "4:33: `deploy-on-push` can match no function");
    bad(&secret("form: {env: X}"), "4:21: unknown key `form`");
}

#[test]
fn names_that_are_the_agents_or_the_systems_are_refused() {
    let named =
        |name: &str| format!("repositories:\n  - {{match: a/b, secrets: [{{name: {name}}}]}}\n");
    bad(&named("POCKETCI_URL"), "2:35: `POCKETCI_URL` is the agent's own and is never handed out");
    bad(
        &named("LD_PRELOAD"),
        "2:35: `LD_PRELOAD` has a meaning to the programs of a call: give the secret another name",
    );
    bad(
        &secret("from: {env: X_HUB_SIGNATURE}"),
        "4:27: `X_HUB_SIGNATURE` is the agent's own and is never handed out",
    );
}

#[test]
fn only_places_that_keep_secrets_are_addresses() {
    let what = "`dagger` is not an address of a secret that is taken";
    for address in ["cmd://id", "file:///etc/shadow", "env://TOKEN", "https://x", "op://", "KEY"] {
        bad(&secret(&format!("from: {{dagger: \"{address}\"}}")), &format!("4:36: {what}"));
    }
    bad(&secret("from: {file: \"op://vault/item\"}"), "4:34: `op://vault/item` is not a path");
    bad(&secret("from: {}"), "4:27: `from` does not say where it is");
    bad(&secret("from: {env: A, file: b}"), "4:27: `from` comes from more than one place");
}

#[test]
fn a_value_in_a_sources_place_is_not_shown() {
    for rest in ["from: canary-value", "from: {env: canary-value}", "from: {dagger: canary-value}"]
    {
        let errors = parse(&secret(rest)).unwrap_err();
        let shown = errors.render(false);
        assert!(!shown.contains("canary"), "{shown}");
        assert!(!serde_json::to_string(errors.diagnostics()).unwrap().contains("canary"));
    }
}

#[test]
fn the_source_line_stands_underneath() {
    let errors = parse("repositories:\n  - match: a/b\n    frks: run\n").unwrap_err();
    insta::assert_snapshot!(errors.render(false), @r"
    error: unknown key `frks`
     --> /etc/pocketci/agent.yaml:3:5
      |
    3 |     frks: run
      |     ^^^^
      = help: did you mean `forks`? allowed here: match, forks, trusted, dotenv, host-commands, secrets
    ");
}
