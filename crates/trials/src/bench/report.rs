//! The figures, for people and for programs.

use super::{
    Bound, Measure, Results, Row,
    bare::CONCURRENCY,
    lists,
    load::{SENDERS, WALLETS},
    median,
};
use crate::million;
use serde_json::{Value, json};
use std::thread::available_parallelism;

/// Where the page is, from the repository's root.
pub const PATH: &str = "docs/performance.md";

/// The text of the page.
pub fn render(results: &Results) -> String {
    let cores = available_parallelism().map_or(0, usize::from);
    let runs = results.rows.first().map_or(0, |row| row.readings.len());
    let (table, besides) = (measures(results), besides(results));
    let (wallets, rounds) = (million::WALLETS, lists::ROUNDS);
    format!(
        "\
# Performance

Written by `just bench`: do not edit. Medians of {runs} runs on a machine with {cores} cores, which all that is measured, the chain
and the measurement share; each run measures everything once, in turn. Times depend on the machine, ratios hardly: each
compares with a peer or a limit of the same run, and the command fails if one is not as it must be.

{table}
## How it was measured

- {WALLETS} wallets, 2 of 3 owners, each payment one ether transfer to an account that is new; {SENDERS} senders; SQLite, each
  commit synced; a release build. The engine asks for the head every 50 ms, keeps 64 account nonces of a sender open
  at most, finality is 3 blocks, 8 blocks are remembered, and nothing is bumped within 30. Every wallet executed once before, but for the idle memory.
- Executions per second: blocks every second with anvil's usual gas limit. All payments lie in the store but for
  their last signature. Time goes from a new block, where the first last signature is handed in, to the store telling
  the last execution; handing in is part of it. The engine runs in the process that stores, and talks to anvil itself.
- The bare loop has a chain of its own with the same wallets, payments, signatures and senders, and the same HTTP
  client. For each payment it makes one `eth_estimateGas`, signs, and makes one `eth_sendRawTransaction`, with
  {CONCURRENCY} of these on their way at once; from 4 to 32 made no difference, as its blocks are full. It simulates the same
  payment of a wallet that sends nothing, since later payments of a wallet pass only when earlier ones are mined. It
  stores nothing, watches nothing and never sends again. Every payee is checked afterwards.
- Last signature to broadcast: ten payments per second, whether or not the engine keeps up; from the commit of the
  last signature to the request at a proxy before anvil. Blocks come every 1,030 ms, so that signatures come at every
  time between two. The limit is made of 50 of each part, alone, without the proxy, medians added.
- Mined to readable: in the same run, from the request to mine a block to the status `executed` being read from the
  store by somebody who waits for it.
- RPC calls: 1,000 executions as fast as they go, by an engine in a process of its own; everything from the first
  signature until all is final, reading heads, events, fees and accounts included.
- RPC calls of contracts: the program `quorate relayer`, 200 executions, of each of which the last signature is posted, ten a
  second; everything until all is final. Once both owners that sign are keys, once both are contracts that accept whatever
  they are asked about.
- Keeping up: blocks every 250 ms, an endpoint whose every answer takes 200 ms, an engine that asks for its head every 250 ms
  and has a payment to make every two seconds. For a minute, every 20 ms: how many blocks there are beyond the last one that
  the engine took note of, with its events.
- Digest and 5 of 9 owners: one thread. Ours makes the digest of a payout of ten transfers from its fields, recovers
  five signers from it and compares them with the owners. The peer makes five public keys by k256 from the same
  digests and signatures, which it has at hand, and no addresses.
- Memory: resident memory of that process, three seconds after its start; and when 4,000 and 7,000 executions are
  final, the last 3,000 of which were handed in at once, so that equally much of recent blocks is remembered.
- Signature posted to answered: the program `quorate relayer` in a process of its own, with its engine. 500 proposals lack
  one signature each, which are posted 50 a second, whether or not answers keep up, and each is executed meanwhile; from the
  request to the last byte of the answer. The bare commit is one row changed and synced, in a store on the same disk that
  nobody else uses, once between each two posts: what the disk takes while chain, engine and service are at work. The answer's
  commit holds the signature, two events of the outbox and the audit log, and waits for those of the engine.
- Cold start: from starting the program on that store, when all is executed, to `/readyz` answering 200: the store open, the
  lease taken, each chain's head known.
- A list of 100: the store holds a million proposals of {wallets} wallets, put in by SQL: a tenth is of one wallet, 4 % are open,
  one account owns all wallets, every other one three. Each kind of list is asked for {rounds} times over HTTP, one after the other, each
  time of another wallet or owner; what counts is the slowest kind. The wallets' chains are not served, so no chain is asked for
  what an execution cost. The file was read before: this measures no disk.
- Payout runs: the program, a release build, on a list of ether and two tokens in equal parts, each line to an account that is
  new, in batches of 100; the chain is anvil's. Planning reads and checks the list, asks for balances and tokens, simulates every batch, and
  writes the plan; reconciling has the plan and the chain alone, after all batches were executed, and writes the table, which is
  compared with list and chain line by line. Memory is the peak of resident memory (`VmHWM`).
- Commits shared: 64 callers store 40 proposals each and wait for each commit; beside, the same with no commit shared.

{besides}
## What this does not show

- A chain over a network: all is on one machine, and anvil answers in about a millisecond. Clients over a network, and TLS.
- PostgreSQL, ERC-20 payments, the time that contracts' signatures take, wallets that are not deployed, more than {WALLETS} wallets.
- Calls per execution when little is executed: heads are asked for all the same, at the pace that is set.
- Memory over days.
",
    )
}

