//! `quorate propose`.

mod configuration;

use crate::{
    arguments::{Common, ProposeCommand},
    chain_access::{self, Named},
    clock,
    failure::Cause,
    files,
    output::Output,
    review::{self, Facts, View, calldata},
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
                (_, _, _, Some(file)) => place.approval_of(&file)?,
                _ => {
                    return Err(
                        Cause::Usage.error("nothing to approve: give --token or --proposal")
                    );
                }
            };
            place.propose(Action::Execute { calls: vec![call] }, output).await
        }
        ProposeCommand::Cancel { proposal, mut common } => {
            if let Some(file) = proposal {
                let rejected = files::read_proposal(&file)?;
                let nonce = rejected.request().nonce;
                common.lane = Some(nonce.lane);
                common.sequence = Some(nonce.sequence);
                let place = Place::read(common, output).await?;
                let (wallet, named) = (rejected.request().wallet, place.state.address);
                if wallet != named {
                    return Err(Cause::Mismatch.error(format!(
                        "{} is a proposal of wallet {wallet}, not of {named}",
                        file.display()
                    )));
                }
                return place.propose(Action::Cancel {}, output).await;
            }
            if common.sequence.is_none() {
                return Err(Cause::Usage.error(
                    "nothing to cancel: name the proposal's file, or its nonce with --lane and --sequence",
                ));
            }
            Place::read(common, output).await?.propose(Action::Cancel {}, output).await
        }
    }
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
        let named = Named::read(&common.wallet)?;
        let after = common.after.as_deref().map(files::read_proposal).transpose()?;
        let chain = chain_access::connect(&common.chain, output).await?;
        let state = output.during("reading the wallet", named.usable_state(&chain)).await?;
        let nonce = match after {
            Some(after) => behind(after.request(), &chain, &state)?,
            None => {
                let lane = common.lane.unwrap_or(Lane::ZERO);
                let next = chain.next_nonce(&state, lane).await?;
                at(next, common.sequence, output)?
            }
        };
        Ok(Self { chain, named, state, nonce, deadline, note: common.note, out: common.out })
    }

    fn config(&self) -> Result<&quorate_core::Config> {
        self.state.config.as_ref().ok_or_else(|| Cause::Mismatch.error("the wallet has no owners"))
    }

    /// The call by which this wallet, as an owner, signs a proposal of another one.
    fn approval_of(&self, file: &Path) -> Result<Call> {
        let proposal = files::read_proposal(file)?;
        let (wallet, this) = (proposal.request().wallet, self.state.address);
        if proposal.request().chain_id != self.chain.id() {
            return Err(Cause::Mismatch.error(format!(
                "{} is for chain {}, this wallet is on {}",
                file.display(),
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

    /// Writes the proposal and shows it.
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
        let digest = proposal.digest().to_string();
        let path =
            self.out.unwrap_or_else(|| PathBuf::from(format!("proposal-{}.json", &digest[2..10])));
        let facts = Facts::beside(self.state, &self.chain, &proposal);
        let facts = output.during("reading the chain", facts).await?;
        files::create(&path, &proposal.to_json())?;
        let dangers = review::dangers(&proposal, Some(&facts), output.now);
        let view = View::new(&proposal, Some(&facts), dangers);
        output.say(&review::render(&proposal, Some(&facts), &view, output.now));
        let path = path.display().to_string();
        output.say(&format!("\n{path} written: let the owners sign it"));
        output.result(&json!({ "file": path, "digest": digest, "review": view }));
        Ok(())
    }
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
