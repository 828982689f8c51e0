//! `quorate relayer`.

pub(super) mod token;
pub(super) mod webhook;

use super::audit;
use crate::{
    arguments::{LogFormat, LogOptions, Relayer, RelayerOptions},
    clock,
    failure::Cause,
    output::{Output, Sheet},
};
use eyre::{Result, WrapErr as _};
use quorate_server::{
    Config, Overrides, Report,
    check::{self, Verdict},
};
use quorate_store::{Recorded, Storage as _};
use serde_json::json;
use std::{env, io};
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

pub(crate) async fn run(arguments: Relayer, output: Output) -> Result<()> {
    let config = load(arguments.options)?;
    start_logging(&arguments.log, output);
    let stopped = stop_signal().wrap_err("signals cannot be listened to")?;
    Ok(quorate_server::run(config, clock::now_millis, stopped).await?)
}

pub(crate) async fn check(options: RelayerOptions, output: Output) -> Result<()> {
    let config = load(options)?;
    let report =
        output.during("looking at endpoints and senders", check::check(&config, clock::now));
    let report = report.await;
    output.say(&render(&report));
    output.result(&json!({ "findings": report }));
    let cause = match report.verdict() {
        Verdict::Good | Verdict::Warning => return Ok(()),
        Verdict::NotYet => Cause::NotYet,
        Verdict::Unreachable => Cause::Unreachable,
        Verdict::BadInput => Cause::BadInput,
        Verdict::Mismatch => Cause::Mismatch,
    };
    let wrong = report.findings.iter().filter(|finding| finding.verdict > Verdict::Warning);
    let wrong: Vec<_> = wrong
        .map(|f| format!("{}{} {}", of_chain(f.chain_id), f.aspect.word(), f.detail))
        .collect();
    Err(cause.error(wrong.join("; ")))
}

fn of_chain(chain_id: Option<u64>) -> String {
    chain_id.map(|chain_id| format!("chain {chain_id}, ")).unwrap_or_default()
}

pub(crate) async fn set_paused(
    options: RelayerOptions,
    chain_id: u64,
    is_paused: bool,
    output: Output,
) -> Result<()> {
    let config = load(options)?;
    if !config.chains.iter().any(|chain| chain.settings.chain_id == chain_id) {
        let served: Vec<_> =
            config.chains.iter().map(|chain| chain.settings.chain_id.to_string()).collect();
        let served = served.join(", ");
        let message = format!("chain {chain_id} is not in the configuration: give one of {served}");
        return Err(Cause::BadInput.error(message));
    }
    let store = config.store.open_existing().await?;
    let at = i64::try_from(clock::now_millis())?;
    let done = store.set_paused(chain_id, is_paused, at).await;
    store.close().await;
    let is_news = done? == Recorded::New;
    let state = if is_paused { "paused" } else { "not paused" };
    let before = if is_news { "" } else { ", as before" };
    output.say(&format!("chain {chain_id} is {state}{before}"));
    output.result(&json!({ "chainId": chain_id, "paused": is_paused, "changed": is_news }));
    Ok(())
}

fn load(options: RelayerOptions) -> Result<Config> {
    let Some(file) = options.config else {
        let message = "no configuration: give --config FILE, or set QUORATE_CONFIG";
        return Err(Cause::Usage.error(message));
    };
    // A variable that is no text is none of ours.
    let variables = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut overrides = Overrides::from_variables(variables);
    overrides.listen = options.listen;
    overrides.behind_tls_proxy = options.behind_tls_proxy;
    if let Some(url) = options.store.filter(|url| !url.is_empty()) {
        overrides.store = Some(audit::database(&url)?);
    }
    Ok(Config::load(&file, overrides)?)
}

fn render(report: &Report) -> String {
    let mut sheet = Sheet::default();
    for part in report.findings.chunk_by(|a, b| a.chain_id == b.chain_id) {
        match part[0].chain_id {
            Some(chain_id) => sheet.title(&format!("Chain {chain_id}")),
            None => sheet.title("HTTP"),
        }
        let width = part.iter().map(|finding| finding.subject.len()).max().unwrap_or_default();
        for finding in part {
            let verdict = match finding.verdict {
                Verdict::Good => "ok",
                Verdict::Warning => "warning",
                _ => "WRONG",
            };
            let (subject, detail) = (&finding.subject, &finding.detail);
            let text = format!("{verdict:7}  {subject:width$}  {detail}");
            sheet.row(finding.aspect.word(), &text);
        }
    }
    sheet.finish()
}

/// Logs on standard error: of this program from the level on, and of what it is built on warnings alone, because
/// their details may hold URLs and statements.
fn start_logging(options: &LogOptions, output: Output) {
    let filter = Targets::new()
        .with_default(tracing::Level::WARN.min(options.log_level))
        .with_target("quorate", options.log_level);
    let default = if output.json { LogFormat::Json } else { LogFormat::Text };
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    match options.log_format.unwrap_or(default) {
        LogFormat::Text => registry.with(layer.with_ansi(false)).init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).init(),
    }
}

/// Ready when the process is asked to stop.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => (),
            _ = interrupted.recv() => (),
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
