//! The words of the API stand in the guides as they are in the code: none is missing, none is made up.

use eyre::{OptionExt as _, Result, ensure};
use quorate_api::ProblemCode;
use quorate_core::{Reason, status::StatusWord};
use quorate_store::EventKind;
use std::collections::BTreeSet;

const RELAYER: &str = include_str!("../../../../docs/relayer.md");
const HTTP: &str = include_str!("../../../../docs/http.md");
const WEBHOOKS: &str = include_str!("../../../../docs/webhooks.md");

/// The words in backquotes of a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The words in the first column of the table that has this heading there.
fn first_column<'a>(page: &'a str, heading: &str) -> Result<Vec<&'a str>> {
    let begin = format!("\n| {heading} |");
    let (_, table) = page.split_once(&begin).ok_or_eyre(format!("no table of {heading}"))?;
    let rows = table.lines().skip(2).take_while(|row| row.starts_with('|'));
    let words = rows.flat_map(|row| quoted(row.split('|').nth(1).unwrap_or_default()));
    Ok(words.collect())
}

fn sorted<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut words: Vec<_> = words.into_iter().collect();
    words.sort_unstable();
    words
}

/// Case 26: the reasons are told, `policy` too.
#[test]
fn every_reason_and_status_is_explained_to_operators() -> Result<()> {
    let reasons = first_column(RELAYER, "reason")?;
    assert_eq!(sorted(reasons), sorted(Reason::ALL.map(Reason::name)));
    let (_, statuses) = RELAYER.split_once("\n## Statuses\n").ok_or_eyre("no statuses")?;
    let told = statuses.trim_start().split(':').next().unwrap_or_default();
    assert_eq!(quoted(told).collect::<Vec<_>>(), StatusWord::ALL.map(StatusWord::name));
    Ok(())
}

/// Case 26, of problems: those that are told exist, and each that asks for more than reading it is told.
#[test]
fn the_problems_that_are_told_are_those_that_are_answered() -> Result<()> {
    let known: BTreeSet<_> = ProblemCode::ALL.iter().map(|code| code.word()).collect();
    let told: BTreeSet<_> = first_column(HTTP, "codes")?.into_iter().collect();
    ensure!(told.is_subset(&known), "{told:?}");
    let again = ProblemCode::ALL.iter().filter(|code| matches!(code.status(), 429 | 503));
    for code in again.map(|code| code.word()) {
        ensure!(told.contains(code), "{code}");
    }
    Ok(())
}

/// Case 26, of events.
#[test]
fn every_kind_of_event_is_told_to_those_who_receive_them() -> Result<()> {
    let kinds = first_column(WEBHOOKS, "kind")?;
    assert_eq!(sorted(kinds), sorted(EventKind::ALL.map(|(_, word)| word)));
    Ok(())
}
