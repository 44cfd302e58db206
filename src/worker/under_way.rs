//! The calls that are being carried out, and how each can be told to end.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::domain::ids::CallId;

/// By call, how to end it.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<HashMap<CallId, Ending>>);

struct Ending {
    token: CancellationToken,
    /// Why it was told to end; the first reason stays.
    why: Option<String>,
}

impl UnderWay {
    /// A call begins, which ends when this token is cancelled.
    pub(super) fn begin(&self, call: CallId, token: CancellationToken) {
        self.endings().insert(call, Ending { token, why: None });
    }

    /// Tells a call to end; one that is not under way has ended already, or not begun.
    pub(super) fn end(&self, call: CallId, why: &str) {
        if let Some(ending) = self.endings().get_mut(&call) {
            ending.why.get_or_insert_with(|| why.to_owned());
            ending.token.cancel();
        }
    }

    /// A call has ended; why it was told to, if it was.
    pub(super) fn ended(&self, call: CallId) -> Option<String> {
        self.endings().remove(&call)?.why
    }

    /// Why a call under way was told to end, if it was.
    pub(super) fn why(&self, call: CallId) -> Option<String> {
        self.endings().get(&call)?.why.clone()
    }

    fn endings(&self) -> MutexGuard<'_, HashMap<CallId, Ending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
