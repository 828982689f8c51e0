//! The address book: names of payees, tokens and wallets, by chain.
//!
//! A name stands beside the full address, never instead of it. The file is TOML that people may edit; [`entry`](Book::payee_text)
//! texts are appended to it, so that their comments stay.

use crate::payout_file::{ETHER, Names};
use alloy::primitives::Address;
use quorate_core::{address::Written, text};
use serde::Deserialize;
use std::collections::BTreeMap;
use thiserror::Error;

/// How many characters a name can have.
const LONGEST_NAME: usize = 64;

/// Names of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Payees.
    pub payees: Vec<Payee>,
    /// Tokens.
    pub tokens: Vec<KnownToken>,
    /// Wallets.
    pub wallets: Vec<KnownWallet>,
    /// Patterns of the pages that show a transaction, by chain, with `{tx}` for its hash.
    pub explorers: BTreeMap<u64, String>,
}

/// A payee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payee {
    /// What is written behind an `@`.
    pub name: String,
    /// The address.
    pub address: Address,
    /// The chain on which the name holds; none for all.
    pub chain_id: Option<u64>,
}

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownToken {
    /// Its symbol in this book, whatever it calls itself.
    pub symbol: String,
    /// The address.
    pub address: Address,
    /// The chain.
    pub chain_id: u64,
    /// How many decimals it has, if the book says.
    pub decimals: Option<u8>,
}

/// A wallet, and what is expected of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownWallet {
    /// Its name, which payees share.
    pub name: String,
    /// The address.
    pub address: Address,
    /// The chain.
    pub chain_id: u64,
    /// Who owns it; none where the book does not say.
    pub owners: Option<Vec<Address>>,
    /// How many sign; none where the book does not say.
    pub threshold: Option<u8>,
}

