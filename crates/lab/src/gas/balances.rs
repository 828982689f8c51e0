//! Checks that an execution moved exactly what it should.

use super::work::Payment;
use crate::{anvil::Chain, tokens};
use alloy::primitives::{Address, U256};
use eyre::{Result, ensure};

/// What a wallet and its payees hold, of ether or of a token.
pub(super) struct Balances {
    token: Option<Address>,
    wallet: Address,
    wallet_holds: U256,
    payees_hold: Vec<U256>,
}

impl Balances {
    pub(super) async fn read(
        chain: &Chain,
        token: Option<Address>,
        wallet: Address,
        payments: &[Payment],
    ) -> Result<Self> {
        let mut payees_hold = Vec::new();
        for payment in payments {
            payees_hold.push(tokens::balance(chain, token, payment.to).await?);
        }
        let wallet_holds = tokens::balance(chain, token, wallet).await?;
        Ok(Self { token, wallet, wallet_holds, payees_hold })
    }

    /// Reads the balances again: each payee has its amount more, the wallet the sum less.
    pub(super) async fn ensure_paid(&self, chain: &Chain, payments: &[Payment]) -> Result<()> {
        let after = Self::read(chain, self.token, self.wallet, payments).await?;
        let held = self.payees_hold.iter().zip(&after.payees_hold);
        for (payment, (before, after)) in payments.iter().zip(held) {
            let expected = before + payment.amount;
            ensure!(*after == expected, "{} holds {after}, expected {expected}", payment.to);
        }
        let sum: U256 = payments.iter().map(|payment| payment.amount).sum();
        let (left, expected) = (after.wallet_holds, self.wallet_holds - sum);
        ensure!(left == expected, "the wallet holds {left}, expected {expected}");
        Ok(())
    }
}
