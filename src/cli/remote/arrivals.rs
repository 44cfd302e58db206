//! Whether something new has come to the agent from a repository: it says so itself.

use serde::Deserialize;
use url::Url;

use super::server::Server;
use crate::config::ClientConfig;
use crate::domain::ids::{ForgeId, RepoName};

/// A repository, and what had come from it at some time.
pub(in crate::cli) struct Arrivals {
    agent: Server,
    path: String,
    before: i64,
}

#[derive(Deserialize)]
struct Page {
    deliveries: Vec<Delivery>,
}

#[derive(Deserialize)]
struct Delivery {
    id: i64,
}

impl Arrivals {
    /// What has come by now to the agent at this address, or to that of this machine; none where
    /// neither tells us.
    pub(in crate::cli) async fn before(
        forge: ForgeId,
        repository: &RepoName,
        address: &str,
    ) -> Option<Self> {
        let config = ClientConfig::from_env().ok()?;
        let named = address.parse::<Url>().ok();
        let named = named.and_then(|url| Server::at(&url, config.token.clone()).ok());
        let here = config.data_dir.as_ref().map(|folder| folder.join(super::server::SOCKET));
        let here = here.filter(|socket| socket.exists());
        let here = here.and_then(|socket| Server::at_socket(socket, config.token.clone()).ok());
        let mut query = form_urlencoded::Serializer::new(String::from("/deliveries?limit=1&"));
        query.append_pair("repository", &format!("{forge}/{repository}"));
        let path = query.finish();
        // That of this machine needs no token, and is asked first.
        for agent in here.into_iter().chain(named) {
            if let Some(before) = newest(&agent, &path).await {
                return Some(Self { agent, path, before });
            }
        }
        None
    }

    /// Whether anything has come since.
    pub(in crate::cli) async fn is_there_more(&self) -> bool {
        newest(&self.agent, &self.path).await.is_some_and(|newest| newest > self.before)
    }
}

async fn newest(agent: &Server, path: &str) -> Option<i64> {
    let page: Page = agent.get(path).await.ok()?;
    Some(page.deliveries.first().map_or(0, |delivery| delivery.id))
}
