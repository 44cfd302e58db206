//! The same for check runs, in the words of statuses.

use super::PAGES;
use crate::domain::forge::github::app::AppId;
use crate::domain::forge::github::check::list_request;
use crate::domain::forge::{Answer, Refused};
use crate::domain::mend::Posted;
use crate::store::{CheckRun, ReportId, SentCommit, StoreError};
use crate::worker::Worker;
use crate::worker::forges::Forge;

impl Worker {
    /// What the forge shows of a commit's check runs; none when it does not say.
    pub(super) async fn shown_checks(
        &self,
        forge: &Forge,
        commit: &SentCommit,
        own: &AppId,
    ) -> Option<Vec<Posted>> {
        let repository = &commit.repository;
        let mut shown = Vec::new();
        for page in 1..=PAGES {
            let request = list_request(&forge.api, repository, &commit.sha, None, page);
            match self.listed(forge, request, own).await {
                Ok((found, all)) => {
                    shown.extend(found.into_iter().map(|it| it.posted));
                    if all < 100 {
                        break;
                    }
                }
                Err(
                    answer @ (Answer::Limited { .. }
                    | Answer::Retry { .. }
                    | Answer::Refused { whom: Refused::Everything, .. }),
                ) => {
                    self.heard(forge, repository, &answer).await;
                    return None;
                }
                Err(_) => return None,
            }
        }
        Some(shown)
    }

    /// What shows a report is not what was made for it, or is gone: it is looked for anew.
    pub(super) async fn look_up_again(&self, report: ReportId) -> Result<(), StoreError> {
        let Some(check) = self.store.check_run(report).await? else { return Ok(()) };
        self.store.keep_check_run(report, &CheckRun { number: None, ..check }).await
    }
}
