//! A treasury on a chain, and the model beside it.

use super::steps::{Reconsidered, Step};
use alloy::{
    network::TransactionBuilder as _,
    primitives::{Address, B256, Bytes, U256},
    providers::Provider as _,
    rpc::types::{BlockOverrides, TransactionRequest},
    sol_types::{SolCall, SolInterface as _},
    transports::RpcError,
};
use eyre::{OptionExt as _, Result, bail, ensure};
use proptest::{prelude::Rng as _, test_runner::TestRng};
use quorate_bindings::{
    canonical,
    contracts::{
        ITreasuryPolicy::{self as policy, ITreasuryPolicyErrors as Errors},
        IWallet::IWalletErrors,
    },
};
use quorate_core::{Action, Config, Lane, Nonce, Request, packing};
use quorate_lab::{anvil::Chain, deploy, owners::owner, signatures::sign, tokens};
use quorate_treasury::rules::{
    Limit, Rules,
    model::{Book, Question, Refusal},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Above every time that comes.
const DEADLINE: u64 = 1 << 40;

const POLICY: Address = canonical::TREASURY_POLICY.address;

/// What came of a step: on chain, or in the model.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    /// The policy agrees, and what it agreed to fails.
    Fails,
    No(Refusal),
}

pub(super) struct Stage<'a> {
    chain: &'a Chain,
    rng: TestRng,
    /// The number of the first owner's key.
    first: u64,
    pub(super) owners: u8,
    wallet: Address,
    config: Config,
    rules: Rules,
    book: Book,
    epoch: u32,
    sequences: BTreeMap<Lane, u64>,
    now: u64,
    /// What was signed, by whom; done or not.
    pub(super) hoard: Vec<(Request, u128)>,
}

impl<'a> Stage<'a> {
    pub(super) async fn set(chain: &'a Chain, rng: TestRng, seed: u8) -> Result<Self> {
        let first = 1_000 + 10 * u64::from(seed);
        let now = chain.now().await?;
        let config = Config::new(1, vec![owner(first).address()], Address::ZERO, Bytes::new())?;
        let mut stage = Self {
            chain,
            rng,
            first,
            owners: 4 + seed % 4,
            wallet: Address::ZERO,
            config,
            rules: Rules::default(),
            book: Book::default(),
            epoch: 0,
            sequences: BTreeMap::new(),
            now,
            hoard: Vec::new(),
        };
        stage.rules = stage.some_rules();
        stage.config = stage.config_of(&stage.rules)?;
        stage.wallet = deploy::wallet(chain, &stage.config, B256::repeat_byte(seed)).await?;
        chain.send(stage.wallet, U256::from(1_000_000_000), Bytes::new()).await?;
        tokens::USDC.mint(chain, stage.wallet, U256::from(1_000_000_000)).await?;
        for number in 0..stage.owners {
            let account = stage.account(number);
            chain.send(account, U256::from(10_u64.pow(18)), Bytes::new()).await?;
            let _: Value =
                chain.provider().raw_request("anvil_impersonateAccount".into(), (account,)).await?;
        }
        stage.now = chain.now().await?;
        Ok(stage)
    }

    pub(super) const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// A number below `count`.
    pub(super) fn below(&mut self, count: u64) -> u64 {
        self.rng.next_u64() % count
    }

    /// One of these.
    pub(super) fn one<T: Copy>(&mut self, choices: &[T]) -> T {
        let count = choices.len() as u64;
        choices[usize::try_from(self.below(count)).unwrap_or_default()]
    }

    pub(super) fn account(&self, number: u8) -> Address {
        owner(self.first + u64::from(number)).address()
    }

    /// Rules that the policy takes.
    pub(super) fn some_rules(&mut self) -> Rules {
        loop {
            let count = u64::from(self.owners) + 1;
            let mut number = || u8::try_from(self.below(count)).unwrap_or_default();
            let (admin, overriding, veto) = (number(), number(), number());
            let delay_secs = if veto == 0 { 0 } else { 3_600 * (1 + self.below(30)) as u32 };
            let mut limits = Vec::new();
            for token in [Address::ZERO, tokens::USDC.address()] {
                if self.below(4) != 0 {
                    let amount = u128::from(1 + self.below(1_000));
                    let period_secs = 3_600 * (1 + self.below(48)) as u32;
                    limits.push(Limit { token, amount, period_secs });
                }
            }
            let payees = match self.below(2) {
                0 => Vec::new(),
                _ => vec![payee(1), payee(2)],
            };
            let rules = Rules { admin, overriding, veto, delay_secs, limits, payees };
            // Without a delay there is little to see.
            if rules.check(1, self.owners.into()).is_ok() && (veto != 0 || self.below(40) == 0) {
                return rules;
            }
        }
    }

