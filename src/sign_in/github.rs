//! GitHub, also an Enterprise Server.

use secrecy::ExposeSecret as _;
use url::Url;

use super::body;
use crate::domain::forge::TokenScheme;
use crate::domain::ids::{ForgeId, Vendor};
use crate::domain::rights::Answered;
use crate::domain::sign_in::github::{self, OAuthApp};
use crate::domain::sign_in::{Arrival, Attempt, Failed, Person, Way};
use crate::forge_client::ForgeClient;

/// The GitHub that the agent works for.
pub struct Github {
    root: Url,
    api: String,
    app: OAuthApp,
    /// For the site itself, where codes are exchanged.
    site: ForgeClient,
    /// For its API, which has a host of its own at github.com.
    client: ForgeClient,
}

impl Github {
    /// Nothing is asked yet.
    pub fn new(root: Url, api: String, app: OAuthApp) -> Self {
        let site = ForgeClient::new(root.clone(), root.to_string(), None);
        let client = ForgeClient::new(root.clone(), api.clone(), None);
        Self { root, api, app, site, client }
    }

    async fn person(
        &self,
        attempt: &Attempt,
        back: &str,
        arrival: Arrival<'_>,
    ) -> Result<Person, Failed> {
        let app = (self.app.id.as_str(), self.app.secret.expose_secret());
        let request = github::token_request(&self.root, app, attempt, back, arrival.code);
        let answer = body(self.site.send(request).await?, "exchanging the code")?;
        let token = github::token(&answer).map_err(Failed::Refused)?;
        let request = github::user_request(&self.api);
        let answer = self.client.send_with(request, TokenScheme::Bearer, &token).await?;
        let answer = body(answer, "asking who it is")?;
        let user = github::user(&answer).ok_or_else(|| {
            Failed::Unreachable("asking who it is: the answer names nobody".to_owned())
        })?;
        let forge = Some(ForgeId::from(Vendor::Github));
        Ok(Person { forge, id: user.id, login: user.login, scope: None })
    }
}

impl Way for Github {
    fn word(&self) -> &str {
        "github"
    }

    fn name(&self) -> &str {
        "GitHub"
    }

    fn basis(&self) -> String {
        format!("{} {}", self.root, self.app.id)
    }

    fn leave<'a>(
        &'a self,
        attempt: &'a Attempt,
        back: &'a str,
    ) -> Answered<'a, Result<String, Failed>> {
        let address = github::address(&self.root, &self.app.id, attempt, back);
        Box::pin(std::future::ready(Ok(address)))
    }

    fn arrive<'a>(
        &'a self,
        attempt: &'a Attempt,
        back: &'a str,
        arrival: Arrival<'a>,
    ) -> Answered<'a, Result<Person, Failed>> {
        Box::pin(self.person(attempt, back, arrival))
    }
}
