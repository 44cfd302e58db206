//! People of forges: what they see, and for how long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::*;
use crate::domain::event::Sender;
use crate::domain::ids::{ForgeId, RepoName, Vendor};
use crate::domain::rights::{Access, Answered, Forges};
use crate::domain::sign_in::{Arrival, Attempt, Failed, Way};
use crate::store::Store;

pub(super) const HOUR: Duration = Duration::from_secs(3600);

/// A way that was set up, and leads nowhere.
struct Pretend(&'static str);

pub(super) fn pretend(word: &'static str) -> Arc<dyn Way> {
    Arc::new(Pretend(word))
}

impl Way for Pretend {
    fn word(&self) -> &str {
        self.0
    }

    fn name(&self) -> &str {
        self.0
    }

    fn basis(&self) -> String {
        "as it was set up".to_owned()
    }

    fn leave<'a>(
        &'a self,
        attempt: &'a Attempt,
        back: &'a str,
    ) -> Answered<'a, Result<String, Failed>> {
        let address = format!("https://forge.example/?state={}&back={back}", attempt.state);
        Box::pin(std::future::ready(Ok(address)))
    }

    fn arrive<'a>(
        &'a self,
        _: &'a Attempt,
        _: &'a str,
        arrival: Arrival<'a>,
    ) -> Answered<'a, Result<Person, Failed>> {
        Box::pin(std::future::ready(match arrival.code {
            "nobody" => Err(Failed::NoRights { login: "mallory<b>".to_owned() }),
            "wrong" => Err(Failed::Refused("bad_verification_code".to_owned())),
            "away" => Err(Failed::Unreachable("it is away".to_owned())),
            id => Ok(person(id)),
        }))
    }
}

/// Somebody of the forge.
pub(super) fn person(id: &str) -> Person {
    let forge = Some(Vendor::Github.into());
    Person { forge, id: id.to_owned(), login: format!("person{id}"), scope: None }
}

/// A session, by its cookie.
pub(super) async fn begin(store: &Store, person: Person, until: Timestamp) -> String {
    let way = if person.forge.is_some() { "github" } else { "oidc" }.to_owned();
    let cookie = format!("cookie of {} until {until}", person.id).replace(' ', "-");
    let basis = Fingerprint::of("as it was set up");
    let session = PersonSession { way, basis, person };
    let of = Fingerprint::of(&cookie);
    store.begin_person_session(of, &session, at(1), until).await.unwrap();
    cookie
}

/// A forge that counts what it is asked, and answers as long as it has answers to give.
struct Counting {
    asked: AtomicUsize,
    answers: Semaphore,
}

impl Forges for Counting {
    fn access<'a>(
        &'a self,
        _: ForgeId,
        repository: &'a RepoName,
        _: &'a Sender,
    ) -> Answered<'a, Option<Access>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            self.answers.acquire().await.ok()?.forget();
            Some(if repository.as_str() == "octo/secret" { Access::Read } else { Access::None })
        })
    }
}

async fn counting(answers: usize) -> (Agent, Arc<Counting>, String) {
    let forges =
        Arc::new(Counting { asked: AtomicUsize::new(0), answers: Semaphore::new(answers) });
    let mut agent = Agent::read_by(Readers::None).await;
    let mut app = agent.app.clone();
    app.forges = Arc::clone(&forges) as Arc<dyn Forges>;
    app.ways = Arc::new([pretend("github")]);
    agent.serve(app).await;
    let ends = Timestamp::now() + HOUR;
    let cookie = begin(&agent.app.store, person("7"), ends).await;
    (agent, forges, format!("Cookie: __Host-pocketci={cookie}\r\n"))
}

#[tokio::test]
async fn a_list_asks_once_for_each_repository() {
    let (agent, forges, headers) = counting(1000).await;
    for number in 0..20 {
        let secret = private(run_of(push(), &["testOnPush"]), "octo/secret");
        keep(&agent.app.store, &format!("secret {number}"), secret).await;
        let other = private(run_of(push(), &["testOnPush"]), &format!("octo/other{}", number % 5));
        keep(&agent.app.store, &format!("other {number}"), other).await;
    }
    keep(&agent.app.store, "public", run_of(push(), &["testOnPush"])).await;
    for _ in 0..3 {
        let page = agent.ask("GET /api/v1/runs", &headers, "").await.json();
        // Those of the one that may be read, and the public one, of which nobody needs to be asked.
        assert_eq!(page["runs"].as_array().unwrap().len(), 21);
        agent.ask("GET /waiting", &headers, "").await;
        agent.ask("GET /runs", &headers, "").await;
    }
    assert_eq!(forges.asked.load(Ordering::SeqCst), 6);
    let all = agent.ask("GET /api/v1/repositories", &headers, "").await.body;
    assert!(all.contains("octo/secret") && all.contains("octo/hello"), "{all}");
    assert!(!all.contains("octo/other"), "{all}");
    let deliveries = agent.ask("GET /api/v1/deliveries", &headers, "").await.json();
    assert_eq!(deliveries["deliveries"].as_array().unwrap().len(), 0, "who reads sees no bodies");
}

