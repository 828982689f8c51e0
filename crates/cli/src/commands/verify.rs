//! `quorate verify`.

mod checks;
mod expected;

use super::show::{Seen, review_of};
use crate::{
    arguments::{ChainOptions, VerifyProposal, WhichWords},
    failure::Cause,
    output::{Output, Sheet},
    review::{self, DangerCode, words},
};
use checks::Checks;
use eyre::Result;
use serde_json::json;

pub(crate) async fn run(arguments: VerifyProposal, output: Output) -> Result<()> {
    let VerifyProposal { source, words: which, offline, expected, beside, accept, access, chain } =
        arguments;
    let chain = if offline { ChainOptions { rpc_url: None } } else { chain };
    let seen = Seen::read(&source, &beside, &access, &chain, output).await?;
    let proposal = &seen.proposal;
    let mut view = review_of(proposal, seen.known(), Vec::new(), output);
    if offline {
        view.dangers.retain(|danger| danger.code != DangerCode::Offline);
    }
    let checks = Checks::of(&seen);
    let differences = expected::differences(&expected, proposal.request(), seen.facts.as_ref())?;
    let all_words = words::all(view.digest);

    output.say(&review::render(proposal, seen.facts.as_ref(), &view, output.now));
    let mut sheet = Sheet::default();
    if which == WhichWords::All {
        sheet.title("The whole digest in words");
        words::in_lines(&all_words).iter().for_each(|line| sheet.row("", line));
    }
    checks.tell(&mut sheet);
    if expected.is_any() {
        sheet.title(if differences.is_empty() { "As expected" } else { "NOT as expected" });
        match &differences[..] {
            [] => sheet.paragraph("-", "it pays what was expected, and does nothing else"),
            differences => differences.iter().for_each(|line| sheet.paragraph("-", line)),
        }
    }
    output.say(&format!("\n{}", sheet.finish()));

    output.result(&json!({
        "digest": view.digest,
        "words": view.words,
        "allWords": all_words,
        "checked": checks.checked,
        "notChecked": checks.not_checked,
        "expected": expected.is_any().then_some(differences.is_empty()),
        "differences": differences,
        "review": view,
    }));
    if !differences.is_empty() {
        return Err(Cause::Mismatch.error(format!("not as expected: {}", differences.join("; "))));
    }
    output.accept(&view.dangers, &accept.accept)
}
