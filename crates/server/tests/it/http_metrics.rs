//! What `/metrics` says, read by the programs that read metrics.

use crate::http_stage::{OPEN, Server, Stage, until};
use alloy::transports::http::reqwest::Method;
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{python, repository};
use serde_json::{Value, json};
use std::{
    env,
    ffi::OsStr,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What Prometheus 2.42 sends.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// Every family: name, type, unit.
const FAMILIES: [(&str, &str, &str); 26] = [
    ("quorate_http_requests", "counter", ""),
    ("quorate_http_request_seconds", "histogram", "seconds"),
    ("quorate_http_requests_in_flight", "gauge", ""),
    ("quorate_http_long_polls", "gauge", ""),
    ("quorate_http_streams", "gauge", ""),
    ("quorate_store_waiting", "gauge", ""),
    ("quorate_store_up", "gauge", ""),
    ("quorate_last_event", "gauge", ""),
    ("quorate_head_number", "gauge", ""),
    ("quorate_head_age_seconds", "gauge", "seconds"),
    ("quorate_finalized_number", "gauge", ""),
    ("quorate_endpoint_lacks", "gauge", ""),
    ("quorate_leading", "gauge", ""),
    ("quorate_paused", "gauge", ""),
    ("quorate_ready_oldest_seconds", "gauge", "seconds"),
    ("quorate_attempts_in_flight", "gauge", ""),
    ("quorate_attempts_unknown", "gauge", ""),
    ("quorate_spend_today_ether", "gauge", "ether"),
    ("quorate_spend_limit_ether", "gauge", "ether"),
    ("quorate_sender_floor_ether", "gauge", "ether"),
    ("quorate_finality_stalled", "gauge", ""),
    ("quorate_block_seconds", "gauge", "seconds"),
    ("quorate_fees_paid_ether", "gauge", "ether"),
    ("quorate_proposals", "gauge", ""),
    ("quorate_sender_balance_ether", "gauge", "ether"),
    ("quorate_audit_head", "info", ""),
];

/// A relayer that has something to say in every family.
async fn busy(stage: &Stage) -> Result<Server> {
    let server = stage.serve(OPEN).await?;
    let wallet = stage.deployed(1).await?;
    server.register(&wallet).await?;
    let request = wallet.payment(5, 0);
    server.propose(&request, 0).await?;
    server.sign(&request, 1).await?;
    server.proposal(&request, "?wait=executed&timeoutSecs=60").await?;
    server.get("/made/up/by/a/client").await?;
    let until_told = |told: &'static str| {
        let server = &server;
        until("all numbers", move || async move {
            let answer = server.get("/metrics").await?;
            let text = answer.body.as_str().ok_or_eyre("metrics are text")?;
            Ok(text.contains(told).then_some(()))
        })
    };
    until_told("status=\"executed\"} 1").await?;
    until_told("sender_balance").await?;
    // What is final is behind the head: a chain that stands still tells it too.
    stage.chain.mine(96).await?;
    until_told("finalized_number").await?;
    Ok(server)
}

/// The metrics, with this as `Accept`; they have to be of this type.
async fn metrics(server: &Server, accept: &str, media_type: &str) -> Result<String> {
    let answer = server.send(server.request(Method::GET, "/metrics").header("accept", accept));
    let answer = answer.await?;
    ensure!(answer.headers["content-type"] == media_type, "{accept}: {:?}", answer.headers);
    ensure!(answer.headers["vary"] == "accept", "{:?}", answer.headers);
    Ok(answer.body.as_str().ok_or_eyre("metrics are text")?.to_owned())
}

/// Gives a program its input; returns what it prints if it succeeds.
fn read_by(program: &OsStr, arguments: &[&str], input: &str) -> Result<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or_eyre("a pipe")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && said.is_empty(), "{said}\n{input}");
    Ok(String::from_utf8(output.stdout)?)
}

/// What the parsers of PyPI's `prometheus_client` find; nothing where there is no Python.
fn parsed(format: &str, text: &str) -> Result<Option<Value>> {
    let Some(python) = python::find()? else { return Ok(None) };
    let script = repository().join("tests/python/metrics.py");
    let script = script.to_str().ok_or_eyre("a path in Unicode")?;
    Ok(Some(serde_json::from_str(&read_by(python.as_os_str(), &[script, format], text)?)?))
}