/// Why a book cannot be used, or takes no entry.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BookError {
    /// No TOML, or not what a book has.
    #[error("not an address book: {reason}")]
    Malformed {
        /// What is wrong, and where.
        reason: String,
    },
    /// An address that is none.
    #[error("{what}: {reason}")]
    Address {
        /// Whose.
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// A name that cannot be typed, or could be taken for something else.
    #[error(
        "{} is no name: it takes 1 to {LONGEST_NAME} letters, digits, . _ and -, a letter or digit first",
        text::shown(name)
    )]
    Name {
        /// What was given.
        name: String,
    },
    /// A symbol that cannot be typed, or is ether's.
    #[error(
        "{} is no symbol: it takes 1 to 32 letters and digits of any script, . _ $ and -, and is not {ETHER}, which is ether",
        text::shown(symbol)
    )]
    Symbol {
        /// What was given.
        symbol: String,
    },
    /// A name for two addresses.
    #[error(
        "{} is {} already: remove that from the book first, or take another name",
        text::shown(name), known.to_checksum(None)
    )]
    Taken {
        /// The name.
        name: String,
        /// What it stands for.
        known: Address,
    },
    /// A pattern without a place for the hash, or that is no link.
    #[error(
        "{} is no pattern of a page: give https:// and {{tx}} where the hash stands",
        text::shown(url)
    )]
    Explorer {
        /// What was given.
        url: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Toml {
    payee: Vec<PayeeToml>,
    token: Vec<TokenToml>,
    wallet: Vec<WalletToml>,
    explorer: Vec<ExplorerToml>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PayeeToml {
    name: String,
    address: String,
    chain_id: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TokenToml {
    symbol: String,
    address: String,
    chain_id: u64,
    decimals: Option<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WalletToml {
    name: String,
    address: String,
    chain_id: u64,
    owners: Option<Vec<String>>,
    threshold: Option<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ExplorerToml {
    chain_id: u64,
    url: String,
}

impl Book {
    /// Reads a book.
    ///
    /// # Errors
    ///
    /// If it is no book, or a name in it stands for two addresses on one chain.
    pub fn from_toml(text: &str) -> Result<Self, BookError> {
        let toml: Toml = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
            let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            BookError::Malformed { reason: format!("{line}{}", text::escaped(error.message())) }
        })?;
        let mut book = Self::default();
        for PayeeToml { name, address, chain_id } in toml.payee {
            let address = address_of(&name, &address, chain_id)?;
            book.add_payee(Payee { name, address, chain_id })?;
        }
        for TokenToml { symbol, address, chain_id, decimals } in toml.token {
            let address = address_of(&symbol, &address, Some(chain_id))?;
            book.add_token(KnownToken { symbol, address, chain_id, decimals })?;
        }
        for WalletToml { name, address, chain_id, owners, threshold } in toml.wallet {
            let address = address_of(&name, &address, Some(chain_id))?;
            let owner = |owner: String| address_of(&name, &owner, Some(chain_id));
            let owners = owners.map(|owners| owners.into_iter().map(owner).collect());
            let owners = owners.transpose()?;
            book.add_wallet(KnownWallet { name, address, chain_id, owners, threshold })?;
        }
        for ExplorerToml { chain_id, url } in toml.explorer {
            book.add_explorer(chain_id, url)?;
        }
        Ok(book)
    }

    /// Adds a payee. Says whether that is new.
    ///
    /// # Errors
    ///
    /// If the name will not do, or stands for another address where this one holds.
    pub fn add_payee(&mut self, payee: Payee) -> Result<bool, BookError> {
        check_name(&payee.name)?;
        let is_there = |known: &Payee| {
            let both = known.chain_id.zip(payee.chain_id);
            known.name == payee.name && both.is_none_or(|(one, other)| one == other)
        };
        let (name, address) = (payee.name.clone(), payee.address);
        let known: Vec<_> = self.payees.iter().filter(|known| is_there(known)).collect();
        let taken = known.iter().map(|known| known.address).find(|known| *known != address);
        let wallets = self.wallets.iter().filter(|known| {
            known.name == name && payee.chain_id.is_none_or(|id| id == known.chain_id)
        });
        let wallet = wallets.map(|known| known.address).find(|known| *known != address);
        if let Some(known) = taken.or(wallet) {
            return Err(BookError::Taken { name, known });
        }
        let is_new = !known.iter().any(|known| known.chain_id == payee.chain_id);
        if is_new {
            self.payees.push(payee);
        }
        Ok(is_new)
    }

    /// Adds a token. Says whether that is new.
    ///
    /// # Errors
    ///
    /// If the symbol will not do, or stands for another token on this chain.
    pub fn add_token(&mut self, token: KnownToken) -> Result<bool, BookError> {
        let is_plain = |c: char| c.is_alphanumeric() || "._$-".contains(c) || c == '₮';
        let symbol = token.symbol.clone();
        let length = symbol.chars().count();
        if !(1..=32).contains(&length)
            || !symbol.chars().all(is_plain)
            || symbol.eq_ignore_ascii_case(ETHER)
        {
            return Err(BookError::Symbol { symbol });
        }
        let is_there =
            |known: &&KnownToken| known.symbol == symbol && known.chain_id == token.chain_id;
        match self.tokens.iter().find(is_there) {
            Some(known) if known.address == token.address => Ok(false),
            Some(known) => Err(BookError::Taken { name: symbol, known: known.address }),
            None => {
                self.tokens.push(token);
                Ok(true)
            }
        }
    }

    /// Adds a wallet. Says whether that is new.
    ///
    /// # Errors
    ///
    /// If the name will not do, or stands for another address on this chain.
    pub fn add_wallet(&mut self, wallet: KnownWallet) -> Result<bool, BookError> {
        check_name(&wallet.name)?;
        let (name, address) = (wallet.name.clone(), wallet.address);
        let names = self.names(wallet.chain_id);
        if let Some(&known) = names.payees.get(&name).filter(|known| **known != address) {
            return Err(BookError::Taken { name, known });
        }
        let is_there =
            |known: &KnownWallet| (&known.name, known.chain_id) == (&wallet.name, wallet.chain_id);
        let is_new = !self.wallets.iter().any(is_there);
        if is_new {
            self.wallets.push(wallet);
        }
        Ok(is_new)
    }

    /// Sets the pattern of the pages that show a transaction of a chain.
    ///
    /// # Errors
    ///
    /// If it has no place for the hash, or is no link.
    pub fn add_explorer(&mut self, chain_id: u64, url: String) -> Result<(), BookError> {
        let is_link = url.starts_with("https://") || url.starts_with("http://");
        if !is_link || !url.contains("{tx}") || text::escaped(&url) != url {
            return Err(BookError::Explorer { url });
        }
        self.explorers.insert(chain_id, url);
        Ok(())
    }

    /// What names stand for on a chain; wallets are payees too.
    pub fn names(&self, chain_id: u64) -> Names {
        let payees = (self.payees.iter())
            .filter(|payee| payee.chain_id.is_none_or(|id| id == chain_id))
            .map(|payee| (payee.name.clone(), payee.address));
        let wallets = (self.wallets.iter())
            .filter(|wallet| wallet.chain_id == chain_id)
            .map(|wallet| (wallet.name.clone(), wallet.address));
        let tokens = (self.tokens.iter())
            .filter(|token| token.chain_id == chain_id)
            .map(|token| (token.symbol.clone(), token.address));
        Names { payees: payees.chain(wallets).collect(), tokens: tokens.collect() }
    }

    /// The symbol of a token on a chain.
    pub fn symbol(&self, chain_id: u64, address: Address) -> Option<&str> {
        let mut tokens = self.tokens.iter();
        let found = tokens.find(|token| (token.chain_id, token.address) == (chain_id, address));
        found.map(|token| token.symbol.as_str())
    }

    /// The decimals of tokens on a chain, as far as the book says.
    pub fn decimals(&self, chain_id: u64) -> BTreeMap<Address, u8> {
        let tokens = self.tokens.iter().filter(|token| token.chain_id == chain_id);
        tokens.filter_map(|token| Some((token.address, token.decimals?))).collect()
    }

    /// The name of an address on a chain.
    pub fn name_of(&self, chain_id: u64, address: Address) -> Option<String> {
        let names = self.names(chain_id).payees.into_iter();
        names.filter(|(_, known)| *known == address).map(|(name, _)| name).next()
    }

    /// The entry of a payee, to be appended to the file.
    pub fn payee_text(payee: &Payee) -> String {
        let chain = payee.chain_id.map(|id| format!("chainId = {id}\n")).unwrap_or_default();
        let address = payee.address.to_checksum(None);
        format!("\n[[payee]]\nname = \"{}\"\naddress = \"{address}\"\n{chain}", payee.name)
    }

    /// The entry of a token, to be appended to the file.
    pub fn token_text(token: &KnownToken) -> String {
        let decimals =
            token.decimals.map(|count| format!("decimals = {count}\n")).unwrap_or_default();
        format!(
            "\n[[token]]\nsymbol = \"{}\"\naddress = \"{}\"\nchainId = {}\n{decimals}",
            token.symbol,
            token.address.to_checksum(None),
            token.chain_id
        )
    }

    /// The entry of a wallet, to be appended to the file.
    pub fn wallet_text(wallet: &KnownWallet) -> String {
        let owners = wallet.owners.as_ref().map(|owners| {
            let owners: Vec<_> = owners
                .iter()
                .map(|owner| format!("  \"{}\",\n", owner.to_checksum(None)))
                .collect();
            format!("owners = [\n{}]\n", owners.concat())
        });
        let threshold = wallet.threshold.map(|count| format!("threshold = {count}\n"));
        format!(
            "\n[[wallet]]\nname = \"{}\"\naddress = \"{}\"\nchainId = {}\n{}{}",
            wallet.name,
            wallet.address.to_checksum(None),
            wallet.chain_id,
            threshold.unwrap_or_default(),
            owners.unwrap_or_default()
        )
    }
}

fn check_name(name: &str) -> Result<(), BookError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric();
    let is_allowed = |c: char| is_plain(c) || "._-".contains(c);
    let begins_well = name.starts_with(is_plain);
    if !begins_well || name.len() > LONGEST_NAME || !name.chars().all(is_allowed) {
        return Err(BookError::Name { name: name.to_owned() });
    }
    Ok(())
}

fn address_of(what: &str, text: &str, chain_id: Option<u64>) -> Result<Address, BookError> {
    let wrong = |reason: String| BookError::Address { what: text::escaped(what), reason };
    let written = Written::parse_account(text).map_err(|error| wrong(error.to_string()))?;
    match chain_id {
        Some(chain_id) => written.on(chain_id).map_err(|error| wrong(error.to_string())),
        None => Ok(written.anywhere()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u8) -> Address {
        Address::repeat_byte(number)
    }

    #[test]
    fn what_is_appended_is_read_back() {
        let payee = Payee { name: "acme".to_owned(), address: address(1), chain_id: None };
        let here = Payee { name: "bob-2".to_owned(), address: address(2), chain_id: Some(1) };
        let token = KnownToken {
            symbol: "USD₮0".to_owned(),
            address: address(3),
            chain_id: 1,
            decimals: Some(6),
        };
        let wallet = KnownWallet {
            name: "treasury".to_owned(),
            address: address(4),
            chain_id: 1,
            owners: Some(vec![address(5), address(6)]),
            threshold: Some(2),
        };
        let mut text = "# ours\n".to_owned();
        text += &Book::payee_text(&payee);
        text += &Book::payee_text(&here);
        text += &Book::token_text(&token);
        text += &Book::wallet_text(&wallet);
        text += "\n[[explorer]]\nchainId = 1\nurl = \"https://x.example/tx/{tx}\"\n";
        let book = Book::from_toml(&text).unwrap();
        assert_eq!(book.payees, [payee, here]);
        assert_eq!((&book.tokens[..], &book.wallets[..]), (&[token][..], &[wallet][..]));
        let names = book.names(1);
        assert_eq!(names.payees.keys().collect::<Vec<_>>(), ["acme", "bob-2", "treasury"]);
        assert_eq!(book.names(2).payees.len(), 1);
        assert_eq!(book.symbol(1, address(3)), Some("USD₮0"));
        assert_eq!(book.name_of(1, address(4)).as_deref(), Some("treasury"));
        assert_eq!(book.decimals(1), BTreeMap::from([(address(3), 6)]));
    }

    #[test]
    fn a_name_stands_for_one_address() {
        let mut book = Book::default();
        let payee = |name: &str, number, chain_id| Payee {
            name: name.to_owned(),
            address: address(number),
            chain_id,
        };
        assert_eq!(book.add_payee(payee("a", 1, Some(1))), Ok(true));
        assert_eq!(book.add_payee(payee("a", 1, Some(1))), Ok(false));
        assert_eq!(book.add_payee(payee("a", 2, Some(2))), Ok(true));
        assert!(matches!(book.add_payee(payee("a", 3, Some(1))), Err(BookError::Taken { .. })));
        assert!(matches!(book.add_payee(payee("a", 1, None)), Err(BookError::Taken { .. })));
        for name in ["", "@a", "a b", "-a", "é", &"a".repeat(65)] {
            let refused = book.add_payee(payee(name, 9, None));
            assert!(matches!(refused, Err(BookError::Name { .. })), "{name}");
        }
        let token = |symbol: &str| KnownToken {
            symbol: symbol.to_owned(),
            address: address(7),
            chain_id: 1,
            decimals: None,
        };
        for symbol in ["ETH", "eth", "", "a b", "a\u{202e}"] {
            assert!(book.add_token(token(symbol)).is_err(), "{symbol}");
        }
    }

    #[test]
    fn what_is_wrong_in_a_book_is_said_with_its_line() {
        let said = |text: &str| Book::from_toml(text).unwrap_err().to_string();
        assert!(said("\n[[payee]]\nname = 5\n").contains("line 3"));
        assert!(said("[[payee]]\nname = \"a\"\naddress = \"0x1\"\n").starts_with("a: "));
        assert!(said("[[tokens]]\n").contains("unknown field"));
    }
}
