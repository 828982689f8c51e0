//! `quorate show`.

use crate::{
    arguments::{AccessOptions, Beside, ChainOptions, Show, Source},
    chain_access,
    failure::{Cause, cause_of},
    files,
    open_proposals::{self, Places},
    output::Output,
    relayer_access::{Answered, Relayer, no_relayer},
    review::{self, Danger, Executor, Facts, Standing, View, again::Open},
};
use alloy::primitives::Address;
use eyre::Result;
use quorate_chain::{Chain, Token};
use quorate_core::Proposal;
use serde_json::json;
use std::collections::BTreeMap;

pub(crate) async fn run(arguments: Show, output: Output) -> Result<()> {
    let Show { source, typed_data, check, beside, accept, access, chain } = arguments;
    if typed_data {
        return print_typed_data(&source, &access, &chain, output).await;
    }
    let seen = Seen::read(&source, &beside, &access, &chain, output).await?;
    let view = review(&seen.proposal, seen.known(), output);
    tell_of_creation(&view, output);
    output.result(&json!(view));
    if check {
        output.accept(&view.dangers, &accept.accept)?;
    }
    Ok(())
}

/// A proposal that is looked at, and what was found out about it.
pub(super) struct Seen {
    pub(super) proposal: Proposal,
    /// The endpoint that was asked, if one was.
    pub(super) endpoint: Option<String>,
    /// What the chain says.
    pub(super) facts: Option<Facts>,
    executor: Executor,
    open: Vec<Open>,
    pub(super) standing: Option<Standing>,
}

impl Seen {
    /// Reads the file, or asks the relayer for the digest, and the chain where the options name an endpoint.
    pub(super) async fn read(
        source: &Source,
        beside: &Beside,
        access: &AccessOptions,
        chain: &ChainOptions,
        output: Output,
    ) -> Result<Self> {
        let places = Places { files: beside.beside.clone(), ..Places::default() };
        match source {
            Source::File(path) => {
                let proposal = files::read_proposal(path)?;
                let (chain, facts) = Facts::of(&proposal, chain, output).await?;
                let relayer = Relayer::find(access, output)?;
                let places = Places { relayer: relayer.as_ref(), ..places.around(Some(path)) };
                let places = Places { tokens: tokens(facts.as_ref()), ..places };
                let open = open_beside(&proposal, places, chain.as_ref(), facts.as_ref(), output);
                let open = open.await?;
                let endpoint = chain.map(|chain| chain.endpoint().to_string());
                let executor = Executor::Anybody;
                Ok(Self { proposal, endpoint, facts, executor, open, standing: None })
            }
            Source::Digest(digest) => {
                let relayer = Relayer::find(access, output)?;
                let relayer = relayer.ok_or_else(|| no_relayer(*digest))?;
                let chain = chain_access::try_connect(chain, output).await?;
                let answered = relayer.look(*digest, chain.as_ref()).await?;
                let standing = Some(answered.standing(&relayer));
                let Answered { proposal, facts, .. } = answered;
                let places = Places { relayer: Some(&relayer), ..places.around(None) };
                let places = Places { tokens: tokens(facts.as_ref()), ..places };
                let seen = chain.as_ref().zip(facts.as_ref().map(|facts| &facts.state));
                let open =
                    open_proposals::that_pay_again(&[&proposal], &places, seen, output).await?;
                let endpoint = chain.map(|chain| chain.endpoint().to_string());
                let executor = Executor::Relayer;
                Ok(Self { proposal, endpoint, facts, executor, open, standing })
            }
        }
    }

    /// What a review is made of.
    pub(super) fn known(&self) -> Known<'_> {
        Known {
            facts: self.facts.as_ref(),
            executor: self.executor,
            open: &self.open,
            standing: self.standing.clone(),
        }
    }
}

fn tokens(facts: Option<&Facts>) -> BTreeMap<Address, Token> {
    facts.map(|facts| facts.tokens.clone()).unwrap_or_default()
}

async fn print_typed_data(
    source: &Source,
    access: &AccessOptions,
    chain: &ChainOptions,
    output: Output,
) -> Result<()> {
    let proposal = match source {
        Source::File(path) => files::read_proposal(path)?,
        Source::Digest(digest) => {
            let relayer = Relayer::find(access, output)?;
            let relayer = relayer.ok_or_else(|| no_relayer(*digest))?;
            let chain = chain_access::try_connect(chain, output).await?;
            relayer.look(*digest, chain.as_ref()).await?.proposal
        }
    };
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
    let facts = known.facts;
    let view = review_of(proposal, known, found, output);
    output.say(&review::render(proposal, facts, &view, output.now));
    view
}

/// The review, not printed.
pub(super) fn review_of(
    proposal: &Proposal,
    known: Known<'_>,
    found: Vec<Danger>,
    output: Output,
) -> View {
    let Known { facts, executor, open, standing } = known;
    let mut dangers = review::dangers(proposal, facts, executor, open, output.now);
    dangers.extend(found);
    View::new(proposal, facts, dangers).with_standing(standing)
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
