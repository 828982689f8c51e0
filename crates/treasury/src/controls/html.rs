//! The same as a page: one file, no script, nothing that is loaded from elsewhere.

use super::{Control, SOURCES, State};
use crate::report::escaped;
use alloy::primitives::Address;
use std::fmt::Write as _;

/// What stands above the controls.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The wallet.
    pub wallet: Address,
    /// Its chain.
    pub chain_id: u64,
    /// When it was read, RFC 3339.
    pub read_at: &'a str,
    /// The newest block then.
    pub block: u64,
}

const STYLE: &str = "body{font:14px/1.4 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em;color:#111}\
h1{font-size:1.5em}table{border-collapse:collapse;width:100%;margin:1em 0}th,td{border:1px solid #ccc;padding:.3em .5em;\
text-align:left;vertical-align:top}code{font:12px ui-monospace,monospace;overflow-wrap:anywhere}\
h2.notMet{color:#a00}h2.met{color:#060}@media print{body{margin:0;max-width:none}}";

/// The page.
pub fn html(controls: &[Control], head: Head<'_>) -> String {
    let mut page = String::new();
    let wallet = head.wallet.to_checksum(None);
    let _ = write!(
        page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>Controls of {wallet}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>Controls of a wallet</h1>\n\
         <table>\n<tr><th>wallet</th><td><code>{wallet}</code> on chain {}</td></tr>\n\
         <tr><th>read</th><td>{}, at block {}</td></tr>\n</table>\n",
        head.chain_id,
        escaped(head.read_at),
        head.block
    );
    for state in State::ALL {
        let of: Vec<_> = controls.iter().filter(|control| control.state == state).collect();
        if of.is_empty() {
            continue;
        }
        let _ = write!(
            page,
            "<h2 class=\"{}\">{} ({})</h2>\n<table>\n<tr><th>asked for</th><th>seen</th><th>what to do</th><th>source</th></tr>\n",
            state.word(),
            state.title(),
            of.len()
        );
        for control in of {
            let _ = writeln!(
                page,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escaped(control.asks),
                escaped(&control.seen),
                escaped(&control.advice),
                escaped(control.sources)
            );
        }
        page.push_str("</table>\n");
    }
    page.push_str("<h2>Sources</h2>\n<ul>\n");
    for (name, text) in SOURCES {
        let _ = writeln!(page, "<li>{}: {}</li>", escaped(name), escaped(text));
    }
    page.push_str("</ul>\n</body>\n</html>\n");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_stays_text() {
        let control = Control {
            id: "a",
            sources: "SEAL",
            asks: "a",
            state: State::NotMet,
            seen: "<script>alert(1)</script>".to_owned(),
            advice: "b".to_owned(),
        };
        let head =
            Head { wallet: Address::ZERO, chain_id: 1, read_at: "2026-12-01T00:00:00Z", block: 7 };
        let page = html(&[control], head);
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
        assert!(page.contains("Not met (1)") && page.contains("at block 7"));
    }
}
