use super::{count, shell_line};

#[test]
fn words_are_quoted_where_a_shell_would_read_them() {
    let line =
        |words: &[&str]| shell_line(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
    assert_eq!(
        line(&["dagger", "call", "--src=/a b", "--x=env:Y"]),
        "dagger call '--src=/a b' --x=env:Y"
    );
    assert_eq!(line(&["it's", "", "$(x)"]), r"'it'\''s' '' '$(x)'");
}

#[test]
fn counts() {
    assert_eq!(count(1, "file"), "1 file");
    assert_eq!(count(0, "file"), "0 files");
}
