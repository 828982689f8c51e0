//! `quorate propose`.

mod configuration;

use super::{
    hand_in::{Desk, Draft, HandedIn},
    show::{review, tell_of_creation},
};
use crate::{
    arguments::{Common, ProposeCommand, Source},
    chain_access::{self, Named},
    clock,
    failure::Cause,
    files,
    output::Output,
    relayer_access::{self, Relayer},
    review::{Executor, Facts, calldata},
};
use alloy::{
    primitives::{Address, U256},
    sol_types::SolCall as _,
};
use eyre::Result;
use quorate_bindings::contracts::IWallet;
use quorate_chain::{Chain, WalletState};
use quorate_core::{
    Action, Lane, Nonce, Proposal, Request,
    action::{Call, Transfer},
    amount::{self, ETHER_DECIMALS, EVERYTHING_LEFT},
};
use serde_json::json;
use std::path::{Path, PathBuf};

pub(crate) async fn run(command: ProposeCommand, output: Output) -> Result<()> {
    match command {
        ProposeCommand::Transfer { to, amount, token, common } => {
            let place = Place::read(common, output).await?;
            let transfers = transfers(&place.chain, token, &to, &amount, output).await?;
            let action = Action::Payout { token: token.unwrap_or_default(), transfers };
            place.propose(action, output).await
        }
        ProposeCommand::Call { to, value, data, signature, arguments, common } => {
            let place = Place::read(common, output).await?;
            let value = amount::parse(&value, ETHER_DECIMALS)
                .map_err(|error| Cause::BadInput.error(format!("--value: {error}")))?;
            let data = match signature {
                Some(signature) => calldata::encode(&signature, &arguments)
                    .map_err(|error| Cause::BadInput.error(error))?,
                None => data.unwrap_or_default(),
            };
            let calls = vec![Call { to, value, data }];
            place.propose(Action::Execute { calls }, output).await
        }
        ProposeCommand::Owners { add, remove, replace, threshold, policy, policy_data, common } => {
            let place = Place::read(common, output).await?;
            let change =
                configuration::Change { add, remove, replace, threshold, policy, policy_data };
            let config = change.apply(place.config()?)?;
            config
                .check_for(place.state.address)
                .map_err(|error| Cause::BadInput.error(error.to_string()))?;
            place.propose(Action::Reconfigure { config }, output).await
        }
        ProposeCommand::Approve { token, spender, amount, proposal, common } => {
            let place = Place::read(common, output).await?;
            let call = match (token, spender, amount, proposal) {
                (Some(token), Some(spender), Some(amount), _) => {
                    let amount = parse_amount(&place.chain, Some(token), &amount, output).await?;
                    let data = calldata::approve_token(spender, amount);
                    Call { to: token, value: U256::ZERO, data }
                }
                (_, _, _, Some(source)) => place.approval_of(&source).await?,
                _ => {
                    return Err(
                        Cause::Usage.error("nothing to approve: give --token or --proposal")
                    );
                }
            };
            place.propose(Action::Execute { calls: vec![call] }, output).await
        }
        ProposeCommand::Cancel { proposal, common } => cancel(proposal, common, output).await,
    }
}

async fn cancel(rejected: Option<Source>, mut common: Common, output: Output) -> Result<()> {
    let Some(source) = rejected else {
        if common.sequence.is_none() {
            return Err(Cause::Usage.error(
                "nothing to cancel: name the proposal, or its nonce with --lane and --sequence",
            ));
        }
        return Place::read(common, output).await?.propose(Action::Cancel {}, output).await;
    };
    let rejected = match &source {
        Source::File(path) => files::read_proposal(path)?,
        Source::Digest(_) => {
            let relayer = Relayer::find(&common.access, output)?;
            let chain = chain_access::connect(&common.chain, output).await?;
            relayer_access::read(&source, relayer.as_ref(), Some(&chain)).await?
        }
    };
    let nonce = rejected.request().nonce;
    common.lane = Some(nonce.lane);
    common.sequence = Some(nonce.sequence);
    let place = Place::read(common, output).await?;
    let (wallet, named) = (rejected.request().wallet, place.state.address);
    if wallet != named {
        return Err(Cause::Mismatch
            .error(format!("{source} is a proposal of wallet {wallet}, not of {named}")));
    }
    place.propose(Action::Cancel {}, output).await
}

