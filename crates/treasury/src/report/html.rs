//! The report that a board can be sent: one file, no script, nothing that is loaded from elsewhere.

use super::{Outcome, Sum, amount_text, totals};
use crate::payout_plan::{Plan, shown_token};
use alloy::primitives::{Address, B256};
use quorate_core::text;
use std::{collections::BTreeMap, fmt::Write as _};

/// What stands above the lines.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// When the chain was read, RFC 3339.
    pub read_at: &'a str,
    /// The newest block then.
    pub block: u64,
    /// The pattern of the pages that show a transaction, with `{tx}` for its hash.
    pub explorer: Option<&'a str>,
    /// What amounts are in, by token.
    pub units: &'a BTreeMap<Address, String>,
}

const STYLE: &str = "body{font:14px/1.4 system-ui,sans-serif;margin:2em auto;max-width:75em;padding:0 1em;color:#111}\
h1{font-size:1.5em}table{border-collapse:collapse;width:100%;margin:1em 0}th,td{border:1px solid #ccc;padding:.3em .5em;\
text-align:left;vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
code{font:12px ui-monospace,monospace;overflow-wrap:anywhere}.paid{color:#060}.declined,.setAside{color:#666}\
.stopped,.unknown,.refused{color:#a00;font-weight:bold}@media print{body{margin:0;max-width:none}}";

/// The report. `outcomes` are those of the plan's lines.
pub fn html(plan: &Plan, outcomes: &[Outcome], head: Head<'_>) -> String {
    let mut page = String::new();
    let run = escaped(&plan.run);
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Payout run {run}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>Payout run {run}</h1>\n"
    );
    let _ = write!(
        page,
        "<table>\n<tr><th>wallet</th><td><code>{}</code> on chain {}</td></tr>\n\
         <tr><th>plan hash</th><td><code>{}</code></td></tr>\n\
         <tr><th>read</th><td>{}, at block {}</td></tr>\n</table>\n",
        plan.wallet.to_checksum(None),
        plan.chain_id,
        plan.hash,
        escaped(head.read_at),
        head.block
    );
    page.push_str("<h2>Totals</h2>\n<table>\n<tr><th>token</th><th>paid</th><th>open</th><th>declined</th></tr>\n");
    for total in totals(plan, outcomes) {
        let token = shown_token(total.token);
        let unit = head.units.get(&total.token).unwrap_or(&token);
        let sum = |sum: Sum| {
            let text = amount_text(sum.amount, plan.decimals(total.token), unit);
            format!("{}<br>{} lines", escaped(&text), sum.count)
        };
        let _ = writeln!(
            page,
            "<tr><td><code>{token}</code></td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            sum(total.paid),
            sum(total.open),
            sum(total.declined)
        );
    }
    page.push_str("</table>\n<h2>Lines</h2>\n<table>\n<tr><th>id</th><th>payee</th><th>amount</th><th>status</th><th>transaction</th><th>note</th>");
    for column in &plan.columns {
        let _ = write!(page, "<th>{}</th>", escaped(column));
    }
    page.push_str("</tr>\n");
    for (line, outcome) in plan.lines.iter().zip(outcomes) {
        let token = shown_token(line.token);
        let unit = head.units.get(&line.token).unwrap_or(&token);
        let amount = amount_text(line.amount, plan.decimals(line.token), unit);
        let payment = outcome.payment.as_ref().map(|payment| {
            let place = match (payment.log_index, payment.position) {
                (Some(index), _) => format!(", log {index}"),
                (None, Some(position)) => format!(", position {position}"),
                (None, None) => String::new(),
            };
            let last = if payment.is_final { "" } else { ", not final yet" };
            let link = link(payment.transaction, head.explorer);
            format!("{link}<br>block {}{place}, {}{last}", payment.block, escaped(&payment.time))
        });
        let _ = write!(
            page,
            "<tr><td>{}</td><td><code>{}</code></td><td class=\"n\">{}</td><td class=\"{}\">{}</td><td>{}</td><td>{}</td>",
            escaped(&line.id),
            line.payee.to_checksum(None),
            escaped(&amount),
            outcome.status,
            outcome.status,
            payment.unwrap_or_default(),
            escaped(&line.note),
        );
        for column in &plan.columns {
            let text = line.carried.get(column).map_or("", String::as_str);
            let _ = write!(page, "<td>{}</td>", escaped(text));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table>\n</body>\n</html>\n");
    page
}

fn link(transaction: B256, explorer: Option<&str>) -> String {
    let code = format!("<code>{transaction}</code>");
    match explorer {
        Some(pattern) => {
            let url = escaped(&pattern.replace("{tx}", &transaction.to_string()));
            format!("<a href=\"{url}\" rel=\"noreferrer\">{code}</a>")
        }
        None => code,
    }
}

/// What others wrote, as text and nothing else.
/// Text of others, as text of a page.
pub(crate) fn escaped(written: &str) -> String {
    let text = text::escaped(written);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PayoutFile, payout_plan::Terms, plan};

    #[test]
    fn what_others_wrote_stays_text() {
        let to = Address::repeat_byte(1);
        let list = format!(
            "id,to,amount,token,note,x-a\n<b>,{to},1,ETH,<script>alert(1)</script>,\"\"\"><img>\"\n"
        );
        let file = PayoutFile::from_csv(list.as_bytes()).unwrap();
        let (wallet, decimals) = (Address::repeat_byte(9), BTreeMap::new());
        let terms = Terms { chain_id: 1, wallet, run: "r", decimals: &decimals, max_lines: None };
        let plan = plan(&file, &terms, None).unwrap();
        let outcomes = [Outcome { status: "unproposed", payment: None }];
        let units = BTreeMap::new();
        let head = Head { read_at: "now", block: 1, explorer: None, units: &units };
        let page = html(&plan, &outcomes, head);
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<b>"));
        assert!(page.contains("&lt;script&gt;") && page.contains(&plan.hash.to_string()));
    }
}
