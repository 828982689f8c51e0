//! Whether an owner's signature holds: by its key at once, else by asking the chain.

use super::{
    desk::Desk,
    error::{InvalidSignature, RouteError},
};
use alloy::primitives::{Address, B256, Bytes};
use quorate_chain::{Refusal, Verdict};
use quorate_core::{OwnerSignature, Request};

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

/// Asks the chain whether a signature holds, if that has to be asked: in the form in which the wallet takes it.
///
/// # Errors
///
/// If it does not, with the reason; or if the chain does not answer.
pub(crate) async fn confirm(
    desk: &Desk,
    request: &Request,
    owner: Address,
    signature: OwnerSignature,
) -> Result<OwnerSignature, RouteError> {
    if let OwnerSignature::Ecdsa(_) = signature {
        return Ok(signature);
    }
    told(owner, desk.judge(request, owner, &signature).await?)
}

/// As [`confirm`], of a digest that a wallet vouches for and that is no request's.
///
/// # Errors
///
/// As [`confirm`].
pub(crate) async fn confirm_digest(
    desk: &Desk,
    (wallet, digest): (Address, B256),
    owner: Address,
    signature: OwnerSignature,
) -> Result<OwnerSignature, RouteError> {
    if let OwnerSignature::Ecdsa(_) = signature {
        return Ok(signature);
    }
    told(owner, desk.judge_digest((wallet, digest), owner, &signature.to_bytes()).await?)
}

fn told(owner: Address, verdict: Verdict) -> Result<OwnerSignature, RouteError> {
    match verdict {
        Ok(signature) => Ok(signature),
        Err(Refusal::NotApproved) => Err(RouteError::NotApproved { owner }),
        Err(refusal) => Err(InvalidSignature::Refused { owner, refusal }.into()),
    }
}

/// Whether a signature that is kept holds no more.
///
/// # Errors
///
/// If the chain does not answer.
pub(crate) async fn is_void(
    desk: &Desk,
    request: &Request,
    owner: Address,
    signature: OwnerSignature,
) -> Result<bool, RouteError> {
    match confirm(desk, request, owner, signature).await {
        Ok(_) => Ok(false),
        Err(RouteError::InvalidSignature(_) | RouteError::NotApproved { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}
