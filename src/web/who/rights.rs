//! Whether those who ask may, and what they may see.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use tokio::sync::Mutex;

use super::reach::{NOW, SHOWN};
use super::{Asker, Proven, SIGN_IN};
use crate::domain::ids::{ForgeId, RepoName};
use crate::domain::rights::{Access, Deed, Readers, Who, may};
use crate::domain::sign_in::Person;
use crate::store::StoreError;
use crate::web::Site;
use crate::web::problem::Problem;

/// How long it is remembered which repositories there are, and which are public.
const REMEMBERED: Duration = Duration::from_secs(10);
/// How long where somebody asks for one that is not among them.
const LOOKED: Duration = Duration::from_secs(1);

pub(super) type Repositories = Arc<Vec<(ForgeId, RepoName)>>;

/// Which repositories there are, as of a moment ago.
#[derive(Debug, Default)]
pub(in crate::web) struct Known {
    public: Remembered,
    all: Remembered,
}

type Remembered = Mutex<Option<(Instant, Repositories)>>;

fn fresh(known: &Option<(Instant, Repositories)>, lasts: Duration) -> Option<Repositories> {
    let (at, known) = known.as_ref()?;
    (at.elapsed() < lasts).then(|| Arc::clone(known))
}

impl Site {
    /// Whether there is anything that the asker may read.
    pub(super) fn has_readers(&self, asker: &Asker) -> bool {
        !matches!(asker.proven, Proven::Nothing)
            || match self.app.readers {
                Readers::None => false,
                Readers::ThisMachine => asker.here,
                Readers::Public | Readers::All => true,
            }
    }

    /// Whether everybody may read the runs of this repository; of all, where none is named.
    async fn is_open(
        &self,
        asker: &Asker,
        about: Option<(ForgeId, &RepoName)>,
    ) -> Result<bool, StoreError> {
        Ok(match (self.app.readers, about) {
            (Readers::All, _) => true,
            (Readers::ThisMachine, _) => asker.here,
            (Readers::None, _) | (Readers::Public, None) => false,
            (Readers::Public, Some(about)) => self.is_public(about).await?,
        })
    }

    async fn is_public(&self, (forge, name): (ForgeId, &RepoName)) -> Result<bool, StoreError> {
        Ok(self.public().await?.iter().any(|it| it.0 == forge && it.1 == *name))
    }

    async fn public(&self) -> Result<Repositories, StoreError> {
        let mut known = self.known.public.lock().await;
        if let Some(public) = fresh(&known, REMEMBERED) {
            return Ok(public);
        }
        let public = Arc::new(self.app.store.public_repositories().await?);
        *known = Some((Instant::now(), Arc::clone(&public)));
        Ok(public)
    }

    /// Those with runs, the one with the newest first.
    async fn repositories(&self, lasts: Duration) -> Result<Repositories, StoreError> {
        let mut known = self.known.all.lock().await;
        if let Some(all) = fresh(&known, lasts) {
            return Ok(all);
        }
        let all = Arc::new(self.app.store.repositories().await?);
        *known = Some((Instant::now(), Arc::clone(&all)));
        Ok(all)
    }

