//! `quorate book`, and `quorate wallet check`.

use crate::{
    arguments::{
        AddExplorer, AddPayee, AddToken, AddWallet, BookAdd, BookCommand, BookList, BookOptions,
        WalletCheck,
    },
    book_access,
    chain_access::{self, Named},
    failure::Cause,
    files,
    output::{Output, Sheet},
};
use alloy::primitives::Address;
use eyre::Result;
use quorate_chain::{Chain, Provenance, WalletState};
use quorate_core::address::Written;
use quorate_treasury::{
    Book,
    book::{KnownToken, KnownWallet, Payee},
};
use serde_json::json;
use std::path::Path;

pub(crate) async fn run(command: BookCommand, output: Output) -> Result<()> {
    match command {
        BookCommand::Add(BookAdd::Payee(add)) => payee(add, output),
        BookCommand::Add(BookAdd::Token(add)) => token(add, output).await,
        BookCommand::Add(BookAdd::Wallet(add)) => wallet(add, output).await,
        BookCommand::Add(BookAdd::Explorer(add)) => explorer(&add, output),
        BookCommand::List(list) => {
            let book = book_access::read(&list.book)?;
            tell(&book, &list, output);
            Ok(())
        }
        BookCommand::Check(list) => check(list, output).await,
    }
}

/// An address as it was typed, which has to be of this chain where one is named.
fn address(text: &str, chain_id: Option<u64>) -> Result<Address> {
    let bad = |error: quorate_core::address::AddressError| Cause::BadInput.error(error.to_string());
    let written = Written::parse_account(text).map_err(bad)?;
    match chain_id {
        Some(chain_id) => written.on(chain_id).map_err(bad),
        None => Ok(written.anywhere()),
    }
}

fn bad(error: &dyn std::fmt::Display) -> eyre::Report {
    Cause::BadInput.error(error.to_string())
}

fn payee(add: AddPayee, output: Output) -> Result<()> {
    let AddPayee { name, address: text, chain_id, book } = add;
    let payee = Payee { name, address: address(&text, chain_id)?, chain_id };
    let entry = Book::payee_text(&payee);
    let said = format!("@{} is {}", payee.name, payee.address.to_checksum(None));
    let address = payee.address;
    append(&book, entry, |book| book.add_payee(payee).map_err(|error| bad(&error)), &said, output)
        .map(|added| {
            output.result(&json!({ "address": address.to_checksum(None), "added": added }))
        })
}

async fn token(add: AddToken, output: Output) -> Result<()> {
    let AddToken { symbol, address: text, chain_id, decimals, book, chain } = add;
    let address = address(&text, Some(chain_id))?;
    let mut decimals = decimals;
    if let Some(chain) = at(&chain, chain_id, output).await? {
        let token = chain.token(address).await?;
        let shown = address.to_checksum(None);
        if !token.has_code {
            return Err(bad(&format!("{shown} is no token: there is no code on chain {chain_id}")));
        }
        if let (Some(said), Some(told)) = (decimals, token.decimals)
            && said != told
        {
            return Err(Cause::Mismatch
                .error(format!("token {shown} says that it has {told} decimals, not {said}")));
        }
        decimals = token.decimals.or(decimals);
    }
    let token = KnownToken { symbol, address, chain_id, decimals };
    let entry = Book::token_text(&token);
    let said = format!("{} is {} on chain {chain_id}", token.symbol, address.to_checksum(None));
    let added = append(
        &book,
        entry,
        |book| book.add_token(token).map_err(|error| bad(&error)),
        &said,
        output,
    )?;
    let shown = address.to_checksum(None);
    output.result(&json!({ "address": shown, "decimals": decimals, "added": added }));
    Ok(())
}

async fn wallet(add: AddWallet, output: Output) -> Result<()> {
    let AddWallet { name, address: text, chain_id, book, chain } = add;
    let address = address(&text, Some(chain_id))?;
    let mut wallet = KnownWallet { name, address, chain_id, owners: None, threshold: None };
    if let Some(chain) = at(&chain, chain_id, output).await? {
        let state = chain.wallet(address, None).await?;
        match (&state.config, state.provenance) {
            (Some(config), Provenance::Factory | Provenance::CodeOnly) => {
                wallet.owners = Some(config.owners().to_vec());
                wallet.threshold = Some(config.threshold());
            }
            _ => {
                let shown = address.to_checksum(None);
                return Err(Cause::Mismatch
                    .error(format!("there is no wallet at {shown} on chain {chain_id}")));
            }
        }
    }
    let entry = Book::wallet_text(&wallet);
    let shown = address.to_checksum(None);
    let said = format!("@{} is the wallet {shown} on chain {chain_id}", wallet.name);
    let added = append(
        &book,
        entry,
        |book| book.add_wallet(wallet).map_err(|error| bad(&error)),
        &said,
        output,
    )?;
    output.result(&json!({ "address": shown, "added": added }));
    Ok(())
}

