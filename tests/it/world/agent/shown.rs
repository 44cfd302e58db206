//! What the agent shows to whoever asks it.

use super::super::eventually;
use super::super::forge::Status;
use super::super::http::{self, Answer};
use super::Agent;

impl Agent {
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        http::get(&self.url(path))
    }

    #[track_caller]
    pub fn expect_healthy(&self) {
        eventually("/healthz to answer 200", || {
            let answer = http::send("GET", &self.url("/healthz"), &[], b"").ok()?;
            (answer.status == 200).then_some(())
        });
    }

    /// The page that a status links to, as text.
    #[track_caller]
    pub fn run_page(&self, status: &Status) -> String {
        let path = run_path(status);
        let answer = self.get(&path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// The log of a call of a run.
    #[track_caller]
    pub fn log(&self, run: u64, call: u64) -> String {
        let answer = self.get(&format!("/runs/{run}/calls/{call}/log"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// The logs of all calls of the run that a status links to, one behind the other.
    #[track_caller]
    pub fn logs(&self, status: &Status) -> String {
        let path = run_path(status);
        let prefix = format!("{path}/calls/");
        let page = self.run_page(status);
        let mut calls: Vec<u64> = page
            .split(&prefix)
            .skip(1)
            .filter_map(|rest| rest.split('/').next()?.parse().ok())
            .collect();
        calls.sort_unstable();
        calls.dedup();
        let run = path.rsplit('/').next().unwrap().parse().unwrap();
        calls.into_iter().map(|call| self.log(run, call)).collect::<Vec<_>>().join("\n")
    }
}

/// `/runs/N` of a status's link.
#[track_caller]
fn run_path(status: &Status) -> String {
    let url = &status.target_url;
    let path = url.strip_prefix("http://ci.example").unwrap_or_else(|| panic!("link `{url}`"));
    path.split(['#', '?']).next().unwrap().to_owned()
}