#[tokio::test]
async fn a_forge_that_does_not_answer_holds_no_list_up() {
    let (agent, forges, headers) = counting(0).await;
    let [public, _] = with_runs(&agent).await;
    let page = agent.ask("GET /api/v1/runs", &headers, "").await.json();
    assert_eq!(page["runs"].as_array().unwrap().len(), 1);
    assert_eq!(page["runs"][0]["id"], public.0);
    // What is asked behind the list is there when the forge comes back.
    forges.answers.add_permits(1000);
    for _ in 0..1000 {
        let page = agent.ask("GET /api/v1/runs", &headers, "").await.json();
        if page["runs"].as_array().unwrap().len() == 2 {
            return;
        }
    }
    panic!("it never came");
}

#[tokio::test]
async fn nobody_can_make_the_agent_ask_for_what_it_does_not_know() {
    let (agent, forges, headers) = counting(1000).await;
    with_runs(&agent).await;
    for number in 0..50 {
        let badge = format!("GET /api/v1/badge/github/octo/no{number}.svg");
        assert_eq!(agent.ask(&badge, &headers, "").await.status, 404);
    }
    assert_eq!(forges.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn what_may_not_be_seen_is_answered_like_what_is_not_there() {
    let agent = Agent::read_by(Readers::None).await;
    let [_, secret] = with_runs(&agent).await;
    let mut app = agent.app.clone();
    app.ways = Arc::new([pretend("github")]);
    let mut agent = agent;
    agent.serve(app).await;
    let cookie = begin(&agent.app.store, person("3"), Timestamp::now() + HOUR).await;
    let headers = format!("Cookie: __Host-pocketci={cookie}\r\n");
    for address in [
        "GET /api/v1/runs/{}",
        "GET /api/v1/runs/{}/calls/{}",
        "GET /api/v1/runs/{}/calls/{}/log",
        "POST /api/v1/runs/{}/cancel",
        "GET /api/v1/deliveries/{}",
        "GET /api/v1/deliveries/{}/body",
        "POST /api/v1/deliveries/{}/replay",
        "GET /runs/{}",
        "GET /runs/{}/event.json",
        "GET /runs/{}/calls/{}/log",
        "GET /deliveries/{}",
        "GET /runs?delivery={}",
    ] {
        let there = agent.ask(&address.replace("{}", &secret.to_string()), &headers, "").await;
        let nowhere = agent.ask(&address.replace("{}", "99"), &headers, "").await;
        assert_eq!((there.status, nowhere.status), (404, 404), "{address}");
        let told = there.body.replace(&format!("“{secret}”"), "“99”");
        let told = told.replace(&format!("run {secret}"), "run 99");
        assert_eq!(told, nowhere.body, "{address}");
    }
}

#[tokio::test]
async fn a_session_ends_with_what_it_rests_on() {
    let agent = Agent::read_by(Readers::None).await;
    let cookie = begin(&agent.app.store, person("2"), Timestamp::now() + HOUR).await;
    let headers = format!("Cookie: __Host-pocketci={cookie}\r\n");
    // There is no such way (any more).
    assert_eq!(agent.ask("GET /api/v1/runs", &headers, "").await.status, 401);
}

#[tokio::test]
async fn a_stream_ends_with_the_session_and_with_the_token() {
    let agent = Agent::read_by(Readers::None).await;
    let [_, secret] = with_runs(&agent).await;
    let mut app = agent.app.clone();
    app.ways = Arc::new([pretend("github")]);
    let mut agent = agent;
    agent.serve(app).await;
    let store = agent.app.store.clone();
    let log = format!("GET /api/v1/runs/{secret}/calls/{secret}/log");
    for stream in ["GET /api/v1/events", &log] {
        let cookie = begin(&store, person("1"), Timestamp::now() + HOUR).await;
        let headers = format!("Cookie: __Host-pocketci={cookie}\r\n");
        let accept = format!("{headers}Accept: text/event-stream\r\n");
        let listens = agent.ask(stream, &accept, "");
        let ends = async {
            agent.ask("POST /sign-out", &headers, "").await;
        };
        // It would go on for ever.
        let (heard, ()) = tokio::join!(listens, ends);
        assert!([200, 401].contains(&heard.status), "{heard:?}");

        let admin = format!("pci_{}", stream.len());
        let of = Fingerprint::of(&admin);
        store.make_token(stream, Scope::Admin, of, &Actor::Local, at(1)).await.unwrap();
        let header = format!("Authorization: Bearer {admin}\r\n");
        let id = store.tokens().await.unwrap()[0].id;
        let accept = format!("{header}Accept: text/event-stream\r\n");
        let listens = agent.ask(stream, &accept, "");
        let ends = async {
            agent.ask(&format!("DELETE /api/v1/tokens/{id}"), &header, "").await;
        };
        let (heard, ()) = tokio::join!(listens, ends);
        assert!([200, 401].contains(&heard.status), "{heard:?}");
    }
}
