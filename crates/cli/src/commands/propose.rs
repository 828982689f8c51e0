//! `quorate propose`.

mod configuration;
mod treasury;
mod unit;

use super::{
    hand_in::{Around, Desk, Draft, HandedIn},
    show::{Known, review, tell_of_creation},
};
use crate::{
    arguments::{Common, ProposeCommand, Source},
    chain_access::{self, Named, all_on_chain, on_chain},
    clock, escrow,
    failure::Cause,
    files,
    open_proposals::{self, Places},
    output::Output,
    relayer_access::{self, Relayer},
    review::{Executor, Facts, calldata},
    waiting,
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
    address::Written,
    amount::{self, ETHER_DECIMALS, EVERYTHING_LEFT},
    proposal::Origin,
};
use serde_json::json;
use std::path::{Path, PathBuf};
pub(super) use treasury::{rules_of as treasury_rules, unfreeze};
use unit::Unit;
pub(super) use unit::decimals_of;

/// How long there is to sign and to execute, where nothing is said.
const DEFAULT_DEADLINE: &str = "7d";

pub(crate) async fn run(command: ProposeCommand, output: Output) -> Result<()> {
    match command {
        ProposeCommand::Transfer { to, amount, token, decimals, common } => {
            let place = Place::read(common, None, output).await?;
            let to = all_on_chain("--to", &to, place.chain.id())?;
            let token = place.token(token.as_ref())?;
            let unit = Unit::read(&place.chain, token, decimals, output).await?;
            let transfers = transfers(unit, &to, &amount)?;
            amount.iter().for_each(|text| unit::remark(text, output));
            let action = Action::Payout { token: token.unwrap_or_default(), transfers };
            place.propose(action, output).await
        }
        ProposeCommand::Call { to, value, data, signature, arguments, common } => {
            let place = Place::read(common, None, output).await?;
            let chain_id = place.chain.id();
            let to = on_chain("--to", &to, chain_id)?;
            let text = value;
            let value = amount::parse(&text, ETHER_DECIMALS)
                .map_err(|error| Cause::BadInput.error(format!("--value: {error}")))?;
            unit::remark(&text, output);
            let data = match signature {
                Some(signature) => calldata::encode(chain_id, &signature, &arguments)
                    .map_err(|error| Cause::BadInput.error(error))?,
                None => data.unwrap_or_default(),
            };
            let calls = vec![Call { to, value, data }];
            place.propose(Action::Execute { calls }, output).await
        }
        ProposeCommand::Owners { add, remove, replace, threshold, policy, policy_data, common } => {
            let place = Place::read(common, None, output).await?;
            let chain_id = place.chain.id();
            let change = configuration::Change {
                add: all_on_chain("--add", &add, chain_id)?,
                remove: all_on_chain("--remove", &remove, chain_id)?,
                replace: all_on_chain("--replace", &replace, chain_id)?,
                threshold,
                policy: policy.map(|policy| on_chain("--policy", &policy, chain_id)).transpose()?,
                policy_data,
            };
            let config = change.apply(place.config()?)?;
            escrow::check_new(&config)?;
            config
                .check_for(place.state.address)
                .map_err(|error| Cause::BadInput.error(error.to_string()))?;
            place.propose(Action::Reconfigure { config }, output).await
        }
        ProposeCommand::Approve { token, spender, amount, decimals, proposal, common } => {
            let place = Place::read(common, None, output).await?;
            let call = match (token, spender, amount, proposal) {
                (Some(token), Some(spender), Some(amount), _) => {
                    let allowance = Allowance { token, spender, amount, decimals };
                    allowance.call(&place.chain, output).await?
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
        ProposeCommand::Queue { proposals, common } => {
            treasury::queue(proposals, common, output).await
        }
        ProposeCommand::Cancel { proposal, common } => cancel(proposal, common, output).await,
    }
}

/// What a spender may take of a token, as it was typed.
struct Allowance {
    token: Written,
    spender: Written,
    amount: String,
    decimals: Option<u8>,
}

impl Allowance {
    async fn call(self, chain: &Chain, output: Output) -> Result<Call> {
        let token = on_chain("--token", &self.token, chain.id())?;
        let spender = on_chain("--spender", &self.spender, chain.id())?;
        let unit = Unit::read(chain, Some(token), self.decimals, output).await?;
        let data = calldata::approve_token(spender, unit.parse(&self.amount)?);
        unit::remark(&self.amount, output);
        Ok(Call { to: token, value: U256::ZERO, data })
    }
}

async fn cancel(rejected: Option<Source>, mut common: Common, output: Output) -> Result<()> {
    let Some(source) = rejected else {
        if common.sequence.is_none() {
            return Err(Cause::Usage.error(
                "nothing to cancel: name the proposal, or its nonce with --lane and --sequence",
            ));
        }
        let place = Place::read(common, None, output).await?;
        return place.propose(Action::Cancel {}, output).await;
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
    let place = Place::read(common, rejected.origin(), output).await?;
    let (wallet, named) = (rejected.request().wallet, place.state.address);
    if wallet != named {
        return Err(Cause::Mismatch
            .error(format!("{source} is a proposal of wallet {wallet}, not of {named}")));
    }
    place.propose(Action::Cancel {}, output).await
}

/// Each payee with its amount.
fn transfers(unit: Unit, payees: &[Address], amounts: &[String]) -> Result<Vec<Transfer>> {
    let (payee_count, amount_count) = (payees.len(), amounts.len());
    if payee_count != amount_count {
        return Err(Cause::Usage.error(format!(
            "{payee_count} payees and {amount_count} amounts: give --to and --amount once for each payment"
        )));
    }
    let transfer = |(&to, text): (&Address, &String)| {
        let amount = match text.as_str() {
            "all" => EVERYTHING_LEFT,
            text => unit.parse(text)?,
        };
        if amount.is_zero() {
            return Err(Cause::BadInput.error("the amount is 0: nothing would be paid"));
        }
        Ok(Transfer { to, amount })
    };
    payees.iter().zip(amounts).map(transfer).collect()
}

/// Where a proposal goes: wallet, nonce, deadline.
struct Place {
    chain: Chain,
    relayer: Option<Relayer>,
    /// Where it is handed in; else it becomes a file.
    desk: Option<Desk>,
    /// Files of other proposals, which were named.
    beside: Vec<PathBuf>,
    named: Named,
    state: WalletState,
    nonce: Nonce,
    /// Whether the command says where; else the rules of a treasury do.
    is_placed: bool,
    /// Whether it is for the override signers of a treasury.
    is_for_override: bool,
    deadline: u64,
    is_deadline_given: bool,
    note: Option<String>,
    out: Option<PathBuf>,
}

impl Place {
    /// Reads it. `origin` is what the wallet was made of, where that is known from elsewhere.
    async fn read(common: Common, origin: Option<&Origin>, output: Output) -> Result<Self> {
        let deadline = common.deadline.as_deref().unwrap_or(DEFAULT_DEADLINE);
        let deadline = clock::parse_deadline(deadline, output.now)?;
        let mut named = Named::read(&common.wallet)?.with_origin(origin);
        let mut beside = common.beside.beside;
        if let Some(Source::File(after)) = &common.after {
            beside.push(after.clone());
        }
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
        let is_placed =
            common.lane.is_some() || common.after.is_some() || common.sequence.is_some();
        let is_ruled = state.config.as_ref().and_then(treasury::rules_of).is_some();
        let lane = common.lane.unwrap_or(Lane::ZERO);
        let nonce = match (after, &relayer, common.sequence) {
            (Some(after), ..) => behind(after.request(), &chain, &state)?,
            // By its rules, once it is known what is proposed.
            (None, _, None) if is_ruled && !is_placed => Nonce::default(),
            (None, Some(relayer), None) => relayer.next_free(&chain, &state, lane).await?,
            (None, _, sequence) => at(chain.next_nonce(&state, lane).await?, sequence, output)?,
        };
        let desk = Desk::open(relayer.as_ref(), common.accept, common.key);
        Ok(Self {
            chain,
            relayer,
            desk,
            beside,
            named,
            state,
            nonce,
            is_placed,
            is_for_override: common.is_for_override,
            deadline,
            is_deadline_given: common.deadline.is_some(),
            note: common.note,
            out: common.out,
        })
    }

    fn token(&self, written: Option<&Written>) -> Result<Option<Address>> {
        written.map(|token| on_chain("--token", token, self.chain.id())).transpose()
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

    fn request(&self, action: Action, nonce: Nonce) -> Request {
        Request {
            chain_id: self.chain.id(),
            wallet: self.state.address,
            epoch: self.state.epoch,
            action,
            nonce,
            deadline: self.deadline,
        }
    }

    /// The next nonce of a lane that is free, counting what is proposed at the relayer.
    async fn next_of(&self, lane: Lane) -> Result<Nonce> {
        match &self.relayer {
            Some(relayer) => relayer.next_free(&self.chain, &self.state, lane).await,
            None => Ok(self.chain.next_nonce(&self.state, lane).await?),
        }
    }

    /// Hands the proposal in, or writes it and shows it; where the rules of a treasury let it wait, its queue too.
    async fn propose(mut self, action: Action, output: Output) -> Result<()> {
        let waits = self.settle(&action, output).await?;
        let request = self.request(action, self.nonce);
        let proposal = Proposal::new(request, self.note.clone(), self.named.origin.clone())?;
        let queue = if waits { Some(self.queue_of(&proposal).await?) } else { None };
        let facts = Facts::beside(self.state.clone(), &self.chain, &proposal);
        let facts = output.during("reading the chain", facts).await?;
        let relayer = self.relayer.as_ref();
        let (files, tokens) = (self.beside, facts.tokens.clone());
        let places = Places { relayer, files, tokens, ..Places::default() };
        let places = places.around(self.out.as_deref());
        let seen = Some((&self.chain, &facts.state));
        let open = open_proposals::that_pay_again(&[&proposal], &places, seen, output).await?;
        match &self.desk {
            Some(desk) => {
                let mut drafts = vec![Draft { proposal, facts, is_known: false }];
                if let Some(proposal) = queue {
                    let facts = Facts::beside(self.state, &self.chain, &proposal).await?;
                    drafts.push(Draft { proposal, facts, is_known: false });
                }
                let around = Around { open, ..Around::default() };
                hand_in(desk, drafts, &around, &self.chain, self.out.as_deref(), output).await
            }
            None => {
                let executor =
                    if relayer.is_some() { Executor::Relayer } else { Executor::Anybody };
                let known = Known { facts: Some(&facts), executor, open: &open, standing: None };
                write((&proposal, queue.as_ref()), known, self.out, output)
            }
        }
    }
}

/// The proposal, and the one that lets it wait beside it.
fn write(
    (proposal, queue): (&Proposal, Option<&Proposal>),
    known: Known<'_>,
    out: Option<PathBuf>,
    output: Output,
) -> Result<()> {
    let has_relayer = known.executor == Executor::Relayer;
    let digest = proposal.digest().to_string();
    let path = out.unwrap_or_else(|| PathBuf::from(format!("proposal-{}.json", &digest[2..10])));
    let beside = waiting::queue_file(&path);
    if queue.is_some() {
        files::check_free(&beside)?;
    }
    files::create(&path, &proposal.to_json())?;
    let view = review(proposal, known, output);
    tell_of_creation(&view, output);
    let path = path.display().to_string();
    let queue = match queue {
        None => {
            output.say(&format!("\n{path} written: let the owners sign it"));
            None
        }
        Some(queue) => {
            files::create(&beside, &queue.to_json())?;
            let beside = beside.display().to_string();
            output.say(&format!(
                "\n{path} written, and {beside}, which lets it wait: keep them together, `quorate sign {path}` signs both"
            ));
            Some(json!({ "file": beside, "digest": queue.digest() }))
        }
    };
    if has_relayer {
        output.say(
            "No key was named, so it was not handed in: `quorate sign` with the file does that.",
        );
    }
    let mut result = json!({ "file": path, "digest": digest, "review": view });
    if let Some(queue) = queue {
        result["queue"] = queue;
    }
    output.result(&result);
    Ok(())
}

async fn hand_in(
    desk: &Desk,
    drafts: Vec<Draft>,
    around: &Around,
    chain: &Chain,
    out: Option<&Path>,
    output: Output,
) -> Result<()> {
    if let Some(out) = out {
        files::check_free(out)?;
        if drafts.len() > 1 {
            files::check_free(&waiting::queue_file(out))?;
        }
    }
    let (owner, handed_in) = desk.hand_in(drafts, around, chain, output).await?;
    let mut results = Vec::new();
    for HandedIn { proposal, view, answered, .. } in handed_in {
        let standing = answered.standing(&desk.relayer);
        // What lets the first wait comes second.
        let out = out.map(|out| match results.len() {
            0 => out.to_owned(),
            _ => waiting::queue_file(out),
        });
        if let Some(out) = &out {
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
        results.push(json!({
            "file": file,
            "digest": digest,
            "signer": owner,
            "relayer": standing,
            "review": view,
        }));
    }
    let mut results = results.into_iter();
    if let Some(mut result) = results.next() {
        if let Some(queue) = results.next() {
            result["queue"] = queue;
        }
        output.result(&result);
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
