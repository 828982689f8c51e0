//! The file that gathers signatures.

mod part;

pub use part::Part;

use crate::{
    Action, Config, DocumentError, Nonce, OwnerSignature, Request, creation,
    document::{self, VERSION, check_range},
    json,
    signature::SignatureError,
};
use alloy::primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

const KIND: &str = "proposal";

/// The longest note, in bytes.
pub const MAX_NOTE: usize = 2_048;

/// How many signatures of one owner are kept, where it cannot be told offline which of them is valid.
const MAX_CANDIDATES: usize = 16;

/// How many signers a file can have: wallets of later epochs may have other owners.
const MAX_SIGNERS: usize = 256;

/// A [`Request`] with the signatures gathered so far, and an unsigned note.
///
/// Every ECDSA signature in it was verified. Whether its signers are owners now, whether contracts agree, and
/// whether approvals were given, only a chain can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    request: Request,
    digest: B256,
    note: Option<String>,
    origin: Option<Origin>,
    run: Option<RunTag>,
    signatures: BTreeMap<Address, BTreeSet<OwnerSignature>>,
    parts: BTreeSet<Part>,
}

/// The payout run that a proposal says it is of. Nobody signs it: it is worth something only if the nonce is the batch's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunTag {
    /// The name of the run.
    pub name: String,
    /// The batch, from 0.
    #[serde(with = "json::integer")]
    pub batch: u64,
    /// keccak256 of the plan's file.
    pub plan_hash: B256,
}

/// How many bytes the name of a run can have.
const LONGEST_RUN: usize = 64;

/// What the wallet was made of, which proves its address offline and lets anyone create it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The configuration it is created with.
    pub config: Config,
    /// What tells it apart from other wallets of this configuration.
    pub salt: B256,
}

/// Why two proposals cannot become one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CombineError {
    /// They ask for different things.
    #[error("the files are of different proposals: digest {left} and digest {right}")]
    OtherDigest {
        /// The digest of the one.
        left: B256,
        /// The digest of the other.
        right: B256,
    },
    /// Together they have more than is kept.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Json {
    kind: String,
    #[serde(with = "json::integer")]
    version: u64,
    #[serde(with = "json::integer")]
    chain_id: u64,
    #[serde(with = "json::account")]
    wallet: Address,
    #[serde(with = "json::integer")]
    epoch: u32,
    action: Action,
    nonce: Nonce,
    #[serde(with = "json::integer")]
    deadline: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<Config>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<B256>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<RunTag>,
    signatures: Vec<Signed>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Part>,
}

// Flattening would let unknown fields pass, so the fields of a signature stand here once more.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    #[serde(with = "json::account")]
    owner: Address,
    #[serde(flatten)]
    signature: OwnerSignature,
}

impl Proposal {
    /// A proposal that nobody signed yet.
    ///
    /// # Errors
    ///
    /// If a number is out of range, the note too long, or `origin` makes another wallet.
    pub fn new(
        request: Request,
        note: Option<String>,
        origin: Option<Origin>,
    ) -> Result<Self, DocumentError> {
        check_range("chainId", request.chain_id, 1)?;
        check_range("deadline", request.deadline, 0)?;
        let length = note.as_ref().map_or(0, String::len);
        if length > MAX_NOTE {
            return Err(DocumentError::TooMany {
                what: "bytes of note",
                count: length,
                most: MAX_NOTE,
            });
        }
        if let Some(Origin { config, salt }) = &origin {
            let (named, computed) = (request.wallet, creation::wallet_address(config, *salt)?);
            if named != computed {
                return Err(DocumentError::OtherWallet { named, computed });
            }
        }
        let digest = request.digest();
        let (signatures, parts) = (BTreeMap::new(), BTreeSet::new());
        Ok(Self { request, digest, note, origin, run: None, signatures, parts })
    }

    /// What is asked for.
    pub const fn request(&self) -> &Request {
        &self.request
    }

