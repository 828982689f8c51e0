//! Signatures by accounts that nest what they are asked about (ERC-7739), as a wallet that owns a wallet does.
//!
//! Whoever signs for such an account signs a struct of it, which holds what the account is asked about; so that a
//! signature for one account is none for another. The account is told what to hash by a tail behind the signature.
//!
//! A wallet that owns the wallet itself nests the action, so that its owners read what they sign. Behind that, owners
//! of owners sign the bytes whose hash the wallet above is asked about (`PersonalSign`): the types of two nestings would
//! have one name.

use crate::{Request, request::Hashes};
use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    sol_types::SolValue,
};
use quorate_bindings::typed;
use serde_json::{Value, json};

/// How many wallets may lead from a key to the wallet that acts.
pub const MAX_DEPTH: usize = 3;

/// What precedes domain separator and struct hash (EIP-712).
const PREFIX: [u8; 2] = [0x19, 0x01];

/// The fields of the struct that nests another, behind that.
const DOMAIN_FIELDS: &str =
    "string name,string version,uint256 chainId,address verifyingContract,bytes32 salt";

const PERSONAL: &str = "PersonalSign(bytes prefixed)";

/// What ends the signature of an account that nests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The separator of the domain that the contents are of.
    pub domain_separator: B256,
    /// The struct hash of the contents.
    pub contents: B256,
    /// The type of the contents: in the implicit form the type string alone, in the explicit one the types in order and
    /// the name of the first.
    pub description: String,
}

impl Tail {
    /// The tail of a signature of a request, in the explicit form, which every account understands.
    pub fn of(request: &Request) -> Self {
        let hashes = request.hashes();
        let description = explicit(&request.type_string());
        let (domain_separator, contents) = (hashes.domain_separator, hashes.struct_hash);
        Self { domain_separator, contents, description }
    }

    /// Finds the tail of a signature; what is before it is the signature itself.
    pub fn find(signature: &[u8]) -> Option<(&[u8], Self)> {
        let (rest, length) = signature.split_last_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (rest, description) = rest.split_at_checked(rest.len().checked_sub(length)?)?;
        let description = std::str::from_utf8(description).ok()?;
        if !description.contains('(') {
            return None;
        }
        let (rest, contents) = rest.split_last_chunk::<32>()?;
        let (rest, domain_separator) = rest.split_last_chunk::<32>()?;
        let tail = Self {
            domain_separator: domain_separator.into(),
            contents: contents.into(),
            description: description.to_owned(),
        };
        Some((rest, tail))
    }

    /// What the account has to be asked about for this tail to fit.
    pub fn digest(&self) -> B256 {
        keccak256(preimage(self.domain_separator, self.contents))
    }

    /// As it stands behind a signature.
    pub fn to_bytes(&self) -> Bytes {
        let description = self.description.as_bytes();
        let length = u16::try_from(description.len()).unwrap_or(u16::MAX).to_be_bytes();
        [&self.domain_separator[..], &self.contents[..], description, &length[..]].concat().into()
    }
}

/// The same signature with an explicit description, if it has our type's implicit one. Some libraries write that whatever
/// the account makes of it.
pub fn with_explicit_description(signature: &[u8], request: &Request) -> Option<Bytes> {
    let (before, tail) = Tail::find(signature)?;
    let hashes = request.hashes();
    let is_ours =
        (tail.domain_separator, tail.contents) == (hashes.domain_separator, hashes.struct_hash);
    if !is_ours || tail.description != request.type_string() {
        return None;
    }
    Some([before, &Tail::of(request).to_bytes()[..]].concat().into())
}

/// The explicit form of a type: all types sorted, and the name of the first.
fn explicit(type_string: &str) -> String {
    let name = type_string.split('(').next().unwrap_or_default();
    let mut types: Vec<_> = type_string.split_inclusive(')').collect();
    types.sort_unstable();
    format!("{}{name}", types.concat())
}

fn preimage(domain_separator: B256, struct_hash: B256) -> [u8; 66] {
    let mut bytes = [0; 66];
    bytes[..2].copy_from_slice(&PREFIX);
    bytes[2..34].copy_from_slice(&domain_separator[..]);
    bytes[34..].copy_from_slice(&struct_hash[..]);
    bytes
}

/// A wallet that signs for another, in its present epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signatory {
    /// The wallet.
    pub wallet: Address,
    /// How often it was reconfigured.
    pub epoch: u32,
}

/// What an owner of a wallet signs so that this signs a request, or signs for one that does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nested {
    preimage: [u8; 66],
    typed_data: Value,
}

impl Nested {
    /// What the owners of the last of these wallets sign. The first owns the wallet of the request, each other one the
    /// wallet before it. Of none it is the request itself.
    ///
    /// Does not check that they own each other, or that they are in those epochs.
    pub fn new(request: &Request, path: &[Signatory]) -> Self {
        let hashes = request.hashes();
        let mut preimage = preimage(hashes.domain_separator, hashes.struct_hash);
        let mut typed_data = request.typed_data();
        for (depth, signatory) in path.iter().enumerate() {
            (preimage, typed_data) = if depth == 0 {
                nest(request, *signatory)
            } else {
                personal(&preimage, request.chain_id, *signatory)
            };
        }
        Self { preimage, typed_data }
    }

    /// The digest that is signed.
    pub fn digest(&self) -> B256 {
        keccak256(self.preimage)
    }