    pub(super) fn config_of(&self, rules: &Rules) -> Result<Config> {
        let owners = (0..self.owners).map(|number| self.account(number)).collect();
        Ok(Config::new(1, owners, POLICY, rules.to_policy_data())?)
    }

    /// What is left of a limit, or a number near it.
    pub(super) fn some_amount(&mut self, token: Address) -> U256 {
        let limit = self.rules.limit_of(token).map_or(500, |limit| limit.amount);
        let left = limit.saturating_sub(self.book.spent(token, self.now).amount);
        let part = u128::from(self.below(400));
        let amount = self.one(&[part, part, part, left, left + 1, limit, limit + 1]);
        match self.below(40) {
            0 => U256::MAX,
            1 => U256::MAX >> 1,
            _ => U256::from(amount),
        }
    }

    /// A request of the present epoch at the next nonce of a lane, for some signers.
    pub(super) fn request(&mut self, action: Action) -> (Request, u128) {
        let mut signers = 0_u128;
        let (admin, overriding) = (u64::from(self.rules.admin), u64::from(self.rules.overriding));
        let any = 1 + self.below(self.owners.into());
        let count =
            self.one(&[1, (admin - 1).max(1), admin, admin, overriding - 1, overriding, any]);
        let count = count.max(1);
        while u64::from(signers.count_ones()) < count {
            signers |= 1 << self.below(self.owners.into());
        }
        // Mostly a lane that is open to so many.
        let top = match count {
            _ if count < admin => self.one(&[2, 2, 2, 2, 3, 0, 1]),
            _ if count < overriding => self.one(&[0, 0, 0, 0, 2, 3, 1]),
            _ => self.one(&[0, 1, 2, 3]),
        };
        let number = U256::from(top) << 190 | U256::from(self.below(3));
        let lane = Nonce::from_u256(number << 64).lane;
        let sequence = self.sequences.get(&lane).copied().unwrap_or_default();
        let request = Request {
            chain_id: self.chain.id(),
            wallet: self.wallet,
            epoch: self.epoch,
            action,
            nonce: Nonce::new(lane, sequence),
            deadline: DEADLINE,
        };
        (request, signers)
    }

    /// Whether the wallet is frozen now.
    pub(super) fn is_frozen(&self) -> bool {
        self.book.frozen_until(self.now).is_some()
    }

    /// Something signed before that can still be done; none if there is nothing.
    pub(super) fn recent(&mut self, wanted: Reconsidered) -> Option<(Request, u128)> {
        let fits = |(request, _): &&(Request, u128)| {
            let next = self.sequences.get(&request.nonce.lane).copied().unwrap_or_default();
            let is_open = request.epoch == self.epoch && request.nonce.sequence == next;
            let waits = self.book.queued_at(request.digest()).is_some();
            is_open && (wanted == Reconsidered::Any || waits)
        };
        let open: Vec<_> = self.hoard.iter().filter(fits).cloned().collect();
        if open.is_empty() {
            return None;
        }
        let from_end = self.below(open.len().min(6) as u64);
        let (request, signers) = open[open.len() - 1 - usize::try_from(from_end).ok()?].clone();
        let admin = (1_u128 << self.rules.admin) - 1;
        if wanted == Reconsidered::Any {
            // Often by others, too: more signatures came in.
            return Some((request, signers | if self.below(2) == 0 { admin } else { 0 }));
        }
        // Mostly by as many as have to wait, and when the wait is over, to the second.
        let since = self.book.queued_at(request.digest())?;
        let eta = since + u64::from(self.rules.delay_secs);
        if self.below(4) != 0 {
            self.now = self.now.max(eta - self.below(2));
        }
        Some((request, if self.below(4) != 0 { admin } else { signers | admin }))
    }

    /// Something that waits, whatever it is.
    pub(super) fn waiting(&mut self) -> Option<B256> {
        let waiting: Vec<_> = self.book.entries.keys().copied().collect();
        let fits = |digest: &B256| self.book.queued_at(*digest).is_some();
        let waiting: Vec<_> = waiting.into_iter().filter(fits).collect();
        if waiting.is_empty() { None } else { Some(self.one(&waiting)) }
    }

