use std::io::Read as _;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use tower::ServiceExt as _;

use super::*;

async fn ask(path: &str, accepts: &str) -> (HeaderMap, Vec<u8>) {
    let long = "the same again ".repeat(400);
    let page = |kind: &'static str, text: String| {
        get(async move || ([(CONTENT_TYPE, kind)], text).into_response())
    };
    let tagged = long.clone();
    let router = Router::new()
        .route("/page", page("text/html; charset=utf-8", long.clone()))
        .route("/short", page("text/html", "short".to_owned()))
        .route("/log", page("text/plain", long.clone()))
        .route("/stream", page("text/event-stream", long))
        .route(
            "/tagged",
            get(async move || {
                ([(CONTENT_TYPE, "application/json"), (ETAG, "\"1\"")], tagged).into_response()
            }),
        )
        .layer(axum::middleware::from_fn(compress));
    let request = Request::get(path).header(ACCEPT_ENCODING, accepts).body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let headers = response.headers().clone();
    (headers, axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
}

#[tokio::test]
async fn a_page_is_packed_for_whoever_takes_it() {
    for accepts in ["gzip", "br, gzip;q=0.5", "deflate, GZIP"] {
        let (headers, body) = ask("/page", accepts).await;
        assert_eq!(headers[CONTENT_ENCODING], "gzip", "{accepts}");
        assert_eq!(headers[VARY], "accept-encoding");
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*body).read_to_string(&mut text).unwrap();
        assert_eq!(text, "the same again ".repeat(400));
        assert!(body.len() < 200, "{}", body.len());
    }
    for accepts in ["", "br", "gzip;q=0", "gzipped"] {
        let (headers, body) = ask("/page", accepts).await;
        assert!(!headers.contains_key(CONTENT_ENCODING), "{accepts}");
        assert_eq!(
            (body.len(), &headers[VARY]),
            (6000, &HeaderValue::from_static("accept-encoding"))
        );
    }
}

#[tokio::test]
async fn what_is_short_a_log_a_stream_or_known_by_its_bytes_is_sent_as_it_is() {
    for path in ["/short", "/log", "/stream", "/tagged"] {
        let (headers, _) = ask(path, "gzip").await;
        assert!(!headers.contains_key(CONTENT_ENCODING), "{path}");
    }
}
