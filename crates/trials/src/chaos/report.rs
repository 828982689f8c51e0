//! What came of the trials, for people and for programs.

use super::{
    Outcome,
    endpoints::{METHODS, Wait, Weathered},
    kinds,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt::Write as _};

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

/// The storms as a table in Markdown: a fault a row, a rate and a store a column, and a line for what did not add up.
pub fn storm_table(storms: &[Weathered]) -> String {
    let columns: BTreeSet<_> = storms
        .iter()
        .map(|weathered| (weathered.storm.per_mille, weathered.storm.place.word()))
        .collect();
    let mut text = String::from("| fault |");
    for (per_mille, place) in &columns {
        let _ = write!(text, " 0.{}, {place} |", per_mille / 100);
    }
    let _ = writeln!(text, "\n|---|{}", "---|".repeat(columns.len()));
    for kind in kinds::ALL {
        let mut of_kind = storms.iter().filter(|it| it.storm.kind.name == kind.name).peekable();
        if of_kind.peek().is_none() {
            continue;
        }
        let of_kind: Vec<_> = of_kind.collect();
        let _ = write!(text, "| {} |", kind.name);
        for column in &columns {
            let found =
                of_kind.iter().find(|it| (it.storm.per_mille, it.storm.place.word()) == *column);
            let _ = write!(text, " {} |", found.map_or_else(String::new, |it| cell(it)));
        }
        text.push('\n');
    }
    for Weathered { outcome, .. } in storms {
        if let Err(error) = &outcome.books {
            let _ = writeln!(text, "\n{}: {error}", outcome.name);
        }
    }
    text
}

/// How many were executed, and the longest that was waited for one while something was struck.
fn cell(weathered: &Weathered) -> String {
    let done = weathered.waits.iter().filter_map(|wait| Some((wait.took?, wait.struck)));
    let longest = done.max().map_or_else(String::new, |(took, struck)| {
        format!("{:.1} s ({})", took.as_secs_f64(), struck.trim_start_matches("eth_"))
    });
    match &weathered.outcome.books {
        Ok(books) => format!("{}; {longest}", books.executed),
        Err(_) => {
            let late = weathered.waits.iter().filter(|wait| wait.took.is_none()).count();
            format!("**does not add up**, {late} late")
        }
    }
}

/// The report that is committed.
pub fn page(outcomes: &[Outcome], storms: &[Weathered]) -> String {
    format!(
        "# What the engine went through\n\n\
         Written by `just chaos`. Each trial runs real engine processes on a real chain (anvil), with SQLite where nothing \
         else is said; kills are `SIGKILL`. Afterwards the books are compared:\n\n\
         - each proposal was executed exactly once, or something else was decided and nothing was paid; \
         the payees have what they are due, to the wei;\n\
         - each status is what the chain's `Executed` events say, and final;\n\
         - each transaction of a sender on chain was stored before; each account nonce is settled as the chain \
         has it; nothing is left on its way, and no budget is held back;\n\
         - the audit log is whole, the outbox has no gaps.\n\n\
         Transactions beyond the executions are no-ops that freed account nonces, creations of wallets, and \
         transactions that reverted because the world changed under them. Blocks with 3 on top are final here, \
         and 16 are remembered. Chains that come after a fork, other nodes than anvil, and disks that lie \
         about fsync are not tried.\n\n{}\n\
         ## A storm of endpoints\n\n\
         `quorate relayer` with HTTP, and its only endpoint fails: at 0.1, 0.5 and 0.9 of the requests (or beyond so many \
         a second), on both databases. Each fault strikes one method after the other ({}), then all, then all while the \
         program is killed and starts anew. In each of these times payments get their last signature, and at least one has \
         to be executed before the fault is over; what is said of any proposal never contradicts the chain, nor a receipt \
         that the endpoint showed; what was wrong is named by `/readyz` or the log. Then nothing is struck any more, and the \
         books are compared as above. Each cell: how many payments were executed; the longest that was waited for one, and \
         what was struck then.\n\n{}",
        table(outcomes),
        METHODS.map(|method| format!("`{method}`")).join(", "),
        storm_table(storms)
    )
}

/// The same as JSON.
pub fn json(outcomes: &[Outcome], storms: &[Weathered]) -> Value {
    let wait = |wait: &Wait| json!({ "struck": wait.struck, "secs": wait.took.map(|took| took.as_secs_f64()) });
    let storm = |weathered: &Weathered| {
        json!({
            "storm": weathered.outcome.name,
            "waits": weathered.waits.iter().map(wait).collect::<Vec<_>>(),
            "outcome": row(&weathered.outcome),
        })
    };
    json!({
        "trials": outcomes.iter().map(row).collect::<Vec<_>>(),
        "storms": storms.iter().map(storm).collect::<Vec<_>>(),
    })
}

fn row(outcome: &Outcome) -> Value {
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
}
