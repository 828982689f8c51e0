//! The address book of whoever types: where it is, and what it says.

use crate::{arguments::BookOptions, failure::Cause, files};
use alloy::primitives::Address;
use eyre::Result;
use quorate_core::address::Written;
use quorate_treasury::Book;
use std::{
    env,
    path::{Path, PathBuf},
};

/// The book's file: the one that is named, or the usual one.
pub(crate) fn path(options: &BookOptions) -> Result<PathBuf> {
    // A variable that is set to nothing is not set.
    if let Some(path) = options.book.as_ref().filter(|path| !path.as_os_str().is_empty()) {
        return Ok(path.clone());
    }
    let folder = env::var_os("XDG_CONFIG_HOME").filter(|it| !it.is_empty()).map(PathBuf::from);
    let home = || env::var_os("HOME").filter(|it| !it.is_empty()).map(PathBuf::from);
    let folder = folder.or_else(|| Some(home()?.join(".config")));
    let folder = folder.ok_or_else(|| {
        Cause::Usage.error("no home folder, so no address book: name its file with --book")
    })?;
    Ok(folder.join("quorate/book.toml"))
}

/// The book. One that is named has to be there; the usual one may be missing.
pub(crate) fn read(options: &BookOptions) -> Result<Book> {
    let is_named = options.book.as_ref().is_some_and(|path| !path.as_os_str().is_empty());
    match path(options) {
        Ok(path) if is_named || path.exists() => read_file(&path),
        Ok(_) => Ok(Book::default()),
        Err(_) if !is_named => Ok(Book::default()),
        Err(error) => Err(error),
    }
}

pub(crate) fn read_file(path: &Path) -> Result<Book> {
    let shown = path.display();
    let bytes = files::read(path)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Cause::BadInput.error(format!("{shown}: not UTF-8 text")))?;
    Book::from_toml(&text).map_err(|error| Cause::BadInput.error(format!("{shown}: {error}")))
}

/// Reads an address, or `@NAME` of the address book. A name that holds on one chain alone names that chain too.
pub(crate) fn account(text: &str) -> Result<Written, String> {
    match text.trim().strip_prefix('@') {
        Some(name) => named(text, |book| {
            let payees = book.payees.iter().filter(|payee| payee.name == name);
            let wallets = book.wallets.iter().filter(|wallet| wallet.name == name);
            let payees = payees.map(|payee| (payee.chain_id, payee.address));
            payees.chain(wallets.map(|wallet| (Some(wallet.chain_id), wallet.address))).collect()
        }),
        None => Written::parse_account(text).map_err(|error| error.to_string()),
    }
}

/// Reads a token's address, or its symbol in the address book.
pub(crate) fn token(text: &str) -> Result<Written, String> {
    let symbol = text.trim();
    Written::parse_account(text).or_else(|error| {
        let found = named(text, |book| {
            let tokens = book.tokens.iter().filter(|token| token.symbol == symbol);
            tokens.map(|token| (Some(token.chain_id), token.address)).collect()
        });
        let is_symbol = !symbol.starts_with("0x") && !symbol.contains(':');
        found.map_err(|reason| if is_symbol { reason } else { error.to_string() })
    })
}

/// The one address that a name of the book stands for.
fn named(
    text: &str,
    find: impl Fn(&Book) -> Vec<(Option<u64>, Address)>,
) -> Result<Written, String> {
    let shown = quorate_core::text::shown(text);
    let options = BookOptions { book: by_hand() };
    let book = read(&options).map_err(|error| error.to_string())?;
    let found = find(&book);
    let written = |chain_id: Option<u64>, address: Address| {
        let address = address.to_checksum(None);
        let text = chain_id.map_or_else(|| address.clone(), |id| format!("eip155:{id}:{address}"));
        Written::parse_account(&text).map_err(|error| error.to_string())
    };
    match &found[..] {
        [] => Err(format!(
            "{shown} is neither an address nor in the address book: `quorate book add`"
        )),
        [(chain_id, address)] => written(*chain_id, *address),
        [(_, first), rest @ ..] if rest.iter().all(|(_, other)| other == first) => {
            written(None, *first)
        }
        _ => Err(format!("{shown} stands for other addresses on other chains: write the address")),
    }
}

/// The book that is named, before the arguments are read.
fn by_hand() -> Option<PathBuf> {
    let mut arguments = env::args_os();
    while let Some(argument) = arguments.next() {
        if argument == "--book" {
            return arguments.next().map(PathBuf::from);
        }
        let text = argument.to_string_lossy();
        if let Some(path) = text.strip_prefix("--book=") {
            return Some(PathBuf::from(path));
        }
    }
    env::var_os("QUORATE_BOOK").map(PathBuf::from)
}
