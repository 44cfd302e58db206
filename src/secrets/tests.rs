use std::path::PathBuf;

use super::*;

/// What a file with this content is read as.
#[track_caller]
fn check(content: &[u8], expected: Result<&str, &str>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    let value = Values::default().value(&Source::File(file.path().to_owned()));
    let name = file.path().display().to_string();
    let value = value.map(|value| value.expose_secret().to_owned());
    let told = value.map_err(|error| error.to_string().replace(&name, "FILE"));
    match (&told, expected) {
        (Ok(value), Ok(expected)) => assert_eq!(value, expected),
        (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_is_read_as_people_write_it() {
    check(b"token", Ok("token"));
    check(b"token\n", Ok("token"));
    check(b"token\r\n", Ok("token"));
    check(b" token \n\n", Ok(" token \n\n"));
    check(b"-----BEGIN-----\nabc\n-----END-----\n", Ok("-----BEGIN-----\nabc\n-----END-----\n"));
}

#[test]
fn what_cannot_be_masked_or_passed_is_refused_without_being_shown() {
    check(b"abc\n", Err("what the file `FILE` holds is shorter than 4 characters"));
    check(b"", Err("shorter than 4 characters"));
    check("éàü".as_bytes(), Err("shorter than 4 characters"));
    check(b"secret\0value", Err("a zero byte"));
    check(b"secret\xff", Err("is not UTF-8"));
    check(&[b'x'; 100 * 1024], Err("longer than 96 KiB"));
}

#[test]
fn what_is_not_there_is_named() {
    let values = Values::default();
    let error = |source| values.value(&source).unwrap_err().to_string();
    assert_eq!(error(Source::Env("DEPLOY_KEY".to_owned())), "DEPLOY_KEY is not set");
    let missing = error(Source::File(PathBuf::from("/no/such/secret")));
    assert!(missing.contains("`/no/such/secret` cannot be read"), "{missing}");
    assert!(error(Source::Dagger("op://vault/item".to_owned())).contains("only dagger"));
}
