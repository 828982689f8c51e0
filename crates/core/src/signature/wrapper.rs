//! What wallets' programs put around a signature so that it can be verified before its account has code.

use super::SignatureError;
use alloy::{
    primitives::{Address, B256, Bytes, U256, b256},
    sol_types::SolValue,
};

/// How a wrapped signature of an account that is not deployed yet ends (ERC-6492).
const NOT_DEPLOYED: B256 =
    b256!("6492649264926492649264926492649264926492649264926492649264926492");

/// How a wrapped signature of an account that does not delegate yet ends (ERC-8010).
const NOT_DELEGATED: B256 =
    b256!("8010801080108010801080108010801080108010801080108010801080108010");

/// The authorization in a wrapper of ERC-8010, whom it is to be told, and what.
type Delegation = ((U256, Address, U256, U256, U256, U256), Address, Bytes);

/// What was around a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapper {
    /// How the account is deployed (ERC-6492).
    Deployment,
    /// How the account is made to delegate (ERC-8010, EIP-7702).
    Delegation {
        /// The chain that the authorization is for (EIP-155); 0 is every chain.
        chain_id: U256,
    },
}

/// A signature without what was around it, and what that was.
///
/// Wrappers are of use only to those who ask an account before it has code. A wallet asks the account itself, and most
/// accounts refuse the wrapped bytes.
///
/// # Errors
///
/// If the end says that it is a wrapper, and it cannot be read, or what is inside is one again or empty.
pub fn unwrap(bytes: &Bytes) -> Result<(Bytes, Option<Wrapper>), SignatureError> {
    let Some((inner, wrapper)) = open(bytes)? else { return Ok((bytes.clone(), None)) };
    if ends_as_wrapper(&inner) {
        return Err(SignatureError::WrappedTwice);
    }
    if inner.is_empty() {
        return Err(SignatureError::Wrapper { standard: wrapper.standard(), reason: "is empty" });
    }
    Ok((inner, Some(wrapper)))
}

fn ends_as_wrapper(bytes: &[u8]) -> bool {
    bytes.ends_with(&NOT_DEPLOYED[..]) || bytes.ends_with(&NOT_DELEGATED[..])
}

fn open(bytes: &[u8]) -> Result<Option<(Bytes, Wrapper)>, SignatureError> {
    let reason = "cannot be read: it was cut or changed";
    if let Some(body) = bytes.strip_suffix(&NOT_DEPLOYED[..]) {
        let failed = SignatureError::Wrapper { standard: "ERC-6492", reason };
        let (_, _, inner) =
            <(Address, Bytes, Bytes)>::abi_decode_params(body).map_err(|_| failed)?;
        return Ok(Some((inner, Wrapper::Deployment)));
    }
    let Some(body) = bytes.strip_suffix(&NOT_DELEGATED[..]) else { return Ok(None) };
    let failed = || SignatureError::Wrapper { standard: "ERC-8010", reason };
    let (body, length) = body.split_last_chunk::<32>().ok_or_else(failed)?;
    let length = usize::try_from(U256::from_be_bytes(*length)).map_err(|_| failed())?;
    let end = body.len().checked_sub(length).ok_or_else(failed)?;
    let (inner, delegation) = body.split_at(end);
    let ((chain_id, ..), ..) = <Delegation>::abi_decode_params(delegation).map_err(|_| failed())?;
    Ok(Some((Bytes::copy_from_slice(inner), Wrapper::Delegation { chain_id })))
}

impl Wrapper {
    /// The standard's name.
    pub const fn standard(self) -> &'static str {
        match self {
            Self::Deployment => "ERC-6492",
            Self::Delegation { .. } => "ERC-8010",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployment(inner: &[u8]) -> Bytes {
        let parts =
            (Address::repeat_byte(7), Bytes::from_static(&[1, 2]), Bytes::copy_from_slice(inner));
        [&parts.abi_encode_params()[..], &NOT_DEPLOYED[..]].concat().into()
    }

    fn delegation(inner: &[u8], chain_id: u64) -> Bytes {
        let one = U256::ONE;
        let authorization = (U256::from(chain_id), Address::repeat_byte(8), one, one, one, one);
        let suffix = (authorization, Address::repeat_byte(9), Bytes::new()).abi_encode_params();
        let length = U256::from(suffix.len()).to_be_bytes::<32>();
        [inner, &suffix[..], &length[..], &NOT_DELEGATED[..]].concat().into()
    }

    /// Case 47.
    #[test]
    fn what_is_inside_a_wrapper_is_taken() {
        let inner = Bytes::from(vec![5; 65]);
        assert_eq!(unwrap(&inner), Ok((inner.clone(), None)));
        let found = unwrap(&deployment(&inner)).unwrap();
        assert_eq!(found, (inner.clone(), Some(Wrapper::Deployment)));
        let chain_id = U256::from(10);
        let found = unwrap(&delegation(&inner, 10)).unwrap();
        assert_eq!(found, (inner, Some(Wrapper::Delegation { chain_id })));
    }

    #[test]
    fn wrappers_within_wrappers_and_broken_ones_are_refused() {
        for twice in [
            deployment(&deployment(&[1])),
            deployment(&delegation(&[1], 1)),
            delegation(&deployment(&[1]), 1),
        ] {
            assert_eq!(unwrap(&twice), Err(SignatureError::WrappedTwice));
        }
        for (broken, standard) in [
            (deployment(&[]), "ERC-6492"),
            (delegation(&[], 1), "ERC-8010"),
            (Bytes::copy_from_slice(&NOT_DEPLOYED[..]), "ERC-6492"),
            (Bytes::copy_from_slice(&NOT_DELEGATED[..]), "ERC-8010"),
            ([&[0xff; 96][..], &NOT_DEPLOYED[..]].concat().into(), "ERC-6492"),
            ([&[0xff; 96][..], &NOT_DELEGATED[..]].concat().into(), "ERC-8010"),
            (deployment(&[1; 70]).slice(32..), "ERC-6492"),
        ] {
            let error = unwrap(&broken).unwrap_err();
            assert!(error.to_string().contains(standard), "{broken}: {error}");
        }
    }
}
