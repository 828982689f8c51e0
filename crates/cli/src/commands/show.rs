//! `quorate show`.

use crate::{
    arguments::{Show, Source},
    chain_access,
    failure::{Cause, cause_of},
    files,
    open_proposals::{self, Places},
    output::Output,
    relayer_access::{Answered, Relayer, no_relayer},
    review::{self, Danger, Executor, Facts, Standing, View, again::Open},
};
use eyre::Result;
use quorate_chain::Chain;
use quorate_core::Proposal;
use serde_json::json;

pub(crate) async fn run(arguments: Show, output: Output) -> Result<()> {
    let places = Places { files: arguments.beside.beside.clone(), ..Places::default() };
    let (proposal, facts, open, executor, standing) = match &arguments.source {
        Source::File(path) => {
            let proposal = files::read_proposal(path)?;
            if arguments.typed_data {
                return print_typed_data(&proposal, output);
            }
            let (chain, facts) = Facts::of(&proposal, &arguments.chain, output).await?;
            let relayer = Relayer::find(&arguments.access, output)?;
            let tokens = facts.as_ref().map(|facts| facts.tokens.clone()).unwrap_or_default();
            let places = places.around(Some(path));
            let places = Places { relayer: relayer.as_ref(), tokens, ..places };
            let open = open_beside(&proposal, places, chain.as_ref(), facts.as_ref(), output);
            let open = open.await?;
            (proposal, facts, open, Executor::Anybody, None)
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
            let Answered { proposal, facts, .. } = answered;
            let tokens = facts.as_ref().map(|facts| facts.tokens.clone()).unwrap_or_default();
            let places = Places { relayer: Some(&relayer), tokens, ..places.around(None) };
            let seen = chain.as_ref().zip(facts.as_ref().map(|facts| &facts.state));
            let open = open_proposals::that_pay_again(&[&proposal], &places, seen, output).await?;
            (proposal, facts, open, Executor::Relayer, Some(standing))
        }
    };
    let known = Known { facts: facts.as_ref(), executor, open: &open, standing };
    let view = review(&proposal, known, output);
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

/// The open proposals that pay the same as one in a file. Where the relayer does not tell, those in files are left: what is
/// shown is the file.
async fn open_beside(
    proposal: &Proposal,
    places: Places<'_>,
    chain: Option<&Chain>,
    facts: Option<&Facts>,
    output: Output,
) -> Result<Vec<Open>> {
    let seen = chain.zip(facts.map(|facts| &facts.state));
    match open_proposals::that_pay_again(&[proposal], &places, seen, output).await {
        Err(error) if places.relayer.is_some() && cause_of(&error) != Cause::Mismatch => {
            output.warn(&format!(
                "{error:#}; whether an open proposal there pays the same is not known"
            ));
            let places = Places { relayer: None, ..places };
            open_proposals::that_pay_again(&[proposal], &places, seen, output).await
        }
        open => open,
    }
}

/// What a review is made of, besides the proposal.
pub(crate) struct Known<'a> {
    /// What the chain says, where one was read.
    pub(crate) facts: Option<&'a Facts>,
    pub(crate) executor: Executor,
    /// Other proposals that may still be executed.
    pub(crate) open: &'a [Open],
    pub(crate) standing: Option<Standing>,
}

/// Prints the review to people and returns it.
pub(crate) fn review(proposal: &Proposal, known: Known<'_>, output: Output) -> View {
    review_with(proposal, known, Vec::new(), output)
}

/// As [`review()`], with dangers that were found elsewhere.
pub(crate) fn review_with(
    proposal: &Proposal,
    known: Known<'_>,
    found: Vec<Danger>,
    output: Output,
) -> View {
    let Known { facts, executor, open, standing } = known;
    let mut dangers = review::dangers(proposal, facts, executor, open, output.now);
    dangers.extend(found);
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
