//! One story on every forge: the same module, the same things happen, the same is called, and
//! each forge shows it in its own way. What is called is written down in `docs/matching.md`.

use std::path::Path;

use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;

use super::remote::Shell;
use crate::world::forge::Kind;
use crate::world::{Forge, Module, Repo, World, eventually};

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
        happen: impl FnOnce(&World, &Repo) -> String,
        expected: &[&str],
    ) {
        let before = self.calls();
        let sha = happen(&self.world, &self.repo);
        for name in expected {
            self.world.expect_passed(&sha, &kebab(name));
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

/// A stranger's pull request waits, and neither its author nor an approval of another commit
/// lets it go.
#[track_caller]
fn is_held(world: &World, sha: &str, pull: u64) {
    let (forge, kind) = (&world.forge, world.forge.kind());
    match kind.has_statuses() {
        true => drop(forge.expect_status_like(sha, "that it waits", |status| {
            status.state == "pending" && status.description.contains("waits for a maintainer")
        })),
        false => eventually("the run to be held", || {
            let held = |run: &Value| run["state"] == "held" && run["sha"] == sha;
            world.runs().iter().any(held).then_some(())
        }),
    }
    let refused = say(forge, pull, "mallory", "/pocketci approve");
    if kind.has_reactions() {
        assert_eq!(forge.expect_reaction(refused), "confused");
    }
    let wrong = say(forge, pull, "ada", "/pocketci approve 0000000");
    let said = forge.expect_own_comment(pull, "comment `/pocketci approve");
    assert!(said.body.starts_with("<!-- ") || said.body.starts_with("[pocketci]: # ("));
    if kind.has_reactions() {
        forge.expect_reaction(wrong);
    }
}

fn tell(kind: Kind) -> Told {
    let mut telling = Telling::begin(kind);
    telling.step(
        "a push to the default branch",
        |World { forge, .. }, repo| {
            let sha = repo.commit("main", module());
            forge.push(repo, "main");
            sha
        },
        &["testOnPush"],
    );
    telling.step(
        "a new branch",
        |World { forge, .. }, repo| {
            let sha = repo.commit("feature", [("a", "1\n")]);
            forge.push(repo, "feature");
            sha
        },
        &["testOnPush"],
    );
    telling.step(
        "an annotated tag",
        |world, repo| world.forge.push_tag(repo, "v1", true).1,
        &["buildOnTag"],
    );
    let mut number = 0;
    telling.step(
        "a pull request",
        |World { forge, .. }, repo| {
            number = forge.open_pull_request(repo, "feature", "main");
            repo.pushed("feature").unwrap()
        },
        &["greetOnPullRequestOpened"],
    );
    telling.step(
        "new commits on it",
        |World { forge, .. }, repo| {
            let sha = repo.commit("feature", [("a", "2\n")]);
            forge.synchronize(number);
            sha
        },
        &["checkOnPullRequestSynchronize"],
    );
    telling.step(
        "a new title of it",
        |World { forge, .. }, repo| {
            forge.act_on_pull_request(number, "edited");
            repo.pushed("feature").unwrap()
        },
        &[],
    );
    telling.step(
        "a forced push to it",
        |World { forge, .. }, repo| {
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
        |world, repo| {
            let forge = &world.forge;
            let fork = forge.fork(repo, "mallory");
            // A branch that the repository has too, and a tag of its: neither is the fork's to set.
            let sha = fork.commit("main", [("evil", "1\n")]);
            fork_number = forge.open_pull_request_from_fork(&fork, "main", repo, "main");
            is_held(world, &sha, fork_number);
            sha
        },
        &[],
    );
    let fork = telling.world.forge.repository("mallory/site");
    telling.step(
        "its approval by a comment",
        |world, _| {
            say(&world.forge, fork_number, "ada", "/pocketci approve");
            fork.pushed("main").unwrap()
        },
        &["greetOnPullRequestOpened"],
    );
    telling.step(
        "a merge, and the branch deleted",
        |World { forge, .. }, repo| {
            let sha = repo.pushed("feature").unwrap();
            forge.merge(number);
            sha
        },
        &["testOnPush", "tidyOnPullRequestClosed"],
    );
    if kind.has_releases() {
        telling.step(
            "a release",
            |World { forge, .. }, repo| {
                let sha = repo.pushed("main").unwrap();
                let (_, tagged) = forge.push_tag(repo, "v2", false);
                assert_eq!(sha, tagged);
                forge.release(repo, "v2", &sha);
                sha
            },
            &["publishOnRelease"],
        );
    }
    let ended =
        |run: &Value| run["verdict"] == "passed" || run["calls"] == Value::Array(Vec::new());
    let runs = telling.world.runs();
    assert!(runs.iter().all(ended), "{}: {runs:?}", kind.name());
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
        // It can say what came of each.
        let number = id(&delivery.answer);
        let page = world.agent.get(&format!("/deliveries/{number}")).body;
        let shown = Shell::local(&world).run(&format!("deliveries show {number}")).status(0).stdout;
        for told in [page, shown] {
            assert!(told.contains("push three") && told.contains("[skip ci]"), "{told}");
        }
        let details = format!("deliveries show {number} --json");
        let details = Shell::local(&world).run(&details).status(0).json();
        let parts = details["parts"].as_array().unwrap().iter();
        let parts: Vec<_> = parts.map(|part| (&part["title"], &part["reason"]["code"])).collect();
        let expected = ["push one", "push three", "push two"].map(Value::from);
        let skipped = [Value::Null, "skip_ci".into(), Value::Null];
        assert_eq!(parts, expected.iter().zip(&skipped).collect::<Vec<_>>());
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
