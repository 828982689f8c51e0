//! `quorate list`.

use super::target::{Place, owner_of, place_of};
use crate::{
    arguments::List,
    chain_access, clock,
    failure::{Cause, cause_of},
    output::{Output, Sheet},
    relayer_access::{Answered, Relayer, may_pass, wallet_state},
    review,
};
use alloy::primitives::Address;
use eyre::Result;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use quorate_api::{Verified, VerifiedWallet};
use quorate_chain::{Chain, WalletState};
use quorate_core::status::StatusWord;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How many proposals are looked up on the chain at once.
const AT_ONCE: usize = 8;

/// A wallet of what is listed, as far as it was read.
struct Known {
    wallet: VerifiedWallet,
    /// None where there is no endpoint of its chain.
    state: Option<WalletState>,
}

pub(crate) async fn run(arguments: List, output: Output) -> Result<()> {
    let relayer = Relayer::named(&arguments.access, output)?;
    let chain = chain_access::try_connect(&arguments.chain, output).await?;
    let status = arguments.status.map(StatusWord::from);
    let place = place_of(&arguments.target, chain.as_ref())?;
    let (owner, chain_id) = owner_of(&arguments.target)?;
    let (items, is_whole) = match (owner, &place) {
        (Some(owner), place) => {
            let listed = relayer.client.awaiting(owner, chain_id, status);
            let listed = output.during("asking the relayer", listed).await?;
            let is_wanted = |item: &Verified| {
                item.proposal().missing.contains(&owner)
                    && place.as_ref().is_none_or(|place| place.is_of(item.request()))
            };
            (listed.items.into_iter().filter(is_wanted).collect(), listed.is_whole)
        }
        (None, Some(Place { chain_id, wallet })) => {
            let listed = relayer.client.proposals(*chain_id, *wallet, status);
            let listed = output.during("asking the relayer", listed).await?;
            (listed.items, listed.is_whole)
        }
        (None, None) => {
            return Err(Cause::Usage.error("nobody's proposals: give --owner, or --wallet"));
        }
    };
    let answered = examine(&relayer, items, chain.as_ref(), output).await?;
    report(&relayer, &answered, owner, is_whole, output);
    Ok(())
}

/// Examines all of them, in their order.
async fn examine(
    relayer: &Relayer,
    items: Vec<Verified>,
    chain: Option<&Chain>,
    output: Output,
) -> Result<Vec<Answered>> {
    let keys = items.iter().map(|item| (item.request().chain_id, item.request().wallet));
    let keys: BTreeSet<_> = keys.collect();
    let mut known = BTreeMap::new();
    for key in keys {
        known.insert(key, Known::read(relayer, key, chain).await?);
    }
    let known = &known;
    let examined = stream::iter(items).map(async |item| {
        let key = (item.request().chain_id, item.request().wallet);
        let digest = item.digest();
        let chain = chain.filter(|chain| chain.id() == key.0);
        let answered = match known.get(&key) {
            Some(Known { wallet, state }) => {
                let seen = chain.zip(state.as_ref());
                relayer.examine(item, wallet, seen).await
            }
            None => relayer.look(digest, chain).await,
        };
        match answered {
            // The two were not read at the same moment: look again before anybody is blamed.
            Err(error) if may_pass(&error) => match relayer.look(digest, chain).await {
                // It lists what it does not know: the blame stays.
                Err(again) if cause_of(&again) == Cause::BadInput => Err(error),
                again => again,
            },
            answered => answered,
        }
    });
    output.during("reading the chain", examined.buffered(AT_ONCE).try_collect()).await
}

impl Known {
    async fn read(
        relayer: &Relayer,
        (chain_id, wallet): (u64, Address),
        chain: Option<&Chain>,
    ) -> Result<Self> {
        let wallet = relayer.wallet(chain_id, wallet).await?;
        let state = match chain.filter(|chain| chain.id() == chain_id) {
            Some(chain) => Some(wallet_state(&wallet, chain).await?),
            None => None,
        };
        Ok(Self { wallet, state })
    }
}

fn report(
    relayer: &Relayer,
    answered: &[Answered],
    owner: Option<Address>,
    is_whole: bool,
    output: Output,
) {
    let count = answered.len();
    let what = match owner {
        Some(owner) => format!("waiting for {}", owner.to_checksum(None)),
        None => "of the wallet".to_owned(),
    };
    let host = relayer.name();
    let counted = match count {
        0 => "nothing".to_owned(),
        1 => "1 proposal".to_owned(),
        count => format!("{count} proposals"),
    };
    output.say(&format!("{counted} {what}, at the relayer {host}"));
    for item in answered {
        output.say(&format!("\n{}", describe(item, output)));
    }
    if !is_whole {
        output.warn("the relayer lists more than is read: narrow it down with --status");
    }
    let proposals: Vec<_> = answered.iter().map(|item| document(item, relayer)).collect();
    output.result(&json!({
        "relayer": host,
        "owner": owner.map(|owner| owner.to_checksum(None)),
        "whole": is_whole,
        "proposals": proposals,
    }));
}

/// A proposal, its digest as a title: what `sign` and `show` take.
fn describe(item: &Answered, output: Output) -> String {
    let request = item.proposal.request();
    let proposal = item.verified.proposal();
    let tokens = item.facts.as_ref().map(|facts| &facts.tokens);
    let mut sheet = Sheet::default();
    sheet.title(&item.proposal.digest().to_string());
    sheet.paragraph("does", &review::summary(request, tokens.unwrap_or(&BTreeMap::new())));
    let wallet = request.wallet.to_checksum(None);
    sheet.row("wallet", &format!("{wallet} on chain {}", request.chain_id));
    let status = review::Standing::new("", proposal, item.sureness).status_line();
    let (count, threshold) = (item.count(), item.threshold());
    sheet.row("signed", &format!("{count} of {threshold}; {status}"));
    sheet.row("deadline", &clock::words(request.deadline, output.now));
    if let Some(note) = &proposal.note {
        let note = quorate_core::text::escaped(note);
        sheet.row("note", &format!("\"{note}\" (nobody signs it)"));
    }
    sheet.row("sure", item.sureness.words());
    sheet.finish()
}

fn document(item: &Answered, relayer: &Relayer) -> Value {
    let request = item.proposal.request();
    let proposal = item.verified.proposal();
    let tokens = item.facts.as_ref().map(|facts| &facts.tokens);
    let missing = proposal.missing.iter().map(|owner| owner.to_checksum(None));
    json!({
        "digest": item.proposal.digest(),
        "chainId": request.chain_id,
        "wallet": request.wallet.to_checksum(None),
        "epoch": request.epoch,
        "action": request.action,
        "summary": review::summary(request, tokens.unwrap_or(&BTreeMap::new())),
        "nonce": request.nonce,
        "lane": request.nonce.lane.to_string(),
        "sequence": request.nonce.sequence,
        "deadline": request.deadline,
        "note": proposal.note,
        "signatures": item.count(),
        "threshold": item.threshold(),
        "missing": missing.collect::<Vec<_>>(),
        "relayer": item.standing(relayer),
    })
}
