//! The list of signatures that a wallet takes.
//!
//! By strictly increasing owner index, one entry each: `index(1) ‖ r(32) ‖ vs(32)` for ECDSA,
//! `0x80|index(1) ‖ length(2) ‖ bytes` for a contract, with length 0 for an approval.

use crate::{Config, Lane, OwnerSignature, signature::EcdsaSignature};
use alloy::primitives::{Address, B256, Bytes};
use quorate_bindings::canonical;
use std::collections::BTreeMap;
use thiserror::Error;

/// Marks the index of an owner whose entry is not ECDSA.
const NOT_ECDSA: u8 = 0x80;

/// Why there is no list that a wallet would take, or why it would refuse a list. Names the owner at
/// fault. The wallet refuses the same.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PackingError {
    /// Somebody signed who is no owner.
    #[error("{account} is not an owner of the wallet")]
    NotOwner {
        /// Who it is.
        account: Address,
    },
    /// Too few owners signed.
    #[error("{signers} of the {threshold} signatures needed")]
    ThresholdNotMet {
        /// How many signed.
        signers: usize,
        /// How many must.
        threshold: u8,
    },
    /// The list ends inside the entry that begins at `offset`.
    #[error("the list of signatures ends inside the entry at byte {offset}")]
    Truncated {
        /// Where the entry begins, in bytes.
        offset: usize,
    },
    /// An index is not above the one before it.
    #[error("owner index {index} is not above the one before it")]
    NotIncreasing {
        /// The index.
        index: u8,
    },
    /// An index that the configuration does not have.
    #[error("owner index {index} of {owner_count} owners")]
    NoSuchOwner {
        /// The index.
        index: u8,
        /// How many owners there are.
        owner_count: usize,
    },
    /// An ECDSA signature that is not by its owner over the digest.
    #[error("the signature of owner {owner} does not verify")]
    SignatureInvalid {
        /// The owner.
        owner: Address,
    },
}

/// Which of the verified signatures to pack for an action in `lane`.
///
/// Without a policy the cheapest that are enough. A policy may ask for more, so with one all of them; but the
/// escrow policy keeps lanes 1 to 3 for one party each and refuses what anybody else signed too, so there
/// the party's alone. May be too few: [`pack`] says so.
pub fn choose(
    config: &Config,
    lane: Lane,
    verified: &BTreeMap<Address, OwnerSignature>,
) -> BTreeMap<Address, OwnerSignature> {
    let owners = config.owners().iter().zip(0_u64..);
    let mut chosen: Vec<_> = owners
        .filter_map(|(owner, index)| Some((index, *owner, verified.get(owner)?.clone())))
        .collect();
    match config.policy() {
        None => {
            // A contract's signature costs a call and its calldata, an approval a storage read.
            chosen.sort_by_key(|(index, _, signature)| (signature.kind().is_contract(), *index));
            chosen.truncate(config.threshold().into());
        }
        Some(policy) if policy == canonical::ESCROW_POLICY.address => {
            let is_owned = chosen.iter().any(|(index, ..)| lane.is_number(index + 1));
            chosen.retain(|(index, ..)| !is_owned || lane.is_number(index + 1));
        }
        Some(_) => {}
    }
    chosen.into_iter().map(|(_, owner, signature)| (owner, signature)).collect()
}

/// Packs the signatures of `signed`, all of them, in the wallet's order.
///
/// Does not verify them: pass only what was verified.
///
/// # Errors
///
/// If a signer is no owner, or there are fewer than the threshold.
pub fn pack(
    config: &Config,
    signed: &BTreeMap<Address, OwnerSignature>,
) -> Result<Bytes, PackingError> {
    let index = |&account| config.index_of(account).ok_or(PackingError::NotOwner { account });
    let mut entries = Vec::with_capacity(signed.len());
    for (account, signature) in signed {
        entries.push((index(account)?, signature));
    }
    let threshold = config.threshold();
    if entries.len() < usize::from(threshold) {
        return Err(PackingError::ThresholdNotMet { signers: entries.len(), threshold });
    }
    entries.sort_by_key(|&(index, _)| index);
    let mut packed = Vec::new();
    for (index, signature) in entries {
        push(&mut packed, index, signature);
    }
    Ok(packed.into())
}

fn push(packed: &mut Vec<u8>, index: u8, signature: &OwnerSignature) {
    match signature {
        OwnerSignature::Ecdsa(signature) => {
            packed.push(index);
            packed.extend_from_slice(signature.compact());
        }
        OwnerSignature::Contract(bytes) => {
            let length = u16::try_from(bytes.len()).expect("a contract's signature is below 8 KiB");
            packed.push(NOT_ECDSA | index);
            packed.extend_from_slice(&length.to_be_bytes());
            packed.extend_from_slice(bytes);
        }
        OwnerSignature::Approved => packed.extend_from_slice(&[NOT_ECDSA | index, 0, 0]),
    }
}

