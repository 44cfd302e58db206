use super::*;
use crate::domain::plan::{FunctionDecision, Plan, ReasonCode, skipped};

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(plain(text), expected);
}

#[test]
fn nothing_in_a_text_is_markup() {
    check("no function for push to dev", "no function for push to dev");
    check("ci/main.go, lib", "ci/main.go, lib");
    check("@alice #7", "&#64;&#8203;alice &#35;&#8203;7");
    check("a|b\nc", "a&#124;b c");
    check("[x](http://evil)", "&#91;x&#93;&#40;http&#58;/&#8203;/evil&#41;");
    check("www.evil.example", "www&#8203;.evil.example");
    check("<img src=x>", "&#60;img src&#61;x&#62;");
    check("**a** _b_ `c`", "&#42;&#42;a&#42;&#42; &#95;b&#95; &#96;c&#96;");
    check("a\u{202e}b\u{1b}[1m", "a b &#91;1m");
    assert_eq!(plain(&"a".repeat(10_000)).chars().count(), LONGEST_REASON + 1);
}

fn function(name: &str, decision: Decision, text: &str) -> FunctionDecision {
    let (name, text) = (name.to_owned(), text.to_owned());
    FunctionDecision { name, decision, code: String::new(), text, context: None }
}

#[test]
fn each_function_with_its_reason() {
    let plan = Plan {
        functions: vec![
            function("testOnPush", Decision::Call, "its name asks for push"),
            function("lintOnPush", Decision::Skip, "onChanges **.rs matches nothing"),
        ],
        ..skipped(ReasonCode::NoFunction.because("no function"))
    };
    let plan = Plan { reason: None, ..plan };
    let run = Explained {
        title: "pull_request opened",
        spec: "api",
        url: "http://ci.example/runs/1",
        state: "queued",
        plan: &plan,
    };
    let sha = "a".repeat(40).parse().unwrap();
    insta::assert_snapshot!(comment("<!-- m -->", &sha, &[run]), @"
    <!-- m -->
    **What pocketci does with aaaaaaa**

    pull&#95;request opened (api): [queued](http://ci.example/runs/1)

    | function | | why |
    |---|---|---|
    | <code>testOnPush</code> | called | its name asks for push |
    | <code>lintOnPush</code> | not called | onChanges &#42;&#42;.rs matches nothing |
    ");
}

#[test]
fn it_fits_into_a_comment() {
    let many = (0..5000).map(|n| function(&format!("f{n}"), Decision::Skip, &"@".repeat(300)));
    let plan = Plan { functions: many.collect(), ..skipped(ReasonCode::NoFunction.because("x")) };
    let run = Explained { title: "a", spec: "", url: "u", state: "s", plan: &plan };
    let sha = "a".repeat(40).parse().unwrap();
    let text = comment("m", &sha, &vec![run; 9]);
    assert!(text.len() < 65_536 && text.contains("more"), "{}", text.len());
}
