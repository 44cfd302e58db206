//! What people sign in with, beside tokens.

use crate::domain::ids::ForgeId;
use crate::domain::sign_in::admins::Admins;
use crate::domain::sign_in::github::OAuthApp;
use crate::domain::sign_in::grants::Grants;
use crate::domain::sign_in::oidc::Client;

/// Everything about it.
#[derive(Clone, Default)]
pub struct SignInConfig {
    /// `POCKETCI_GITHUB_OAUTH_ID` and `POCKETCI_GITHUB_OAUTH_SECRET`, or what `github-app create`
    /// has kept: with the configured GitHub.
    pub github: Option<OAuthApp>,
    /// `POCKETCI_OIDC_ISSUER` and what belongs to it.
    pub oidc: Option<OidcConfig>,
    /// `POCKETCI_ADMINS`.
    pub admins: Admins,
}

/// An OpenID provider.
#[derive(Clone)]
pub struct OidcConfig {
    pub client: Client,
    pub rights: OidcRightsConfig,
}

/// Where the rights of its people come from.
#[derive(Clone)]
pub enum OidcRightsConfig {
    /// `POCKETCI_OIDC_RIGHTS`, also as it was written.
    Given { grants: Grants, text: String },
    /// From this forge, which is the provider: nothing was given.
    Forge(ForgeId),
}