/// The tables in Markdown.
pub fn table(results: &Results) -> String {
    format!("{}\n{}", measures(results), besides(results))
}

fn measures(results: &Results) -> String {
    let mut text = String::from(
        "| measure | value | against | | ratio | must be | met |\n|---|--:|--:|---|--:|--:|---|\n",
    );
    for row in &results.rows {
        let Measure { name, unit, against, bound } = row.measure;
        let met = if row.is_met() { "yes" } else { "**no**" };
        let (value, other) = (with_unit(row.value(), unit), with_unit(row.against(), unit));
        let (ratio, bound) = (row.ratio(), words(bound));
        text +=
            &format!("| {name} | {value} | {other} | {against} | {ratio:.2} | {bound} | {met} |\n");
    }
    text
}

fn besides(results: &Results) -> String {
    if results.notes.is_empty() {
        return String::new();
    }
    let mut text = String::from("| besides | |\n|---|--:|\n");
    for (name, values) in &results.notes {
        text += &format!("| {name} | {} |\n", figure(median(values.iter().copied())));
    }
    text
}

/// The same as JSON, with every run.
pub fn json(results: &Results) -> Value {
    let row = |row: &Row| {
        let runs = row.readings.iter().map(|reading| json!([reading.value, reading.against]));
        json!({
            "measure": row.measure.name,
            "unit": row.measure.unit,
            "value": row.value(),
            "againstWhat": row.measure.against,
            "against": row.against(),
            "ratio": row.ratio(),
            "bound": words(row.measure.bound),
            "met": row.is_met(),
            "runs": runs.collect::<Vec<_>>(),
        })
    };
    json!({ "measures": results.rows.iter().map(row).collect::<Vec<_>>(), "besides": results.notes })
}

fn words(bound: Bound) -> String {
    match bound {
        Bound::AtLeast(least) => format!("at least {least}"),
        Bound::AtMost(most) => format!("at most {most}"),
    }
}

fn with_unit(value: f64, unit: &str) -> String {
    format!("{} {unit}", figure(value)).trim_end().to_owned()
}

/// Three digits, about.
fn figure(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}
