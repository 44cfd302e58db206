//! Forges: bytes in, [`Event`](super::event::Event) out; a status in, an `http::Request` out.
