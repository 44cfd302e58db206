//! The JSON that a request brings; read once it is known who asks.

use axum::body::Body;
use http::StatusCode;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::web::Site;
use crate::web::problem::Problem;

/// More than any wish is long.
const LONGEST: usize = 64 * 1024;

impl Site {
    /// What the request asks for.
    ///
    /// # Errors
    /// 400 where it cannot be understood, 408 where it does not come, 413 where it does not end.
    pub(in crate::web) async fn wish<T: DeserializeOwned>(&self, body: Body) -> Result<T, Problem> {
        let bytes = self.bytes(body).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            Problem::bad(format!("The body is not the JSON that belongs here: {error}"))
        })
    }

    /// A short body.
    ///
    /// # Errors
    /// 408 where it does not come, 413 where it does not end.
    pub(in crate::web) async fn bytes(&self, body: Body) -> Result<axum::body::Bytes, Problem> {
        let read = timeout(self.limits.body, axum::body::to_bytes(body, LONGEST)).await;
        let late = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "The body did not come in time");
        read.map_err(late)?.map_err(|_| {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too long, or was cut off")
        })
    }
}
