//! From options to a chain and a wallet.

use crate::{arguments::ChainOptions, book_access, failure::Cause, files, output::Output};
use alloy::primitives::Address;
use eyre::Result;
use quorate_chain::{Chain, Provenance, WalletState};
use quorate_core::{
    WalletFile,
    address::{AddressError, Written},
    creation,
    proposal::Origin,
    text::shown,
};
use std::{collections::BTreeSet, path::Path};

/// Chains that translate EVM bytecode or derive other addresses (of the ZK Stack), so that there can be no
/// wallet at its address.
const NOT_EVM: [u64; 13] =
    [232, 280, 300, 302, 320, 324, 388, 2_741, 11_124, 37_111, 50_104, 61_166, 531_050_104];

/// Connects to the endpoint that the options name.
pub(crate) async fn connect(options: &ChainOptions, output: Output) -> Result<Chain> {
    match try_connect(options, output).await? {
        Some(chain) => Ok(chain),
        None => Err(Cause::Usage.error("no endpoint: give --rpc-url URL, or set ETH_RPC_URL")),
    }
}

/// Connects if the options name an endpoint.
pub(crate) async fn try_connect(options: &ChainOptions, output: Output) -> Result<Option<Chain>> {
    // A variable that is set to nothing is not set.
    let Some(url) = options.rpc_url.as_ref().filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    let chain = output.during("connecting to the endpoint", Chain::connect(url)).await?;
    check_chain(chain.id())?;
    Ok(Some(chain))
}

/// Connects if the options name an endpoint, which must serve this chain.
pub(crate) async fn try_connect_to(
    chain_id: u64,
    options: &ChainOptions,
    output: Output,
) -> Result<Option<Chain>> {
    let chain = try_connect(options, output).await?;
    if let Some(chain) = &chain {
        check_same(chain, chain_id)?;
    }
    Ok(chain)
}

/// Connects to the endpoint, which must serve this chain.
pub(crate) async fn connect_to(
    chain_id: u64,
    options: &ChainOptions,
    output: Output,
) -> Result<Chain> {
    let chain = connect(options, output).await?;
    check_same(&chain, chain_id)?;
    Ok(chain)
}

/// Refuses a proposal of another chain than the endpoint's.
pub(crate) fn check_same(chain: &Chain, chain_id: u64) -> Result<()> {
    let (found, endpoint) = (chain.id(), chain.endpoint());
    if found == chain_id {
        return Ok(());
    }
    Err(Cause::Mismatch.error(format!(
        "the proposal is for chain {chain_id}, but {endpoint} serves chain {found}: give an endpoint of chain {chain_id}"
    )))
}

/// Refuses chains on which there can be no wallet.
pub(crate) fn check_chain(chain_id: u64) -> Result<()> {
    if NOT_EVM.contains(&chain_id) {
        return Err(Cause::BadInput.error(format!(
            "chain {chain_id} does not run EVM bytecode as it is: a wallet there would have another address"
        )));
    }
    Ok(())
}

/// An address as it was typed for an option, which has to be of this chain.
pub(crate) fn on_chain(option: &str, written: &Written, chain_id: u64) -> Result<Address> {
    written.on(chain_id).map_err(|error| Cause::BadInput.error(format!("{option}: {error}")))
}

/// As [`on_chain`], of several.
pub(crate) fn all_on_chain(
    option: &str,
    written: &[Written],
    chain_id: u64,
) -> Result<Vec<Address>> {
    written.iter().map(|written| on_chain(option, written, chain_id)).collect()
}

/// A wallet as it was named: by address, or by its file, which also tells what it was made of.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) address: Address,
    pub(crate) origin: Option<Origin>,
    chain_ids: Option<BTreeSet<u64>>,
}

impl Named {
    /// Reads a wallet file, or else an address.
    pub(crate) fn read(text: &str) -> Result<Self> {
        if text.starts_with('@') {
            let written =
                book_access::account(text).map_err(|reason| Cause::BadInput.error(reason))?;
            let chain_ids = written.chain_id().map(|chain_id| BTreeSet::from([chain_id]));
            return Ok(Self { address: written.anywhere(), origin: None, chain_ids });
        }
        let path = Path::new(text);
        // Where even that cannot be told, reading it tells why.
        if path.try_exists().unwrap_or(true) {
            return Ok(Self::from_file(&files::read_wallet(path)?));
        }
        let written = Written::parse_account(text).map_err(|error| match error {
            AddressError::Malformed { .. } => Cause::BadInput.error(format!(
                "{} is neither an address (0x and 40 hexadecimal digits) nor a wallet file that exists",
                shown(text)
            )),
            error => Cause::BadInput.error(format!("the wallet: {error}")),
        })?;
        let chain_ids = written.chain_id().map(|chain_id| BTreeSet::from([chain_id]));
        Ok(Self { address: written.anywhere(), origin: None, chain_ids })
    }

    pub(crate) fn from_file(file: &WalletFile) -> Self {
        let origin = Origin { config: file.config().clone(), salt: file.salt() };
        let chain_ids = Some(file.chain_ids().clone());
        Self { address: file.address(), origin: Some(origin), chain_ids }
    }

    /// Knows from elsewhere what the wallet was made of, if it did not know. An origin that makes another
    /// address is ignored.
    pub(crate) fn with_origin(mut self, origin: Option<&Origin>) -> Self {
        let is_its_own = |origin: &&Origin| {
            creation::wallet_address(&origin.config, origin.salt) == Ok(self.address)
        };
        if self.origin.is_none() {
            self.origin = origin.filter(is_its_own).cloned();
        }
        self
    }

    /// The one chain that it is named for, if it names just one.
    pub(crate) fn only_chain(&self) -> Option<u64> {
        let ids = self.chain_ids.as_ref()?;
        ids.first().copied().filter(|_| ids.len() == 1)
    }

    /// The chains that its file, or the text of its address, names.
    pub(crate) const fn chain_ids(&self) -> Option<&BTreeSet<u64>> {
        self.chain_ids.as_ref()
    }

    /// Reads the wallet's state, after making sure that the chain is one it is meant for.
    pub(crate) async fn state(&self, chain: &Chain) -> Result<WalletState> {
        let (id, endpoint) = (chain.id(), chain.endpoint());
        if let Some(ids) = self.chain_ids.as_ref().filter(|ids| !ids.contains(&id)) {
            let ids: Vec<_> = ids.iter().map(u64::to_string).collect();
            return Err(Cause::Mismatch.error(format!(
                "the wallet is named for chain {}, but {endpoint} serves chain {id}",
                ids.join(", ")
            )));
        }
        let origin = self.origin.as_ref().map(|origin| (&origin.config, origin.salt));
        Ok(chain.wallet(self.address, origin).await?)
    }

    /// Reads the state of a wallet that things can be proposed to.
    pub(crate) async fn usable_state(&self, chain: &Chain) -> Result<WalletState> {
        let state = self.state(chain).await?;
        let address = self.address.to_checksum(None);
        let id = chain.id();
        match state.provenance {
            Provenance::Foreign => Err(Cause::Mismatch
                .error(format!("{address} is not a Quorate wallet: it has other code on chain {id}"))),
            Provenance::NotDeployed if self.origin.is_none() => Err(Cause::BadInput.error(format!(
                "there is no wallet at {address} on chain {id} yet: name its wallet file instead of the address"
            ))),
            _ if state.config.is_none() => {
                Err(Cause::Mismatch.error(format!("{address} does not tell its owners")))
            }
            Provenance::NotDeployed | Provenance::Factory | Provenance::CodeOnly => Ok(state),
        }
    }
}
