//! Test tokens that anyone may mint, at the same addresses on every chain.

use crate::{
    deploy::{self, TestToken},
    devnet::Devnet,
};
use alloy::{
    primitives::{Address, Bytes, U256, keccak256},
    sol,
    sol_types::{SolCall, SolConstructor},
};
use eyre::Result;
use quorate_bindings::canonical;

sol!(
    #[sol(all_derives)]
    SilentToken,
    "../../anvil-fixtures/artifacts/SilentToken.json"
);

/// A test token. Worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it calls itself.
    pub name: &'static str,
    /// What its amounts are written with.
    pub symbol: &'static str,
    /// How many decimals its amounts have.
    pub decimals: u8,
    /// Whether its transfers return nothing, as USDT's do, where ERC-20 wants a bool.
    pub is_silent: bool,
}

/// With 6 decimals, as USDC has.
pub const USDC: Token =
    Token { name: "Test USD Coin", symbol: "tUSDC", decimals: 6, is_silent: false };

/// With 18 decimals, as DAI has.
pub const DAI: Token = Token { name: "Test Dai", symbol: "tDAI", decimals: 18, is_silent: false };

/// With transfers that return nothing, as USDT's do.
pub const USDT: Token =
    Token { name: "Test Tether USD", symbol: "tUSDT", decimals: 6, is_silent: true };

/// All of them.
pub const ALL: [Token; 3] = [USDC, DAI, USDT];

/// What `account` has of the token at an address, or of ether without one, in smallest units.
///
/// # Errors
///
/// If there is no token.
pub async fn balance(
    chain: &impl Devnet,
    token: Option<Address>,
    account: Address,
) -> Result<U256> {
    let Some(token) = token else { return chain.balance(account).await };
    let input = TestToken::balanceOfCall { account }.abi_encode();
    let answer = chain.call(token, input.into()).await?;
    Ok(TestToken::balanceOfCall::abi_decode_returns(&answer)?)
}

impl Token {
    /// Where it is, on every chain that it was deployed on.
    pub fn address(&self) -> Address {
        canonical::DEPLOYER.create2(canonical::SALT, keccak256(self.init_code()))
    }

    /// Puts it at its address.
    ///
    /// # Errors
    ///
    /// If the chain refuses, as where it is there already.
    pub async fn deploy(&self, chain: &impl Devnet) -> Result<()> {
        deploy::through_proxy(chain, &self.init_code()).await
    }

    /// Makes `amount` smallest units for `to`.
    ///
    /// # Errors
    ///
    /// If the token is not deployed.
    pub async fn mint(&self, chain: &impl Devnet, to: Address, amount: U256) -> Result<()> {
        let input = TestToken::mintCall { to, amount }.abi_encode();
        chain.send(self.address(), U256::ZERO, input.into()).await?;
        Ok(())
    }

    fn init_code(&self) -> Bytes {
        let (name_, symbol_) = (self.name.to_owned(), self.symbol.to_owned());
        let decimals_ = self.decimals;
        let (code, arguments) = if self.is_silent {
            let arguments = SilentToken::constructorCall { name_, symbol_, decimals_ };
            (&SilentToken::BYTECODE, arguments.abi_encode())
        } else {
            let arguments = TestToken::constructorCall { name_, symbol_, decimals_ };
            (&TestToken::BYTECODE, arguments.abi_encode())
        };
        [code.as_ref(), &arguments].concat().into()
    }
}
