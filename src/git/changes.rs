//! Which files changed, by kind of event.

use std::collections::{BTreeSet, HashSet};

use git2::{Oid, Repository, Sort, Tree};

use super::mirror::head_of;
use super::{GitError, Mirror, fetch};
use crate::domain::event::ChangeBasis;
use crate::domain::ids::Sha;
use crate::domain::plan::Changes;

/// What the diff starts from.
enum From {
    Commit(Oid),
    /// Everything that the commit holds counts as changed.
    Nothing,
}

pub(super) fn changed(
    mirror: &Mirror,
    repository: &Repository,
    basis: &ChangeBasis,
    default_branch: &str,
) -> Result<Changes, GitError> {
    let failed = |error: git2::Error| mirror.failed(&error);
    let (from, to) = match basis {
        ChangeBasis::None => return Ok(Changes::NoDiff),
        ChangeBasis::PullRequest { base, head } => {
            let (base, head) =
                (mirror.find(repository, base)?.id(), mirror.find(repository, head)?);
            (merge_base(repository, base, head.id()).map_err(failed)?, head)
        }
        ChangeBasis::Push { before, after, branch } => {
            let after = mirror.find(repository, after)?;
            let from = match before {
                Some(before) => match known(repository, before)? {
                    Some(before) => From::Commit(before),
                    None => after.parent_id(0).map_or(From::Nothing, From::Commit),
                },
                None if branch == default_branch => From::Nothing,
                None => match default_head(repository, default_branch) {
                    Some(default) => merge_base(repository, default, after.id()).map_err(failed)?,
                    None => From::Nothing,
                },
            };
            (from, after)
        }
        ChangeBasis::Tag { commit, .. } => {
            let commit = mirror.find(repository, commit)?;
            let earlier = earlier_tag(repository, &commit).map_err(failed)?;
            (earlier.map_or(From::Nothing, From::Commit), commit)
        }
    };
    let to = to.tree().map_err(failed)?;
    let from = match from {
        From::Commit(id) => {
            Some(repository.find_commit(id).and_then(|commit| commit.tree()).map_err(failed)?)
        }
        From::Nothing => None,
    };
    Ok(Changes::Files(between(repository, from.as_ref(), &to).map_err(failed)?))
}

/// The paths that differ between two trees, in order; a renamed file counts with both its names.
///
/// A name that is not UTF-8 is given with U+FFFD where it is not.
pub(super) fn between(
    repository: &Repository,
    from: Option<&Tree<'_>>,
    to: &Tree<'_>,
) -> Result<Vec<String>, git2::Error> {
    // Without `find_similar`, a renaming is a deletion and an addition.
    let diff = repository.diff_tree_to_tree(from, Some(to), None)?;
    Ok(names(&diff))
}

pub(super) fn names(diff: &git2::Diff<'_>) -> Vec<String> {
    let paths = diff.deltas().flat_map(|delta| {
        let files = [delta.old_file(), delta.new_file()];
        files.map(|file| file.path_bytes().map(|path| String::from_utf8_lossy(path).into_owned()))
    });
    paths.flatten().collect::<BTreeSet<_>>().into_iter().collect()
}

fn merge_base(repository: &Repository, one: Oid, two: Oid) -> Result<From, git2::Error> {
    match repository.merge_base(one, two) {
        Ok(base) => Ok(From::Commit(base)),
        Err(error) if error.code() == git2::ErrorCode::NotFound => Ok(From::Nothing),
        Err(error) => Err(error),
    }
}

/// The commit, where the mirror has it.
fn known(repository: &Repository, sha: &Sha) -> Result<Option<Oid>, GitError> {
    Ok(repository.find_commit(fetch::oid(sha)?).ok().map(|commit| commit.id()))
}

fn default_head(repository: &Repository, branch: &str) -> Option<Oid> {
    let named = || head_of(repository, &format!("refs/heads/{branch}"));
    let branch = if branch.is_empty() { None } else { named() };
    branch.or_else(|| head_of(repository, ""))
}

/// The nearest commit in the history of `commit`, other than itself, that carries a tag.
pub(super) fn earlier_tag(
    repository: &Repository,
    commit: &git2::Commit<'_>,
) -> Result<Option<Oid>, git2::Error> {
    let mut tagged = HashSet::new();
    for tag in repository.references_glob("refs/tags/*")?.flatten() {
        // A tag may point at a tree or a blob, which is in no history.
        if let Ok(tagged_commit) = tag.peel_to_commit() {
            tagged.insert(tagged_commit.id());
        }
    }
    tagged.remove(&commit.id());
    if tagged.is_empty() {
        return Ok(None);
    }
    let mut history = repository.revwalk()?;
    history.set_sorting(Sort::TIME)?;
    history.push(commit.id())?;
    for id in history {
        let id = id?;
        if tagged.contains(&id) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