fn explorer(add: &AddExplorer, output: Output) -> Result<()> {
    let AddExplorer { url, chain_id, book } = add;
    let entry = format!("\n[[explorer]]\nchainId = {chain_id}\nurl = \"{url}\"\n");
    let said = format!("transactions of chain {chain_id} are shown by {url}");
    let add = |book: &mut Book| {
        let is_new = book.explorers.get(chain_id) != Some(url);
        book.add_explorer(*chain_id, url.clone()).map_err(|error| bad(&error))?;
        Ok(is_new)
    };
    let added = append(book, entry, add, &said, output)?;
    output.result(&json!({ "url": url, "added": added }));
    Ok(())
}

/// The endpoint, if one is named, which has to serve this chain.
async fn at(
    options: &crate::arguments::ChainOptions,
    chain_id: u64,
    output: Output,
) -> Result<Option<Chain>> {
    let chain = chain_access::try_connect(options, output).await?;
    match chain {
        Some(chain) if chain.id() != chain_id => {
            let (found, endpoint) = (chain.id(), chain.endpoint());
            Err(Cause::Mismatch.error(format!(
                "--chain-id {chain_id}, but {endpoint} serves chain {found}: give an endpoint of chain {chain_id}"
            )))
        }
        chain => Ok(chain),
    }
}

/// Appends an entry to the book if it is new, and says what holds.
fn append(
    options: &BookOptions,
    entry: String,
    add: impl FnOnce(&mut Book) -> Result<bool>,
    said: &str,
    output: Output,
) -> Result<bool> {
    let path = book_access::path(options)?;
    let (mut book, text) = match path.exists() {
        true => {
            let book = book_access::read_file(&path)?;
            (book, String::from_utf8_lossy(&files::read(&path)?).into_owned())
        }
        false => {
            (Book::default(), "# The address book of quorate. Edit it as you like.\n".to_owned())
        }
    };
    let is_new = add(&mut book)?;
    if is_new {
        make_folder(&path)?;
        let gap = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        files::replace(&path, &format!("{text}{gap}{entry}"))?;
    }
    let already = if is_new { "" } else { " already" };
    output.say(&format!("{said}{already}\nin {}", path.display()));
    Ok(is_new)
}

fn make_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    std::fs::create_dir_all(folder)
        .map_err(|error| bad(&format!("cannot make {}: {error}", folder.display())))
}

fn tell(book: &Book, list: &BookList, output: Output) {
    let is_here =
        |id: Option<u64>| list.chain_id.is_none_or(|wanted| id.is_none_or(|id| id == wanted));
    let mut sheet = Sheet::default();
    let place = |id: Option<u64>| id.map(|id| format!(" on chain {id}")).unwrap_or_default();
    sheet.title("Payees");
    for payee in book.payees.iter().filter(|payee| is_here(payee.chain_id)) {
        let text = format!("{}{}", payee.address.to_checksum(None), place(payee.chain_id));
        sheet.row(&format!("@{}", payee.name), &text);
    }
    sheet.title("Tokens");
    for token in book.tokens.iter().filter(|token| is_here(Some(token.chain_id))) {
        let text = format!("{}{}", token.address.to_checksum(None), place(Some(token.chain_id)));
        sheet.row(&token.symbol, &text);
    }
    sheet.title("Wallets");
    for wallet in book.wallets.iter().filter(|wallet| is_here(Some(wallet.chain_id))) {
        let text = format!("{}{}", wallet.address.to_checksum(None), place(Some(wallet.chain_id)));
        sheet.row(&format!("@{}", wallet.name), &text);
    }
    output.say(&sheet.finish());
    let address = |address: Address| address.to_checksum(None);
    let payees = book.payees.iter().filter(|payee| is_here(payee.chain_id)).map(|payee| {
        json!({ "name": payee.name, "address": address(payee.address), "chainId": payee.chain_id })
    });
    let tokens = book.tokens.iter().filter(|token| is_here(Some(token.chain_id))).map(|token| {
        json!({
            "symbol": token.symbol,
            "address": address(token.address),
            "chainId": token.chain_id,
            "decimals": token.decimals,
        })
    });
    let wallets = book.wallets.iter().filter(|wallet| is_here(Some(wallet.chain_id)));
    let wallets = wallets.map(|wallet| {
        let owners = wallet.owners.as_ref();
        let owners = owners.map(|owners| owners.iter().map(|&it| address(it)).collect::<Vec<_>>());
        json!({
            "name": wallet.name,
            "address": address(wallet.address),
            "chainId": wallet.chain_id,
            "owners": owners,
            "threshold": wallet.threshold,
        })
    });
    output.result(&json!({
        "payees": payees.collect::<Vec<_>>(),
        "tokens": tokens.collect::<Vec<_>>(),
        "wallets": wallets.collect::<Vec<_>>(),
        "explorers": book.explorers,
    }));
}

