//! What a wallet's work costs, next to the same work on Safes, on one chain in one run.
//!
//! Measured is `gasUsed` of the third execution of each kind: by then payees hold a balance and
//! nonce slots are not zero, which is how a wallet spends nearly all its life. All signatures are
//! real, and after each execution every balance is checked, so nothing cheap that does not work can
//! win.

mod balances;
mod document;
mod quorate;
mod report;
mod safe;
mod targets;
mod wallet;
mod work;

pub use document::{PATH, render};
pub use quorate::Action;
pub use report::{Report, Row};
pub use work::{Size, Work};

use crate::{
    anvil::Chain,
    deploy::{self, TestToken},
    owners::owner,
};
use alloy::{
    primitives::{Address, Bytes, U256, uint},
    sol_types::{SolCall, SolValue},
};
use balances::Balances;
use eyre::{Result, WrapErr, ensure};
use quorate_bindings::contracts::IWallet::{getOwnersCall, getThresholdCall};
use std::collections::BTreeSet;
use wallet::{Kind, Roster, Wallet};
use work::payments;

/// How often everything is done; the last time counts.
const EXECUTIONS: u64 = 3;

/// The first owner who replaces another; above every owner at creation.
const FIRST_NEW_OWNER: u64 = 100;

/// What each wallet is given: 10 ether in wei, and 10 million tokens of six decimals.
const ETHER_TO_SPEND: U256 = uint!(10_000_000_000_000_000_000_U256);
const TOKENS_TO_SPEND: U256 = uint!(10_000_000_000_000_U256);

/// Measures everything.
///
/// # Errors
///
/// If a tool or an npm package is missing, an execution reverts, or a balance does not add up.
pub async fn measure() -> Result<Report> {
    let chain = Chain::start()?;
    // Quorate last: a new version of it must not move the addresses, and so the gas, of the others.
    let token = deploy::token(&chain, "USD Coin", "USDC", 6).await?;
    let kinds: [Box<dyn Kind>; 4] = [
        Box::new(safe::Safe::deploy(&chain, &safe::V1_4_1).await?),
        Box::new(safe::Safe::deploy(&chain, &safe::V1_5_0).await?),
        Box::new(quorate::Quorate { chain_id: chain.id(), action: quorate::Action::Payout }),
        Box::new(quorate::Quorate { chain_id: chain.id(), action: quorate::Action::Execute }),
    ];
    deploy::canonical(&chain).await?;
    let bench = Bench { chain, token };

    let mut report = Report::default();
    for size in work::SIZES {
        let mut columns = Vec::new();
        for (number, kind) in (0..).zip(&kinds) {
            let context = || format!("{} as {size}", kind.name());
            columns.push(bench.column(kind.as_ref(), number, size).await.wrap_err_with(context)?);
        }
        let columns: [Column; 4] = columns.try_into().expect("one column for each kind");
        report.add(size, &columns);
    }
    Ok(report)
}

/// Gas used by one kind of wallet, in the order of [`Work::ALL`].
type Column = [u64; Work::ALL.len()];

struct Bench {
    chain: Chain,
    token: Address,
}

impl Bench {
    async fn column(&self, kind: &dyn Kind, number: u64, size: Size) -> Result<Column> {
        let (mut wallet, create) = self.create(kind, number, size).await.wrap_err("create")?;
        let mut column = [0; Work::ALL.len()];
        for (gas, work) in column.iter_mut().zip(Work::ALL) {
            let token = Some(self.token);
            let used = match work {
                Work::Create => Ok(create),
                Work::Eth => self.pay(kind, &mut wallet, None, 1).await,
                Work::Erc20 => self.pay(kind, &mut wallet, token, 1).await,
                Work::Erc20Times10 => self.pay(kind, &mut wallet, token, 10).await,
                Work::Erc20Times100 => self.pay(kind, &mut wallet, token, 100).await,
                Work::ChangeOwners => self.change_owners(kind, &mut wallet).await,
            };
            *gas = used.wrap_err_with(|| work.to_string())?;
        }
        Ok(column)
    }

    /// Creates wallets that differ in the salt and funds the last one.
    ///
    /// Each kind has its own salts, for a factory makes the same wallet only once.
    async fn create(&self, kind: &dyn Kind, number: u64, size: Size) -> Result<(Wallet, u64)> {
        let owners = (0..size.owner_count.into()).map(owner).collect();
        let roster = Roster { threshold: size.threshold, owners };
        let (mut address, mut gas) = (Address::ZERO, 0);
        for execution in 1..=EXECUTIONS {
            let (factory, call) = kind.create(&roster, U256::from(number * EXECUTIONS + execution));
            address = Address::abi_decode(&self.chain.call(factory, call.clone()).await?)?;
            gas = self.chain.send(factory, U256::ZERO, call).await?.gas_used;
            self.ensure_owned_by(address, &roster).await?;
        }
        self.chain.send(address, ETHER_TO_SPEND, Bytes::new()).await?;
        let mint = TestToken::mintCall { to: address, amount: TOKENS_TO_SPEND };
        self.chain.send(self.token, U256::ZERO, mint.abi_encode().into()).await?;
        Ok((Wallet { address, roster, nonce: 0, epoch: 0 }, gas))
    }

    async fn pay(
        &self,
        kind: &dyn Kind,
        wallet: &mut Wallet,
        token: Option<Address>,
        count: u64,
    ) -> Result<u64> {
        let payments = payments(count, token.is_none());
        let mut gas = 0;
        for _ in 0..EXECUTIONS {
            let before = Balances::read(&self.chain, token, wallet.address, &payments).await?;
            gas = self.execute(wallet, kind.pay(wallet, token, &payments)?).await?;
            before.ensure_paid(&self.chain, &payments).await?;
        }
        Ok(gas)
    }

    async fn change_owners(&self, kind: &dyn Kind, wallet: &mut Wallet) -> Result<u64> {
        let mut gas = 0;
        for number in 0..EXECUTIONS {
            let roster = wallet.roster.with_last(owner(FIRST_NEW_OWNER + number));
            gas = self.execute(wallet, kind.change_owners(wallet, &roster)?).await?;
            self.ensure_owned_by(wallet.address, &roster).await?;
            wallet.roster = roster;
            wallet.epoch += 1;
        }
        Ok(gas)
    }

    async fn execute(&self, wallet: &mut Wallet, call: Bytes) -> Result<u64> {
        let receipt = self.chain.send(wallet.address, U256::ZERO, call).await?;
        wallet.nonce += 1;
        Ok(receipt.gas_used)
    }

    /// Every kind of wallet answers these two questions alike.
    async fn ensure_owned_by(&self, wallet: Address, roster: &Roster) -> Result<()> {
        let answer = self.chain.call(wallet, getOwnersCall {}.abi_encode().into()).await?;
        let owners: BTreeSet<_> = getOwnersCall::abi_decode_returns(&answer)?.into_iter().collect();
        let answer = self.chain.call(wallet, getThresholdCall {}.abi_encode().into()).await?;
        let threshold = getThresholdCall::abi_decode_returns(&answer)?;
        ensure!(owners == roster.addresses().into_iter().collect(), "{wallet} has other owners");
        ensure!(threshold == U256::from(roster.threshold), "{wallet} has threshold {threshold}");
        Ok(())
    }
}
