//! `quorate relayer webhook`.

use super::load;
use crate::{
    arguments::{RelayerOptions, WebhookCommand},
    clock,
    failure::Cause,
    output::{Output, Sheet},
};
use eyre::Result;
use quorate_core::text::escaped;
use quorate_server::{Config, config::WebhookConfig};
use quorate_store::{
    DeliveryFilter, DeliveryRecord, DeliveryState, Recorded, Storage as _, WebhookRecord,
};
use serde_json::{Value, json};

/// How many events are listed at once.
const LISTED: u32 = 50;

pub(crate) async fn run(
    options: RelayerOptions,
    command: WebhookCommand,
    output: Output,
) -> Result<()> {
    let config = load(options)?;
    let store = config.store.open_existing().await?;
    let at = i64::try_from(clock::now_millis())?;
    let done = match command {
        WebhookCommand::List { name: None, .. } => store.list_webhooks().await.map(|webhooks| {
            output.say(&webhook_table(&webhooks));
            json!({ "webhooks": webhooks.iter().map(webhook_json).collect::<Vec<_>>() })
        }),
        WebhookCommand::List { name: Some(name), failing, before } => {
            let filter = if failing { DeliveryFilter::Failing } else { DeliveryFilter::All };
            store.list_deliveries(name, filter, before, LISTED).await.map(|page| {
                output.say(&delivery_table(&page.items, page.next, output.now));
                let deliveries: Vec<_> = page.items.iter().map(delivery_json).collect();
                json!({ "deliveries": deliveries, "nextBefore": page.next })
            })
        }
        WebhookCommand::Redeliver { name, from, to } => {
            let events = configured(&config, &name)?.events.clone();
            let range = from..=to.unwrap_or(u64::MAX >> 1);
            store.redeliver(name.clone(), events, range, at).await.map(|count| {
                output.say(&format!("{} is to be told {count} events", escaped(&name)));
                json!({ "name": name, "from": from, "to": to, "pending": count })
            })
        }
        WebhookCommand::Enable { name } => {
            configured(&config, &name)?;
            store.set_webhook_enabled(name.clone(), true, at).await.map(|done| {
                let is_news = done == Recorded::New;
                let before = if is_news { "" } else { ", as before" };
                output.say(&format!("{} is told what happens{before}", escaped(&name)));
                json!({ "name": name, "enabled": true, "changed": is_news })
            })
        }
    };
    store.close().await;
    output.result(&done?);
    Ok(())
}

fn configured<'a>(config: &'a Config, name: &str) -> Result<&'a WebhookConfig> {
    let found = config.webhooks.iter().find(|webhook| webhook.name == name);
    found.ok_or_else(|| {
        let known: Vec<_> = config.webhooks.iter().map(|known| known.name.as_str()).collect();
        let way = match known.is_empty() {
            true => "there is none, add a section [[webhooks]]".to_owned(),
            false => format!("give one of {}", known.join(", ")),
        };
        Cause::BadInput
            .error(format!("{} is not a webhook of the configuration: {way}", escaped(name)))
    })
}

fn webhook_json(webhook: &WebhookRecord) -> Value {
    json!({
        "name": webhook.name,
        "enabled": webhook.disabled_at.is_none(),
        "sequence": webhook.sequence,
        "pending": webhook.pending,
        "failing": webhook.failing,
    })
}

fn webhook_table(webhooks: &[WebhookRecord]) -> String {
    if webhooks.is_empty() {
        return "no webhook was told anything yet".to_owned();
    }
    let mut sheet = Sheet::default();
    for webhook in webhooks {
        sheet.title(&escaped(&webhook.name));
        let state = match webhook.disabled_at {
            None => "is told what happens",
            Some(_) => "said that it is gone: quorate relayer webhook enable NAME",
        };
        sheet.row("state", state);
        sheet.row("seen", &format!("events up to {}", webhook.sequence));
        sheet.row("to tell", &format!("{}, of which {} failed", webhook.pending, webhook.failing));
    }
    sheet.finish()
}

fn delivery_json(delivery: &DeliveryRecord) -> Value {
    let DeliveryRecord { event, state, attempts, failures, outcome, tried_at, delivered_at } =
        delivery;
    json!({
        "sequence": event.sequence,
        "kind": event.kind.word(),
        "digest": event.digest,
        "state": word(state),
        "attempts": attempts,
        "failures": failures,
        "outcome": outcome,
        "triedAt": tried_at.map(|at| at / 1_000),
        "deliveredAt": delivered_at.map(|at| at / 1_000),
    })
}

const fn word(state: &DeliveryState) -> &'static str {
    match state {
        DeliveryState::Due { .. } => "due",
        DeliveryState::Behind => "behind",
        DeliveryState::Delivered => "delivered",
    }
}

fn delivery_table(deliveries: &[DeliveryRecord], next: Option<u64>, now: u64) -> String {
    if deliveries.is_empty() {
        return "nothing".to_owned();
    }
    let mut sheet = Sheet::default();
    for delivery in deliveries {
        let state = match delivery.state {
            DeliveryState::Delivered => "delivered".to_owned(),
            DeliveryState::Behind => "waits for the one before it".to_owned(),
            DeliveryState::Due { at } => {
                let at = u64::try_from(at / 1_000).unwrap_or(0);
                format!("to be told {}", clock::words(at, now))
            }
        };
        let outcome = delivery.outcome.as_deref().map(escaped).unwrap_or_default();
        let tries = delivery.attempts;
        let kind = delivery.event.kind.word();
        sheet.row(
            &delivery.event.sequence.to_string(),
            &format!("{kind:18}  {state}; {tries} tries; {outcome}"),
        );
    }
    if let Some(next) = next {
        sheet.row("", &format!("more with --before {next}"));
    }
    sheet.finish()
}
