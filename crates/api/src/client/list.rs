//! Lists, page after page.

use super::{
    Client, ClientError,
    exchange::{Bounds, Fault, LARGEST_PAGE},
};
use crate::{Lie, Page, Proposal, Verified, VerifiedWallet, Wallet, page::DEFAULT_LIMIT};
use alloy::{primitives::Address, transports::http::reqwest::Url};
use quorate_core::status::StatusWord;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use tokio::time::timeout;

/// The most items that are read of a list.
pub const MOST_ITEMS: usize = 5_000;

/// The most pages that are read of a list: a relayer may give less on a page than was asked for.
const MOST_PAGES: usize = 200;

/// The most bytes of a cursor.
const LONGEST_CURSOR: usize = 1_024;

/// What was listed: verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The items, in the relayer's order, each once.
    pub items: Vec<T>,
    /// Whether the list was read to its end: false if it is longer than is read. What a relayer leaves out is not
    /// noticed.
    pub is_whole: bool,
}

impl Client {
    /// The wallets that are served; of an owner, of a chain.
    ///
    /// # Errors
    ///
    /// If the relayer does not answer, or with a lie, as a wallet of other owners.
    pub async fn wallets(
        &self,
        owner: Option<Address>,
        chain_id: Option<u64>,
    ) -> Result<Listed<VerifiedWallet>, ClientError> {
        let mut url = self.place.at(&["v1", "wallets"]);
        append(&mut url, "owner", owner.map(|owner| owner.to_checksum(None)));
        append(&mut url, "chainId", chain_id.map(|id| id.to_string()));
        self.list(url, |wallet: Wallet| {
            check_chain(chain_id, wallet.chain_id)?;
            let address = wallet.address;
            if let Some(owner) = owner.filter(|&owner| wallet.config.index_of(owner).is_none()) {
                return Err(Lie::NotOwned { wallet: address, owner });
            }
            Ok(((wallet.chain_id, address), wallet.verify()?))
        })
        .await
    }

    /// The proposals of a wallet, with one status or all.
    ///
    /// The status may have changed since: it is not compared with the one asked for.
    ///
    /// # Errors
    ///
    /// If the relayer does not answer, or with a lie, as a proposal of another wallet.
    pub async fn proposals(
        &self,
        chain_id: u64,
        wallet: Address,
        status: Option<StatusWord>,
    ) -> Result<Listed<Verified>, ClientError> {
        let mut url = self.place.of_wallet(chain_id, wallet, &["proposals"]);
        append(&mut url, "status", status.map(|status| status.name().to_owned()));
        self.list(url, |proposal: Proposal| {
            let verified = proposal.verify()?.check_wallet(chain_id, wallet)?;
            Ok((verified.digest(), verified))
        })
        .await
    }

    /// The proposals that an owner is awaited to sign, of all wallets; of a chain, with one status or all.
    ///
    /// One that the owner has signed meanwhile may be among them.
    ///
    /// # Errors
    ///
    /// If the relayer does not answer, or with a lie, as a proposal that has nothing to do with the owner.
    pub async fn awaiting(
        &self,
        owner: Address,
        chain_id: Option<u64>,
        status: Option<StatusWord>,
    ) -> Result<Listed<Verified>, ClientError> {
        let mut url = self.place.at(&["v1", "proposals"]);
        append(&mut url, "awaiting", Some(owner.to_checksum(None)));
        append(&mut url, "chainId", chain_id.map(|id| id.to_string()));
        append(&mut url, "status", status.map(|status| status.name().to_owned()));
        self.list(url, |proposal: Proposal| {
            let verified = proposal.verify()?;
            check_chain(chain_id, verified.request().chain_id)?;
            let verified = verified.check_owner(owner)?;
            Ok((verified.digest(), verified))
        })
        .await
    }

    /// Reads page after page. `read` gives an item and what it is the same by.
    async fn list<P: DeserializeOwned, K: Ord, T>(
        &self,
        url: Url,
        read: impl Fn(P) -> Result<(K, T), Lie>,
    ) -> Result<Listed<T>, ClientError> {
        let time = self.patience.list;
        let listed = timeout(time, self.pages(url, read)).await;
        listed.map_err(|_| self.error(Fault::Late { time }))?
    }

    async fn pages<P: DeserializeOwned, K: Ord, T>(
        &self,
        url: Url,
        read: impl Fn(P) -> Result<(K, T), Lie>,
    ) -> Result<Listed<T>, ClientError> {
        let bounds = Bounds { time: self.patience.answer, largest: LARGEST_PAGE };
        let (mut items, mut seen) = (Vec::new(), BTreeSet::new());
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut url = url.clone();
            append(&mut url, "limit", Some(DEFAULT_LIMIT.to_string()));
            append(&mut url, "cursor", cursor.clone());
            let page: Page<P> = self.get(url, bounds).await?;
            for item in page.items {
                let (key, item) = read(item)?;
                // What moved to another page while they were read comes twice.
                if seen.insert(key) {
                    items.push(item);
                }
            }
            let next = page.next_cursor;
            let Some(next) = next else { return Ok(Listed { items, is_whole: true }) };
            if next.len() > LONGEST_CURSOR || cursor.as_ref() == Some(&next) {
                let reason = "its list goes on where it was".to_owned();
                return Err(self.error(Fault::Wrong { reason }));
            }
            if items.len() >= MOST_ITEMS {
                break;
            }
            cursor = Some(next);
        }
        items.truncate(MOST_ITEMS);
        Ok(Listed { items, is_whole: false })
    }
}

fn append(url: &mut Url, name: &str, value: Option<String>) {
    if let Some(value) = value {
        url.query_pairs_mut().append_pair(name, &value);
    }
}

fn check_chain(asked: Option<u64>, answered: u64) -> Result<(), Lie> {
    match asked {
        Some(asked) if asked != answered => Err(Lie::OtherChain { asked, answered }),
        _ => Ok(()),
    }
}
