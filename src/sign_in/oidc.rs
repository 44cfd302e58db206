//! A provider of OpenID Connect.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Mutex;
use url::Url;

use super::body;
use crate::domain::forge::TokenScheme;
use crate::domain::ids::ForgeId;
use crate::domain::rights::Answered;
use crate::domain::sign_in::grants::{Claims, Grants};
use crate::domain::sign_in::jwt::Keys;
use crate::domain::sign_in::oidc::{self, Client, Provider};
use crate::domain::sign_in::{Arrival, Attempt, Failed, Person, Way};
use crate::forge_client::ForgeClient;

/// How long it is remembered what the provider publishes: strangers can make us ask.
const REMEMBERED: Duration = Duration::from_secs(300);

/// The provider that the operator has named.
pub struct Oidc {
    client: Client,
    /// What people call it: its host.
    name: String,
    rights: OidcRights,
    provider: Mutex<Option<(Instant, Arc<Provider>)>>,
}

/// What the people of a provider may do.
pub enum OidcRights {
    /// What the operator gives them.
    Given { grants: Grants, text: String },
    /// What this forge says, which is the provider itself.
    Forge(ForgeId),
}

impl Oidc {
    /// Nothing is asked yet.
    pub fn new(client: Client, rights: OidcRights) -> Self {
        let url = Url::parse(&client.issuer).ok();
        let name = url.as_ref().and_then(Url::host_str).unwrap_or("OpenID").to_owned();
        Self { client, name, rights, provider: Mutex::default() }
    }

    async fn provider(&self) -> Result<Arc<Provider>, Failed> {
        let mut known = self.provider.lock().await;
        if let Some((at, provider)) = &*known
            && at.elapsed() < REMEMBERED
        {
            return Ok(Arc::clone(provider));
        }
        let issuer = &self.client.issuer;
        let home = Url::parse(issuer).map_err(|error| Failed::Unreachable(error.to_string()))?;
        let request = oidc::discovery_request(issuer);
        let answer = body(send(&home, request, None).await?, "asking what it publishes")?;
        let provider = Arc::new(Provider::parse(issuer, &answer).map_err(Failed::Unreachable)?);
        *known = Some((Instant::now(), Arc::clone(&provider)));
        Ok(provider)
    }

    async fn address(&self, attempt: &Attempt, back: &str) -> Result<String, Failed> {
        Ok(self.provider().await?.address(&self.client.id, attempt, back))
    }

    async fn person(
        &self,
        attempt: &Attempt,
        back: &str,
        arrival: Arrival<'_>,
    ) -> Result<Person, Failed> {
        let provider = self.provider().await?;
        if arrival.issuer.is_some_and(|issuer| issuer != provider.issuer) {
            return Err(Failed::Refused("the answer is another provider's".to_owned()));
        }
        let claims = self.claims(&provider, attempt, back, arrival).await?;
        let id = oidc::subject(&claims).unwrap_or_default().to_owned();
        let login = oidc::login(&claims);
        let (forge, scope) = match &self.rights {
            OidcRights::Forge(forge) => (Some(*forge), None),
            OidcRights::Given { grants, .. } => match grants.scope(&claims) {
                Some(scope) => (None, Some(scope)),
                None => return Err(Failed::NoRights { login }),
            },
        };
        Ok(Person { forge, id, login, scope })
    }

    /// What the provider says of whoever brings the code.
    async fn claims(
        &self,
        provider: &Provider,
        attempt: &Attempt,
        back: &str,
        arrival: Arrival<'_>,
    ) -> Result<Claims, Failed> {
        let (id, secret) = (self.client.id.as_str(), self.client.secret.expose_secret());
        let request = provider.token_request((id, secret), attempt, back, arrival.code);
        let header = provider.basic.then(|| (TokenScheme::Basic, oidc::basic(id, secret)));
        let answer = body(send(&provider.token, request, header).await?, "exchanging the code")?;
        let tokens = oidc::tokens(&answer).map_err(Failed::Refused)?;

        let answer = send(&provider.keys, oidc::request(&provider.keys), None).await?;
        let answer = body(answer, "asking for its keys")?;
        let keys = Keys::parse(&answer).ok_or_else(|| {
            Failed::Unreachable("asking for its keys: the answer is no set of keys".to_owned())
        })?;
        let mut claims =
            keys.verified(&tokens.id).map_err(|error| Failed::Refused(error.to_string()))?;
        oidc::check(&claims, &provider.issuer, id, &attempt.nonce, arrival.now)
            .map_err(Failed::Refused)?;
        if let Some((address, token)) = provider.userinfo.as_ref().zip(tokens.access) {
            let header = Some((TokenScheme::Bearer, token));
            match send(address, oidc::request(address), header).await {
                Ok(answer) if answer.status().is_success() => oidc::add(&mut claims, answer.body()),
                Ok(answer) => {
                    tracing::warn!(status = %answer.status(), "The OpenID provider says nothing more of somebody")
                }
                Err(Failed::Unreachable(error)) => {
                    tracing::warn!(error, "The OpenID provider says nothing more of somebody")
                }
                Err(failed) => return Err(failed),
            }
        }
        Ok(claims)
    }
}

/// Sends a request to the host that it is for, and nowhere else.
async fn send(
    address: &Url,
    request: Request<Vec<u8>>,
    header: Option<(TokenScheme, SecretString)>,
) -> Result<http::Response<Vec<u8>>, Failed> {
    let client = ForgeClient::new(address.clone(), address.to_string(), None);
    Ok(match header {
        Some((scheme, token)) => client.send_with(request, scheme, &token).await?,
        None => client.send(request).await?,
    })
}

impl Way for Oidc {
    fn word(&self) -> &str {
        "oidc"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn basis(&self) -> String {
        let rights = match &self.rights {
            OidcRights::Given { text, .. } => text.clone(),
            OidcRights::Forge(forge) => forge.to_string(),
        };
        format!("{} {} {rights}", self.client.issuer, self.client.id)
    }

    fn leave<'a>(
        &'a self,
        attempt: &'a Attempt,
        back: &'a str,
    ) -> Answered<'a, Result<String, Failed>> {
        Box::pin(self.address(attempt, back))
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
