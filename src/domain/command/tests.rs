use super::*;

#[track_caller]
fn check(comment: &str, expected: Command) {
    assert_eq!(parse(comment), Some(Ok(expected)), "{comment:?}");
}

#[track_caller]
fn refused(comment: &str, expected: NotUnderstood) {
    assert_eq!(parse(comment), Some(Err(expected)), "{comment:?}");
}

#[test]
fn commands() {
    let function = |name: &str| Command::Rerun(Selection::Function(name.to_owned()));
    check("/pocketci approve", Command::Approve(None));
    check("/pocketci approve abc1234", Command::Approve(Some("abc1234".to_owned())));
    check("/pocketci approve `ABC1234`", Command::Approve(Some("abc1234".to_owned())));
    check("/pocketci rerun", Command::Rerun(Selection::Failed));
    check("/pocketci rerun failed", Command::Rerun(Selection::Failed));
    check("/pocketci rerun all", Command::Rerun(Selection::All));
    check("/pocketci rerun lint-on-push", function("lint-on-push"));
    check("/pocketci rerun lintOnPush", function("lintOnPush"));
    check("  /pocketci   cancel  \r\n\r\nBecause.", Command::Cancel);
    check("/pocketci explain\nplease", Command::Explain);
}

#[test]
fn what_is_not_for_the_agent() {
    for comment in [
        "",
        "\n/pocketci approve",
        "please /pocketci approve",
        "> /pocketci approve",
        "    /pocketci approve",
        "\t/pocketci approve",
        "`/pocketci approve`",
        "/pocketcix approve",
        "/pocketci-approve",
        "<!-- pocketci:explain 00 -->\n/pocketci approve",
    ] {
        assert_eq!(parse(comment), None, "{comment:?}");
    }
}

#[test]
fn what_is_meant_for_the_agent_and_is_no_command() {
    refused("/pocketci", NotUnderstood::Unknown);
    refused("/pocketci deploy", NotUnderstood::Unknown);
    refused("/pocketci Approve", NotUnderstood::Unknown);
    refused("/pocketci approve abc123", NotUnderstood::Commit);
    refused("/pocketci approve main", NotUnderstood::Commit);
    refused(&format!("/pocketci approve {}", "a".repeat(65)), NotUnderstood::Commit);
    refused("/pocketci approve abc1234 now", NotUnderstood::TooMuch);
    refused("/pocketci cancel all", NotUnderstood::TooMuch);
    refused("/pocketci rerun a;b", NotUnderstood::Function);
    refused("/pocketci rerun \u{202e}x", NotUnderstood::Function);
}
