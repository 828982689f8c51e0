//! One attempt to tell a webhook of one event.

use super::{
    Secret, WebhookError,
    address::{PRIVATE, PublicOnly, is_public},
    body,
    pause::Pause,
};
use crate::config::WebhookConfig;
use alloy::{
    primitives::B256,
    transports::http::reqwest::{Client, StatusCode, Url, redirect::Policy},
};
use quorate_core::text::escaped;
use quorate_store::Event;
use std::{error::Error, fmt, net::IpAddr, sync::Arc, time::Duration};

/// How long an attempt may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most characters that are kept of why an attempt failed.
const LONGEST: usize = 200;

/// Tells one webhook.
pub(super) struct Sender {
    name: String,
    url: Url,
    secrets: Vec<Secret>,
    allow_private: bool,
    client: Client,
}

/// What an attempt came to. Displays without anything secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It said that it has it.
    Delivered(u16),
    /// It did not.
    Failed {
        /// Why, in words.
        reason: String,
        /// The pause that it asked for.
        asked: Option<Pause>,
    },
    /// It does not want to be told anything any more (410).
    Gone,
}

impl Outcome {
    fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), asked: None }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered(status) => write!(f, "status {status}"),
            Self::Failed { reason, asked: None } => f.write_str(reason),
            Self::Failed { reason, asked: Some(pause) } => {
                write!(f, "{reason}, to be left alone for {} s", pause.secs)
            }
            Self::Gone => f.write_str("status 410: it wants to be told nothing more"),
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the URL, which may hold a token.
        f.debug_struct("Sender").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Sender {
    pub(super) fn new(config: &WebhookConfig, secrets: Vec<Secret>) -> Result<Self, WebhookError> {
        let (name, allow_private) = (config.name.clone(), config.allow_private);
        let mut client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(PATIENCE)
            .pool_max_idle_per_host(2)
            .user_agent(concat!("quorate/", env!("CARGO_PKG_VERSION")));
        if !allow_private {
            client = client.dns_resolver(Arc::new(PublicOnly));
        }
        let client = client.build().map_err(|error| WebhookError::Client {
            name: name.clone(),
            reason: error.without_url().to_string(),
        })?;
        let url = config.url.url().clone();
        Ok(Self { name, url, secrets, allow_private, client })
    }

    /// Tells of `event`, at `now` in Unix seconds. What is answered besides the status, and a pause
    /// that is asked for, is not read.
    pub(super) async fn send(&self, event: &Event, audit_head: B256, now: u64) -> Outcome {
        // Addresses in URLs are not looked up, so no resolver sees them.
        if !self.allow_private && literal(&self.url).is_some_and(|address| !is_public(address)) {
            return Outcome::failed(PRIVATE);
        }
        let id = body::id(&self.name, event.sequence);
        let body = body::body(event, audit_head);
        let signatures: Vec<_> =
            self.secrets.iter().map(|secret| secret.sign(&id, now, &body)).collect();
        let request = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", now.to_string())
            .header("webhook-signature", signatures.join(" "))
            .body(body);
        match request.send().await {
            Ok(answer) => match answer.status() {
                StatusCode::GONE => Outcome::Gone,
                status if status.is_success() => Outcome::Delivered(status.as_u16()),
                status => Outcome::Failed {
                    reason: format!("status {}", status.as_u16()),
                    asked: Pause::asked(status, answer.headers(), now),
                },
            },
            Err(error) if error.is_timeout() => {
                Outcome::failed(format!("no answer within {} s", PATIENCE.as_secs()))
            }
            Err(error) => {
                let error = error.without_url();
                let mut innermost: &dyn Error = &error;
                while let Some(source) = innermost.source() {
                    innermost = source;
                }
                let reason: String = innermost.to_string().chars().take(LONGEST).collect();
                Outcome::failed(escaped(&reason))
            }
        }
    }
}

/// The address that a URL names by its digits.
pub(crate) fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
}
