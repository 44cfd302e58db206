//! The names of traces and spans, and those of the agent's own: a delivery, its runs, their calls.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

use crate::domain::ids::{CallId, DeliveryId, RunId};

/// A trace: everything that comes of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(pub [u8; 16]);

/// A span of a trace; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(u64);

impl TraceId {
    /// None where there are not as many bytes as it needs.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl SpanId {
    /// None where there are not as many bytes as it needs, or they are all 0.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let number = u64::from_be_bytes(bytes.try_into().ok()?);
        (number != 0).then_some(Self(number))
    }

    /// As it is sent.
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for SpanId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|number| digits && *number != 0);
        number.map(Self).ok_or(())
    }
}

impl Serialize for SpanId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SpanId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|()| de::Error::custom("a span has 16 hexadecimal digits"))
    }
}

/// The agent's own spans about one delivery. Their names follow from what they are about, so that
/// they are the same after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// What is the agent's and the delivery's alone.
    seed: String,
}

impl Lineage {
    /// `agent`: what tells this agent from others, like its address; `forge_id`: the forge's name
    /// of the delivery.
    pub fn new(agent: &str, delivery: DeliveryId, forge_id: &str) -> Self {
        Self { seed: format!("{agent}\n{delivery}\n{forge_id}") }
    }

    pub fn trace(&self) -> TraceId {
        let hash = self.hash("trace");
        TraceId(std::array::from_fn(|at| hash[at]))
    }

    pub fn delivery(&self) -> SpanId {
        self.span("delivery")
    }

    /// A run's attempt.
    pub fn run(&self, run: RunId, attempt: u32) -> SpanId {
        self.span(&format!("run {run} {attempt}"))
    }

    /// A call's attempt.
    pub fn call(&self, call: CallId, attempt: u32) -> SpanId {
        self.span(&format!("call {call} {attempt}"))
    }

    /// What `TRACEPARENT` says to whoever is to go on below a span.
    pub fn traceparent(&self, span: SpanId) -> String {
        format!("00-{}-{span}-01", self.trace())
    }

    fn span(&self, what: &str) -> SpanId {
        let hash = self.hash(what);
        let number = u64::from_be_bytes(std::array::from_fn(|at| hash[at]));
        SpanId(number.max(1))
    }

    fn hash(&self, what: &str) -> [u8; 32] {
        Sha256::digest(format!("{what}\n{}", self.seed)).into()
    }
}
