//! Which event is meant, and the event that a working copy makes of it.

use clap::Args;

use super::place::Place;
use crate::cli::Failure;
use crate::domain::event::planned::{PLANNED, planned};
use crate::domain::event::{
    Disposition, Event, PullRequest, PullRequestSide, RefType, Release, Sender,
};
use crate::domain::ids::{Sha, Vendor};
use crate::domain::suggest;

/// The branch that is taken for the base where nothing says another.
const USUAL_BASE: &str = "main";

/// The event to make from a working copy.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct EventChoice {
    /// push, pull_request, tag NAME, or another event's name [default: push]
    #[arg(value_name = "EVENT")]
    pub(crate) event: Option<String>,
    /// The tag's name
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The branch that is pushed, or the pull request's head [default: the current one]
    #[arg(long)]
    pub(crate) branch: Option<String>,
    /// The branch that a pull request goes to [default: the default branch]
    #[arg(long)]
    pub(crate) base: Option<String>,
    /// What happened to the pull request, release, … [default: opened, published, created]
    #[arg(long)]
    pub(crate) action: Option<String>,
    /// The event's filter, where it is neither a branch, a tag nor an action
    #[arg(long, conflicts_with = "action")]
    pub(crate) filter: Option<String>,
}

impl EventChoice {
    /// Whether anything was chosen.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { event, name, branch, base, action, filter } = self;
        [event, name, branch, base, action, filter].into_iter().all(Option::is_none)
    }

    /// The event, at the commit that is checked out.
    pub(crate) fn event(&self, vendor: Vendor, place: &Place) -> Result<Event, Failure> {
        let kind = self.kind()?;
        if self.name.is_some() && kind != "tag" {
            let text = format!("`{kind}` takes no name behind it");
            return Err(Failure::bad_input(text).hint("only `tag NAME` does"));
        }
        if self.base.is_some() && kind != "pull_request" {
            return Err(Failure::bad_input(format!("`{kind}` has no base: leave out `--base`")));
        }
        let mut event = place.blank_event(vendor, kind);
        match kind {
            "push" => self.push(&mut event, place)?,
            "tag" => self.tag(&mut event, place)?,
            "pull_request" => self.pull_request(&mut event, place)?,
            _ => self.other(&mut event, place),
        }
        if let Some(filter) = &self.filter {
            event.filter.clone_from(filter);
        }
        Ok(event)
    }

    fn kind(&self) -> Result<&'static str, Failure> {
        let Some(name) = self.event.as_deref() else { return Ok("push") };
        if let Some(known) = planned(name) {
            return Ok(known);
        }
        let hint = match suggest::nearest(name, PLANNED) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("known events: {}", PLANNED.join(", ")),
        };
        Err(Failure::bad_input(format!("`{name}` is not an event that is planned")).hint(hint))
    }

    /// The branch that was asked for, or the one that is checked out.
    fn branch(&self, place: &Place) -> Result<String, Failure> {
        let current = || place.branch.clone();
        self.branch.clone().or_else(current).ok_or_else(|| {
            if place.is_repository() {
                let text = "No branch is checked out to make the event of";
                return Failure::bad_input(text).hint("pass --branch NAME");
            }
            let text = "There is no repository here to make the event of";
            let hint = "run it in one, or pass --payload FILE; or --branch NAME with --changed, \
                        --spec and --functions";
            Failure::bad_input(text).hint(hint)
        })
    }

    fn push(&self, event: &mut Event, place: &Place) -> Result<(), Failure> {
        let branch = self.branch(place)?;
        event.filter.clone_from(&branch);
        event.reference = Some(format!("refs/heads/{branch}"));
        event.ref_type = Some(RefType::Branch);
        event.branch = Some(branch);
        event.before.clone_from(&place.parent);
        Ok(())
    }

    fn tag(&self, event: &mut Event, place: &Place) -> Result<(), Failure> {
        let Some(tag) = self.name.clone().filter(|tag| !tag.is_empty()) else {
            let text = "Which tag? `tag` wants its name";
            return Err(Failure::bad_input(text).hint("write it behind: `plan tag v1.2.3`"));
        };
        event.filter.clone_from(&tag);
        event.reference = Some(format!("refs/tags/{tag}"));
        event.ref_type = Some(RefType::Tag);
        // A tag that is not there yet is planned as if it were made now.
        if let Some(sha) = place.commit_of(&format!("refs/tags/{tag}"))? {
            event.sha = Some(sha);
        }
        event.tag = Some(tag);
        event.created = true;
        Ok(())
    }

    fn pull_request(&self, event: &mut Event, place: &Place) -> Result<(), Failure> {
        let branch = self.branch(place)?;
        let usual = || place.default_branch.clone().unwrap_or_else(|| USUAL_BASE.to_owned());
        let base = self.base.clone().unwrap_or_else(usual);
        let action = self.action.clone().unwrap_or_else(|| "opened".to_owned());
        let side = |reference: &str, sha: Option<Sha>| PullRequestSide {
            reference: reference.to_owned(),
            sha,
            repository: event.repository.as_ref().map(|r| r.full_name.to_string()),
        };
        let base_sha = match place.branch_commit(&base)? {
            Some(sha) => Some(sha),
            None if self.base.is_some() && place.is_repository() => {
                let text = format!("There is no branch `{base}` here, local or remote");
                return Err(Failure::bad_input(text).hint("`git fetch` may bring it"));
            }
            None => None,
        };
        let title = place.commit.as_ref().and_then(|commit| commit.message.lines().next());
        let pull = PullRequest {
            number: 1,
            title: title.unwrap_or(&branch).to_owned(),
            url: String::new(),
            action: action.clone(),
            author: place.author(),
            draft: false,
            merged: false,
            fork: false,
            labels: Vec::new(),
            head: side(&branch, event.sha.clone()),
            base: side(&base, base_sha),
        };
        event.filter = action;
        event.reference = Some(format!("refs/heads/{branch}"));
        event.ref_type = Some(RefType::Branch);
        event.branch = Some(branch);
        event.pull_request = Some(pull);
        Ok(())
    }

    fn other(&self, event: &mut Event, place: &Place) {
        let current = || self.branch.clone().or_else(|| place.branch.clone()).unwrap_or_default();
        event.filter = match (&self.action, event.event_type.as_str()) {
            (Some(action), _) => action.clone(),
            (None, "release") => "published".to_owned(),
            (None, "issues") => "opened".to_owned(),
            (None, "pull_request_review") => "submitted".to_owned(),
            (None, "merge_group") => "checks_requested".to_owned(),
            (None, "check_run" | "check_suite") => "completed".to_owned(),
            (None, "workflow_dispatch" | "manual") => current(),
            (None, "deployment" | "repository_dispatch" | "schedule" | "upstream") => String::new(),
            (None, _) => "created".to_owned(),
        };
        let branch = current();
        if !branch.is_empty() {
            event.reference = Some(format!("refs/heads/{branch}"));
            event.ref_type = Some(RefType::Branch);
            event.branch = Some(branch);
        }
        if event.event_type == "release" {
            event.release = Some(Release {
                tag: String::new(),
                name: String::new(),
                action: event.filter.clone(),
                url: String::new(),
                body: String::new(),
                draft: false,
                prerelease: false,
            });
        }
    }
}

impl Place {
    fn blank_event(&self, vendor: Vendor, kind: &str) -> Event {
        let login = self.author();
        Event {
            vendor,
            instance: None,
            event_type: kind.to_owned(),
            filter: String::new(),
            disposition: Disposition::Planned,
            repository: self.repository.clone(),
            reference: None,
            ref_type: None,
            branch: None,
            tag: None,
            sha: self.head.clone(),
            before: None,
            lacks: crate::domain::event::Lacks::default(),
            created: false,
            deleted: false,
            forced: false,
            commit: self.commit.clone(),
            pull_request: None,
            release: None,
            comment: None,
            sender: (!login.is_empty()).then(|| Sender { login, id: String::new() }),
            author: None,
            commented_at: None,
        }
    }

    /// Who made the last commit, as far as it says.
    fn author(&self) -> String {
        self.commit.as_ref().map(|commit| commit.author.name.clone()).unwrap_or_default()
    }
}
