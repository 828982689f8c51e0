//! Whether an owner's signature holds: by its key at once, else by asking the chain.

use super::{
    desk::Desk,
    error::{InvalidSignature, RouteError},
};
use alloy::primitives::{Address, B256, Bytes};
use quorate_core::{OwnerSignature, signature::EcdsaSignature};

/// Reads what an owner handed in. By a key it holds then; else the chain has to be asked.
///
/// # Errors
///
/// If it cannot be a signature.
pub(crate) fn read(
    owner: Address,
    digest: &B256,
    bytes: &Bytes,
) -> Result<OwnerSignature, RouteError> {
    let read = OwnerSignature::of(owner, digest, bytes);
    read.map_err(|error| InvalidSignature::Bytes(error).into())
}

/// Asks the chain whether a signature holds, if that has to be asked.
///
/// # Errors
///
/// If it does not, with the reason; or if the chain does not answer.
pub(crate) async fn confirm(
    desk: &Desk,
    wallet: Address,
    digest: B256,
    owner: Address,
    signature: &OwnerSignature,
) -> Result<(), RouteError> {
    match signature {
        OwnerSignature::Ecdsa(_) => Ok(()),
        OwnerSignature::Contract(bytes) => {
            if desk.contract_accepts(wallet, owner, digest, bytes).await? {
                return Ok(());
            }
            Err(refusal(owner, &digest, bytes).into())
        }
        OwnerSignature::Approved => {
            if desk.approved(wallet, digest, owner).await? {
                return Ok(());
            }
            Err(RouteError::NotApproved { owner })
        }
    }
}

/// Whether a signature that is kept holds no more.
///
/// # Errors
///
/// If the chain does not answer.
pub(crate) async fn is_void(
    desk: &Desk,
    wallet: Address,
    digest: B256,
    owner: Address,
    signature: &OwnerSignature,
) -> Result<bool, RouteError> {
    match confirm(desk, wallet, digest, owner, signature).await {
        Ok(()) => Ok(false),
        Err(RouteError::InvalidSignature(_) | RouteError::NotApproved { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Why a signature that nobody's contract accepts is none. Bytes as long as a key's signature were likely meant as one.
fn refusal(owner: Address, digest: &B256, bytes: &Bytes) -> InvalidSignature {
    let by_key = EcdsaSignature::from_bytes(bytes).and_then(|read| read.verify(owner, digest));
    match by_key {
        Err(error) if matches!(bytes.len(), 64 | 65) => InvalidSignature::Bytes(error),
        _ => InvalidSignature::ContractRefuses { owner },
    }
}