    /// Lets time pass: at least a second.
    pub(super) fn wait(&mut self) {
        let waiting: Vec<_> = self.book.entries.values().map(|entry| entry.queued_at).collect();
        let eta = waiting.last().map_or(0, |since| since + u64::from(self.rules.delay_secs));
        let end = self.book.windows.values().next_back().map_or(0, |window| window.end);
        let far = self.now + 3_600 * self.below(20);
        let near = self.now + 1 + self.below(60);
        let frozen = self.book.freeze.until;
        let target =
            self.one(&[near, near, near, near, far, eta, eta, eta - eta.min(1), end, frozen]);
        self.now = target.max(self.now + 1).min(self.now + 40 * 86_400);
    }

    /// Does something, on the chain and in the model; the names of the step and of the answer.
    ///
    /// # Errors
    ///
    /// If the two do not agree.
    pub(super) async fn step(&mut self) -> Result<(&'static str, String)> {
        self.wait();
        let step = Step::some(self)?;
        let name = step.name();
        let mut next = self.book.clone();
        let (call, expected) = match &step {
            Step::Act(request, signers) => {
                let question = Question {
                    action: &request.action,
                    digest: request.digest(),
                    lane: request.nonce.lane,
                    signers: signers.count_ones() as usize,
                    now: self.now,
                };
                let answer = next.execute(&self.rules, &question);
                let call =
                    self.call(self.chain.sender(), self.wallet, self.signed(request, *signers)?);
                (call, answer)
            }
            Step::Veto(owner, digests) => {
                let input = policy::vetoCall { wallet: self.wallet, digests: digests.clone() };
                let call = self.call(self.account(*owner), POLICY, input.abi_encode().into());
                (call, next.veto(&self.rules, *owner, digests))
            }
            Step::Freeze(owner) => {
                let input = policy::freezeCall { wallet: self.wallet };
                let call = self.call(self.account(*owner), POLICY, input.abi_encode().into());
                (call, next.freeze(&self.rules, *owner, self.now))
            }
        };
        let expected = expected.map_or_else(Answer::No, |()| Answer::Yes);
        let answer = self.ask(&call).await?;
        let is_same = answer == expected || (answer == Answer::Fails && expected == Answer::Yes);
        ensure!(is_same, "{step:?}\nat {}: contract {answer:?}\nmodel    {expected:?}", self.now);
        if let Step::Act(request, signers) = &step {
            self.hoard.push((request.clone(), *signers));
        }
        let told = match answer {
            Answer::No(refusal) => format!("{refusal:?}"),
            Answer::Fails => "fails".to_owned(),
            // It would leave nothing to pay with.
            Answer::Yes if step.pays_everything() => "agreed".to_owned(),
            Answer::Yes => {
                self.perform(call).await?;
                self.book = next;
                self.done(&step);
                self.compare().await?;
                "done".to_owned()
            }
        };
        Ok((name, told.split([' ', '{']).next().unwrap_or_default().to_owned()))
    }

    fn done(&mut self, step: &Step) {
        let Step::Act(request, _) = step else { return };
        *self.sequences.entry(request.nonce.lane).or_default() += 1;
        if let Action::Reconfigure { config } = &request.action {
            self.rules = Rules::read(config.policy_data()).unwrap_or_default();
            self.config = config.clone();
            self.epoch += 1;
            self.book.begin_epoch();
        }
    }

    fn signed(&self, request: &Request, signers: u128) -> Result<Bytes> {
        let numbers = (0..self.owners).filter(|number| signers >> number & 1 == 1);
        let keys: Vec<_> = numbers.map(|number| owner(self.first + u64::from(number))).collect();
        let signatures = packing::pack(&self.config, &sign(&request.digest(), &keys)?)?;
        Ok(request.calldata(signatures))
    }

    fn call(&self, from: Address, to: Address, input: Bytes) -> TransactionRequest {
        let request = TransactionRequest::default().with_from(from).with_to(to);
        request.with_input(input).with_gas_limit(8_000_000).with_gas_price(2_000_000_000)
    }

    async fn ask(&self, call: &TransactionRequest) -> Result<Answer> {
        let time = BlockOverrides { time: Some(self.now), ..BlockOverrides::default() };
        let call = self.chain.provider().call(call.clone()).with_block_overrides(time);
        let error = match call.await {
            Ok(_) => return Ok(Answer::Yes),
            Err(RpcError::ErrorResp(error)) => error,
            Err(error) => bail!("{error}"),
        };
        let data = error.as_revert_data().ok_or_eyre(error.to_string())?;
        match IWalletErrors::abi_decode_validate(&data) {
            Ok(IWalletErrors::PolicyRefused(refused)) => Ok(Answer::No(reason(&refused.reason)?)),
            Ok(IWalletErrors::CallFailed(failed)) => {
                Ok(reason(&failed.reason).map_or(Answer::Fails, Answer::No))
            }
            Ok(IWalletErrors::TransferFailed(_)) => Ok(Answer::Fails),
            Ok(other) => bail!("{other:?}"),
            Err(_) => Ok(Answer::No(reason(&data)?)),
        }
    }

