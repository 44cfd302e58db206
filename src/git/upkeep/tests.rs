use super::*;
use crate::git::Want;
use crate::git::fixture::{Source, files_below, git, mirrors};

#[tokio::test]
async fn many_small_packs_become_one_that_holds_the_same() {
    let source = Source::new();
    source.git(&["tag", "-a", "-m", "One", "v1"]);
    let (_dir, mirrors) = mirrors();
    let first = source.sha("HEAD");
    let mut shas = Vec::new();
    for number in 0..5 {
        let sha = source.change("a.txt", &format!("{number}\n").repeat(number * 500));
        let wants = [Want::commit(&sha, "refs/heads/main"), Want::reference("refs/tags/*")];
        mirrors.ensure(&source.repository(), &wants).await.unwrap();
        shas.push(sha);
    }
    let mirror = mirrors.ensure(&source.repository(), &[Want::commit(&first, "")]).await.unwrap();
    let packs = mirror.folder().join("objects/pack");
    let before = files_below(&packs).len();
    assert!(before >= 10, "{before}");
    put_together(&mirror, 100).unwrap();
    assert_eq!(files_below(&packs).len(), before, "There are not enough of them yet");
    put_together(&mirror, 5).unwrap();
    assert_eq!(files_below(&packs).len(), 2);
    assert_eq!(super::super::damage::damage(mirror.folder()), None);
    assert_eq!(git(mirror.folder(), &["fsck", "--strict"]), "");
    for sha in &shas {
        assert!(mirror.read(sha, "a.txt").unwrap().is_some());
    }
    // Again, with nothing new: the one pack is not deleted as one of its parts.
    put_together(&mirror, 1).unwrap();
    assert_eq!(files_below(&packs).len(), 2);
    assert!(mirror.commit(&first).is_ok());
    let sha = source.change("b.txt", "b");
    mirrors.ensure(&source.repository(), &[Want::commit(&sha, "refs/heads/main")]).await.unwrap();
    assert!(mirror.commit(&sha).is_ok());
}

#[test]
fn the_oldest_commits_lose_their_references() {
    let dir = tempfile::tempdir().unwrap();
    let begin = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    for number in 0..6_u32 {
        let name = if number == 0 { "ref-main".to_owned() } else { format!("{number:040}") };
        let file = fs::File::create(dir.path().join(name)).unwrap();
        file.set_modified(begin + std::time::Duration::from_secs(number.into())).unwrap();
    }
    forget(dir.path(), 2).unwrap();
    let expected = [format!("{:040}", 4), format!("{:040}", 5), "ref-main".to_owned()];
    assert_eq!(files_below(dir.path()), expected);
}
