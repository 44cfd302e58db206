use super::super::tests::{World, repo, run};
use super::*;
use crate::domain::ids::Vendor;

impl World {
    /// The numbers of the runs that a query leaves, and whether there are more.
    async fn found(&self, query: RunQuery, limit: usize) -> (Vec<i64>, bool) {
        let page = self.store.find_runs(&query, limit).await.unwrap();
        (page.runs.iter().map(|run| run.id.0).collect(), page.next.is_some())
    }
}

async fn three_runs() -> World {
    let world = World::new().await;
    for (forge_id, branch, subject) in
        [("a", "main", "Mend the door"), ("b", "dev", "Paint the door"), ("c", "main", "100% sure")]
    {
        let mut new = run(&["test", "lint"]);
        new.event.branch = Some(branch.to_owned());
        let commit = new.event.commit.get_or_insert_with(|| crate::domain::event::Commit {
            sha: String::new(),
            message: String::new(),
            author: Default::default(),
            timestamp: String::new(),
            url: String::new(),
        });
        commit.message = format!("{subject}\n\nand more");
        world.run(forge_id, new).await;
    }
    world
}

#[tokio::test]
async fn pages_follow_one_another() {
    let world = three_runs().await;
    assert_eq!(world.found(RunQuery::default(), 2).await, (vec![3, 2], true));
    let next = RunQuery { before: Some(RunId(2)), ..RunQuery::default() };
    assert_eq!(world.found(next, 2).await, (vec![1], false));
}

#[tokio::test]
async fn runs_are_found_by_what_people_remember() {
    let world = three_runs().await;
    let text = |text: &str| RunQuery { text: Some(text.to_owned()), ..RunQuery::default() };
    for (query, expected) in [
        (text("door"), vec![2, 1]),
        (text("PAINT"), vec![2]),
        (text("0%"), vec![3]),
        (text("%"), vec![3]),
        (text("oo"), vec![2, 1]),
        (text("P"), vec![3, 2, 1]),
        (text("zz"), vec![]),
        (RunQuery { before: Some(RunId(2)), ..text("oo") }, vec![1]),
        (RunQuery { visible: Some(vec![(Vendor::Gitea.into(), repo())]), ..text("oo") }, vec![]),
        (RunQuery { branch: Some("dev".to_owned()), ..text("oo") }, vec![2]),
        (text("\"door"), vec![]),
        (text("door OR sure"), vec![]),
        (RunQuery { branch: Some("main".to_owned()), ..text("door") }, vec![1]),
        (RunQuery { branch: Some("dev".to_owned()), ..RunQuery::default() }, vec![2]),
        (RunQuery { event: Some("tag".to_owned()), ..RunQuery::default() }, vec![]),
        (
            RunQuery { repository: Some((Vendor::Gitea.into(), repo())), ..RunQuery::default() },
            vec![],
        ),
        (RunQuery { repository: Some((Vendor::Github.into(), repo())), ..text("Mend") }, vec![1]),
        (RunQuery { visible: Some(vec![]), ..RunQuery::default() }, vec![]),
        (
            RunQuery { visible: Some(vec![(Vendor::Github.into(), repo())]), ..text("sure") },
            vec![3],
        ),
        (RunQuery { pull: Some(7), ..RunQuery::default() }, vec![]),
    ] {
        assert_eq!(world.found(query.clone(), 10).await.0, expected, "{query:?}");
    }
}

#[tokio::test]
async fn states_have_words() {
    let world = three_runs().await;
    for state in RunStateQuery::ALL {
        assert_eq!(RunStateQuery::named(state.as_str()), Some(state));
        let query = RunQuery { state: Some(state), ..RunQuery::default() };
        let expected = if state == RunStateQuery::Queued { vec![3, 2, 1] } else { vec![] };
        assert_eq!(world.found(query, 10).await.0, expected, "{state:?}");
    }
}

#[tokio::test]
async fn a_run_is_shown_with_its_calls() {
    let world = three_runs().await;
    let page = world.store.find_runs(&RunQuery::default(), 1).await.unwrap();
    let run = &page.runs[0];
    assert_eq!(run.subject.as_deref(), Some("100% sure"));
    assert!(run.headline.ends_with("pushed to main"), "{}", run.headline);
    let names: Vec<&str> = run.calls.iter().map(|call| call.kebab.as_str()).collect();
    assert_eq!(names, ["test", "lint"]);
    assert_eq!(world.store.repositories().await.unwrap(), [(Vendor::Github.into(), repo())]);
}

#[tokio::test]
async fn runs_of_an_earlier_version_are_named_at_the_next_start() {
    let world = three_runs().await;
    world.sql("UPDATE run SET headline = NULL, subject = NULL, branch = NULL").await;
    world.sql("DELETE FROM run_text").await;
    world.store.name_runs().await.unwrap();
    let query = RunQuery { text: Some("paint".to_owned()), ..RunQuery::default() };
    assert_eq!(world.found(query, 10).await.0, [2]);
}
