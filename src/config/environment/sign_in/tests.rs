use std::collections::BTreeSet;

use super::super::super::{Config, ConfigError};
use super::super::{Host, read};
use super::*;

fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let lookup = |name: &str| {
        let found = variables.iter().rev().find(|(it, _)| *it == name);
        let found = found.map(|(_, value)| *value);
        found.or((name == "HOME").then_some("/home/ci")).map(OsString::from)
    };
    read(lookup, BTreeSet::new(), Host { root: false, cpus: 4 })
}

const URL: (&str, &str) = ("POCKETCI_URL", "https://ci.example.com");
const OIDC: [(&str, &str); 4] = [
    URL,
    (ISSUER, "https://login.example.org/realms/main"),
    (OIDC_ID, "pocketci"),
    (OIDC_SECRET, "the secret of the client"),
];

#[track_caller]
fn wrong(variables: &[(&str, &str)], words: &str) {
    let error = config(variables).err().unwrap_or_else(|| panic!("{variables:?}")).to_string();
    assert!(error.contains(words), "{error}");
    assert!(!error.contains("the secret of"), "{error}");
}

#[test]
fn github_takes_both_and_an_address_to_come_back_to() {
    let both = [URL, (GITHUB_ID, "Ov23li"), (GITHUB_SECRET, "the secret of the app")];
    let read = config(&both).unwrap();
    assert_eq!(read.sign_in.github.map(|app| app.id).as_deref(), Some("Ov23li"));
    assert_eq!(read.masks.text("the secret of the app"), "***");
    wrong(&both[..2], "POCKETCI_GITHUB_OAUTH_SECRET is not");
    wrong(&both[1..], "POCKETCI_URL is not");
    let gitea = [("GITEA_URL", "https://git.example.org"), ("GITEA_TOKEN", "0123456789")];
    wrong(&[&both[..], &gitea].concat(), "no GitHub is");
}

#[test]
fn a_provider_takes_all_of_it() {
    let rights = (RIGHTS, "groups:ci=operate");
    let read = config(&[&OIDC[..], &[rights]].concat()).unwrap();
    let oidc = read.sign_in.oidc.unwrap();
    assert_eq!(oidc.client.issuer, OIDC[1].1);
    assert!(matches!(oidc.rights, OidcRightsConfig::Given { .. }));
    wrong(&OIDC, "say who may do what");
    wrong(&[&OIDC[..], &[(RIGHTS, "groups:ci=write")]].concat(), "read, operate and admin");
    wrong(&[&OIDC[..2], &[rights]].concat(), "belong together");
    wrong(&[&[URL], &OIDC[2..], &[rights]].concat(), "POCKETCI_OIDC_ISSUER is not set");
    wrong(&[URL, rights], "belong together");
    let plain = (ISSUER, "http://login.example.org");
    wrong(&[&OIDC[..], &[plain, rights]].concat(), "https");
    let local = (ISSUER, "http://127.0.0.1:8080");
    assert!(config(&[&OIDC[..], &[local, rights]].concat()).is_ok());
}

#[test]
fn a_forge_that_is_the_provider_says_itself_who_may_what() {
    let gitea =
        [("GITEA_URL", "https://login.example.org/realms/main/"), ("GITEA_TOKEN", "0123456789")];
    let read = config(&[&OIDC[..], &gitea].concat()).unwrap();
    let rights = read.sign_in.oidc.unwrap().rights;
    assert!(matches!(rights, OidcRightsConfig::Forge(forge) if forge == Vendor::Gitea));
}

#[test]
fn admins_are_of_forges_that_there_are() {
    let read = config(&[(ADMINS, "github:alice")]).unwrap();
    assert_eq!(read.sign_in.admins, Admins::parse("github:alice").unwrap());
    wrong(&[(ADMINS, "alice")], "`alice` is not a forge");
    wrong(&[(ADMINS, "gitea:alice")], "`gitea`, which is not set up");
}