/// Each payee with its amount.
async fn transfers(
    chain: &Chain,
    token: Option<Address>,
    payees: &[Address],
    amounts: &[String],
    output: Output,
) -> Result<Vec<Transfer>> {
    let (payee_count, amount_count) = (payees.len(), amounts.len());
    if payee_count != amount_count {
        return Err(Cause::Usage.error(format!(
            "{payee_count} payees and {amount_count} amounts: give --to and --amount once for each payment"
        )));
    }
    let mut transfers = Vec::new();
    for (&to, text) in payees.iter().zip(amounts) {
        let amount = match text.as_str() {
            "all" => EVERYTHING_LEFT,
            text => parse_amount(chain, token, text, output).await?,
        };
        if amount.is_zero() {
            return Err(Cause::BadInput.error("the amount is 0: nothing would be paid"));
        }
        transfers.push(Transfer { to, amount });
    }
    Ok(transfers)
}

async fn parse_amount(
    chain: &Chain,
    token: Option<Address>,
    text: &str,
    output: Output,
) -> Result<U256> {
    let decimals = match token {
        None => ETHER_DECIMALS,
        Some(address) => {
            let token = output.during("reading the token", chain.token(address)).await?;
            let address = address.to_checksum(None);
            if !token.has_code {
                let id = chain.id();
                return Err(Cause::BadInput
                    .error(format!("{address} is no token: there is no code on chain {id}")));
            }
            token.decimals.ok_or_else(|| {
                Cause::BadInput.error(format!(
                    "token {address} does not tell its decimals: use `propose call` with its smallest units"
                ))
            })?
        }
    };
    amount::parse(text, decimals)
        .map_err(|error| Cause::BadInput.error(format!("the amount: {error}")))
}

/// Where a proposal goes: wallet, nonce, deadline.
struct Place {
    chain: Chain,
    relayer: Option<Relayer>,
    /// Where it is handed in; else it becomes a file.
    desk: Option<Desk>,
    named: Named,
    state: WalletState,
    nonce: Nonce,
    deadline: u64,
    note: Option<String>,
    out: Option<PathBuf>,
}

impl Place {
    async fn read(common: Common, output: Output) -> Result<Self> {
        let deadline = clock::parse_deadline(&common.deadline, output.now)?;
        let mut named = Named::read(&common.wallet)?;
        let relayer = Relayer::find(&common.access, output)?;
        let chain = chain_access::connect(&common.chain, output).await?;
        if let Some(relayer) = &relayer {
            let wallet = relayer.wallet(chain.id(), named.address).await?;
            named = named.with_origin(wallet.origin());
            relayer_access::present_state(&wallet, &chain).await?;
        }
        let state = output.during("reading the wallet", named.usable_state(&chain)).await?;
        let after = match &common.after {
            Some(source) => {
                Some(relayer_access::read(source, relayer.as_ref(), Some(&chain)).await?)
            }
            None => None,
        };
        let lane = common.lane.unwrap_or(Lane::ZERO);
        let nonce = match (after, &relayer, common.sequence) {
            (Some(after), ..) => behind(after.request(), &chain, &state)?,
            (None, Some(relayer), None) => relayer.next_free(&chain, &state, lane).await?,
            (None, _, sequence) => at(chain.next_nonce(&state, lane).await?, sequence, output)?,
        };
        let desk = Desk::open(relayer.as_ref(), common.accept, common.key);
        Ok(Self {
            chain,
            relayer,
            desk,
            named,
            state,
            nonce,
            deadline,
            note: common.note,
            out: common.out,
        })
    }

    fn config(&self) -> Result<&quorate_core::Config> {
        self.state.config.as_ref().ok_or_else(|| Cause::Mismatch.error("the wallet has no owners"))
    }

    /// The call by which this wallet, as an owner, signs a proposal of another one.
    async fn approval_of(&self, source: &Source) -> Result<Call> {
        let proposal =
            relayer_access::read(source, self.relayer.as_ref(), Some(&self.chain)).await?;
        let (wallet, this) = (proposal.request().wallet, self.state.address);
        if proposal.request().chain_id != self.chain.id() {
            return Err(Cause::Mismatch.error(format!(
                "{source} is for chain {}, this wallet is on {}",
                proposal.request().chain_id,
                self.chain.id()
            )));
        }
        if proposal.proven_config().is_some_and(|config| config.index_of(this).is_none()) {
            return Err(Cause::BadInput.error(format!("{this} is not an owner of {wallet}")));
        }
        let data = IWallet::approveCall { digest: proposal.digest() }.abi_encode().into();
        Ok(Call { to: wallet, value: U256::ZERO, data })
    }

