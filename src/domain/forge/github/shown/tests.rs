use super::*;

#[test]
fn the_newest_posts_of_a_commit_are_one_request() {
    let sha = "1111111111111111111111111111111111111111".parse().unwrap();
    let repo = "franela/pocketci".parse().unwrap();
    let request = shown_request("https://api.github.com", &repo, &sha, 2);
    assert_eq!(
        format!("{} {}", request.method(), request.uri()),
        format!(
            "GET https://api.github.com/repos/franela/pocketci/commits/{sha}/status?per_page=100&page=2"
        )
    );
    assert!(request.body().is_empty());
}

#[test]
fn an_answer_is_read_as_far_as_it_goes() {
    let body = br#"{"state": "pending", "total_count": 2, "statuses": [
        {"id": 7, "context": "ci", "state": "success", "description": null,
         "target_url": "https://ci/runs/1", "created_at": "2023-11-14T22:13:20Z"},
        {"context": "other", "state": "error"}, 17]}"#;
    let shown = shown(body).unwrap();
    let first = Posted {
        post: Some(7),
        context: "ci".to_owned(),
        state: "success".to_owned(),
        description: String::new(),
        target_url: "https://ci/runs/1".to_owned(),
    };
    assert_eq!(shown[0], first);
    assert_eq!((shown.len(), shown[1].post, &*shown[1].context), (2, None, "other"));
}

/// What says nothing about statuses must not pass for a commit that shows none.
#[test]
fn what_is_no_answer_shows_nothing() {
    for body in ["", "[]", "{}", r#"{"statuses": null}"#, r#"{"statuses": 1}"#, "<html>"] {
        assert_eq!(shown(body.as_bytes()), None, "{body}");
    }
    assert_eq!(shown(br#"{"statuses": []}"#), Some(Vec::new()));
}