/// Reads a packed list as the wallet does, over `digest`.
///
/// Verifies ECDSA entries. Does not ask contracts and does not look for approvals: whether those hold only
/// a chain can tell.
///
/// # Errors
///
/// Where the wallet would refuse.
pub fn unpack(
    config: &Config,
    digest: &B256,
    packed: &[u8],
) -> Result<BTreeMap<Address, OwnerSignature>, PackingError> {
    let mut signed = BTreeMap::new();
    let mut last = None;
    let mut rest = packed;
    while let [head, tail @ ..] = rest {
        let offset = packed.len() - rest.len();
        let index = head & !NOT_ECDSA;
        if last.is_some_and(|last| index <= last) {
            return Err(PackingError::NotIncreasing { index });
        }
        last = Some(index);
        let owner_count = config.owners().len();
        let owner = config.owners().get(usize::from(index));
        let &owner = owner.ok_or(PackingError::NoSuchOwner { index, owner_count })?;
        let truncated = PackingError::Truncated { offset };
        let signature;
        (signature, rest) = if head & NOT_ECDSA == 0 {
            let (compact, rest) = tail.split_at_checked(64).ok_or(truncated)?;
            let ecdsa = EcdsaSignature::from_bytes(compact)
                .ok()
                .filter(|signature| signature.verify(owner, digest).is_ok())
                .ok_or(PackingError::SignatureInvalid { owner })?;
            (OwnerSignature::Ecdsa(ecdsa), rest)
        } else {
            not_ecdsa(tail).ok_or(truncated)?
        };
        signed.insert(owner, signature);
    }
    let threshold = config.threshold();
    if signed.len() < usize::from(threshold) {
        return Err(PackingError::ThresholdNotMet { signers: signed.len(), threshold });
    }
    Ok(signed)
}

/// `length(2) ‖ bytes(length)`, and what follows.
fn not_ecdsa(tail: &[u8]) -> Option<(OwnerSignature, &[u8])> {
    let (length, tail) = tail.split_at_checked(2)?;
    let length = u16::from_be_bytes([length[0], length[1]]);
    let (bytes, rest) = tail.split_at_checked(length.into())?;
    let signature = if bytes.is_empty() {
        OwnerSignature::Approved
    } else {
        OwnerSignature::Contract(Bytes::copy_from_slice(bytes))
    };
    Some((signature, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, key, sign};
    use proptest::prelude::*;

    fn config(threshold: u64, count: u64) -> Config {
        let owners = (0..count).map(|number| key(number).address()).collect();
        Config::new(threshold, owners, Address::ZERO, Bytes::new()).unwrap()
    }

    #[test]
    fn lists_are_the_ones_viem_packs() {
        for (request, vector) in testing::vectors() {
            let digest = request.digest();
            let signed = vector.signed();
            assert_eq!(
                pack(&vector.config, &signed),
                Ok(vector.signatures.clone()),
                "{}",
                vector.name
            );
            assert_eq!(unpack(&vector.config, &digest, &vector.signatures), Ok(signed));
        }
    }

    #[test]
    fn packs_each_kind_as_the_wallet_reads_it() {
        let config = config(3, 3);
        let digest = B256::repeat_byte(0x42);
        let ecdsa = sign(1, &digest);
        let signed = BTreeMap::from([
            (key(0).address(), OwnerSignature::Contract(Bytes::from_static(b"abc"))),
            (key(1).address(), OwnerSignature::Ecdsa(ecdsa)),
            (key(2).address(), OwnerSignature::Approved),
        ]);
        let packed = pack(&config, &signed).unwrap();
        let expected = [&[0x80, 0, 3][..], b"abc", &[1], ecdsa.compact(), &[0x82, 0, 0]].concat();
        assert_eq!(packed, expected);
        assert_eq!(unpack(&config, &digest, &packed), Ok(signed));
        for length in 0..packed.len() {
            assert!(unpack(&config, &digest, &packed[..length]).is_err(), "{length}");
        }
        let left_over = [&packed[..], &[0]].concat();
        assert_eq!(
            unpack(&config, &digest, &left_over),
            Err(PackingError::NotIncreasing { index: 0 })
        );
    }

    #[test]
    fn too_few_and_strangers_are_refused() {
        let config = config(2, 2);
        let digest = B256::ZERO;
        let one = BTreeMap::from([(key(0).address(), OwnerSignature::Ecdsa(sign(0, &digest)))]);
        let error = PackingError::ThresholdNotMet { signers: 1, threshold: 2 };
        assert_eq!(pack(&config, &one), Err(error));
        let account = key(7).address();
        let stranger = BTreeMap::from([(account, OwnerSignature::Approved)]);
        assert_eq!(pack(&config, &stranger), Err(PackingError::NotOwner { account }));
    }

    #[test]
    fn no_more_is_packed_than_a_wallet_without_policy_needs() {
        let config = config(2, 4);
        let (digest, address) = (B256::ZERO, |number| key(number).address());
        let ecdsa = |number| (address(number), OwnerSignature::Ecdsa(sign(number, &digest)));
        let contract = (address(0), OwnerSignature::Contract(Bytes::from_static(b"x")));
        let verified = BTreeMap::from([contract, ecdsa(1), ecdsa(2), ecdsa(3)]);
        let chosen = choose(&config, Lane::ZERO, &verified);
        assert_eq!(chosen, BTreeMap::from([ecdsa(1), ecdsa(2)]));
    }

    #[test]
    fn a_partys_lane_of_an_escrow_takes_its_signature_alone() {
        let policy = canonical::ESCROW_POLICY.address;
        let owners = (0..3).map(|number| key(number).address()).collect();
        let config = Config::new(1, owners, policy, Bytes::new()).unwrap();
        let verified: BTreeMap<_, _> =
            (0..3).map(|number| (key(number).address(), OwnerSignature::Approved)).collect();
        let lane = |number: u64| number.to_string().parse::<Lane>().unwrap();
        for party in 0..3 {
            let chosen = choose(&config, lane(party + 1), &verified);
            assert_eq!(chosen.into_keys().collect::<Vec<_>>(), [key(party).address()]);
        }
        for number in [0, 4] {
            assert_eq!(choose(&config, lane(number), &verified), verified);
        }
    }

    proptest! {
        #[test]
        fn bytes_from_anywhere_do_not_panic(packed: Vec<u8>) {
            let _ = unpack(&config(1, 3), &B256::ZERO, &packed);
        }
    }
}
