//! How far back a checkout's own repository goes, and which tags are in it.

use std::collections::{HashMap, HashSet, VecDeque};

use git2::{ErrorCode, ObjectType, Odb, Oid, Repository};

use super::content::{Entries, Fault, Kind};

/// The commits of a checkout's repository.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The head first, then by distance from it.
    pub(super) commits: Vec<Oid>,
    /// Commits whose parents are left out: the file `shallow`.
    pub(super) cut: Vec<Oid>,
    /// Tags of commits in it, by name.
    pub(super) tags: Vec<Tag>,
}

#[derive(Debug)]
pub(super) struct Tag {
    pub(super) name: String,
    /// The tag itself, or the commit where it has no object of its own.
    pub(super) id: Oid,
    pub(super) commit: Oid,
    /// Objects between the reference and the commit.
    pub(super) objects: Vec<Oid>,
}

impl History {
    /// As `git clone --depth` counts: the head is 1 deep. None is all of it, without its commits.
    pub(super) fn of(
        repository: &Repository,
        head: Oid,
        depth: Option<u32>,
    ) -> Result<Self, Fault> {
        let mut history = Self::default();
        if let Some(depth) = depth {
            history.walk(repository, head, depth.max(1))?;
        }
        let known: HashSet<Oid> = history.commits.iter().copied().collect();
        for reference in repository.references_glob("refs/tags/*")? {
            let Ok(reference) = reference else { continue };
            // A name that is not UTF-8 does not exist on the forges we know.
            let (Ok(name), Some(id)) = (reference.name(), reference.target()) else { continue };
            let mut objects = Vec::new();
            let mut at = id;
            let commit = loop {
                match repository.find_object(at, None) {
                    Ok(found) if found.kind() == Some(ObjectType::Tag) => {
                        objects.push(at);
                        let Some(tag) = found.as_tag() else { break None };
                        at = tag.target_id();
                    }
                    Ok(found) if found.kind() == Some(ObjectType::Commit) => break Some(at),
                    _ => break None,
                }
            };
            let Some(commit) = commit else { continue };
            if depth.is_none() || known.contains(&commit) {
                history.tags.push(Tag { name: name.to_owned(), id, commit, objects });
            }
        }
        history.tags.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(history)
    }

    fn walk(&mut self, repository: &Repository, head: Oid, depth: u32) -> Result<(), Fault> {
        let mut distance = HashMap::from([(head, 1)]);
        let mut queue = VecDeque::from([head]);
        while let Some(id) = queue.pop_front() {
            self.commits.push(id);
            let here = distance[&id];
            let commit = repository.find_commit(id)?;
            if here >= depth {
                // Also where the parents are in it by another way: so does git.
                self.cut.extend((commit.parent_count() > 0).then_some(id));
                continue;
            }
            for parent in commit.parent_ids() {
                if let std::collections::hash_map::Entry::Vacant(place) = distance.entry(parent) {
                    // What was fetched from a shallow repository ends where that one ends.
                    match repository.find_commit(parent) {
                        Ok(_) => {
                            place.insert(here + 1);
                            queue.push_back(parent);
                        }
                        Err(error) if error.code() == ErrorCode::NotFound => {
                            self.cut.push(id);
                        }
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        self.cut.sort();
        self.cut.dedup();
        Ok(())
    }

    /// Every object that the commits and tags need, each once; blobs last.
    pub(super) fn objects(
        &self,
        repository: &Repository,
        odb: &Odb<'_>,
    ) -> Result<Vec<Oid>, Fault> {
        let (mut seen, mut objects, mut blobs) = (HashSet::new(), Vec::new(), Vec::new());
        for commit in &self.commits {
            objects.push(*commit);
            let mut trees = vec![repository.find_commit(*commit)?.tree_id()];
            while let Some(tree) = trees.pop() {
                if !seen.insert(tree) {
                    continue;
                }
                objects.push(tree);
                let object = odb.read(tree)?;
                for entry in Entries(object.data()) {
                    let (kind, _, id) = entry?;
                    match kind {
                        Kind::Folder => trees.push(id),
                        Kind::Submodule => {}
                        Kind::File | Kind::Executable | Kind::Link => {
                            if seen.insert(id) {
                                blobs.push(id);
                            }
                        }
                    }
                }
            }
        }
        let tags = self.tags.iter().flat_map(|tag| &tag.objects);
        objects.extend(tags.filter(|id| seen.insert(**id)));
        objects.append(&mut blobs);
        Ok(objects)
    }

    /// The file `packed-refs`.
    pub(super) fn packed_refs(&self) -> String {
        let mut text = "# pack-refs with: peeled fully-peeled sorted \n".to_owned();
        for tag in &self.tags {
            text.push_str(&format!("{} {}\n", tag.id, tag.name));
            if tag.id != tag.commit {
                text.push_str(&format!("^{}\n", tag.commit));
            }
        }
        text
    }
}
