//! The specs of a commit and the files that changed, read from the mirror.

use crate::domain::event::{Commit, Event};
use crate::domain::ids::Sha;
use crate::domain::plan::Changes;
use crate::domain::spec::{self, Diagnostic, Mark, Severity, Spec, SpecErrors};
use crate::git::{GitError, Mirror};

/// At most this many `pocketci.yaml` of one commit are read; more is a mistake or mischief.
const LIMIT: usize = 200;

const FILE: &str = "pocketci.yaml";

/// What planning needs of a commit.
pub(super) struct Ready {
    pub commit: Commit,
    pub specs: Vec<Result<Spec, Broken>>,
    pub changes: Changes,
}

/// A `pocketci.yaml` that does not say what to do.
pub(super) struct Broken {
    pub path: String,
    /// The name its statuses would have had, as far as can be told: the folder.
    pub name: String,
    /// The first error on one line.
    pub headline: String,
    /// All of them, as a compiler would print them.
    pub text: String,
    /// Where they are.
    pub marks: Vec<Mark>,
}

impl Broken {
    fn new(path: &str, errors: &SpecErrors) -> Self {
        let (headline, text) = (errors.headline(), errors.render(false));
        let wrong = errors.diagnostics().iter().filter(|it| it.severity == Severity::Error);
        let marks = wrong.map(Diagnostic::mark).collect();
        Self { path: path.to_owned(), name: spec::name_of(path), headline, text, marks }
    }

    /// One that is not even read.
    fn all(path: &str, why: &str) -> Self {
        let (name, text) = (spec::name_of(path), why.to_owned());
        Self { path: path.to_owned(), name, headline: text.clone(), text, marks: Vec::new() }
    }
}

/// Reads everything, the specs of another commit where one is given; none when there is nothing
/// for us.
pub(super) fn read(
    mirror: &Mirror,
    event: &Event,
    sha: &Sha,
    specs_of: Option<&Sha>,
) -> Result<Option<Ready>, GitError> {
    for one in [Some(sha), specs_of].into_iter().flatten() {
        match mirror.has_room_for(one) {
            // The commit's own fault, and the same at every try.
            Err(error @ GitError::Unusable { .. }) => {
                let specs = vec![Err(Broken::all(FILE, &error.to_string()))];
                let commit = mirror.commit(sha)?;
                return Ok(Some(Ready { commit, specs, changes: Changes::NoDiff }));
            }
            fits => fits?,
        }
    }
    let Some(specs) = specs(mirror, sha, specs_of.unwrap_or(sha))? else { return Ok(None) };
    let default = event.repository.as_ref().map(|r| r.default_branch.clone()).unwrap_or_default();
    let changes = mirror.changed_files(&event.change_basis(), &default)?;
    Ok(Some(Ready { commit: mirror.commit(sha)?, specs, changes }))
}

type Found = Vec<Result<Spec, Broken>>;

fn specs(mirror: &Mirror, head: &Sha, at: &Sha) -> Result<Option<Found>, GitError> {
    // The root's comes first: it says which others count.
    let files = mirror.files_named(at, FILE)?;
    if files.is_empty() {
        let has_module = mirror.is_folder(head, "ci")?;
        return Ok(has_module.then(|| vec![Ok(spec::default_for_root())]));
    }
    let mut found = Vec::new();
    let mut ignore = None;
    for path in files {
        if ignore.as_ref().is_some_and(|globs: &crate::domain::glob::Globs| globs.matches(&path)) {
            continue;
        }
        if found.len() >= LIMIT {
            let text = format!("{path}: there are more than {LIMIT} specs in this commit");
            found.push(Err(Broken::all(&path, &text)));
            break;
        }
        let text = match mirror.read(at, &path) {
            Err(error @ GitError::Unusable { .. }) => {
                found.push(Err(Broken::all(&path, &error.to_string())));
                continue;
            }
            text => text?.unwrap_or_default(),
        };
        match spec::parse_bytes(&path, &text) {
            Ok(specs) => {
                if path == FILE {
                    ignore = specs.iter().find_map(|spec| spec.ignore.clone());
                }
                found.extend(specs.into_iter().map(Ok));
            }
            Err(errors) => found.push(Err(Broken::new(&path, &errors))),
        }
    }
    Ok(Some(found))
}
