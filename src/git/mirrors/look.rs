//! What is in a mirror already, and whether it can be used as it is.

use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::super::{GitError, Mirror, Want, damage, fetch, layout};
use super::blocking;

/// What a look at the mirror on disk says, before anything is fetched.
pub(super) enum Look {
    Complete,
    Missing,
    Absent,
    Broken(String),
}

/// Looks at the mirror on disk, on a blocking thread.
pub(super) async fn look(
    mirror: &Mirror,
    wants: &[Want],
    as_of: Option<Timestamp>,
) -> Result<Look, GitError> {
    let (mirror, wants) = (mirror.clone(), wants.to_vec());
    blocking(move || {
        if !mirror.folder().exists() {
            return Ok(Look::Absent);
        }
        if let Some(why) = check(&mirror) {
            return Ok(Look::Broken(why));
        }
        let repository = match layout::open(mirror.folder()) {
            Ok(repository) => repository,
            Err(error) => return Ok(Look::Broken(error.message().to_owned())),
        };
        let Ok(odb) = repository.odb() else {
            return Ok(Look::Broken("its objects cannot be opened".to_owned()));
        };
        for want in &wants {
            match &want.sha {
                Some(sha) if odb.exists(fetch::oid(sha)?) => {}
                None if as_of.is_some_and(|as_of| mirror.place().knows(&want.reference, as_of)) => {
                }
                _ => return Ok(Look::Missing),
            }
        }
        Ok(Look::Complete)
    })
    .await
}

fn check(mirror: &Mirror) -> Option<String> {
    let suspect = mirror.place().suspect.load(Ordering::Relaxed);
    let reading = || "an object in it could not be read".to_owned();
    damage::damage(mirror.folder()).or_else(|| suspect.then(reading))
}

/// Why a mirror cannot be used as it is; none where it can.
pub(super) async fn damaged(mirror: &Mirror) -> Result<Option<String>, GitError> {
    let mirror = mirror.clone();
    blocking(move || Ok(check(&mirror))).await
}
