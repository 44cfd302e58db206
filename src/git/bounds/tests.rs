use git2::Repository;

use super::*;

/// A tree in a repository of its own, made by `make`.
fn checked(make: impl FnOnce(&Repository) -> Oid) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::init_bare(folder.path()).unwrap();
    let tree = make(&repository);
    check(&repository.odb().unwrap(), tree).map_err(|fault| match fault {
        Fault::Tree(why) => why,
        other => format!("{other:?}"),
    })
}

/// So many names for one thing.
fn tree(repository: &Repository, names: usize, of: Oid, mode: i32) -> Oid {
    let mut builder = repository.treebuilder(None).unwrap();
    for number in 0..names {
        builder.insert(format!("{number:03}"), of, mode).unwrap();
    }
    builder.write().unwrap()
}

/// Folders of folders: `wide` to the power of `deep` files.
fn folders(repository: &Repository, wide: usize, deep: usize) -> Oid {
    let mut all = tree(repository, wide, repository.blob(b"x").unwrap(), 0o100_644);
    for _ in 1..deep {
        all = tree(repository, wide, all, 0o040_000);
    }
    all
}

#[test]
fn a_tree_of_a_common_size_is_taken() {
    assert_eq!(checked(|repository| folders(repository, 10, 1)), Ok(()));
    assert_eq!(checked(|repository| folders(repository, 90, 3)), Ok(()));
}

#[test]
fn a_bomb_is_told_by_its_fuse() {
    for (wide, deep) in [(101, 3), (10, 10), (500, 100), (2, 900)] {
        let told = checked(|repository| folders(repository, wide, deep));
        assert!(told.unwrap_err().contains("more than 1000000 files"), "{wide} {deep}");
    }
}

#[test]
fn paths_that_take_all_memory_are_refused() {
    let told = checked(|repository| {
        let mut all = tree(repository, 900, repository.blob(b"x").unwrap(), 0o100_644);
        for _ in 0..900 {
            let mut builder = repository.treebuilder(None).unwrap();
            builder.insert("n".repeat(400), all, 0o040_000).unwrap();
            all = builder.write().unwrap();
        }
        all
    });
    assert!(told.unwrap_err().contains("more than 256 MiB"));
}

#[test]
fn a_tree_that_is_too_deep_is_refused() {
    let told = checked(|repository| folders(repository, 1, 1_100));
    assert!(told.unwrap_err().contains("in one another"));
}

#[test]
fn files_that_take_all_of_a_disk_are_refused() {
    assert!(check_all(FILES).is_ok());
    let Err(Fault::Tree(told)) = check_all(FILES + 1) else { panic!("taken") };
    assert_eq!(told, "its files take more than 32 GiB");
}
