//! `quorate relayer webhook`.

use super::load;
use crate::{
    arguments::{RelayerOptions, WebhookCommand},
    clock,
    failure::Cause,
    output::{Output, Sheet, counted},
};
use eyre::{Report, Result};
use quorate_core::text::escaped;
use quorate_server::{Config, config::WebhookConfig};
use quorate_store::{
    DeliveryFilter, DeliveryRecord, DeliveryState, Recorded, Storage as _, Store, StoreError,
    WebhookRecord,
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
        WebhookCommand::List { name: None, .. } => list(&store, output).await,
        WebhookCommand::List { name: Some(name), failing, before } => {
            let filter = if failing { DeliveryFilter::Failing } else { DeliveryFilter::All };
            list_deliveries(&config, &store, name, (filter, before), output).await
        }
        WebhookCommand::Redeliver { name, from, to } => {
            redeliver(&config, &store, name, (from, to), at, output).await
        }
        WebhookCommand::Enable { name } => match configured(&config, &name) {
            Ok(_) => enable(&store, name, at, output).await,
            Err(unknown) => Err(unknown),
        },
    };
    store.close().await;
    output.result(&done?);
    Ok(())
}

async fn list(store: &Store, output: Output) -> Result<Value> {
    let webhooks = store.list_webhooks().await?;
    output.say(&webhook_table(&webhooks, output.now));
    let webhooks: Vec<_> =
        webhooks.iter().map(|webhook| webhook_json(webhook, output.now)).collect();
    Ok(json!({ "webhooks": webhooks }))
}

async fn list_deliveries(
    config: &Config,
    store: &Store,
    name: String,
    (filter, before): (DeliveryFilter, Option<u64>),
    output: Output,
) -> Result<Value> {
    // What one was told that was taken out of the configuration is still there to be looked at.
    if !store.list_webhooks().await?.iter().any(|webhook| webhook.name == name) {
        configured(config, &name)?;
    }
    let page = store.list_deliveries(name, filter, before, LISTED).await?;
    output.say(&delivery_table(&page.items, page.next, output.now));
    let deliveries: Vec<_> = page.items.iter().map(delivery_json).collect();
    Ok(json!({ "deliveries": deliveries, "nextBefore": page.next }))
}

async fn redeliver(
    config: &Config,
    store: &Store,
    name: String,
    (from, to): (u64, Option<u64>),
    at: i64,
    output: Output,
) -> Result<Value> {
    let events = configured(config, &name)?.events.clone();
    if let Some(to) = to.filter(|&to| to < from) {
        return Err(Cause::BadInput.error(format!("--to {to} is before --from {from}")));
    }
    let range = from..=to.unwrap_or(u64::MAX >> 1);
    let count = store.redeliver(name.clone(), events, range, at).await.map_err(not_begun)?;
    if count == 0 {
        let which = match to {
            Some(to) => format!("from {from} to {to}"),
            None => format!("from {from} on"),
        };
        return Err(Cause::BadInput.error(format!(
            "{} was told of no event {which}: `quorate relayer webhook list {name}` has those that it was",
            escaped(&name)
        )));
    }
    let is_gone = |webhook: &WebhookRecord| webhook.name == name && webhook.disabled_at.is_some();
    let but = match store.list_webhooks().await?.iter().any(is_gone) {
        true => format!(", but it said that it is gone: {}", enabling(&name)),
        false => String::new(),
    };
    let events = counted(count, "event", "events");
    output.say(&format!("{} is to be told {events}{but}", escaped(&name)));
    Ok(json!({ "name": name, "from": from, "to": to, "pending": count }))
}

async fn enable(store: &Store, name: String, at: i64, output: Output) -> Result<Value> {
    let done = store.set_webhook_enabled(name.clone(), true, at).await.map_err(not_begun)?;
    let is_news = done == Recorded::New;
    let before = if is_news { "" } else { ", as before" };
    output.say(&format!("{} is told what happens{before}", escaped(&name)));
    Ok(json!({ "name": name, "enabled": true, "changed": is_news }))
}

/// How a webhook that said it was gone is told again.
fn enabling(name: &str) -> String {
    format!("quorate relayer webhook enable {}", escaped(name))
}

/// A webhook of the configuration that the store does not know is a new one.
fn not_begun(error: StoreError) -> Report {
    match error {
        StoreError::UnknownWebhook { name } => Cause::BadInput.error(format!(
            "{} was told nothing yet: that begins when the relayer is started with it",
            escaped(&name)
        )),
        error => error.into(),
    }
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

fn webhook_json(webhook: &WebhookRecord, now: u64) -> Value {
    json!({
        "name": webhook.name,
        "enabled": webhook.disabled_at.is_none(),
        "heldUntil": held_until(webhook, now),
        "sequence": webhook.sequence,
        "pending": webhook.pending,
        "failing": webhook.failing,
    })
}

/// Until when it is told nothing because it asked for that, in Unix seconds.
fn held_until(webhook: &WebhookRecord, now: u64) -> Option<u64> {
    let until = u64::try_from(webhook.held_until?).ok()?.div_ceil(1_000);
    (until > now).then_some(until)
}

fn webhook_table(webhooks: &[WebhookRecord], now: u64) -> String {
    if webhooks.is_empty() {
        return "no webhook was told anything yet".to_owned();
    }
    let mut sheet = Sheet::default();
    for webhook in webhooks {
        sheet.title(&escaped(&webhook.name));
        let state = match (webhook.disabled_at, held_until(webhook, now)) {
            (None, None) => "is told what happens".to_owned(),
            (None, Some(until)) => {
                format!("asked to be left alone until {}", clock::words(until, now))
            }
            (Some(_), _) => format!("said that it is gone: {}", enabling(&webhook.name)),
        };
        sheet.row("state", &state);
        sheet.row("seen", &format!("events up to {}", webhook.sequence));
        let failed = match webhook.failing {
            0 => String::new(),
            failing => format!(", of which {failing} failed"),
        };
        sheet.row("to tell", &format!("{}{failed}", counted(webhook.pending, "event", "events")));
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
        let mut told = match delivery.state {
            DeliveryState::Delivered => "delivered".to_owned(),
            DeliveryState::Behind => "waits for the one before it".to_owned(),
            DeliveryState::Due { at } => match u64::try_from(at / 1_000).unwrap_or(0) {
                at if at <= now => "to be told now".to_owned(),
                at => format!("to be told {}", clock::words(at, now)),
            },
        };
        if delivery.attempts > 0 {
            told.push_str(&format!("; {}", counted(delivery.attempts.into(), "try", "tries")));
        }
        if let Some(outcome) = &delivery.outcome {
            told.push_str(&format!("; {}", escaped(outcome)));
        }
        let kind = delivery.event.kind.word();
        sheet.row(&delivery.event.sequence.to_string(), &format!("{kind:18}  {told}"));
    }
    if let Some(next) = next {
        sheet.row("", &format!("more with --before {next}"));
    }
    sheet.finish()
}
