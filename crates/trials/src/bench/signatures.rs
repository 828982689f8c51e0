//! A digest from raw fields and its owners' signatures, next to the curve arithmetic alone.

use super::{Bound, Measure, Options, Results};
use crate::world::{Wallet, payee};
use alloy::{
    primitives::{Address, B256, U256},
    signers::{
        SignerSync,
        k256::ecdsa::{RecoveryId, Signature, VerifyingKey},
    },
};
use eyre::Result;
use quorate_core::{Action, Lane, Nonce, Request, action::Transfer, signature::EcdsaSignature};
use quorate_lab::owners::owner;
use std::hint::black_box;
use tokio::time::Instant;

pub(super) const MEASURE: Measure = Measure {
    name: "digest and 5 of 9 owners",
    unit: "1/s",
    against: "5 bare recoveries",
    bound: Bound::AtLeast(0.9),
};

/// How many requests, each with another digest.
const REQUESTS: u64 = 200;

/// How many of the nine owners sign.
const SIGNERS: u64 = 5;

/// How often both sides go through all requests.
const ROUNDS: usize = 7;

struct Signed {
    request: Request,
    digest: B256,
    owners: Vec<(Address, EcdsaSignature)>,
    bare: Vec<(Signature, RecoveryId)>,
}

pub(super) fn measure(options: &Options, results: &mut Results) -> Result<()> {
    let signed = (0..REQUESTS).map(Signed::numbered).collect::<Result<Vec<_>>>()?;
    let rounds = if options.quick { 2 } else { ROUNDS };
    let (mut ours, mut bare) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..rounds {
        ours = ours.min(timed(&signed, Signed::check)?);
        bare = bare.min(timed(&signed, Signed::recover)?);
    }
    results.add(MEASURE, REQUESTS as f64 / ours, REQUESTS as f64 / bare);
    Ok(())
}

/// The seconds that all of these take.
fn timed(signed: &[Signed], work: impl Fn(&Signed) -> Result<()>) -> Result<f64> {
    let begun = Instant::now();
    signed.iter().try_for_each(work)?;
    Ok(begun.elapsed().as_secs_f64())
}

impl Signed {
    /// One of ten ether payments, signed by every second of nine owners.
    fn numbered(number: u64) -> Result<Self> {
        let transfers = (0..10).map(|place| Transfer { to: payee(place), amount: U256::from(1) });
        let request = Request {
            chain_id: 1,
            wallet: Wallet::numbered(number)?.address,
            epoch: 0,
            action: Action::Payout { token: Address::ZERO, transfers: transfers.collect() },
            nonce: Nonce::new(Lane::ZERO, number),
            deadline: 2_000_000_000,
        };
        let digest = request.digest();
        let (mut owners, mut bare) = (Vec::new(), Vec::new());
        for key in (0..SIGNERS).map(|index| owner(2 * index)) {
            let signature = key.sign_hash_sync(&digest)?;
            owners.push((key.address(), EcdsaSignature::from_bytes(&signature.as_bytes())?));
            bare.push((signature.to_k256()?, RecoveryId::new(signature.v(), false)));
        }
        Ok(Self { request, digest, owners, bare })
    }

    /// Ours: the digest from the fields, and each signature by the owner who gave it.
    fn check(&self) -> Result<()> {
        let digest = black_box(&self.request).digest();
        for (owner, signature) in black_box(&self.owners) {
            signature.verify(*owner, &digest)?;
        }
        Ok(())
    }

    /// The peer: from signatures and digests that are at hand to public keys, and nothing else.
    fn recover(&self) -> Result<()> {
        for (signature, parity) in black_box(&self.bare) {
            let digest = black_box(&self.digest);
            black_box(VerifyingKey::recover_from_prehash(&digest[..], signature, *parity)?);
        }
        Ok(())
    }
}
