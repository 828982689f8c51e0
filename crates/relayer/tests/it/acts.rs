//! The actions that the model's owners may sign: a fixed table, since making digests is slow.

use alloy::{
    primitives::{Address, B256, Bytes, U256, aliases::U192},
    sol_types::SolCall,
};
use quorate_bindings::contracts::{IWallet, IWalletFactory};
use quorate_core::{Action, Config, Lane, Nonce, OwnerSignature, Request, action::Transfer};
use std::sync::OnceLock;

pub(crate) const CHAIN: u64 = 31_337;
pub(crate) const GENESIS_TIME: u64 = 1_000_000;
pub(crate) const BLOCK_SECS: u64 = 12;
pub(crate) const WALLETS: usize = 3;
pub(crate) const FACTORY: Address = Address::with_last_byte(0xfa);

/// What an action does in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Takes one unit of the wallet's funds, and reverts where there is none.
    Pay,
    Cancel,
    /// To the owners of this epoch.
    Reconfigure,
}

#[derive(Clone, Debug)]
pub(crate) struct Act {
    pub(crate) wallet: usize,
    pub(crate) lane: u64,
    pub(crate) sequence: u64,
    pub(crate) epoch: u32,
    pub(crate) deadline: u64,
    pub(crate) deed: Deed,
    pub(crate) request: Request,
    pub(crate) digest: B256,
}

pub(crate) const fn wallet_address(wallet: usize) -> Address {
    Address::with_last_byte(0x80 + wallet as u8)
}

pub(crate) const fn sender(index: usize) -> Address {
    Address::with_last_byte(0xe0 + index as u8)
}

/// Owners are other accounts in each epoch, but for the second, who stays. In epoch 2 of the last wallet
/// one is a sender.
pub(crate) fn owners(wallet: usize, epoch: u32) -> Vec<Address> {
    let epoch = u8::try_from(epoch).unwrap();
    let first =
        if wallet == WALLETS - 1 && epoch >= 2 { sender(0) } else { account(1 + 10 * epoch) };
    vec![first, account(2), account(3 + 10 * epoch)]
}

fn account(number: u8) -> Address {
    Address::with_last_byte(number)
}

pub(crate) fn config(wallet: usize, epoch: u32) -> Config {
    Config::new(2, owners(wallet, epoch), Address::ZERO, Bytes::new()).unwrap()
}

/// How an owner signs in the model: for an epoch.
pub(crate) fn signature(act: &Act) -> OwnerSignature {
    OwnerSignature::Contract(Bytes::from(vec![u8::try_from(act.epoch).unwrap()]))
}

/// Every action there is.
pub(crate) fn table() -> &'static [Act] {
    static TABLE: OnceLock<Vec<Act>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut acts = Vec::new();
        for wallet in 0..WALLETS {
            for epoch in 0..3 {
                for (lane, sequences) in [(0, 10), (7, 2), (9, 1)] {
                    for sequence in 0..sequences {
                        for deed in [Deed::Pay, Deed::Cancel, Deed::Reconfigure] {
                            for deadline in deadlines(deed) {
                                acts.push(act((wallet, epoch), (lane, sequence), deed, deadline));
                            }
                        }
                    }
                }
            }
        }
        acts
    })
}

fn deadlines(deed: Deed) -> Vec<u64> {
    let after = |blocks: u64| GENESIS_TIME + blocks * BLOCK_SECS;
    match deed {
        Deed::Pay => vec![after(1_000_000), after(40), after(70)],
        Deed::Cancel => vec![after(1_000_000), after(60)],
        Deed::Reconfigure => vec![after(1_000_000)],
    }
}

fn act(
    (wallet, epoch): (usize, u32),
    (lane, sequence): (u64, u64),
    deed: Deed,
    deadline: u64,
) -> Act {
    let action = match deed {
        Deed::Pay => Action::Payout {
            token: Address::ZERO,
            transfers: vec![Transfer { to: account(200), amount: U256::ONE }],
        },
        Deed::Cancel => Action::Cancel {},
        Deed::Reconfigure => Action::Reconfigure { config: config(wallet, epoch + 1) },
    };
    let nonce = Nonce::new(Lane::new(U192::from(lane)), sequence);
    let request =
        Request { chain_id: CHAIN, wallet: wallet_address(wallet), epoch, action, nonce, deadline };
    let digest = request.digest();
    Act { wallet, lane, sequence, epoch, deadline, deed, request, digest }
}

/// What a transaction asks for, read from its bytes as the contracts would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Nothing,
    Create {
        wallet: usize,
    },
    /// Only owners send this, never the engine.
    Approve {
        wallet: usize,
        digest: B256,
        owner: Address,
    },
    /// An action: of the epoch that its signatures are for, if there are any, with the owners' indexes that
    /// lean on an approval.
    Act {
        wallet: usize,
        epoch: Option<u32>,
        deed: Deed,
        nonce: Nonce,
        deadline: u64,
        approved: Vec<usize>,
    },
}

pub(crate) fn read(to: Address, data: &Bytes) -> Ask {
    if to == FACTORY {
        let call = IWalletFactory::createCall::abi_decode(data).expect("a creation");
        return Ask::Create { wallet: usize::from(call.salt[31]) };
    }
    let Some(wallet) = (0..WALLETS).find(|wallet| wallet_address(*wallet) == to) else {
        assert!(data.is_empty(), "a call of nobody");
        return Ask::Nothing;
    };
    let (deed, nonce, deadline, signatures) = if let Ok(c) = IWallet::payoutCall::abi_decode(data) {
        (Deed::Pay, c.nonce, c.deadline, c.signatures)
    } else if let Ok(c) = IWallet::cancelCall::abi_decode(data) {
        (Deed::Cancel, c.nonce, c.deadline, c.signatures)
    } else {
        let c = IWallet::reconfigureCall::abi_decode(data).expect("one of the actions");
        (Deed::Reconfigure, c.nonce, c.deadline, c.signatures)
    };
    let (mut approved, mut epoch) = (Vec::new(), None);
    let (mut rest, mut count) = (&signatures[..], 0);
    while let [index, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        match after.first() {
            Some(signed) if length > 0 => epoch = Some(u32::from(*signed)),
            _ => approved.push(usize::from(index & 0x7f)),
        }
        rest = &after[length..];
        count += 1;
    }
    assert!(count >= 2, "fewer signatures than the threshold were sent");
    let nonce = Nonce::from_u256(nonce);
    Ask::Act { wallet, epoch, deed, nonce, deadline: deadline.to(), approved }
}
