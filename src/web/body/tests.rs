use std::time::Duration;

use axum::body::Body;
use http::HeaderMap;
use tokio::sync::Semaphore;

use super::{LARGE, LIMIT, read};
use crate::web::refusal::Refusal;

#[track_caller]
fn check(length: usize, permits: usize, expected: Result<(), Refusal>) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let permits = Semaphore::new(permits);
        let (headers, body) = (HeaderMap::new(), Body::from(vec![b' '; length]));
        let bytes = read(&headers, body, &permits, Duration::from_millis(100)).await;
        assert_eq!(bytes.map(|bytes| assert_eq!(bytes.len(), length)), expected, "{place}");
    }
}

#[tokio::test]
async fn small_bodies_need_no_permit_and_large_ones_wait_for_one() {
    check(0, 0, Ok(())).await;
    check(LARGE, 0, Ok(())).await;
    check(LARGE + 1, 0, Err(Refusal::Busy)).await;
    check(LARGE + 1, 1, Ok(())).await;
    check(LIMIT, 1, Ok(())).await;
    check(LIMIT + 1, 1, Err(Refusal::TooLarge)).await;
}
