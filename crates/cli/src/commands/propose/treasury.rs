//! What a treasury asks of its own policy, and what its rules mean for what is proposed.

use super::Place;
use crate::{
    arguments::{Common, Source},
    commands::policy::require_treasury,
    failure::Cause,
    files,
    output::Output,
    waiting,
};
use alloy::primitives::U256;
use eyre::Result;
use quorate_bindings::{canonical, contracts::ITreasuryPolicy as policy};
use quorate_core::{Action, Config, Lane, Nonce, Proposal, Request, action::Call};
use quorate_treasury::{
    Rules,
    rules::{
        model::{Book, Freeze, Question, Tier, Window},
        power::{open_lane, override_lane, own_lane},
    },
};

/// How long owners have to sign and to execute once the delay is over, where no deadline is given: a week.
const AFTER_DELAY_SECS: u64 = 7 * 86_400;

/// How an action gets past the rules of a treasury.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Within a limit, by fewer than admin signers.
    Petty,
    /// By admin signers, at once.
    AtOnce,
    /// By admin signers, after the delay.
    Delayed,
    /// By override signers.
    Override,
}

/// The rules of a wallet, if it has the policy of treasuries.
pub(in crate::commands) fn rules_of(config: &Config) -> Option<Rules> {
    let is_treasury = config.policy() == Some(canonical::TREASURY_POLICY.address);
    is_treasury.then(|| require_treasury(config).ok()).flatten()
}

impl Place {
    /// Chooses lane and deadline as the rules of a treasury want them, where the command leaves that open. Whether the action has
    /// to wait.
    pub(super) async fn settle(&mut self, action: &Action, output: Output) -> Result<bool> {
        let config = self.config()?;
        let Some(rules) = rules_of(config) else {
            if self.is_for_override {
                return Err(Cause::BadInput.error(
                    "--override: the wallet has no rules with override signers (`quorate policy show`)",
                ));
            }
            return Ok(false);
        };
        let (threshold, delay) = (config.threshold(), u64::from(rules.delay_secs));
        let owners = config.owners().len();
        let way = self.way(&rules, threshold, action).await?;
        if way == Way::Delayed {
            self.settle_deadline(delay, output.now)?;
        }
        if !self.is_placed {
            let lane = match way {
                Way::Petty => open_lane(),
                Way::AtOnce => Lane::ZERO,
                Way::Override => override_lane(),
                Way::Delayed => {
                    own_lane(self.request(action.clone(), Nonce::default()).hashes().struct_hash)
                }
            };
            self.nonce = self.next_of(lane).await?;
        }
        output.say(&match way {
            Way::Petty => format!("Within a limit of this treasury: {threshold} of {owners} sign it."),
            Way::AtOnce => format!("By the rules of this treasury {} of {owners} sign it.", rules.admin),
            Way::Override => {
                format!("Past the rules of this treasury: {} of {owners} sign it.", rules.overriding)
            }
            Way::Delayed => format!(
                "By the rules of this treasury {} of {owners} sign it, and it waits {} once its queue is executed.",
                rules.admin,
                quorate_treasury::rules::file::Span(rules.delay_secs)
            ),
        });
        Ok(way == Way::Delayed)
    }

    async fn way(&self, rules: &Rules, threshold: u8, action: &Action) -> Result<Way> {
        let is_override_lane = self.is_placed && !rules.is_lane_open(self.nonce.lane, Tier::Admin);
        if self.is_for_override || is_override_lane {
            return Ok(Way::Override);
        }
        let is_to_policy = matches!(action, Action::Execute { calls }
            if calls.iter().any(|call| call.to == canonical::TREASURY_POLICY.address));
        if is_to_policy || matches!(action, Action::Cancel {}) {
            return Ok(Way::AtOnce);
        }
        if let Action::Payout { token, .. } = action {
            let (chain, wallet) = (&self.chain, self.state.address);
            let now = chain.head().await?.timestamp;
            let spent = chain.spent(wallet, *token).await?;
            let frozen = chain.frozen(wallet).await?;
            let window = Window { amount: spent.amount.saturating_to(), end: spent.window_end };
            let freeze = Freeze { until: frozen.until, ..Freeze::default() };
            let mut book = Book { windows: [(*token, window)].into(), freeze, ..Book::default() };
            let tier = rules.tier(threshold.into());
            let lane = if tier == Tier::Petty { open_lane() } else { Lane::ZERO };
            let digest = self.request(action.clone(), Nonce::default()).digest();
            let signers = threshold.into();
            let question = Question { action, digest, lane, signers, now };
            let is_within = rules.delay_secs > 0 || tier == Tier::Petty;
            if is_within && book.execute(rules, &question).is_ok() {
                return Ok(if tier == Tier::Petty { Way::Petty } else { Way::AtOnce });
            }
        }
        Ok(if rules.delay_secs == 0 { Way::AtOnce } else { Way::Delayed })
    }

