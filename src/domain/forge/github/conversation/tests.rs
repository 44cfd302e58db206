use super::*;

const API: &str = "https://api.example";

fn shown(request: &Request<Vec<u8>>) -> String {
    let body = String::from_utf8_lossy(request.body());
    format!("{} {} {body}", request.method(), request.uri())
}

#[test]
fn requests() {
    let repo: RepoName = "ada/site".parse().unwrap();
    let at: Timestamp = "2026-11-21T10:00:00.5Z".parse().unwrap();
    let shown = [
        shown(&reaction_request(API, &repo, "9", Reaction::Refused)),
        shown(&comment_request(API, &repo, 7, "a \"b\"\n")),
        shown(&edit_request(API, &repo, "9", "c")),
        shown(&comments_request(API, &repo, 7, at, 2)),
    ];
    insta::assert_snapshot!(shown.join("\n"), @r#"
    POST https://api.example/repos/ada/site/issues/comments/9/reactions {"content":"confused"}
    POST https://api.example/repos/ada/site/issues/7/comments {"body":"a \"b\"\n"}
    PATCH https://api.example/repos/ada/site/issues/comments/9 {"body":"c"}
    GET https://api.example/repos/ada/site/issues/7/comments?per_page=100&page=2&since=2026-11-21T10%3A00%3A00Z 
    "#);
}

#[test]
fn listed_comments() {
    let body = br#"[{"id": 9, "body": "a"}, {"id": "x1", "body": null}, {"body": "no id"}, 3]"#;
    let (comments, more) = comments(body).unwrap();
    let ids: Vec<_> = comments.iter().map(|it| (it.id.as_str(), it.body.as_str())).collect();
    assert_eq!((ids.as_slice(), more), ([("9", "a"), ("x1", "")].as_slice(), false));
    assert_eq!(super::comments(b"{}"), None);
}

#[test]
fn what_is_gone_is_given_up() {
    let done = Answer::Done { post: Some(1) };
    assert_eq!(answer_to_effect(done.clone(), 201), done);
    let refused = Answer::Refused { whom: Refused::Repository, why: String::new() };
    assert!(matches!(answer_to_effect(refused.clone(), 404), Answer::Never { .. }));
    let why = match answer_to_effect(refused, 403) {
        Answer::Refused { why, .. } => why,
        other => panic!("{other:?}"),
    };
    assert!(why.contains("Pull requests: write"), "{why}");
}