    /// What owners sign: computed, never read.
    pub const fn digest(&self) -> B256 {
        self.digest
    }

    /// What the proposer wrote. Nobody signed it.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The payout run that it says it is of. Nobody signed it.
    pub const fn run(&self) -> Option<&RunTag> {
        self.run.as_ref()
    }

    /// The same, said to be of a payout run.
    #[must_use]
    pub fn with_run(self, run: RunTag) -> Self {
        Self { run: Some(run), ..self }
    }

    /// What the wallet was made of, if the file tells.
    pub const fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// The configuration that decides who may sign, if the file alone proves it: until the first
    /// reconfiguration it is the one that the wallet's address commits to.
    pub fn proven_config(&self) -> Option<&Config> {
        let origin = self.origin.as_ref()?;
        (self.request.epoch == 0).then_some(&origin.config)
    }

    /// Who signed, and how. An owner that did not sign with a key may have several candidates.
    pub const fn signatures(&self) -> &BTreeMap<Address, BTreeSet<OwnerSignature>> {
        &self.signatures
    }

    /// What was signed for wallets that are owners, and has yet to become their signatures.
    pub const fn parts(&self) -> &BTreeSet<Part> {
        &self.parts
    }

    /// Adds a part; says whether it is new. Nothing of it is verified but its form.
    ///
    /// # Errors
    ///
    /// If its wallets cannot own each other, the file proves that the first one is no owner, or there are too many.
    pub fn add_part(&mut self, part: Part) -> Result<bool, DocumentError> {
        part.check(self.request.wallet)?;
        let account = part.path[0];
        if self.proven_config().is_some_and(|config| config.index_of(account).is_none()) {
            return Err(DocumentError::NotOwner { account });
        }
        let (count, most) = (self.parts.len() + 1, part::MAX_PARTS);
        if !self.parts.contains(&part) && count > most {
            return Err(DocumentError::TooMany { what: "parts", count, most });
        }
        Ok(self.parts.insert(part))
    }

    /// Adds a signature. One by a key makes other signatures of the same owner superfluous; adding one
    /// again changes nothing. Says whether anything changed.
    ///
    /// # Errors
    ///
    /// If the signature is not by `owner` over this digest, if the file proves that `owner` is none, or if
    /// there are too many.
    pub fn add(
        &mut self,
        owner: Address,
        signature: OwnerSignature,
    ) -> Result<bool, DocumentError> {
        if let OwnerSignature::Ecdsa(ecdsa) = &signature {
            ecdsa
                .verify(owner, &self.digest)
                .map_err(|source| DocumentError::Signature { owner, source })?;
        }
        if self.proven_config().is_some_and(|config| config.index_of(owner).is_none()) {
            return Err(DocumentError::NotOwner { account: owner });
        }
        let others = self.signatures.len();
        if !self.signatures.contains_key(&owner) && others >= MAX_SIGNERS {
            let (count, most) = (others + 1, MAX_SIGNERS);
            return Err(DocumentError::TooMany { what: "signers", count, most });
        }
        let mut candidates = self.signatures.get(&owner).cloned().unwrap_or_default();
        candidates.insert(signature);
        // All signatures by the key say the same: the least of them makes the choice independent of the order.
        let by_key = candidates.iter().find(|s| matches!(s, OwnerSignature::Ecdsa(_))).cloned();
        if let Some(by_key) = by_key {
            candidates = BTreeSet::from([by_key]);
        }
        let (count, most) = (candidates.len(), MAX_CANDIDATES);
        if count > most {
            let what = "signatures of one owner";
            return Err(DocumentError::TooMany { what, count, most });
        }
        let changed = self.signatures.get(&owner) != Some(&candidates);
        self.signatures.insert(owner, candidates);
        Ok(changed)
    }

