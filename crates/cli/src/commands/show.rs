//! `quorate show`.

use crate::{
    arguments::Show,
    files,
    output::Output,
    review::{self, Facts, View},
};
use eyre::Result;
use quorate_core::Proposal;
use serde_json::json;

pub(crate) async fn run(arguments: Show, output: Output) -> Result<()> {
    let proposal = files::read_proposal(&arguments.file)?;
    if arguments.typed_data {
        output.raw(&format!("{:#}", proposal.request().typed_data()));
        return Ok(());
    }
    let (_, facts) = Facts::of(&proposal, &arguments.chain, output).await?;
    let view = review(&proposal, facts.as_ref(), output);
    output.result(&json!(view));
    if arguments.check {
        output.accept(&view.dangers, &arguments.accept.accept)?;
    }
    Ok(())
}

/// Prints the review to people and returns it.
pub(crate) fn review(proposal: &Proposal, facts: Option<&Facts>, output: Output) -> View {
    let dangers = review::dangers(proposal, facts, output.now);
    let view = View::new(proposal, facts, dangers);
    output.say(&review::render(proposal, facts, &view, output.now));
    view
}
