//! What came of the trials, for people and for programs.

use super::Outcome;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// A table in Markdown, and a line for what did not add up.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut text = String::from(
        "| trial | executed | otherwise decided | transactions | no-ops | reverted | attempts \
         | audit rows | seconds |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for Outcome { name, took, books } in outcomes {
        let secs = took.as_secs_f64();
        let _ = match books {
            Ok(books) => writeln!(
                text,
                "| {name} | {} | {} | {} | {} | {} | {} | {} | {secs:.1} |",
                books.executed,
                books.not_executed,
                books.transactions,
                books.noops,
                books.reverted,
                books.attempts,
                books.audit_rows
            ),
            Err(_) => writeln!(text, "| {name} | **does not add up** | | | | | | | {secs:.1} |"),
        };
    }
    for outcome in outcomes {
        if let Err(error) = &outcome.books {
            let _ = writeln!(text, "\n{}: {error}", outcome.name);
        }
    }
    text
}

/// The same as JSON.
pub fn json(outcomes: &[Outcome]) -> Value {
    let row = |outcome: &Outcome| {
        let Outcome { name, took, books } = outcome;
        let secs = took.as_secs_f64();
        match books {
            Ok(books) => json!({
                "trial": name,
                "ok": true,
                "executed": books.executed,
                "notExecuted": books.not_executed,
                "transactions": books.transactions,
                "noops": books.noops,
                "reverted": books.reverted,
                "attempts": books.attempts,
                "auditRows": books.audit_rows,
                "secs": secs,
            }),
            Err(error) => json!({ "trial": name, "ok": false, "error": error, "secs": secs }),
        }
    };
    json!({ "trials": outcomes.iter().map(row).collect::<Vec<_>>() })
}