    /// This proposal with the signatures of `other` too. The order of combining does not matter, nor
    /// how often; no valid signature is lost. Of two notes, or runs, the one that sorts first stays.
    ///
    /// # Errors
    ///
    /// If `other` asks for something else, or there are too many signatures.
    pub fn combine(&self, other: &Self) -> Result<Self, CombineError> {
        if self.digest != other.digest {
            return Err(CombineError::OtherDigest { left: self.digest, right: other.digest });
        }
        let note = [&self.note, &other.note].into_iter().flatten().min().cloned();
        let origin = self.origin.as_ref().or(other.origin.as_ref()).cloned();
        let mut both = Self::new(self.request.clone(), note, origin)?;
        both.run = [&self.run, &other.run].into_iter().flatten().min().cloned();
        for (&owner, candidates) in self.signatures.iter().chain(&other.signatures) {
            for signature in candidates {
                both.add(owner, signature.clone())?;
            }
        }
        for part in self.parts.union(&other.parts) {
            both.add_part(part.clone())?;
        }
        Ok(both)
    }

    /// Reads a file and verifies what can be verified without a chain.
    ///
    /// # Errors
    ///
    /// If it is no proposal file of this version, was cut, or contradicts itself.
    pub fn from_json(json: &[u8]) -> Result<Self, DocumentError> {
        let file: Json = document::read(KIND, json)?;
        let origin = match (file.config, file.salt) {
            (Some(config), Some(salt)) => Some(Origin { config, salt }),
            (None, None) => None,
            _ => return Err(DocumentError::OriginIncomplete),
        };
        let request = Request {
            chain_id: file.chain_id,
            wallet: file.wallet,
            epoch: file.epoch,
            action: file.action,
            nonce: file.nonce,
            deadline: file.deadline,
        };
        let mut proposal = Self::new(request, file.note, origin)?;
        if let Some(run) = &file.run {
            let (count, most) = (run.name.len(), LONGEST_RUN);
            if count > most {
                let what = "bytes of the name of a run";
                return Err(DocumentError::TooMany { what, count, most });
            }
            check_range("batch", run.batch, 0)?;
        }
        proposal.run = file.run;
        for Signed { owner, signature } in file.signatures {
            proposal.add(owner, signature)?;
        }
        for part in file.parts {
            proposal.add_part(part)?;
        }
        Ok(proposal)
    }

    /// Writes the file. The same proposal gives the same bytes.
    pub fn to_json(&self) -> String {
        let Request { chain_id, wallet, epoch, action, nonce, deadline } = self.request.clone();
        let (config, salt) = self.origin.clone().map(|o| (o.config, o.salt)).unzip();
        let signed = |(&owner, candidates): (&Address, &BTreeSet<OwnerSignature>)| {
            let signed =
                |signature: &OwnerSignature| Signed { owner, signature: signature.clone() };
            candidates.iter().map(signed).collect::<Vec<_>>()
        };
        let json = Json {
            kind: KIND.to_owned(),
            version: VERSION,
            chain_id,
            wallet,
            epoch,
            action,
            nonce,
            deadline,
            note: self.note.clone(),
            config,
            salt,
            run: self.run.clone(),
            signatures: self.signatures.iter().flat_map(signed).collect(),
            parts: self.parts.iter().cloned().collect(),
        };
        let text = serde_json::to_string_pretty(&json).expect("every field has a form in JSON");
        text + "\n"
    }

