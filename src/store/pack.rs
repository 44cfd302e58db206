//! Texts and JSON as zstd frames, and times as numbers.

use std::cell::RefCell;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zstd::bulk::Compressor;

use super::error::StoreError;

/// The fastest level: bodies shrink to a tenth, in less time than writing the rest would take.
const LEVEL: i32 = 1;

/// Larger texts are rare, and would leave their tables behind in each thread.
const REUSED_UP_TO: usize = 256 << 10;

thread_local! {
    /// Making one costs more than using it does for a webhook's body.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

pub(super) fn compress(raw: &[u8]) -> Result<Vec<u8>, StoreError> {
    let compressed = if raw.len() > REUSED_UP_TO {
        zstd::bulk::compress(raw, LEVEL)
    } else {
        COMPRESSOR.with_borrow_mut(|kept| match kept {
            Some(compressor) => compressor.compress(raw),
            None => kept.insert(Compressor::new(LEVEL)?).compress(raw),
        })
    };
    compressed.map_err(|error| invalid("a text", format!("it cannot be compressed: {error}")))
}

pub(super) fn decompress(what: &str, frame: &[u8]) -> Result<Vec<u8>, StoreError> {
    zstd::stream::decode_all(frame).map_err(|error| StoreError::unreadable(what, error))
}

pub(super) fn to_json(what: &str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| invalid(what, error))
}

pub(super) fn from_json<T: DeserializeOwned>(what: &str, json: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(json).map_err(|error| StoreError::unreadable(what, error))
}

/// JSON in a frame.
pub(super) fn pack(what: &str, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    compress(to_json(what, value)?.as_bytes())
}

pub(super) fn unpack<T: DeserializeOwned>(what: &str, frame: &[u8]) -> Result<T, StoreError> {
    from_json(what, &decompress(what, frame)?)
}

/// A time as the database has it.
pub(super) fn time(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|error| StoreError::unreadable("a time", error))
}

pub(super) fn time_if(micros: Option<i64>) -> Result<Option<Timestamp>, StoreError> {
    micros.map(time).transpose()
}

fn invalid(what: &str, why: impl ToString) -> StoreError {
    StoreError::Invalid { what: what.to_owned(), why: why.to_string() }
}
