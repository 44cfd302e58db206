//! Requests to the APIs that want nothing but JSON; credentials are the client's to add.

use http::{Method, Request};
use serde_json::Value;

const ALWAYS: &str = "the base is a URL since the configuration was read, and the rest is encoded";

/// A part of a path, or a value of a query.
pub(super) fn segment(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

pub(super) fn get(url: &str) -> Request<Vec<u8>> {
    let request = Request::get(url).header("accept", "application/json");
    request.body(Vec::new()).expect(ALWAYS)
}

pub(super) fn post(url: &str, body: &Value) -> Request<Vec<u8>> {
    send(Method::POST, url, body)
}

pub(super) fn put(url: &str, body: &Value) -> Request<Vec<u8>> {
    send(Method::PUT, url, body)
}

pub(super) fn delete(url: &str) -> Request<Vec<u8>> {
    let request = Request::delete(url).header("accept", "application/json");
    request.body(Vec::new()).expect(ALWAYS)
}

fn send(method: Method, url: &str, body: &Value) -> Request<Vec<u8>> {
    let request = Request::builder().method(method).uri(url);
    let request = request.header("accept", "application/json");
    let request = request.header("content-type", "application/json");
    request.body(body.to_string().into_bytes()).expect(ALWAYS)
}
