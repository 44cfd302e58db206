use std::time::Duration;

use axum::body::Body;
use futures_util::stream;
use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::domain::signature::{Claim, Digest, WebhookSecret};

const LONG: Duration = Duration::from_secs(30);

fn check(signature: &str) -> Check {
    Claim::hmac(Digest::Sha256, signature).unwrap().check(&[WebhookSecret::new("key")]).unwrap()
}

fn sign(body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(b"key").unwrap();
    hex::encode(mac.chain_update(body).finalize().into_bytes())
}

async fn told(body: Body, signature: &str, limit: Duration) -> Result<Vec<u8>, Refusal> {
    let folder = tempfile::tempdir().unwrap();
    let (seats, seat) = (Seats::new(9, 1), Seat::default());
    let check = check(signature);
    let raw = read(&HeaderMap::new(), body, check, (&seats, &seat), folder.path(), limit).await?;
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 0, "a file has no name");
    raw.bytes().await
}

#[tokio::test]
async fn a_body_of_any_length_comes_back_as_it_was() {
    for length in [0, 1, SMALL, SMALL + 1, LARGE + 7, 3 * LARGE, LIMIT] {
        let body: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
        let pieces: Vec<_> =
            body.chunks(16_000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        let got = told(Body::from_stream(stream::iter(pieces)), &sign(&body), LONG).await.unwrap();
        assert_eq!(Sha256::digest(&got), Sha256::digest(&body), "{length}");
    }
}

#[tokio::test]
async fn a_wrong_signature_is_found_without_reading_back() {
    for length in [10, SMALL + 1] {
        let body = vec![b'x'; length];
        let wrong = sign(b"another body");
        assert_eq!(told(Body::from(body), &wrong, LONG).await, Err(Refusal::Unsigned));
    }
    let body = Body::from(vec![b'x'; LIMIT + 1]);
    assert_eq!(told(body, &sign(b""), LONG).await, Err(Refusal::TooLarge));
}

#[test]
fn a_body_keeps_its_pace() {
    let limit = Duration::from_secs(10);
    let seconds = |length| patience(limit, length).as_secs_f64();
    assert_eq!(seconds(0), 3.0);
    assert_eq!(seconds(16 * 1024), 4.0);
    assert_eq!(seconds(1 << 20), 10.0, "the whole has its end too");
}

#[tokio::test]
async fn a_silent_body_is_not_waited_for_to_the_end() {
    let silent = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let limit = Duration::from_millis(50);
    assert_eq!(told(silent, &sign(b""), limit).await, Err(Refusal::TooSlow));
}
