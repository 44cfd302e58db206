//! Whether a forge may be asked for anything at the moment, as its last answers have it.
//!
//! What concerns the whole forge (a rate limit, an outage, a token that is not valid) holds up
//! everything, and one request alone finds out whether it is over; what concerns one repository
//! holds up that repository. It decides from what it is told and neither sends nor logs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::{pause, spread};
use crate::domain::forge::{Answer, Refused};
use crate::domain::ids::RepoName;

/// Failures in a row after which a forge is taken to be down.
const DOWN: u32 = 3;
/// How often one request looks whether a refused token is taken by now.
const REFUSED_PROBE: Duration = Duration::from_secs(180);
/// How often one status looks whether a repository takes them by now.
const REPOSITORY_PROBE: Duration = Duration::from_secs(300);
/// The longest pause between two looks at a forge that is down.
const DOWN_PROBE: Duration = Duration::from_secs(60);
/// Repositories that are remembered to refuse us.
const REMEMBERED: usize = 1000;

/// What a forge's answers have come to.
#[derive(Debug, Default)]
pub(in crate::worker) struct Gate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    shut: Option<Shut>,
    /// Somebody has been let through to find out whether it is over.
    probing: bool,
    /// Outages in a row.
    failures: u32,
    /// Repositories that refuse us, each with the time of the next look.
    refusing: HashMap<RepoName, Timestamp>,
    /// Anything was ever taken.
    taken: bool,
}

#[derive(Debug, Clone, Copy)]
struct Shut {
    until: Timestamp,
    why: Why,
}

/// Why nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::worker) enum Why {
    Limited,
    Refused,
    Down,
}

/// Who may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::worker) enum Pass {
    Open,
    /// This one alone, to find out; its answer must be given to [`Gate::learn`], or the pass
    /// back to [`Gate::unused`].
    Probe,
    /// Nobody before this time; none: before somebody's probe is answered.
    Wait(Option<Timestamp>),
}

/// What an answer has changed, for whoever tells people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::worker) enum News {
    Nothing,
    /// Nothing is sent until then; said once, however many answers say so.
    Shut {
        until: Timestamp,
        why: Why,
    },
    Opened,
    /// The repository refuses us; true: and nothing was ever taken.
    RepositoryRefuses {
        alone: bool,
    },
    RepositoryTakes,
}

impl Gate {
    pub(in crate::worker) fn pass(&self, now: Timestamp) -> Pass {
        let mut state = self.state();
        match state.shut {
            None => Pass::Open,
            Some(_) if state.probing => Pass::Wait(None),
            Some(shut) if shut.until > now => Pass::Wait(Some(shut.until)),
            Some(_) => {
                state.probing = true;
                Pass::Probe
            }
        }
    }

    /// Nothing was there to be sent.
    pub(in crate::worker) fn unused(&self, pass: Pass) {
        if pass == Pass::Probe {
            self.state().probing = false;
        }
    }

    /// Whether the forge can be asked for things besides statuses.
    pub(in crate::worker) fn is_open(&self) -> bool {
        self.state().shut.is_none()
    }

    /// Whether statuses are held up: all of them, or, where none was ever taken, those of the
    /// repositories that there are.
    pub(in crate::worker) fn holds(&self) -> bool {
        let state = self.state();
        state.shut.is_some() || (!state.taken && !state.refusing.is_empty())
    }

    /// When a repository that refuses us is looked at next, unless that is now; whoever is told
    /// that it is looks at it, the others wait.
    pub(in crate::worker) fn holds_up(
        &self,
        repository: &RepoName,
        now: Timestamp,
        dice: u64,
    ) -> Option<Timestamp> {
        let mut state = self.state();
        let next = state.refusing.get_mut(repository)?;
        if *next > now {
            return Some(*next + spread(REPOSITORY_PROBE, dice));
        }
        *next = now + REPOSITORY_PROBE;
        None
    }

    /// Takes in what the forge answered to somebody with this pass.
    pub(in crate::worker) fn learn(
        &self,
        repository: &RepoName,
        answer: &Answer,
        pass: Pass,
        now: Timestamp,
        dice: u64,
    ) -> News {
        self.take_in(Some(repository), answer, pass, now, dice)
    }

    /// Takes in the answer to a question that was asked with a probe's pass, for want of a status.
    pub(in crate::worker) fn found_out(&self, answer: &Answer, now: Timestamp, dice: u64) -> News {
        self.take_in(None, answer, Pass::Probe, now, dice)
    }

    fn take_in(
        &self,
        repository: Option<&RepoName>,
        answer: &Answer,
        pass: Pass,
        now: Timestamp,
        dice: u64,
    ) -> News {
        let mut state = self.state();
        let probe = pass == Pass::Probe;
        if probe {
            state.probing = false;
        }
        match answer {
            Answer::Limited { after, .. } => {
                // Not one moment earlier, and not all agents of a house in the same moment.
                let later = spread(Duration::from_secs(1), dice);
                state.shut(now + *after + later, Why::Limited)
            }
            Answer::Refused { whom: Refused::Everything, .. } => {
                state.shut(now + spread(REFUSED_PROBE, dice), Why::Refused)
            }
            Answer::Retry { .. } => {
                state.failures = state.failures.saturating_add(1);
                if state.failures < DOWN && !probe {
                    return News::Nothing;
                }
                let pause = pause(state.failures.saturating_sub(DOWN), dice).min(DOWN_PROBE);
                state.shut(now + pause, Why::Down)
            }
            Answer::Done { .. }
            | Answer::NotYet { .. }
            | Answer::Never { .. }
            | Answer::Refused { whom: Refused::Repository, .. } => {
                state.failures = 0;
                // One that was let through before a limit struck says nothing about its end.
                let over = state.shut.is_some_and(|shut| probe || shut.why == Why::Down);
                if over {
                    state.shut = None;
                }
                let about = repository
                    .map_or(News::Nothing, |repository| state.about(repository, answer, now));
                if over { News::Opened } else { about }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn shut(&mut self, until: Timestamp, why: Why) -> News {
        let before = self.shut;
        let until = before.map_or(until, |before| before.until.max(until));
        // A forge with a refused token that is down for a moment still refuses it.
        let why = match before {
            Some(Shut { why: Why::Refused, .. }) if why == Why::Down => Why::Refused,
            _ => why,
        };
        self.shut = Some(Shut { until, why });
        match before {
            Some(before) if before.why == why => News::Nothing,
            _ => News::Shut { until, why },
        }
    }

    /// What an answer says about its repository.
    fn about(&mut self, repository: &RepoName, answer: &Answer, now: Timestamp) -> News {
        match answer {
            Answer::Refused { .. } => {
                if self.refusing.len() >= REMEMBERED {
                    self.refusing.retain(|_, next| *next > now);
                }
                let next = now + REPOSITORY_PROBE;
                if self.refusing.insert(repository.clone(), next).is_some() {
                    return News::Nothing;
                }
                News::RepositoryRefuses { alone: !self.taken }
            }
            Answer::Done { .. } => {
                self.taken = true;
                let refused = self.refusing.remove(repository).is_some();
                if refused { News::RepositoryTakes } else { News::Nothing }
            }
            _ => News::Nothing,
        }
    }
}

#[cfg(test)]
mod tests;
