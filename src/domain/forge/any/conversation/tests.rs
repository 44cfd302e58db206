use super::*;

const API: &str = "https://git.example.com/api";

fn repo() -> RepoName {
    "a/b".parse().unwrap()
}

fn user() -> Sender {
    Sender { login: "alice".to_owned(), id: "7".to_owned() }
}

#[test]
fn every_forge_with_conversations_can_be_asked_everything() {
    let (repo, user, since) = (repo(), user(), Timestamp::UNIX_EPOCH);
    for vendor in Vendor::ALL {
        let all = [
            permission_request(vendor, API, &repo, &user),
            pull_request_request(vendor, API, &repo, 1),
            comment_request(vendor, API, &repo, 1, "Held"),
            edit_request(vendor, API, &repo, (1, "2"), 3, "Held"),
            comments_request(vendor, API, &repo, 1, since, 1),
        ];
        let asked = all.iter().filter(|request| request.is_some()).count();
        // Where a Gogs has a pull request, only its reference shows.
        let untold = usize::from(vendor == Vendor::Gogs);
        assert_eq!(asked, all.len() - untold, "{vendor}");
        let reaction = reaction_request(vendor, API, &repo, 1, "2", Reaction::Seen);
        assert_eq!(reaction.is_some(), has_reactions(vendor), "{vendor}");
        for request in all.into_iter().flatten().chain(reaction) {
            assert!(request.uri().to_string().starts_with(API), "{vendor}: {}", request.uri());
        }
    }
}

#[test]
fn our_comments_are_known_by_their_beginning() {
    for vendor in Vendor::ALL {
        let text = format!("{}\nalice: nothing waits.\n", marker(vendor, "answer", "abc"));
        assert!(is_marked(&text), "{text}");
    }
    assert!(!is_marked("/pocketci approve"));
}

#[test]
fn a_head_is_read_from_every_forges_answer() {
    let sha = "0123456789012345678901234567890123456789";
    let at = |vendor, body: &str| pull_request(vendor, body.as_bytes());
    let whole = Some(Head::At(sha.parse().unwrap()));
    assert_eq!(at(Vendor::Gitlab, &format!(r#"{{"iid": 1, "sha": "{sha}"}}"#)), whole);
    let body = format!(r#"{{"fromRef": {{"latestCommit": "{sha}"}}}}"#);
    assert_eq!(at(Vendor::BitbucketServer, &body), whole);
    let body =
        r#"{"source": {"commit": {"hash": "012345678901"}, "repository": {"full_name": "x/b"}}}"#;
    let short = Head::Short("012345678901".parse().unwrap(), "x/b".parse().unwrap());
    assert_eq!(at(Vendor::Bitbucket, body), Some(short));
    assert_eq!(at(Vendor::Bitbucket, "{}"), None);
}

#[test]
fn comments_are_read_from_every_forges_pages() {
    let one = |vendor, body: &str| {
        let (comments, more) = comments(vendor, body.as_bytes()).unwrap();
        (format!("{} {}", comments[0].id, comments[0].body), more)
    };
    let said = "31 Held".to_owned();
    assert_eq!(one(Vendor::Gitlab, r#"[{"id": 31, "body": "Held"}]"#), (said.clone(), false));
    let cloud = r#"{"values": [{"id": 31, "content": {"raw": "Held"}}], "next": "https://x"}"#;
    assert_eq!(one(Vendor::Bitbucket, cloud), (said.clone(), true));
    let server = r#"{"values": [{"action": "OPENED"},
        {"action": "COMMENTED", "comment": {"id": 31, "version": 2, "text": "Held"}}],
        "isLastPage": true}"#;
    assert_eq!(one(Vendor::BitbucketServer, server), (said, false));
    assert_eq!(version(br#"{"id": 31, "version": 2}"#), Some(2));
}

#[test]
fn an_emoji_that_is_there_is_there() {
    let headers = Headers::default();
    let body = br#"{"message": "404 Award Emoji Name has already been taken Not Found"}"#;
    let answer = answer_to_effect(Vendor::Gitlab, 404, &headers, body, Timestamp::UNIX_EPOCH);
    assert_eq!(answer, Answer::Done { post: None });
    for vendor in [Vendor::Gitlab, Vendor::Bitbucket, Vendor::BitbucketServer] {
        let gone = answer_to_effect(vendor, 404, &headers, b"{}", Timestamp::UNIX_EPOCH);
        assert!(matches!(gone, Answer::Never { .. }), "{vendor}: {gone:?}");
    }
}

#[test]
fn gogs_tells_of_owners_and_of_collaborators_by_their_ids() {
    #[track_caller]
    fn check(body: &str, expected: Option<Access>) {
        let told = permission(Vendor::Gogs, body.as_bytes(), &user());
        assert_eq!(told.map(|it| it.access), expected, "{body}");
    }
    check(r#"{"id": 1, "owner": {"id": 7, "login": "alice"}}"#, Some(Access::Admin));
    check(r#"{"id": 1, "owner": {"id": 8, "login": "alice"}}"#, Some(Access::None));
    let list = |id: u64, push: bool| {
        format!(r#"[{{"id": 3}}, {{"id": {id}, "permissions": {{"pull": true, "push": {push}}}}}]"#)
    };
    check(&list(7, true), Some(Access::Write));
    check(&list(7, false), Some(Access::Read));
    check(&list(8, true), Some(Access::None));
    check("[]", Some(Access::None));
    check("{}", None);
    check("no", None);

    let asked = |login: &str| {
        let user = Sender { login: login.to_owned(), id: "7".to_owned() };
        permission_request(Vendor::Gogs, API, &repo(), &user).unwrap().uri().to_string()
    };
    assert_eq!(asked("A"), format!("{API}/repos/a/b"));
    assert_eq!(asked("alice"), format!("{API}/repos/a/b/collaborators"));
}
