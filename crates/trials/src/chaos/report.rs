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

/// The report that is committed.
pub fn page(outcomes: &[Outcome]) -> String {
    format!(
        "# What the engine went through\n\n\
         Written by `just chaos`. Each trial runs real engine processes on a real chain (anvil), with SQLite; \
         kills are `SIGKILL`. Afterwards the books are compared:\n\n\
         - each proposal was executed exactly once, or something else was decided and nothing was paid; \
         the payees have what they are due, to the wei;\n\
         - each status is what the chain's `Executed` events say, and final;\n\
         - each transaction of a sender on chain was stored before; each account nonce is settled as the chain \
         has it; nothing is left on its way, and no budget is held back;\n\
         - the audit log is whole, the outbox has no gaps.\n\n\
         Transactions beyond the executions are no-ops that freed account nonces, creations of wallets, and \
         transactions that reverted because the world changed under them. Blocks with 3 on top are final here, \
         and 16 are remembered. Chains that come after a fork, other nodes than anvil, and disks that lie \
         about fsync are not tried.\n\n{}",
        table(outcomes)
    )
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
