//! Who asks, and whether they may.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;

use super::Site;
use super::problem::Problem;
use crate::domain::actor::Actor;
use crate::domain::ids::{ForgeId, RepoName};
use crate::domain::rights::{Deed, Who, may};

/// Whoever sent a request, as far as they have proven it.
#[derive(Debug, Clone)]
pub(super) struct Asker;

impl Asker {
    /// Whom an act is put down to.
    ///
    /// # Errors
    /// 401 where nobody has signed in.
    pub(super) fn actor(&self) -> Result<Actor, Problem> {
        Err(Problem::new(StatusCode::UNAUTHORIZED, "Sign in first"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(_parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self)
    }
}

impl Site {
    /// Whether the asker may do this, with a repository where it is about one.
    ///
    /// # Errors
    /// 401 where signing in may help, 403 where it does not, and 404 where the asker may not know
    /// that there is such a repository.
    pub(super) async fn demand(
        &self,
        _asker: &Asker,
        deed: Deed,
        _about: Option<(ForgeId, &RepoName)>,
    ) -> Result<(), Problem> {
        if may(&Who::Anyone, deed, true) {
            return Ok(());
        }
        Err(Problem::new(StatusCode::UNAUTHORIZED, "Sign in first"))
    }

    /// The repositories that the asker may see; none: all.
    pub(super) async fn visible(
        &self,
        _asker: &Asker,
    ) -> Result<Option<Vec<(ForgeId, RepoName)>>, Problem> {
        Ok(None)
    }
}
