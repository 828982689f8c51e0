//! Tokens, honest and not.

use crate::stage::Stage;
use alloy::{
    hex,
    primitives::{Address, B256, U256},
    sol,
    sol_types::{SolCall, SolConstructor},
};
use eyre::{Result, ensure};
use quorate_chain::Token;
use quorate_lab::deploy::{self, TestToken};

sol!(SilentToken, "../../anvil-fixtures/artifacts/SilentToken.json");

#[tokio::test]
async fn a_token_says_symbol_decimals_and_balances() -> Result<()> {
    let stage = Stage::new().await?;
    let silent = SilentToken::constructorCall {
        name_: "Silent".to_owned(),
        symbol_: "USD₮\u{202e}".to_owned(),
        decimals_: 0,
    };
    let init_code = [SilentToken::BYTECODE.as_ref(), &silent.abi_encode()].concat();
    let silent = stage.anvil.deploy(init_code.into()).await?;
    let usdc = deploy::token(&stage.anvil, "USD Coin", "USDC", 6).await?;
    let holder = Address::repeat_byte(7);
    for (address, symbol, decimals) in [(usdc, "USDC", 6), (silent, "USD₮\u{202e}", 0)] {
        let token = stage.chain.token(address).await?;
        let (symbol, decimals) = (Some(symbol.to_owned()), Some(decimals));
        assert_eq!(token, Token { address, has_code: true, symbol, decimals });
        let mint = TestToken::mintCall { to: holder, amount: U256::from(5) }.abi_encode();
        stage.anvil.send(address, U256::ZERO, mint.into()).await?;
        assert_eq!(stage.chain.token_balance(address, holder).await?, Some(U256::from(5)));
    }
    assert_eq!(stage.chain.balance(holder).await?, U256::ZERO);
    Ok(())
}

#[tokio::test]
async fn an_account_without_code_is_no_token() -> Result<()> {
    let stage = Stage::new().await?;
    let address = Address::repeat_byte(9);
    let nothing = Token { address, has_code: false, symbol: None, decimals: None };
    assert_eq!(stage.chain.token(address).await?, nothing);
    assert_eq!(stage.chain.token_balance(address, address).await?, None);
    Ok(())
}

/// The word that answers all questions: a symbol, and far too many decimals.
#[tokio::test]
async fn a_symbol_of_32_bytes_is_read() -> Result<()> {
    let stage = Stage::new().await?;
    let mut word = B256::ZERO;
    word[..3].copy_from_slice(b"MKR");
    let code = [&hex!("7f")[..], &word[..], &hex!("60005260206000f3")].concat();
    let token = stage.chain.token(stage.deploy_code(&code).await?).await?;
    assert_eq!((token.symbol.as_deref(), token.decimals), (Some("MKR"), None));
    Ok(())
}

#[tokio::test]
async fn nonsense_is_none_and_no_error() -> Result<()> {
    let stage = Stage::new().await?;
    for (what, code) in [
        ("stops", &hex!("00")[..]),
        ("reverts", &hex!("60006000fd")),
        ("reverts with bytes", &hex!("60206000fd")),
        ("breaks", &hex!("fe")),
        ("never ends", &hex!("5b600056")),
        ("answers a megabyte", &hex!("620f42406000f3")),
        ("answers 31 bytes", &hex!("601f6000f3")),
        ("answers that its text begins at 2^256-1", &hex!("60001960005260406000f3")),
    ] {
        let address = stage.deploy_code(code).await?;
        let token = stage.chain.token(address).await?;
        ensure!(token.has_code && token.symbol.is_none(), "{what}: {token:?}");
    }
    // 300 decimals.
    let address = stage.deploy_code(&hex!("61012c60005260206000f3")).await?;
    ensure!(stage.chain.token(address).await?.decimals.is_none());
    Ok(())
}
