use super::*;
use crate::domain::plan::tests::event;

#[track_caller]
fn check(title: &str, vendor: Vendor, expected: &str) {
    let event = Event { vendor, ..event(title) };
    let names = names(&event).into_iter().map(|name| format!("{} {}", name.level, name.name));
    assert_eq!(names.collect::<Vec<_>>().join(", "), expected);
}

#[test]
fn names_in_their_order() {
    check(
        "push main",
        Vendor::Github,
        "1 onGithubPushMain, 2 onGithubPush, 3 onPushMain, 4 onPush, 5 onGithub, 6 dispatch",
    );
    check(
        "pull_request opened",
        Vendor::BitbucketServer,
        "1 onBitbucketServerPullRequestOpened, 2 onBitbucketServerPullRequest, \
         3 onPullRequestOpened, 4 onPullRequest, 5 onBitbucketServer, 6 dispatch",
    );
    check(
        "tag v1.2",
        Vendor::Gitea,
        "1 onGiteaTagV12, 2 onGiteaTag, 1 onGiteaPushRefstagsv12, 2 onGiteaPush, 3 onTagV12, \
         4 onTag, 5 onGitea, 6 dispatch",
    );
    check(
        "pull_request opened",
        Vendor::Gitlab,
        "1 onGitlabMergeRequestOpened, 2 onGitlabMergeRequest, 1 onGitlabPullRequestOpened, \
         2 onGitlabPullRequest, 3 onPullRequestOpened, 4 onPullRequest, 5 onGitlab, 6 dispatch",
    );
    check(
        "pull_request closed",
        Vendor::Bitbucket,
        "1 onBitbucketPullRequestClosed, 2 onBitbucketPullRequest, 3 onPullRequestClosed, \
         4 onPullRequest, 5 onBitbucket, 6 dispatch",
    );
    check(
        "tag v1",
        Vendor::Gitlab,
        "1 onGitlabTagV1, 2 onGitlabTag, 1 onGitlabPushRefstagsv1, 2 onGitlabPush, 3 onTagV1, \
         4 onTag, 5 onGitlab, 6 dispatch",
    );
    check(
        "release published",
        Vendor::Gitlab,
        "1 onGitlabReleasePublished, 2 onGitlabRelease, 3 onReleasePublished, 4 onRelease, \
         5 onGitlab, 6 dispatch",
    );
    check("issues", Vendor::Github, "2 onGithubIssues, 4 onIssues, 5 onGithub, 6 dispatch");
}

#[track_caller]
fn check_asked(function: &str, expected: &[(Option<Vendor>, Option<&'static str>, &str)]) {
    let readings = asked(function).into_iter().map(|a| (a.vendor, a.event, a.filter));
    let readings: Vec<_> = readings.collect();
    let expected: Vec<_> = expected.iter().map(|(v, e, f)| (*v, *e, (*f).to_owned())).collect();
    assert_eq!(readings, expected, "{function}");
}

#[test]
fn names_read_backwards() {
    let github = Some(Vendor::Github);
    check_asked("build", &[]);
    check_asked("dispatch", &[]);
    check_asked("onPushed", &[]);
    check_asked("testOnPush", &[(None, Some("push"), "")]);
    check_asked("onGithubPushMain", &[(github, Some("push"), "Main")]);
    check_asked("onGithub", &[(github, None, "")]);
    check_asked("onCommitPush", &[(None, Some("push"), "")]);
    let gitlab = Some(Vendor::Gitlab);
    check_asked("onGitlabMergeRequest", &[(gitlab, Some("merge_request"), "")]);
    check_asked("testOnGitlabMergeRequestOpened", &[(gitlab, Some("merge_request"), "Opened")]);
    check_asked("onBitbucket", &[(Some(Vendor::Bitbucket), None, "")]);
    check_asked("onBitbucketServerTag1", &[(Some(Vendor::BitbucketServer), Some("tag"), "1")]);
    check_asked(
        "onPullRequestReviewSubmitted",
        &[
            (None, Some("pull_request_review"), "Submitted"),
            (None, Some("pull_request"), "ReviewSubmitted"),
        ],
    );
}
