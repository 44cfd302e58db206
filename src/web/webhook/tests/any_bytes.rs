//! Any bytes at all, sent as a webhook.

use axum::body::Body;
use http::Request;
use proptest::prelude::*;
use tower::ServiceExt;

use super::*;

/// Headers that mean something to a forge, with values that may.
fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let names = prop::sample::select(vec![
        "x-hub-signature-256",
        "x-hub-signature",
        "x-github-event",
        "x-github-delivery",
        "content-type",
        "content-length",
        "x-forwarded-for",
        "x-gitlab-token",
        "x-gitea-signature",
        "transfer-encoding",
        "expect",
    ]);
    let values = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..80),
        "(sha256=|sha1=|)[0-9a-f]{0,70}".prop_map(String::into_bytes),
        prop::sample::select(vec![
            "push",
            "application/json",
            "application/x-www-form-urlencoded",
            "1, 2",
            "::1",
            "chunked",
            "18446744073709551616"
        ])
        .prop_map(|word| word.as_bytes().to_vec()),
    ];
    proptest::collection::vec((names.prop_map(str::to_owned), values), 0..8)
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..600),
        Just(PUSH.as_bytes().to_vec()),
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| {
            let mut body = PUSH.as_bytes().to_vec();
            let at = at.index(body.len());
            body[at] = byte;
            body
        }),
        proptest::collection::vec(any::<u8>(), 66_000..70_000),
    ]
}

#[test]
fn as_a_webhook_are_answered_and_reach_the_database_only_when_signed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let agent = runtime.block_on(Agent::start());
    let seats = Arc::new(Seats::new(9, 9));
    let router = router(agent.app.clone(), Limits::default(), seats);
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let cases = (
        prop::sample::select(vec!["/", "/webhooks/github", "/webhooks/gitlab", "/webhooks/%00"]),
        headers(),
        bodies(),
        prop::bool::weighted(0.2),
    );
    let counted = std::cell::Cell::new(0);
    runner
        .run(&cases, |(path, headers, body, sign)| {
            let mut request = Request::post(path);
            for (name, value) in headers {
                if let Ok(value) = http::HeaderValue::from_bytes(&value) {
                    request = request.header(name, value);
                }
            }
            let mut request = request.body(Body::from(body.clone())).unwrap();
            if sign {
                let signature = Hook::signature(&body).parse().unwrap();
                let headers = request.headers_mut();
                headers.insert("x-hub-signature-256", signature);
                headers.entry("x-github-event").or_insert("push".parse().unwrap());
                headers.entry("content-type").or_insert("application/json".parse().unwrap());
            }
            let answer = runtime.block_on(router.clone().oneshot(request)).unwrap();
            let status = answer.status().as_u16();
            let stored = runtime.block_on(agent.app.store.deliveries(10_000)).unwrap().len();
            prop_assert!(status != 500, "{status}");
            prop_assert!(sign || (400..500).contains(&status), "unsigned: {status}");
            prop_assert!(sign || stored == counted.get(), "something unsigned was stored");
            counted.set(stored);
            Ok(())
        })
        .unwrap();
    assert!(counted.get() > 0, "some were signed and stored");
}