    /// Hands the proposal in, or writes it and shows it.
    async fn propose(self, action: Action, output: Output) -> Result<()> {
        let request = Request {
            chain_id: self.chain.id(),
            wallet: self.state.address,
            epoch: self.state.epoch,
            action,
            nonce: self.nonce,
            deadline: self.deadline,
        };
        let proposal = Proposal::new(request, self.note, self.named.origin)?;
        let facts = Facts::beside(self.state, &self.chain, &proposal);
        let facts = output.during("reading the chain", facts).await?;
        match &self.desk {
            Some(desk) => {
                let draft = Draft { proposal, facts, is_known: false };
                hand_in(desk, draft, &self.chain, self.out.as_deref(), output).await
            }
            None => write(&proposal, &facts, self.out, self.relayer.is_some(), output),
        }
    }
}

fn write(
    proposal: &Proposal,
    facts: &Facts,
    out: Option<PathBuf>,
    has_relayer: bool,
    output: Output,
) -> Result<()> {
    let digest = proposal.digest().to_string();
    let path = out.unwrap_or_else(|| PathBuf::from(format!("proposal-{}.json", &digest[2..10])));
    files::create(&path, &proposal.to_json())?;
    let executor = if has_relayer { Executor::Relayer } else { Executor::Anybody };
    let view = review(proposal, Some(facts), executor, None, output);
    tell_of_creation(&view, output);
    let path = path.display().to_string();
    output.say(&format!("\n{path} written: let the owners sign it"));
    if has_relayer {
        output.say(
            "No key was named, so it was not handed in: `quorate sign` with the file does that.",
        );
    }
    output.result(&json!({ "file": path, "digest": digest, "review": view }));
    Ok(())
}

async fn hand_in(
    desk: &Desk,
    draft: Draft,
    chain: &Chain,
    out: Option<&Path>,
    output: Output,
) -> Result<()> {
    if let Some(out) = out {
        files::check_free(out)?;
    }
    let (owner, handed_in) = desk.hand_in(vec![draft], chain, output).await?;
    for HandedIn { proposal, view, answered, .. } in handed_in {
        let standing = answered.standing(&desk.relayer);
        if let Some(out) = out {
            files::create(out, &proposal.to_json())?;
        }
        let (digest, owner) = (proposal.digest(), owner.to_checksum(None));
        let count = answered.count();
        let threshold = answered.threshold();
        let (host, status) = (&standing.relayer, standing.status_line());
        output.say(&format!(
            "\n{digest} proposed by {owner}\nat the relayer {host}: {count} of {threshold} needed, {status}"
        ));
        let file = out.map(|out| out.display().to_string());
        if let Some(file) = &file {
            output.say(&format!("{file} written"));
        }
        output.result(&json!({
            "file": file,
            "digest": digest,
            "signer": owner,
            "relayer": standing,
            "review": view,
        }));
    }
    Ok(())
}

/// The nonce behind another proposal of the same wallet.
fn behind(after: &Request, chain: &Chain, state: &WalletState) -> Result<Nonce> {
    if (after.chain_id, after.wallet) != (chain.id(), state.address) {
        return Err(Cause::Mismatch.error(format!(
            "the proposal named by --after is of wallet {} on chain {}",
            after.wallet, after.chain_id
        )));
    }
    let sequence = after.nonce.sequence.checked_add(1);
    let sequence = sequence.ok_or_else(|| Cause::BadInput.error("that lane is at its end"))?;
    Ok(Nonce::new(after.nonce.lane, sequence))
}

/// The nonce asked for, if it is still free; else the chain's next.
fn at(next: Nonce, sequence: Option<u64>, output: Output) -> Result<Nonce> {
    match sequence {
        Some(sequence) if sequence < next.sequence => Err(Cause::BadInput.error(format!(
            "sequence {sequence} of lane {} is used up: the next is {}",
            next.lane, next.sequence
        ))),
        Some(sequence) => Ok(Nonce::new(next.lane, sequence)),
        None => {
            output.warn(&format!(
                "the nonce is the chain's next (lane {}, sequence {}): of several proposals at one nonce only one can be executed; --after FILE puts this one behind another",
                next.lane, next.sequence
            ));
            Ok(next)
        }
    }
}
