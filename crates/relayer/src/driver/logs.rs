//! The events of wallets and their factory, as the engine takes them.

use crate::event::{BlockId, LogKind, WalletLog};
use alloy::{primitives::Address, rpc::types::Log, sol_types::SolEvent};
use quorate_bindings::contracts::{
    IWallet::{Approved, Executed, Reconfigured},
    IWalletFactory::WalletCreated,
};
use quorate_chain::Header;
use quorate_core::{Config, Nonce};

/// What an event says, of a block of this time in Unix seconds. None if it is no event of a wallet, or does not
/// say which transaction emitted it.
pub(super) fn read(log: &Log, factory: Address, timestamp: u64) -> Option<WalletLog> {
    let (wallet, what) = kind(log, factory)?;
    let (tx_hash, index) = (log.transaction_hash?, log.log_index.unwrap_or_default());
    Some(WalletLog { wallet, tx_hash, index, timestamp, what })
}

/// The block with this header.
pub(super) const fn id_of(header: &Header) -> BlockId {
    BlockId { number: header.number, hash: header.hash }
}

/// The block that an event is in, if it says so.
pub(super) fn block_of(log: &Log) -> Option<BlockId> {
    Some(BlockId { number: log.block_number?, hash: log.block_hash? })
}

fn kind(log: &Log, factory: Address) -> Option<(Address, LogKind)> {
    let (address, data) = (log.address(), log.data());
    if address == factory {
        let event = WalletCreated::decode_log_data_validate(data).ok()?;
        return Some((event.wallet, LogKind::Created));
    }
    let what = match *log.topic0()? {
        Executed::SIGNATURE_HASH => {
            let event = Executed::decode_log_data_validate(data).ok()?;
            LogKind::Executed { digest: event.digest, nonce: Nonce::from_u256(event.nonce) }
        }
        Reconfigured::SIGNATURE_HASH => {
            let event = Reconfigured::decode_log_data_validate(data).ok()?;
            LogKind::Reconfigured { config: Config::try_from(event.config).ok()? }
        }
        Approved::SIGNATURE_HASH => {
            let event = Approved::decode_log_data_validate(data).ok()?;
            LogKind::Approved { digest: event.digest, owner: event.owner }
        }
        _ => return None,
    };
    Some((address, what))
}
