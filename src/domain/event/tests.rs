use super::*;

/// A commit id of this digit alone.
pub(in crate::domain) fn sha(digit: char) -> Sha {
    digit.to_string().repeat(40).parse().unwrap()
}

fn event(event_type: &str, filter: &str, after: char) -> Event {
    Event {
        vendor: Vendor::Github,
        instance: None,
        event_type: event_type.to_owned(),
        filter: filter.to_owned(),
        disposition: Disposition::Planned,
        repository: Some(Repository {
            full_name: "acme/app".parse().unwrap(),
            owner: "acme".to_owned(),
            name: "app".to_owned(),
            clone_url: String::new(),
            url: String::new(),
            default_branch: "main".to_owned(),
            private: false,
        }),
        reference: None,
        ref_type: None,
        branch: None,
        tag: None,
        sha: Some(sha(after)),
        before: None,
        lacks: Lacks::default(),
        created: false,
        deleted: false,
        forced: false,
        commit: None,
        pull_request: None,
        release: None,
        comment: None,
        sender: None,
        author: None,
        commented_at: None,
    }
}

pub(in crate::domain) fn push(branch: &str, before: char, after: char) -> Event {
    Event {
        reference: Some(format!("refs/heads/{branch}")),
        ref_type: Some(RefType::Branch),
        branch: Some(branch.to_owned()),
        before: Some(sha(before)),
        ..event("push", branch, after)
    }
}

pub(in crate::domain) fn tag(name: &str, commit: char) -> Event {
    Event {
        reference: Some(format!("refs/tags/{name}")),
        ref_type: Some(RefType::Tag),
        tag: Some(name.to_owned()),
        ..event("tag", name, commit)
    }
}

/// Pull request 7 from `feature` to `main`.
pub(in crate::domain) fn pull_request(action: &str, head: char) -> Event {
    let side = |reference: &str, commit| PullRequestSide {
        reference: reference.to_owned(),
        sha: Some(sha(commit)),
        repository: Some("acme/app".to_owned()),
    };
    let pull = PullRequest {
        number: 7,
        title: String::new(),
        url: String::new(),
        action: action.to_owned(),
        author: "ada".to_owned(),
        draft: false,
        merged: false,
        fork: false,
        labels: Vec::new(),
        head: side("feature", head),
        base: side("main", 'f'),
    };
    Event {
        reference: Some("refs/heads/feature".to_owned()),
        ref_type: Some(RefType::Branch),
        branch: Some("feature".to_owned()),
        pull_request: Some(pull),
        ..event("pull_request", action, head)
    }
}

#[test]
fn what_has_twins_has_a_meaning_of_its_own() {
    let other = Repository {
        full_name: "acme/other".parse().unwrap(),
        ..push("main", 'a', 'b').repository.unwrap()
    };
    let numbered = |number| {
        let mut event = pull_request("opened", 'b');
        event.pull_request.as_mut().unwrap().number = number;
        event
    };
    let events = [
        push("main", 'a', 'b'),
        push("main", 'b', 'a'),
        push("main", 'b', 'c'),
        push("dev", 'a', 'b'),
        Event { before: None, ..push("main", 'a', 'b') },
        Event { repository: Some(other), ..push("main", 'a', 'b') },
        tag("main", 'b'),
        tag("v1", 'b'),
        pull_request("opened", 'b'),
        pull_request("synchronize", 'b'),
        Event { before: Some(sha('a')), ..pull_request("synchronize", 'b') },
        numbered(8),
    ];
    let meanings: Vec<String> = events.iter().map(|event| event.meaning().unwrap()).collect();
    let mut different = meanings.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), meanings.len(), "{meanings:#?}");
    assert_eq!(push("main", 'a', 'b').meaning(), push("main", 'a', 'b').meaning());
}

#[test]
fn everything_else_is_an_event_of_its_own() {
    for action in ["labeled", "edited", "reopened", "closed", "ready_for_review"] {
        assert_eq!(pull_request(action, 'b').meaning(), None, "{action}");
    }
    for kind in ["issue_comment", "workflow_dispatch", "repository_dispatch", "release", "manual"] {
        assert_eq!(event(kind, "created", 'b').meaning(), None, "{kind}");
    }
    assert_eq!(Event { repository: None, ..push("main", 'a', 'b') }.meaning(), None);
    assert_eq!(Event { sha: None, ..push("main", 'a', 'b') }.meaning(), None);
}

#[track_caller]
fn own(event: Event, expected: bool) {
    assert_eq!(event.names_own_commit(), expected, "{} {:?}", event.event_type, event.reference);
}

#[test]
fn whose_commit_an_event_names() {
    own(push("main", 'a', 'b'), true);
    own(tag("v1", 'a'), true);
    own(pull_request("opened", 'a'), true);
    let mut fork = pull_request("opened", 'a');
    fork.pull_request.as_mut().unwrap().fork = true;
    own(fork.clone(), false);
    own(Event { event_type: "pull_request_review".to_owned(), ..fork }, false);
    for kind in ["deployment", "check_run", "check_suite", "commit_comment", "merge_group", "new"] {
        own(event(kind, "", 'a'), false);
    }
    let named = |kind: &str, sha: Option<Sha>, reference: &str| Event {
        sha,
        reference: Some(reference.to_owned()),
        ..event(kind, "", 'a')
    };
    own(named("merge_group", Some(sha('a')), "refs/heads/gh-readonly-queue/main/pr-1-a"), true);
    own(named("deployment", Some(sha('a')), "refs/heads/main"), false);
    own(named("workflow_dispatch", None, "refs/heads/main"), true);
    own(named("workflow_dispatch", None, "refs/pull/7/head"), false);
    own(named("push", Some(sha('a')), "refs/pull/7/head"), false);
    own(named("manual", Some(sha('a')), "refs/tags/v1"), true);
    own(named("manual", Some(sha('a')), "refs/pull/7/head"), false);
    own(Event { sha: None, ..event("issue_comment", "created", 'a') }, true);
}
