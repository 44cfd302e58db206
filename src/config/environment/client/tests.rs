use std::ffi::OsString;

use super::super::{Host, client};

const HERE: (&str, &str) = ("HOME", "/home/ada");
const FOLDER: (&str, &str) = ("POCKETCI_DATA_DIR", "/srv/ci");
const URL: (&str, &str) = ("POCKETCI_URL", "https://ci.example.com/");
const TOKEN: (&str, &str) = ("POCKETCI_TOKEN", " pci_1\n");

/// The address, whether there is a token, and the data folder.
#[track_caller]
fn check(variables: &[(&str, &str)], url: Option<&str>, token: bool, folder: Option<&str>) {
    let lookup = |name: &str| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
    };
    let read = client(lookup, Host { root: false, cpus: 1 }).unwrap();
    assert_eq!(read.url.as_ref().map(url::Url::as_str), url);
    assert_eq!(read.token.is_some(), token);
    assert_eq!(read.data_dir.as_deref().and_then(std::path::Path::to_str), folder);
}

#[test]
fn an_agent_is_where_the_variables_say() {
    let (address, own) = (Some("https://ci.example.com/"), Some("/home/ada/.local/state/pocketci"));
    check(&[], None, false, None);
    check(&[HERE], None, false, own);
    check(&[HERE, URL], address, false, own);
    check(&[URL, TOKEN], address, true, None);
    // The agent's own environment, and that of somebody who asks it from elsewhere.
    check(&[FOLDER, URL], None, false, Some("/srv/ci"));
    check(&[FOLDER, URL, TOKEN], address, true, Some("/srv/ci"));
    check(&[FOLDER, URL, ("POCKETCI_TOKEN", " ")], None, false, Some("/srv/ci"));
}

#[test]
fn an_address_is_one_of_the_web() {
    for wrong in ["ci.example.com", "ftp://ci.example.com", "https://u:p@ci.example.com"] {
        let lookup = |name: &str| (name == "POCKETCI_URL").then(|| OsString::from(wrong));
        let error = client(lookup, Host { root: false, cpus: 1 }).unwrap_err().to_string();
        assert!(error.contains("POCKETCI_URL") && !error.contains("u:p"), "{error}");
    }
}