    /// Strangers cannot make us ask for what is nothing to us.
    async fn is_ours(&self, (forge, name): (ForgeId, &RepoName)) -> Result<bool, StoreError> {
        for lasts in [REMEMBERED, LOOKED] {
            let all = self.repositories(lasts).await?;
            if all.iter().any(|it| it.0 == forge && it.1 == *name) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// With what rights somebody asks; what their forge has said may be so old.
    async fn who(
        &self,
        asker: &Asker,
        about: Option<(ForgeId, &RepoName)>,
        deed: Deed,
        lasts: Duration,
    ) -> Result<Who, StoreError> {
        Ok(match &asker.proven {
            Proven::Nothing => Who::Anyone,
            Proven::Local => Who::Local,
            Proven::Token { scope, .. } => Who::Scoped(*scope),
            Proven::Person { scope: Some(scope), .. } => Who::Scoped(*scope),
            Proven::Person { person, .. } => match (person.forge, about) {
                (Some(forge), Some(about)) if about.0 == forge => {
                    Who::Person(self.access(person, about, deed, lasts).await?)
                }
                _ => Who::Person(Access::None),
            },
        })
    }

    async fn access(
        &self,
        person: &Person,
        about: (ForgeId, &RepoName),
        deed: Deed,
        lasts: Duration,
    ) -> Result<Access, StoreError> {
        // What a forge shows to everybody, it shows to those who have an account there.
        if deed == Deed::See && self.is_public(about).await? {
            return Ok(Access::Read);
        }
        if !self.is_ours(about).await? {
            return Ok(Access::None);
        }
        Ok(self.people.access(about.0, person, about.1, lasts).await)
    }

    /// Whether the asker may do this, with a repository where it is about one.
    ///
    /// # Errors
    /// 401 where signing in may help, 403 where it does not, and 404 where the asker may not know
    /// that there is such a repository.
    pub(in crate::web) async fn demand(
        &self,
        asker: &Asker,
        deed: Deed,
        about: Option<(ForgeId, &RepoName)>,
    ) -> Result<(), Problem> {
        let lasts = match deed {
            Deed::See | Deed::SeeDelivery => SHOWN,
            Deed::Act | Deed::Start | Deed::Administer => NOW,
        };
        if self.permits(asker, deed, about, lasts).await? {
            return Ok(());
        }
        Err(match &asker.proven {
            Proven::Nothing | Proven::Local => Problem::new(StatusCode::UNAUTHORIZED, SIGN_IN),
            Proven::Token { name, scope } => Problem::new(
                StatusCode::FORBIDDEN,
                format!("The token `{name}` has the scope `{scope}`, which is not enough for this"),
            ),
            Proven::Person { person, .. } => {
                let see = deed != Deed::See && self.permits(asker, Deed::See, about, SHOWN).await?;
                match about {
                    Some((_, name)) if see => Problem::new(
                        StatusCode::FORBIDDEN,
                        format!("{} may read `{name}`, which is not enough for this", person.login),
                    ),
                    Some(_) => Problem::not_found("There is no such repository"),
                    None => Problem::new(
                        StatusCode::FORBIDDEN,
                        format!(
                            "This is not for {}: it is about more than some repositories",
                            person.login
                        ),
                    ),
                }
            }
        })
    }

    async fn permits(
        &self,
        asker: &Asker,
        deed: Deed,
        about: Option<(ForgeId, &RepoName)>,
        lasts: Duration,
    ) -> Result<bool, StoreError> {
        let open = deed == Deed::See && self.is_open(asker, about).await?;
        Ok(open || may(&self.who(asker, about, deed, lasts).await?, deed, open))
    }

    /// Whether a button for it is worth showing; pressing it is another question.
    pub(in crate::web) async fn offers(
        &self,
        asker: &Asker,
        deed: Deed,
        about: Option<(ForgeId, &RepoName)>,
    ) -> bool {
        self.permits(asker, deed, about, SHOWN).await.unwrap_or(false)
    }

    /// The same as [`Site::demand`] about something with a number, which there may not be:
    /// whoever may not see it is told what is told of one that is not there.
    ///
    /// # Errors
    /// As [`Site::demand`]; 404 with these words.
    pub(in crate::web) async fn demand_of(
        &self,
        asker: &Asker,
        deed: Deed,
        about: Option<(ForgeId, &RepoName)>,
        none: &'static str,
    ) -> Result<(), Problem> {
        let person = matches!(asker.proven, Proven::Person { scope: None, .. });
        match self.demand(asker, deed, about).await {
            Err(problem) if problem.status == 404 => Err(Problem::not_found(none)),
            Err(problem) if person && about.is_none() && problem.status == 403 => {
                Err(Problem::not_found(none))
            }
            answer => answer,
        }
    }

    /// The repositories whose runs the asker may see; none: all.
    ///
    /// # Errors
    /// 401 where nobody has signed in, and there is nothing to see without.
    pub(in crate::web) async fn visible(
        &self,
        asker: &Asker,
    ) -> Result<Option<Vec<(ForgeId, RepoName)>>, Problem> {
        if self.permits(asker, Deed::See, None, SHOWN).await? {
            return Ok(None);
        }
        let mut some = Vec::new();
        let public = self.public().await?;
        let open = self.app.readers == Readers::Public;
        match &asker.proven {
            Proven::Person { person, .. } => {
                let own = |it: &&(ForgeId, RepoName)| open || Some(it.0) == person.forge;
                some.extend(public.iter().filter(own).cloned());
                let all = self.repositories(REMEMBERED).await?;
                let rest = all.iter().filter(|it| !public.contains(it)).cloned().collect();
                some.extend(self.among(person, &Arc::new(rest), Access::Read).await);
            }
            _ if open => some.extend_from_slice(&public),
            _ => return Err(Problem::new(StatusCode::UNAUTHORIZED, SIGN_IN)),
        }
        Ok(Some(some))
    }

    /// The repositories whose deliveries the asker may see; none: all.
    ///
    /// # Errors
    /// 401 where nobody has signed in.
    pub(in crate::web) async fn delivers_to(
        &self,
        asker: &Asker,
    ) -> Result<Option<Vec<(ForgeId, RepoName)>>, Problem> {
        match &asker.proven {
            Proven::Person { person, scope: None } => {
                let all = self.repositories(REMEMBERED).await?;
                Ok(Some(self.among(person, &all, Access::Write).await))
            }
            _ => self.demand(asker, Deed::SeeDelivery, None).await.map(|()| None),
        }
    }

    async fn among(
        &self,
        person: &Arc<Person>,
        repositories: &Repositories,
        needed: Access,
    ) -> Vec<(ForgeId, RepoName)> {
        match person.forge {
            Some(forge) => self.people.among(forge, person, repositories, needed).await,
            None => Vec::new(),
        }
    }
}