    async fn perform(&self, call: TransactionRequest) -> Result<()> {
        let provider = self.chain.provider();
        let _: Value =
            provider.raw_request("evm_setNextBlockTimestamp".into(), (self.now,)).await?;
        let receipt = provider.send_transaction_sync(call).await?;
        ensure!(receipt.status(), "{} reverted", receipt.transaction_hash);
        Ok(())
    }

    async fn view<C: SolCall>(&self, call: C) -> Result<C::Return> {
        let request = TransactionRequest::default().with_to(POLICY).with_input(call.abi_encode());
        let time = BlockOverrides { time: Some(self.now), ..BlockOverrides::default() };
        let answer = self.chain.provider().call(request).with_block_overrides(time).await?;
        Ok(C::abi_decode_returns(&answer)?)
    }

    /// Whether the contract tells what the model's book holds.
    async fn compare(&self) -> Result<()> {
        let wallet = self.wallet;
        for token in [Address::ZERO, tokens::USDC.address()] {
            let told = self.view(policy::spentCall { wallet, token }).await?;
            let expected = self.book.spent(token, self.now);
            let told = (told.amount, told.windowEnd);
            ensure!(told == (U256::from(expected.amount), U256::from(expected.end)), "{told:?}");
        }
        let until = self.view(policy::frozenUntilCall { wallet }).await?;
        let expected = self.book.frozen_until(self.now).unwrap_or_default();
        ensure!(until == U256::from(expected), "frozen until {until}, expected {expected}");
        let votes = self.view(policy::freezeVotesCall { wallet }).await?;
        ensure!(votes == U256::from(self.book.freeze.votes), "{votes} votes");
        for (request, _) in self.hoard.iter().rev().take(1) {
            let digest = request.digest();
            let at = self.view(policy::queuedAtCall { wallet, digest }).await?;
            let expected = self.book.queued_at(digest).unwrap_or_default();
            ensure!(at == U256::from(expected), "{digest} queued at {at}, expected {expected}");
            let count = self.view(policy::vetoesCall { wallet, digest }).await?;
            ensure!(count == U256::from(self.book.vetoes(digest)), "{count} vetoes of {digest}");
        }
        Ok(())
    }
}

/// A payee that rules may list: accounts without code.
pub(super) const fn payee(number: u8) -> Address {
    Address::repeat_byte(0xa0 + number)
}

fn reason(data: &[u8]) -> Result<Refusal> {
    let refusal = match Errors::abi_decode_validate(data)? {
        Errors::LaneClosed(e) => {
            Refusal::LaneClosed { lane: e.lane.to(), signers: e.signerCount.to() }
        }
        Errors::SignersMissing(e) => {
            Refusal::SignersMissing { signers: e.signerCount.to(), needed: e.needed.to() }
        }
        Errors::WalletFrozen(e) => Refusal::WalletFrozen { until: e.until.to() },
        Errors::NotQueued(e) => Refusal::NotQueued { digest: e.digest },
        Errors::DelayNotOver(e) => Refusal::DelayNotOver { eta: e.eta.to(), now: e.timestamp.to() },
        Errors::VetoStands(e) => Refusal::VetoStands { digest: e.digest, count: e.count.to() },
        Errors::CallNotAllowed(e) => Refusal::CallNotAllowed { index: e.index.to() },
        Errors::LimitMissing(e) => Refusal::LimitMissing { token: e.token },
        Errors::PayeeNotListed(e) => {
            Refusal::PayeeNotListed { index: e.index.to(), payee: e.payee }
        }
        Errors::AmountNotExact(e) => Refusal::AmountNotExact { index: e.index.to() },
        Errors::LimitExceeded(e) => Refusal::LimitExceeded {
            token: e.token,
            spent: e.spent.to(),
            total: e.total,
            limit: e.amount.to(),
        },
        Errors::AlreadyQueued(e) => Refusal::AlreadyQueued { digest: e.digest },
        Errors::NotFrozen(_) => Refusal::NotFrozen,
        Errors::VetoNotAllowed(_) => Refusal::VetoNotAllowed,
        Errors::AlreadyFrozen(_) => Refusal::AlreadyFrozen,
        other => bail!("{other:?}"),
    };
    Ok(refusal)
}
