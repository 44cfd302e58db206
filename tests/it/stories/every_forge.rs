//! One story on every forge: the same module, the same things happen, the same is called, and
//! each forge shows it in its own way. What is called is written down in `docs/matching.md`.

use std::path::Path;

use jiff::{Timestamp, ToSpan as _};

use crate::world::forge::Kind;
use crate::world::{Forge, Module, Repo, World};

/// Writes the table anew instead of comparing it.
const WRITE: &str = "POCKETCI_TEST_WRITE";

const FUNCTIONS: [&str; 6] = [
    "testOnPush",
    "buildOnTag",
    "greetOnPullRequestOpened",
    "checkOnPullRequestSynchronize",
    "tidyOnPullRequestClosed",
    "publishOnRelease",
];

/// What happened, and what was called for it.
type Told = Vec<(&'static str, Vec<String>)>;

/// A story that is being told.
struct Telling {
    world: World,
    repo: Repo,
    told: Told,
}

fn kebab(name: &str) -> String {
    let dashed = |c: char| if c.is_uppercase() { format!("-{c}") } else { c.to_string() };
    name.chars().map(dashed).collect::<String>().to_lowercase()
}

fn module() -> Module {
    FUNCTIONS.iter().fold(Module::new("ci"), |module, name| module.function(name, |f| f))
}

impl Telling {
    fn begin(kind: Kind) -> Self {
        let world = World::of(kind);
        let repo = world.forge.repository("ada/site");
        Self { world, repo, told: Vec::new() }
    }

    fn calls(&self) -> Vec<usize> {
        FUNCTIONS.iter().map(|name| self.world.engine.calls(&kebab(name)).len()).collect()
    }

    /// Lets something happen to a commit, and waits for what the forge shows of it.
    #[track_caller]
    fn step(
        &mut self,
        what: &'static str,
        happen: impl FnOnce(&Forge, &Repo) -> String,
        expected: &[&str],
    ) {
        let before = self.calls();
        let sha = happen(&self.world.forge, &self.repo);
        for name in expected {
            let context = format!("pocketci/{}", kebab(name));
            self.world.forge.expect_status(&sha, &context, "success");
        }
        self.world.let_later_work_pass();
        let after = self.calls();
        let called = FUNCTIONS.iter().zip(before.iter().zip(&after));
        let called = called.flat_map(|(name, (before, after))| {
            std::iter::repeat_n((*name).to_owned(), after - before)
        });
        self.told.push((what, called.collect()));
    }
}

/// Somebody who has looked at everything so far says this on a pull request.
#[track_caller]
fn say(forge: &Forge, pull: u64, who: &str, text: &str) -> u64 {
    forge.comment_at(pull, who, text, Timestamp::now() + 300.seconds())
}

fn tell(kind: Kind) -> Told {
    let mut telling = Telling::begin(kind);
    telling.step(
        "a push to the default branch",
        |forge, repo| {
            let sha = repo.commit("main", module());
            forge.push(repo, "main");
            sha
        },
        &["testOnPush"],
    );
    telling.step(
        "a new branch",
        |forge, repo| {
            let sha = repo.commit("feature", [("a", "1\n")]);
            forge.push(repo, "feature");
            sha
        },
        &["testOnPush"],
    );
    telling.step(
        "an annotated tag",
        |forge, repo| forge.push_tag(repo, "v1", true).1,
        &["buildOnTag"],
    );
    let mut number = 0;
    telling.step(
        "a pull request",
        |forge, repo| {
            number = forge.open_pull_request(repo, "feature", "main");
            repo.pushed("feature").unwrap()
        },
        &["greetOnPullRequestOpened"],
    );
    telling.step(
        "new commits on it",
        |forge, repo| {
            let sha = repo.commit("feature", [("a", "2\n")]);
            forge.synchronize(number);
            sha
        },
        &["checkOnPullRequestSynchronize"],
    );
    telling.step(
        "a new title of it",
        |forge, repo| {
            forge.act_on_pull_request(number, "edited");
            repo.pushed("feature").unwrap()
        },
        &[],
    );
    telling.step(
        "a forced push to it",
        |forge, repo| {
            let base = repo.pushed("main").unwrap();
            repo.reset("feature", &base);
            let sha = repo.commit("feature", [("b", "1\n")]);
            forge.synchronize(number);
            sha
        },
        &["checkOnPullRequestSynchronize"],
    );
    let mut fork_number = 0;
    telling.step(
        "a pull request from a fork",
        |forge, repo| {
            let fork = forge.fork(repo, "mallory");
            // A branch that the repository has too, and a tag of its: neither is the fork's to set.
            let sha = fork.commit("main", [("evil", "1\n")]);
            fork_number = forge.open_pull_request_from_fork(&fork, "main", repo, "main");
            forge.expect_status_like(&sha, "that it waits", |status| {
                status.state == "pending" && status.description.contains("waits for a maintainer")
            });
            let refused = say(forge, fork_number, "mallory", "/pocketci approve");
            if !forge.kind().is_bitbucket() {
                assert_eq!(forge.expect_reaction(refused), "confused");
            }
            let wrong = say(forge, fork_number, "ada", "/pocketci approve 0000000");
            let said = forge.expect_own_comment(fork_number, "comment `/pocketci approve");
            assert!(said.body.starts_with("<!-- ") || said.body.starts_with("[pocketci]: # ("));
            if !forge.kind().is_bitbucket() {
                forge.expect_reaction(wrong);
            }
            sha
        },
        &[],
    );
    let fork = telling.world.forge.repository("mallory/site");
    telling.step(
        "its approval by a comment",
        |forge, _| {
            say(forge, fork_number, "ada", "/pocketci approve");
            fork.pushed("main").unwrap()
        },
        &["greetOnPullRequestOpened"],
    );
    telling.step(
        "a merge, and the branch deleted",
        |forge, repo| {
            let sha = repo.pushed("feature").unwrap();
            forge.merge(number);
            sha
        },
        &["testOnPush", "tidyOnPullRequestClosed"],
    );
    if kind.has_releases() {
        telling.step(
            "a release",
            |forge, repo| {
                let sha = repo.pushed("main").unwrap();
                let (_, tagged) = forge.push_tag(repo, "v2", false);
                assert_eq!(sha, tagged);
                forge.expect_status(&sha, "pocketci/build-on-tag", "success");
                forge.release(repo, "v2", &sha);
                sha
            },
            &["publishOnRelease"],
        );
    }
    // What waits there already cannot be told to wait: GitLab says so, and that is as good.
    let waits = |path: &str| kind == Kind::Gitlab && path.contains("/statuses/");
    let requests = telling.world.forge.requests();
    let refused = requests.iter().filter(|one| one.method != "GET" && one.status >= 400);
    let refused: Vec<_> = refused.filter(|one| one.status != 400 || !waits(&one.path)).collect();
    assert!(refused.is_empty(), "{}: {refused:?}", kind.name());
    telling.told
}

fn table(told: &[(Kind, Told)]) -> String {
    let mut text = String::from(
        "# The same on every forge\n\n\
         One module, whose functions name no forge, and what is called of it when the same things \
         happen on each.\nThe tests tell the story on every forge and write this table: \
         `POCKETCI_TEST_WRITE=1 cargo test --test it every_forge`.\nWithout the variable they fail \
         where the table is not what they see.\n\n|",
    );
    for (kind, _) in told {
        text.push_str(&format!(" | {}", kind.name()));
    }
    text.push_str(&format!(" |\n|{}\n", "---|".repeat(told.len() + 1)));
    for (row, (what, _)) in told[0].1.iter().enumerate() {
        text.push_str(&format!("| {what}"));
        for (_, steps) in told {
            let called = match steps.get(row) {
                None => "there is none".to_owned(),
                Some((_, calls)) if calls.is_empty() => "–".to_owned(),
                Some((_, calls)) => {
                    calls.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
                }
            };
            text.push_str(&format!(" | {called}"));
        }
        text.push_str(" |\n");
    }
    text
}

#[expect(clippy::disallowed_methods, reason = "only tests are told to write what they see")]
fn is_to_write() -> bool {
    std::env::var_os(WRITE).is_some()
}

#[test]
fn every_forge_tells_the_same_story_and_the_same_is_called() {
    let told: Vec<(Kind, Told)> = std::thread::scope(|scope| {
        let each = Kind::ALL.map(|kind| scope.spawn(move || (kind, tell(kind))));
        each.map(|one| one.join()).into_iter().map(|one| one.unwrap()).collect()
    });
    let (_, first) = &told[0];
    for (kind, steps) in &told[1..] {
        assert_eq!(steps[..], first[..steps.len()], "{} differs from GitHub", kind.name());
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/matching.md");
    let table = table(&told);
    if is_to_write() {
        std::fs::write(&path, &table).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == table, "docs/matching.md is stale: write it with {WRITE}=1");
}

#[test]
fn a_push_of_several_branches_is_each_of_them_on_both_bitbuckets() {
    for kind in [Kind::Cloud, Kind::DataCenter] {
        let world = World::of(kind);
        let repo = world.forge.repository("ada/site");
        repo.commit("main", module());
        world.forge.push(&repo, "main");
        let one = repo.commit("one", [("a", "1\n")]);
        let two = repo.commit("two", [("b", "1\n")]);
        let skipped = repo.commit_with_message("three", "No [skip ci]", [("c", "1\n")]);

        let delivery = world.forge.push_together(&repo, &["one", "three", "two"]);

        for sha in [&one, &two] {
            world.forge.expect_status(sha, "pocketci/test-on-push", "success");
        }
        world.let_later_work_pass();
        assert!(world.forge.statuses(&skipped).is_empty());
        let listed = world.agent.get(&format!("/runs?delivery={}", id(&delivery.answer))).body;
        for branch in ["push one, push three, push two", "new branch one", "new branch two"] {
            assert!(listed.contains(branch), "{branch} in {listed}");
        }
    }
}

/// Our number of a delivery, from the answer to it.
fn id(answer: &str) -> String {
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    answer["runs_url"].as_str().unwrap().rsplit('=').next().unwrap().to_owned()
}

#[test]
fn contexts_too_long_for_a_key_stay_apart() {
    for kind in [Kind::Cloud, Kind::DataCenter] {
        let world = World::of(kind);
        let repo = world.forge.repository("ada/site");
        let long = "aFunctionWhoseNameIsLongerThanAKeyMayBeOnPush";
        let longer = "aFunctionWhoseNameIsLongerThanAKeyMayBeTooOnPush";
        let module = Module::new("ci").function(long, |f| f).function(longer, |f| f.raises("No"));

        let sha = repo.commit("main", module);
        world.forge.push(&repo, "main");

        let context = |name: &str| format!("pocketci/{}", kebab(name));
        world.forge.expect_status(&sha, &context(long), "success");
        world.forge.expect_status(&sha, &context(longer), "failure");
    }
}