    /// What waits has to be executed after the delay, and its queue may take days to be signed.
    fn settle_deadline(&mut self, delay: u64, now: u64) -> Result<()> {
        let over = now.saturating_add(delay);
        if !self.is_deadline_given {
            self.deadline = over.saturating_add(AFTER_DELAY_SECS);
        } else if self.deadline <= over {
            return Err(Cause::BadInput.error(format!(
                "--deadline: the rules of this treasury let it wait {}, so it could never be executed by then: give a later \
                 one, or --override where as many sign",
                quorate_treasury::rules::file::Span(u32::try_from(delay).unwrap_or(u32::MAX))
            )));
        }
        Ok(())
    }

    /// The proposal that lets another one wait.
    pub(super) async fn queue_of(&self, proposal: &Proposal) -> Result<Proposal> {
        let digests = [proposal.digest()];
        let nonce = self.next_of(waiting::queue_lane(&digests)).await?;
        let request = self.request(waiting::queue(&digests), nonce);
        Ok(Proposal::new(request, None, self.named.origin.clone())?)
    }
}

/// Proposes that actions wait.
pub(super) async fn queue(
    proposals: Vec<Source>,
    mut common: Common,
    output: Output,
) -> Result<()> {
    let mut digests = Vec::new();
    let mut requests = Vec::new();
    for source in proposals {
        digests.push(match source {
            Source::Digest(digest) => digest,
            Source::File(path) => {
                let proposal = files::read_proposal(&path)?;
                requests.push(proposal.request().clone());
                proposal.digest()
            }
        });
    }
    if common.lane.is_none() && common.after.is_none() {
        common.lane = Some(waiting::queue_lane(&digests));
    }
    let place = Place::read(common, None, output).await?;
    let rules = require_treasury(place.config()?)?;
    if rules.delay_secs == 0 {
        return Err(Cause::BadInput.error("the rules of this wallet have no delay: nothing waits"));
    }
    for request in &requests {
        check(request, &place, u64::from(rules.delay_secs), output)?;
    }
    place.propose(waiting::queue(&digests), output).await
}

/// What can never be done is not queued.
fn check(request: &Request, place: &Place, delay_secs: u64, output: Output) -> Result<()> {
    let digest = request.digest();
    let state = &place.state;
    if (request.wallet, request.chain_id) != (state.address, place.chain.id()) {
        return Err(Cause::Mismatch.error(format!(
            "{digest} is an action of wallet {} on chain {}, not of {} on chain {}",
            request.wallet,
            request.chain_id,
            state.address,
            place.chain.id()
        )));
    }
    if request.epoch != state.epoch {
        return Err(Cause::BadInput.error(format!(
            "{digest} is of epoch {}, and the wallet is in epoch {}: propose it anew",
            request.epoch, state.epoch
        )));
    }
    if request.deadline <= output.now.saturating_add(delay_secs) {
        return Err(Cause::BadInput.error(format!(
            "{digest} has to be executed by {}, and waits {delay_secs} seconds: propose it anew with a later --deadline",
            request.deadline
        )));
    }
    Ok(())
}

/// `quorate unfreeze`.
pub(in crate::commands) async fn unfreeze(mut common: Common, output: Output) -> Result<()> {
    if common.lane.is_none() && common.after.is_none() {
        common.lane = Some(override_lane());
    }
    let place = Place::read(common, None, output).await?;
    require_treasury(place.config()?)?;
    if place.chain.frozen(place.state.address).await?.until == 0 {
        let wallet = place.state.address;
        return Err(Cause::BadInput.error(format!("{wallet} is not frozen")));
    }
    let calls = vec![call(&policy::unfreezeCall {})];
    place.propose(Action::Execute { calls }, output).await
}

fn call(call: &impl alloy::sol_types::SolCall) -> Call {
    let data = call.abi_encode().into();
    Call { to: canonical::TREASURY_POLICY.address, value: U256::ZERO, data }
}