    /// Checks that `owner` handed in a signature over this digest, and adds it.
    ///
    /// # Errors
    ///
    /// As [`Self::add`], and if the bytes are no signature.
    pub fn add_bytes(
        &mut self,
        owner: Address,
        bytes: &alloy::primitives::Bytes,
    ) -> Result<bool, DocumentError> {
        let signature = OwnerSignature::of(owner, &self.digest, bytes)
            .map_err(|source: SignatureError| DocumentError::Signature { owner, source })?;
        self.add(owner, signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        schema,
        testing::{self, key, sign},
    };
    use alloy::primitives::Bytes;
    use proptest::prelude::*;

    fn proposal() -> Proposal {
        let config = testing::two_of_three();
        let wallet = creation::wallet_address(&config, B256::ZERO).unwrap();
        let request = Request {
            chain_id: 31_337,
            wallet,
            epoch: 0,
            action: Action::Cancel {},
            nonce: Nonce::default(),
            deadline: 4_000_000_000,
        };
        Proposal::new(request, None, Some(Origin { config, salt: B256::ZERO })).unwrap()
    }

    fn signed_by(numbers: &[u64]) -> Proposal {
        let mut proposal = proposal();
        for &number in numbers {
            let signature = sign(number, &proposal.digest());
            proposal.add(key(number).address(), OwnerSignature::Ecdsa(signature)).unwrap();
        }
        proposal
    }

    #[test]
    fn an_edited_file_is_refused() {
        let json = signed_by(&[0]).to_json().replace("4000000000", "4000000001");
        let error = Proposal::from_json(json.as_bytes()).unwrap_err();
        assert!(matches!(error, DocumentError::Signature { .. }), "{error}");
        assert!(error.is_contradiction());
    }

    #[test]
    fn a_cut_file_is_refused_wherever_it_is_cut() {
        let json = signed_by(&[0, 1]).to_json();
        for length in 0..json.trim_end().len() {
            let error = Proposal::from_json(&json.as_bytes()[..length]).unwrap_err();
            assert!(matches!(error, DocumentError::Truncated { .. }), "{length}: {error}");
        }
    }

    #[test]
    fn files_of_another_kind_version_or_form_are_refused() {
        let json = proposal().to_json();
        let read = |from: &str, to: &str| {
            assert!(json.contains(from), "{from}");
            Proposal::from_json(json.replace(from, to).as_bytes()).unwrap_err().to_string()
        };
        assert!(read("\"version\": 1", "\"version\": 2").contains("version 2"));
        assert!(read("\"proposal\"", "\"wallet\"").starts_with("a \"wallet\" file"));
        assert!(read("\"epoch\": 0", "\"epoch\": 0, \"digest\": \"0x\"").contains("unknown field"));
        assert!(read("\"epoch\": 0", "\"epoch\": -1").contains("invalid value"));
        assert!(read("\"epoch\": 0", "\"epoch\": 0, \"epoch\": 0").contains("duplicate field"));
        assert!(read("\"chainId\": 31337", "\"chainId\": 0").contains("chainId is 0"));
        assert!(read("\"nonce\": \"0\"", "\"nonce\": 0").contains("invalid type"));
        assert!(read("\"nonce\": \"0\"", "\"nonce\": \"0x0\"").contains("not a decimal number"));
        assert!(read("\"type\": \"cancel\"", "\"type\": \"cancel\", \"x\": 1").contains("unknown"));
        let incomplete = json.split("\"salt\"").collect::<Vec<_>>();
        assert_eq!(incomplete.len(), 2);
    }

    #[test]
    fn a_stranger_is_refused_where_the_file_proves_the_owners() {
        let mut proposal = proposal();
        let signature = OwnerSignature::Ecdsa(sign(9, &proposal.digest()));
        let account = key(9).address();
        assert_eq!(proposal.add(account, signature), Err(DocumentError::NotOwner { account }));
        assert_eq!(proposal, self::proposal());
    }

    #[test]
    fn a_signature_over_something_else_is_refused() {
        let mut proposal = proposal();
        let signature = OwnerSignature::Ecdsa(sign(0, &B256::ZERO));
        let error = proposal.add(key(0).address(), signature).unwrap_err();
        assert!(matches!(error, DocumentError::Signature { .. }));
        assert_eq!(proposal, self::proposal());
    }

    #[test]
    fn a_contracts_signature_is_not_displaced_by_another_candidate() {
        let owner = key(0).address();
        let mut proposal = proposal();
        let candidates = [&b"valid"[..], b"aaaa"].map(Bytes::from);
        for bytes in &candidates {
            assert_eq!(proposal.add_bytes(owner, bytes), Ok(true));
        }
        assert_eq!(proposal.signatures()[&owner].len(), 2);
        // A signature by the key needs no chain to be believed.
        let by_key = sign(0, &proposal.digest()).to_bytes().into();
        assert_eq!(proposal.add_bytes(owner, &by_key), Ok(true));
        assert_eq!(proposal.add_bytes(owner, &candidates[0]), Ok(false));
        assert_eq!(proposal.signatures()[&owner].len(), 1);
    }

    #[test]
    fn different_proposals_do_not_combine() {
        let mut other = proposal();
        other.request.deadline += 1;
        let other = Proposal::new(other.request, None, None).unwrap();
        let error = proposal().combine(&other).unwrap_err();
        assert!(matches!(error, CombineError::OtherDigest { .. }));
    }

    /// Proposals of one request that hold any signatures by its owners.
    fn gathered() -> impl Strategy<Value = Proposal> {
        let signature = (0_u64..3, 0_u8..4).prop_map(|(number, kind)| {
            let owner = key(number).address();
            let signature = match kind {
                0 => OwnerSignature::Approved,
                1 => OwnerSignature::Contract(Bytes::from_static(b"one")),
                2 => OwnerSignature::Contract(Bytes::from_static(b"two")),
                _ => OwnerSignature::Ecdsa(sign(number, &proposal().digest())),
            };
            (owner, signature)
        });
        let note = proptest::option::of("[a-c]{0,2}");
        (note, any::<bool>(), proptest::collection::vec(signature, 0..6)).prop_map(
            |(note, with_origin, signatures)| {
                let Proposal { request, origin, .. } = proposal();
                let origin = origin.filter(|_| with_origin);
                let mut proposal = Proposal::new(request, note, origin).unwrap();
                for (owner, signature) in signatures {
                    proposal.add(owner, signature).unwrap();
                }
                proposal
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(request in testing::request(), note in proptest::option::of(".{0,40}")) {
            let mut proposal = Proposal::new(request, note, None).unwrap();
            for number in 0..3 {
                let signature = sign(number, &proposal.digest());
                proposal.add(key(number).address(), OwnerSignature::Ecdsa(signature)).unwrap();
            }
            let json = proposal.to_json();
            prop_assert_eq!(Proposal::from_json(json.as_bytes()), Ok(proposal));
            testing::assert_valid(schema::PROPOSAL, &json);
        }

        #[test]
        fn combining_is_commutative_idempotent_and_associative(
            a in gathered(), b in gathered(), c in gathered()
        ) {
            let ab = a.combine(&b).unwrap();
            prop_assert_eq!(&ab, &b.combine(&a).unwrap());
            prop_assert_eq!(&ab, &ab.combine(&a).unwrap());
            prop_assert_eq!(&a, &a.combine(&a).unwrap());
            prop_assert_eq!(
                ab.combine(&c).unwrap(),
                a.combine(&b.combine(&c).unwrap()).unwrap()
            );
        }

        /// A signature by a key replaces what only a chain could verify; nothing else is dropped.
        #[test]
        fn combining_keeps_every_valid_signature(a in gathered(), b in gathered()) {
            let both = a.combine(&b).unwrap();
            for (owner, candidates) in a.signatures().iter().chain(b.signatures()) {
                let kept = &both.signatures()[owner];
                let by_key = kept.iter().any(|s| matches!(s, OwnerSignature::Ecdsa(_)));
                prop_assert!(by_key || candidates.is_subset(kept));
                prop_assert!(both.signatures().len() >= a.signatures().len());
            }
        }

        #[test]
        fn bytes_from_anywhere_do_not_panic(json: Vec<u8>) {
            let _ = Proposal::from_json(&json);
        }
    }
}
