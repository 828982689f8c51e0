//! `quorate show`.

use crate::{
    arguments::{Show, Source},
    chain_access, files,
    output::Output,
    relayer_access::{Relayer, no_relayer},
    review::{self, Executor, Facts, Standing, View},
};
use eyre::Result;
use quorate_core::Proposal;
use serde_json::json;

pub(crate) async fn run(arguments: Show, output: Output) -> Result<()> {
    let (proposal, facts, executor, standing) = match &arguments.source {
        Source::File(path) => {
            let proposal = files::read_proposal(path)?;
            if arguments.typed_data {
                return print_typed_data(&proposal, output);
            }
            let (_, facts) = Facts::of(&proposal, &arguments.chain, output).await?;
            (proposal, facts, Executor::Anybody, None)
        }
        Source::Digest(digest) => {
            let relayer = Relayer::find(&arguments.access, output)?;
            let relayer = relayer.ok_or_else(|| no_relayer(*digest))?;
            let chain = chain_access::try_connect(&arguments.chain, output).await?;
            let answered = relayer.look(*digest, chain.as_ref()).await?;
            let standing = answered.standing(&relayer);
            if arguments.typed_data {
                return print_typed_data(&answered.proposal, output);
            }
            (answered.proposal, answered.facts, Executor::Relayer, Some(standing))
        }
    };
    let view = review(&proposal, facts.as_ref(), executor, standing, output);
    tell_of_creation(&view, output);
    output.result(&json!(view));
    if arguments.check {
        output.accept(&view.dangers, &arguments.accept.accept)?;
    }
    Ok(())
}

fn print_typed_data(proposal: &Proposal, output: Output) -> Result<()> {
    output.raw(&format!("{:#}", proposal.request().typed_data()));
    Ok(())
}

/// Prints the review to people and returns it.
pub(crate) fn review(
    proposal: &Proposal,
    facts: Option<&Facts>,
    executor: Executor,
    standing: Option<Standing>,
    output: Output,
) -> View {
    let dangers = review::dangers(proposal, facts, executor, output.now);
    let view = View::new(proposal, facts, dangers).with_standing(standing);
    output.say(&review::render(proposal, facts, &view, output.now));
    view
}

/// Tells of a wallet that the relayer is to create; of several proposals of one wallet once is enough.
pub(crate) fn tell_of_creation(view: &View, output: Output) {
    if view.is_to_be_created() {
        output.say(
            "\nThe wallet is not on this chain yet: the relayer creates it before it executes. Its address was computed here \
             from these owners, so nothing else can be created there.",
        );
    }
}
