//! A browser without a window: it keeps cookies, follows redirects, and sends forms.

use std::collections::BTreeMap;

use super::http::{self, Answer};

/// What the agent is called by the world of a story.
const NAME: &str = "http://ci.example";

/// One person's browser.
pub struct Visitor {
    agent: String,
    /// By host and name.
    cookies: BTreeMap<(String, String), String>,
    /// Every address that it was at.
    pub visited: Vec<String>,
}

impl Visitor {
    /// One that has been nowhere yet; it finds the agent at this address, under its name.
    pub fn new(agent: &str) -> Self {
        let agent = agent.trim_end_matches('/').to_owned();
        Self { agent, cookies: BTreeMap::new(), visited: Vec::new() }
    }

    /// Goes to an address, or to a page of the agent, and wherever it is sent from there.
    #[track_caller]
    pub fn go(&mut self, to: &str) -> Answer {
        self.follow("GET", to, b"")
    }

    /// Sends a form, and goes wherever it is sent from there.
    #[track_caller]
    pub fn send(&mut self, to: &str, form: &str) -> Answer {
        self.follow("POST", to, form.as_bytes())
    }

    #[track_caller]
    fn follow(&mut self, method: &str, to: &str, body: &[u8]) -> Answer {
        let mut to = if to.starts_with('/') { format!("{NAME}{to}") } else { to.to_owned() };
        let (mut method, mut body) = (method, body);
        for _ in 0..10 {
            let answer = self.once(method, &to, body);
            (method, body) = ("GET", b"");
            match answer.header("location").map(str::to_owned) {
                Some(next) if next.starts_with('/') => {
                    let root = to.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
                    to = format!("{root}{next}");
                }
                Some(next) => to = next,
                None => return answer,
            }
        }
        panic!("sent about without end: {:?}", self.visited);
    }

    /// Presses a button of a form of the agent's.
    #[track_caller]
    pub fn press(&mut self, action: &str, form: &str) -> Answer {
        self.once("POST", &format!("{NAME}{action}"), form.as_bytes())
    }

    /// One request, wherever it leads.
    #[track_caller]
    pub fn once(&mut self, method: &str, to: &str, body: &[u8]) -> Answer {
        self.visited.push(to.to_owned());
        let url = to.replacen(NAME, &self.agent, 1);
        let host = to.split('/').nth(2).unwrap().to_owned();
        let cookies: Vec<_> = self.cookies.iter().filter(|((of, _), _)| *of == host).collect();
        let cookies = cookies.iter().map(|((_, name), value)| format!("{name}={value}"));
        let cookies = cookies.collect::<Vec<_>>().join("; ");
        let headers =
            [("Cookie", cookies.as_str()), ("Content-Type", "application/x-www-form-urlencoded")];
        let headers = if body.is_empty() { &headers[..1] } else { &headers[..] };
        let answer = http::send(method, &url, headers, body).unwrap();
        for (_, set) in
            answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
        {
            let (pair, rest) = set.split_once(';').unwrap_or((set, ""));
            let (name, value) = pair.split_once('=').unwrap();
            let key = (host.clone(), name.to_owned());
            if rest.contains("Max-Age=0") {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
        answer
    }

    /// The agent has moved to another address.
    pub fn moved_to(&mut self, agent: &str) {
        self.agent = agent.trim_end_matches('/').to_owned();
    }

    /// A cookie of the agent's.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(&("ci.example".to_owned(), name.to_owned())).map(String::as_str)
    }
}