async fn check(list: BookList, output: Output) -> Result<()> {
    let book = book_access::read(&list.book)?;
    let Some(chain) = chain_access::try_connect(&list.chain, output).await? else {
        output.say("the book can be read; no chain was asked, for lack of an endpoint");
        output.result(&json!({ "checked": false, "differences": [] }));
        return Ok(());
    };
    let mut differences = Vec::new();
    for token in book.tokens.iter().filter(|token| token.chain_id == chain.id()) {
        let (symbol, address) = (&token.symbol, token.address.to_checksum(None));
        let found = chain.token(token.address).await?;
        if !found.has_code {
            differences.push(format!("token {symbol}, {address}: no code on this chain"));
        } else if let (Some(said), Some(told)) = (token.decimals, found.decimals)
            && said != told
        {
            differences.push(format!("token {symbol}, {address}: {told} decimals, not {said}"));
        }
    }
    for wallet in book.wallets.iter().filter(|wallet| wallet.chain_id == chain.id()) {
        let state = chain.wallet(wallet.address, None).await?;
        differences.extend(drift(wallet, &state));
    }
    finish(&differences, output)
}

/// `quorate wallet check`.
pub(crate) async fn check_wallet(arguments: WalletCheck, output: Output) -> Result<()> {
    let book = book_access::read(&arguments.book)?;
    let chain = chain_access::connect(&arguments.chain, output).await?;
    let here: Vec<_> = book.wallets.iter().filter(|wallet| wallet.chain_id == chain.id()).collect();
    let wanted = match &arguments.wallet {
        None => here,
        Some(text) => {
            let name = text.strip_prefix('@').unwrap_or(text);
            let named = here.iter().find(|wallet| wallet.name == name);
            let address = match named {
                Some(wallet) => wallet.address,
                None => Named::read(text)?.address,
            };
            here.into_iter().filter(|wallet| wallet.address == address).collect()
        }
    };
    if wanted.is_empty() {
        let id = chain.id();
        return Err(bad(&format!(
            "the address book has no such wallet on chain {id}: `quorate book add wallet NAME ADDRESS --chain-id {id}`"
        )));
    }
    let mut differences = Vec::new();
    for wallet in wanted {
        let state = output.during("reading the wallet", chain.wallet(wallet.address, None)).await?;
        differences.extend(drift(wallet, &state));
    }
    finish(&differences, output)
}

fn finish(differences: &[String], output: Output) -> Result<()> {
    output.result(&json!({ "checked": true, "differences": differences }));
    if differences.is_empty() {
        output.say("the chain is as the address book says");
        return Ok(());
    }
    Err(Cause::Mismatch.error(differences.join("; ")))
}

/// How a wallet differs from what the book expects.
pub(super) fn drift(wallet: &KnownWallet, state: &WalletState) -> Vec<String> {
    let name = format!("wallet @{}, {}", wallet.name, wallet.address.to_checksum(None));
    let Some(config) = state.config.as_ref() else {
        return vec![format!("{name}: there is no wallet on this chain")];
    };
    let mut differences = Vec::new();
    if let Some(expected) = wallet.threshold.filter(|threshold| *threshold != config.threshold()) {
        differences
            .push(format!("{name}: the threshold is {}, not {expected}", config.threshold()));
    }
    if let Some(expected) = &wallet.owners {
        let list = |owners: Vec<&Address>| -> String {
            let owners: Vec<_> = owners.iter().map(|owner| owner.to_checksum(None)).collect();
            owners.join(", ")
        };
        let new: Vec<_> = config.owners().iter().filter(|it| !expected.contains(it)).collect();
        let gone: Vec<_> = expected.iter().filter(|it| config.index_of(**it).is_none()).collect();
        if !new.is_empty() {
            differences.push(format!("{name}: new owners {}", list(new)));
        }
        if !gone.is_empty() {
            differences.push(format!("{name}: owners no more {}", list(gone)));
        }
    }
    differences
}
