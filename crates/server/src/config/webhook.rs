//! Who is told of events.

use super::{ConfigFault, section::Section};
use alloy::transports::http::reqwest::Url;
use quorate_store::EventKind;
use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
};

/// The most characters of a name.
const LONGEST_NAME: usize = 64;

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookConfig {
    /// What the operator calls it. What was delivered is remembered by this name.
    pub name: String,
    /// Where it is told.
    pub url: WebhookUrl,
    /// A private file with its secrets, a line each: the first is the present one, others are those that it is about to
    /// give up. All of them sign.
    pub secret_file: PathBuf,
    /// Of which kinds of events; none: of all.
    pub events: Option<BTreeSet<EventKind>>,
    /// Whether it may be at an address that is not of the public internet.
    pub allow_private: bool,
}

/// The URL of a webhook. It may hold a token: its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Url);

impl WebhookUrl {
    /// The URL, for the one who connects.
    pub const fn url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookUrl(…)")
    }
}

impl WebhookConfig {
    pub(super) fn read(mut section: Section, folder: &Path) -> Result<Self, ConfigFault> {
        let name = section.text("name")?;
        let name = name.ok_or_else(|| section.missing("name", "give it a name"))?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if name.len() > LONGEST_NAME || !name.chars().all(is_plain) {
            let advice = "give letters, digits, - and _, at most 64 of them";
            return Err(ConfigFault::refused_text(section.key("name"), &name, advice));
        }
        let url = section.text("url")?;
        let url = url.ok_or_else(|| section.missing("url", "give where it is told"))?;
        let url = Url::parse(&url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or_else(|| section.hidden("url", "give an http or https URL"))?;
        let allow_private = section.flag("allow_private", false)?;
        let secret_file = section.text("secret_file")?;
        let secret_file = secret_file.ok_or_else(|| {
            section.missing("secret_file", "name a private file with whsec_… on a line of its own")
        })?;
        let is_of_some = section.has("events");
        let words = section.texts("events")?;
        if is_of_some && words.is_empty() {
            let advice = "name some kinds of events, or leave the key out for all";
            return Err(section.refused("events", "[]", advice));
        }
        let mut events = BTreeSet::new();
        for (place, word) in words.iter().enumerate() {
            let kind = EventKind::find(word).ok_or_else(|| {
                let key = section.key(&format!("events[{place}]"));
                let known: Vec<_> = EventKind::all().map(EventKind::word).collect();
                ConfigFault::refused_text(key, word, &format!("give some of {}", known.join(", ")))
            })?;
            events.insert(kind);
        }
        section.finish()?;
        let events = (!events.is_empty()).then_some(events);
        let secret_file = folder.join(secret_file);
        Ok(Self { name, url: WebhookUrl(url), secret_file, events, allow_private })
    }
}
