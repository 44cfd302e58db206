//! What lies in the demo's repository: two commits, and a spec that shows every kind of decision.
//!
//! The commands use nothing but the shell itself, the module nothing but what the engine holds,
//! so that neither a program has to be there nor an image to be pulled.

use serde_json::json;

use crate::dagger::Version;
use crate::domain::ids::Sha;
use crate::git::{GitError, Sample};

/// The repository's name on the demo's forge.
pub(super) const NAME: &str = "demo/hello";
/// The branch of the pull request.
pub(super) const FEATURE: &str = "greet-in-french";
/// The titles of the two commits.
pub(super) const FIRST: &str = "Say hello to everybody";
pub(super) const SECOND: &str = "Say it in French";

const HELLO: &str = r#"#!/bin/sh
# Greets everybody who is listed in names.txt.
while read -r name; do
    echo "Hello, $name!"
done < names.txt
"#;
const NAMES: &str = "Ada\nGrace\nBarbara\n";
const FRENCH: &str = "Pierre\nMarie\n";
const GUIDE: &str = "# Hello\n\nAdd a name to `names.txt`, one a line.\n";

/// A spec whose functions are shell commands.
const COMMANDS: &str = r#"# Every function is found by its name. Each of these is run by `sh`.
commands:
  testOnPush:
    run: |
      while read -r name; do
        echo "testing the greeting of $name"
        i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done
      done < names.txt
      . ./hello.sh
  lintOnPush:
    on-changes: "**/*.sh"
    run: |
      read -r first < hello.sh
      echo "hello.sh begins with $first"
      i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done
      test "$first" = '#!/bin/sh' && echo "and that is right"
  docsOnPush: {run: 'echo "building the docs"', on-changes: "docs/**"}
  publishOnPush: {run: 'echo "publishing"', filter: "release"}

  testOnPullRequest:
    run: |
      . ./hello.sh
      i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done
      echo "tested $short_commit"
  docsOnPullRequest:
    on-changes: "docs/**"
    run: |
      i=0; while [ $i -lt 150000 ]; do i=$((i+1)); done
      while read -r line; do echo "docs: $line"; done < docs/guide.md
  lintOnPullRequest: {run: 'echo "linting"', on-changes: "**/*.sh"}
  thankOnPullRequest: {run: 'echo "thank you"', filter: "closed"}
"#;

/// A spec for the module in `./ci`, whose SDK publishes no defaults to match by.
const MODULE: &str = r#"# Every function is found by its name; these are the module's in ./ci.
functions:
  lintOnPush: {on-changes: "**/*.sh"}
  docsOnPush: {on-changes: "docs/**"}
  publishOnPush: {filter: "release"}
  docsOnPullRequest: {on-changes: "docs/**"}
  lintOnPullRequest: {on-changes: "**/*.sh"}
  thankOnPullRequest: {filter: "closed"}
"#;

const MAIN_DANG: &str = r#"type Ci {
  """
  Reads who is to be greeted.
  """
  pub testOnPush(src: Directory!): String! {
    let names = src.file("names.txt").contents
    `to be greeted: ${names}`
  }

  """
  Reads the script.
  """
  pub lintOnPush(src: Directory!): String! {
    let script = src.file("hello.sh").contents
    `hello.sh reads: ${script}`
  }

  pub docsOnPush(src: Directory!): String! { "the docs are built" }

  pub publishOnPush(src: Directory!): String! { "published" }

  """
  Lists what is in the repository.
  """
  pub testOnPullRequest(src: Directory!): String! {
    `the pull request has ${toString(src.entries)}`
  }

  """
  Reads the docs.
  """
  pub docsOnPullRequest(src: Directory!): String! {
    let guide = src.file("docs/guide.md").contents
    `docs/guide.md says: ${guide}`
  }

  pub lintOnPullRequest(src: Directory!): String! { "linted" }

  pub thankOnPullRequest(filter: String!): String! { `thank you, ${filter}` }
}
"#;

/// The commits that the two events are about.
pub(super) struct Commits {
    /// On `main`.
    pub(super) first: Sha,
    /// On the pull request's branch.
    pub(super) second: Sha,
}

/// Fills an empty repository, with a module where there is a dagger of some version to call it.
pub(super) fn fill(sample: &Sample, dagger: Option<Version>) -> Result<Commits, GitError> {
    let mut files = vec![("hello.sh", HELLO), ("names.txt", NAMES)];
    let about = dagger.map(|version| {
        json!({
            "name": "ci", "engineVersion": format!("v{version}"), "sdk": {"source": "dang"},
        })
        .to_string()
    });
    match &about {
        Some(about) => files.extend([
            ("pocketci.yaml", MODULE),
            ("ci/dagger.json", about.as_str()),
            ("ci/main.dang", MAIN_DANG),
        ]),
        None => files.push(("pocketci.yaml", COMMANDS)),
    }
    let first = sample.commit(None, FIRST, &files)?;
    sample.point("refs/heads/main", &first)?;
    let names = format!("{NAMES}{FRENCH}");
    files.retain(|(path, _)| *path != "names.txt");
    files.extend([("names.txt", names.as_str()), ("docs/guide.md", GUIDE)]);
    let second = sample.commit(Some(&first), SECOND, &files)?;
    sample.point(&format!("refs/heads/{FEATURE}"), &second)?;
    // Where a forge keeps the head of its first pull request.
    sample.point("refs/pull/1/head", &second)?;
    Ok(Commits { first, second })
}