    /// The digest, and the two hashes that it is made of.
    pub fn hashes(&self) -> Hashes {
        let domain_separator = B256::from_slice(&self.preimage[2..34]);
        let struct_hash = B256::from_slice(&self.preimage[34..]);
        Hashes { domain_separator, struct_hash, digest: self.digest() }
    }

    /// As wallets take it to be signed (`eth_signTypedData_v4`).
    pub const fn typed_data(&self) -> &Value {
        &self.typed_data
    }
}

/// The signature of a wallet that owns others, for what is asked of it at this depth of a path, made of the packed
/// signatures of its owners.
pub fn contract_signature(request: &Request, depth: usize, packed: &[u8]) -> Bytes {
    if depth == 0 {
        [packed, &Tail::of(request).to_bytes()[..]].concat().into()
    } else {
        Bytes::copy_from_slice(packed)
    }
}

/// The request in a struct of the wallet, under the domain of the request.
fn nest(request: &Request, signatory: Signatory) -> ([u8; 66], Value) {
    let hashes = request.hashes();
    let type_string = request.type_string();
    let name = type_string.split('(').next().unwrap_or_default();
    let mut types: Vec<_> = type_string.split_inclusive(')').collect();
    types.sort_unstable();
    let own = format!("TypedDataSign({name} contents,{DOMAIN_FIELDS})");
    let type_hash = keccak256(format!("{own}{}", types.concat()));
    let (chain_id, salt) = (U256::from(request.chain_id), U256::from(signatory.epoch));
    let struct_hash = keccak256(
        (
            type_hash,
            hashes.struct_hash,
            keccak256("Quorate"),
            keccak256("1"),
            chain_id,
            signatory.wallet,
            B256::from(salt),
        )
            .abi_encode(),
    );
    let mut typed_data = request.typed_data();
    let contents = typed_data["message"].take();
    let fields = crate::request::types_of(&own).remove("TypedDataSign").unwrap_or_default();
    typed_data["types"]["TypedDataSign"] = fields;
    typed_data["primaryType"] = json!("TypedDataSign");
    typed_data["message"] = json!({
        "contents": contents,
        "name": "Quorate",
        "version": "1",
        "chainId": request.chain_id.to_string(),
        "verifyingContract": signatory.wallet.to_checksum(None),
        "salt": B256::from(salt),
    });
    (preimage(hashes.domain_separator, struct_hash), typed_data)
}

/// The bytes whose hash the wallet is asked about, in a struct under its own domain.
fn personal(above: &[u8; 66], chain_id: u64, signatory: Signatory) -> ([u8; 66], Value) {
    let domain = typed::domain(chain_id, signatory.wallet, U256::from(signatory.epoch));
    let struct_hash = keccak256((keccak256(PERSONAL), keccak256(above)).abi_encode());
    let mut types = crate::request::types_of(&domain.encode_type());
    types.extend(crate::request::types_of(PERSONAL));
    let typed_data = json!({
        "types": types,
        "primaryType": "PersonalSign",
        "domain": {
            "name": "Quorate",
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": signatory.wallet.to_checksum(None),
            "salt": B256::from(U256::from(signatory.epoch)),
        },
        "message": { "prefixed": Bytes::copy_from_slice(above) },
    });
    (preimage(domain.separator(), struct_hash), typed_data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use alloy::dyn_abi::TypedData;
    use proptest::prelude::*;

    fn path(depth: usize) -> Vec<Signatory> {
        let wallet =
            |number: u8| Signatory { wallet: Address::repeat_byte(number), epoch: number.into() };
        (1..=3).map(wallet).take(depth).collect()
    }

    #[test]
    fn the_explicit_form_names_the_types_in_order_and_the_first_again() {
        assert_eq!(
            explicit("Execute(Call[] c)Call(address to)"),
            "Call(address to)Execute(Call[] c)Execute"
        );
        assert_eq!(explicit("Cancel(uint64 s)"), "Cancel(uint64 s)Cancel");
    }

    proptest! {
        /// What keys and devices are given leads them to the digest that the wallets hash.
        #[test]
        fn typed_data_has_the_digest_at_every_depth(request in testing::request(), depth in 0_usize..=3) {
            let nested = Nested::new(&request, &path(depth));
            let typed: TypedData = serde_json::from_value(nested.typed_data().clone()).unwrap();
            prop_assert_eq!(typed.eip712_signing_hash().unwrap(), nested.digest());
        }

        #[test]
        fn a_tail_is_found_again(request in testing::request(), before in prop::collection::vec(any::<u8>(), 0..200)) {
            let tail = Tail::of(&request);
            prop_assert_eq!(tail.digest(), request.digest());
            let signature = [&before[..], &tail.to_bytes()[..]].concat();
            prop_assert_eq!(Tail::find(&signature), Some((&before[..], tail)));
        }

        /// Case 49: a description of the implicit form is exchanged, of this request alone.
        #[test]
        fn an_implicit_description_is_made_explicit(request in testing::request(), other in testing::request()) {
            let implicit = Tail { description: request.type_string(), ..Tail::of(&request) };
            let signature = [&[7; 65][..], &implicit.to_bytes()[..]].concat();
            let repaired = with_explicit_description(&signature, &request).unwrap();
            prop_assert_eq!(&repaired[..], &[&[7; 65][..], &Tail::of(&request).to_bytes()[..]].concat()[..]);
            prop_assert_eq!(with_explicit_description(&repaired, &request), None);
            if other != request {
                prop_assert_eq!(with_explicit_description(&signature, &other), None);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Tail::find(&bytes);
        }
    }
}