/// Prometheus' own linter, where there is one; `.ci/run` sees to it that there is.
fn promtool() -> Result<Option<PathBuf>> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found =
        env::split_paths(&path).map(|folder| folder.join("promtool")).find(|it| it.exists());
    let is_required = env::var_os("QUORATE_REQUIRE_PROMTOOL").is_some();
    ensure!(found.is_some() || !is_required, "no promtool on PATH");
    Ok(found)
}

/// Case 23: who asks for nothing, or is old, gets the text format 0.0.4, in which `promtool check metrics` finds nothing to
/// complain of; who asks for OpenMetrics 1.0.0 gets it, with units and an end.
#[tokio::test(flavor = "multi_thread")]
async fn both_formats_are_read_by_the_parsers_of_others() -> Result<()> {
    let stage = Stage::new().await?;
    let server = busy(&stage).await?;
    let told = |units: bool| {
        let family = |(name, kind, unit): (&str, &str, &str)| {
            let (name, kind) = match kind {
                // The text format knows no such type.
                "info" if !units => (format!("{name}_info"), "gauge"),
                kind => (name.to_owned(), kind),
            };
            json!([name, kind, if units { unit } else { "" }])
        };
        let mut told: Vec<_> = FAMILIES.into_iter().map(family).map(|it| it.to_string()).collect();
        told.sort();
        told
    };
    let found = |families: &Value| -> Result<Vec<String>> {
        let families = families.as_array().ok_or_eyre("a list")?;
        let mut found: Vec<_> =
            families.iter().map(|it| json!([it[0], it[1], it[2]]).to_string()).collect();
        found.sort();
        Ok(found)
    };

    let text = metrics(&server, "*/*", TEXT).await?;
    ensure!(!text.contains("# EOF") && !text.contains("# UNIT"), "{text}");
    if let Some(families) = parsed("prometheus", &text)? {
        assert_eq!(found(&families)?, told(false));
    }
    if let Some(promtool) = promtool()? {
        read_by(promtool.as_os_str(), &["check", "metrics"], &text)?;
    }
    let open = metrics(&server, PROMETHEUS, OPENMETRICS).await?;
    ensure!(open.ends_with("\n# EOF\n"), "{open}");
    if let Some(families) = parsed("openmetrics", &open)? {
        assert_eq!(found(&families)?, told(true));
    }
    server.stop().await
}

/// Case 23: the readers used above do find what is wrong.
#[test]
fn what_no_format_allows_is_refused_by_the_parsers() -> Result<()> {
    let open =
        "# HELP q_seconds A.\n# TYPE q_seconds gauge\n# UNIT q_seconds seconds\nq_seconds 1\n";
    for (format, text) in [
        // OpenMetrics without its end, or with a unit that is not in the name.
        ("openmetrics", open.to_owned()),
        (
            "openmetrics",
            format!(
                "{}# EOF\n",
                open.replace("q_seconds", "q").replace("# UNIT q q", "# UNIT q seconds")
            ),
        ),
        // What a metric that is not known to old readers looks like to them, and one without help.
        ("prometheus", "# HELP q A.\n# TYPE q info\nq_info{a=\"b\"} 1\n".to_owned()),
        ("prometheus", "# TYPE q gauge\nq 1\n".to_owned()),
    ] {
        let read = parsed(format, &text);
        ensure!(matches!(&read, Ok(None) | Err(_)), "{format}: {text} {read:?}");
    }
    let end = parsed("openmetrics", &format!("{open}# EOF\n"))?;
    ensure!(end.is_none_or(|it| it == json!([["q_seconds", "gauge", "seconds", 1]])), "unread");
    if let Some(promtool) = promtool()? {
        let info = "# HELP q A.\n# TYPE q info\nq_info{a=\"b\"} 1\n";
        let checked = read_by(promtool.as_os_str(), &["check", "metrics"], info);
        ensure!(checked.is_err(), "promtool took an info");
    }
    Ok(())
}

/// Every number that the guide tells to watch is told.
#[test]
fn the_guide_names_metrics_that_there_are() {
    let page = include_str!("../../../../docs/http.md");
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named = page.split(|c| !is_part(c)).filter(|word| word.starts_with("quorate_"));
    let names: Vec<_> = FAMILIES.iter().map(|(name, ..)| *name).collect();
    for name in named {
        let family = name.trim_end_matches("_info").trim_end_matches("_total");
        assert!(names.contains(&family), "{name}");
    }
}
