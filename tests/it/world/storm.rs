//! A storm of webhooks: as fast as they are answered, over several connections, some sent twice,
//! while the agent is killed and started again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::forge::{self, Forge};
use super::{Ledger, Module, PATIENCE, World};

/// How long a sender waits before it knocks again at a door that nobody opens.
const KNOCK: Duration = Duration::from_millis(5);

#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// All that is sent, replays included.
    pub hooks: usize,
    pub connections: usize,
    /// Every which hook is one that this connection has sent before, with the same id.
    pub replay_every: usize,
    /// How often the agent is killed meanwhile.
    pub kills: usize,
    /// How long planning all of it may take.
    pub patience: Duration,
}

/// What came of a storm.
#[derive(Debug, Default)]
pub struct Figures {
    /// Different deliveries that were answered 202, or 200 when they were sent again because the
    /// first answer was cut off by a kill.
    pub acknowledged: usize,
    /// Replays answered 200.
    pub replayed: usize,
    /// Sent again because nobody had answered.
    pub resent: usize,
    /// Acknowledged and not planned.
    pub lost: usize,
    /// Planned more than once.
    pub doubled: usize,
    /// From the first hook to the last answer.
    pub sending: Duration,
    /// From there until the last one was planned.
    pub draining: Duration,
    /// Resident, of the agent, after all of it, in MB.
    pub memory: f64,
}

impl World {
    /// Lets a storm pass over a running agent. Its hooks are pushes of new branches, each to be
    /// planned, with nothing to call.
    #[track_caller]
    pub fn storm(&mut self, storm: &Storm) -> Figures {
        let repo = self.forge.repository("storm/eye");
        repo.commit("main", Module::new("ci").function("onPullRequest", |f| f));
        let push = self.forge.pushed(&repo, "main");
        let answered = AtomicUsize::new(0);
        let (agent, forge) = (&mut self.agent, &self.forge);
        let began = Instant::now();
        let tallies: Vec<Tally> = std::thread::scope(|scope| {
            let senders: Vec<_> = (0..storm.connections)
                .map(|own| (own, Sender::new(forge, &push, &answered)))
                .map(|(own, sender)| scope.spawn(move || sender.send(storm, own)))
                .collect();
            for kill in 1..=storm.kills {
                let at = storm.hooks * kill / (storm.kills + 1);
                while answered.load(Ordering::Relaxed) < at {
                    std::thread::sleep(Duration::from_millis(1));
                }
                agent.kill();
                agent.start();
            }
            senders.into_iter().map(|sender| sender.join().unwrap()).collect()
        });
        let sending = began.elapsed();
        let drained = Instant::now();
        while Ledger::unsettled(self.agent.data()) > 0 {
            assert!(drained.elapsed() < storm.patience, "not planned in {:?}", storm.patience);
            std::thread::sleep(Duration::from_millis(50));
        }
        let draining = drained.elapsed();
        let ledger = Ledger::read(self.agent.data());
        let mut planned: BTreeMap<&str, i64> = BTreeMap::new();
        for one in ledger.deliveries.iter().filter(|one| one.whole) {
            *planned.entry(&one.id).or_default() += one.runs;
        }
        let sent: BTreeSet<&str> =
            tallies.iter().flat_map(|tally| &tally.acknowledged).map(String::as_str).collect();
        let runs = |id: &&&str| planned.get(**id).copied().unwrap_or_default();
        Figures {
            acknowledged: sent.len(),
            replayed: tallies.iter().map(|tally| tally.replayed).sum(),
            resent: tallies.iter().map(|tally| tally.resent).sum(),
            lost: sent.iter().filter(|id| runs(id) == 0).count(),
            doubled: planned.values().filter(|runs| **runs > 1).count(),
            sending,
            draining,
            memory: self.agent.resident(),
        }
    }
}

#[derive(Default)]
struct Tally {
    acknowledged: Vec<String>,
    replayed: usize,
    resent: usize,
}

/// One connection, made anew whenever it breaks.
struct Sender<'a> {
    forge: &'a Forge,
    push: &'a Value,
    answered: &'a AtomicUsize,
    stream: Option<BufReader<TcpStream>>,
    tally: Tally,
}

impl<'a> Sender<'a> {
    fn new(forge: &'a Forge, push: &'a Value, answered: &'a AtomicUsize) -> Self {
        Self { forge, push, answered, stream: None, tally: Tally::default() }
    }

    fn send(mut self, storm: &Storm, own: usize) -> Tally {
        let mut last: Option<(String, usize)> = None;
        for number in (own..storm.hooks).step_by(storm.connections) {
            let turn = number / storm.connections;
            let again = (turn % storm.replay_every == storm.replay_every - 1).then(|| last.take());
            match again.flatten() {
                Some((id, number)) => {
                    let status = self.deliver(&id, number);
                    assert_eq!(status, 200, "the replay of {id}");
                    self.tally.replayed += 1;
                }
                None => {
                    let id = forge::new_id();
                    let resent = self.tally.resent;
                    let status = self.deliver(&id, number);
                    // 200: it was written down, and the answer to that died with the agent.
                    let kept = status == 202 || status == 200 && self.tally.resent > resent;
                    assert!(kept, "{id} was answered {status}");
                    self.tally.acknowledged.push(id.clone());
                    last = Some((id, number));
                }
            }
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        self.tally
    }

    /// Sends one until somebody answers.
    fn deliver(&mut self, id: &str, number: usize) -> u16 {
        let mut push = self.push.clone();
        push["ref"] = format!("refs/heads/storm-{number}").into();
        let body = push.to_string();
        let signature = forge::sign(forge::SECRET, body.as_bytes());
        let mut request = "POST / HTTP/1.1\r\nHost: agent\r\n".to_owned();
        for (name, value) in forge::headers(id, "push", "application/json", &signature) {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let since = Instant::now();
        loop {
            match self.exchange(request.as_bytes()) {
                // Too much waits to be written: it says so, and means it.
                Ok(503) => {}
                Ok(status) => return status,
                Err(_) => self.stream = None,
            }
            self.tally.resent += 1;
            assert!(since.elapsed() < PATIENCE, "nobody answers {id}");
            std::thread::sleep(KNOCK);
        }
    }

    fn exchange(&mut self, request: &[u8]) -> std::io::Result<u16> {
        if self.stream.is_none() {
            let url = self.forge.hook();
            let host = url.trim_start_matches("http://").trim_end_matches('/');
            let stream = TcpStream::connect(host)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            self.stream = Some(BufReader::new(stream));
        }
        let stream = self.stream.as_mut().unwrap();
        stream.get_mut().write_all(request)?;
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let mut length = 0;
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        stream.read_exact(&mut vec![0; length])?;
        Ok(status)
    }
}
