//! `quorate relayer token`.

use super::load;
use crate::{
    arguments::{RelayerOptions, Right, TokenCommand},
    clock,
    output::{Output, Sheet},
};
use alloy::primitives::B256;
use eyre::Result;
use quorate_core::text::escaped;
use quorate_server::token;
use quorate_store::{
    NewToken, Recorded, Storage as _, TokenRecord, TokenRight, TokenWallets, WalletKey,
};
use serde_json::{Value, json};

pub(crate) async fn run(
    options: RelayerOptions,
    command: TokenCommand,
    output: Output,
) -> Result<()> {
    let config = load(options)?;
    // The first token is made before the relayer starts for the first time.
    let store = match &command {
        TokenCommand::Create { .. } => config.store.open().await?,
        TokenCommand::List | TokenCommand::Revoke { .. } => config.store.open_existing().await?,
    };
    let at = i64::try_from(clock::now_millis())?;
    let done = match command {
        TokenCommand::Create { name, right, wallet } => {
            let text = token::token(B256::random());
            let (hash, right) = (token::hash(&text), right_of(right));
            let wallets = match wallet.is_empty() {
                true => TokenWallets::All,
                false => TokenWallets::These(wallet.into_iter().collect()),
            };
            let new = NewToken { name: name.clone(), hash, right, wallets: wallets.clone() };
            store.create_token(new, at).await.map(|_| {
                output.say(&format!(
                    "{text}\n\nKeep it where nobody else reads it: it is not shown again."
                ));
                let wallets = wallets_json(&wallets);
                json!({ "name": name, "right": right.word(), "wallets": wallets, "token": text })
            })
        }
        TokenCommand::List => store.list_tokens().await.map(|tokens| {
            output.say(&table(&tokens, output.now));
            json!({ "tokens": tokens.iter().map(to_json).collect::<Vec<_>>() })
        }),
        TokenCommand::Revoke { name } => store.revoke_token(name.clone(), at).await.map(|done| {
            let is_news = done == Recorded::New;
            let before = if is_news { "" } else { ", as before" };
            output.say(&format!("{} is revoked{before}", escaped(&name)));
            json!({ "name": name, "revoked": true, "changed": is_news })
        }),
    };
    store.close().await;
    output.result(&done?);
    Ok(())
}

const fn right_of(right: Right) -> TokenRight {
    match right {
        Right::Read => TokenRight::Read,
        Right::Operator => TokenRight::Operator,
    }
}

fn named(wallet: &WalletKey) -> String {
    format!("{}:{}", wallet.chain_id, wallet.address.to_checksum(None))
}

fn wallets_json(wallets: &TokenWallets) -> Value {
    match wallets {
        TokenWallets::All => json!("*"),
        TokenWallets::These(wallets) => wallets.iter().map(named).collect(),
    }
}

fn to_json(token: &TokenRecord) -> Value {
    json!({
        "name": token.name,
        "right": token.right.word(),
        "wallets": wallets_json(&token.wallets),
        "createdAt": token.created_at / 1_000,
        "revokedAt": token.revoked_at.map(|at| at / 1_000),
    })
}

fn table(tokens: &[TokenRecord], now: u64) -> String {
    if tokens.is_empty() {
        return "no tokens yet: quorate relayer token create NAME --right read|operator".to_owned();
    }
    let mut sheet = Sheet::default();
    for token in tokens {
        sheet.title(&escaped(&token.name));
        sheet.row(
            "may",
            if token.right == TokenRight::Operator { "read, register" } else { "read" },
        );
        match &token.wallets {
            TokenWallets::All => sheet.row("wallets", "all"),
            TokenWallets::These(wallets) => {
                for (number, wallet) in wallets.iter().enumerate() {
                    match number {
                        0 => sheet.row("wallets", &named(wallet)),
                        _ => sheet.more(&named(wallet)),
                    }
                }
            }
        }
        let moment =
            |millis: i64| clock::words_of_past(u64::try_from(millis / 1_000).unwrap_or(0), now);
        sheet.row("made", &moment(token.created_at));
        if let Some(revoked_at) = token.revoked_at {
            sheet.row("revoked", &moment(revoked_at));
        }
    }
    sheet.finish()
}
