//! The file that the three parties pass round.

use super::{
    acceptance::{Acceptance, AcceptanceError, Offer, Written, terms_hash},
    model::Agreement,
    party::Role,
};
use alloy::primitives::{Address, B256, Bytes, U256};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use quorate_core::{
    Config, DocumentError, OwnerSignature, WalletFile, creation,
    document::{self, VERSION, check_range},
    json,
    proposal::Origin,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// The word for the file.
pub const KIND: &str = "escrow";

/// The longest terms, in bytes: 1 MiB.
pub const MAX_TERMS: usize = 1 << 20;

/// How many acceptances of one party are kept, where it cannot be told offline which of them is valid.
const MAX_CANDIDATES: usize = 16;

/// What was agreed, and who accepted: config and salt, which make the wallet; chain, token and amount; the very bytes of the
/// terms.
///
/// What is in it fits together: the address, the terms' hash in the policy data, every acceptance by a key. Whether contracts
/// accepted, only a chain can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EscrowFile {
    chain_id: u64,
    config: Config,
    salt: B256,
    token: Address,
    amount: U256,
    terms: Bytes,
    agreement: Agreement,
    acceptances: BTreeMap<Role, BTreeSet<Acceptance>>,
}

/// Why a file is not that of an escrow.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EscrowFileError {
    /// As of every file.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A wallet, but no escrow.
    #[error(
        "its configuration is not that of an escrow: three owners, threshold 1, the escrow policy"
    )]
    NotEscrow,
    /// Terms, token or amount that the wallet does not commit to.
    #[error(
        "the wallet commits to the terms {committed}, and token, amount and terms in the file make {computed}: one of them was changed"
    )]
    OtherTerms {
        /// In the policy data.
        committed: B256,
        /// Computed.
        computed: B256,
    },
    /// Nothing to hold.
    #[error("the amount is 0: there is nothing to hold")]
    NoAmount,
    /// An acceptance that is none.
    #[error(transparent)]
    Acceptance(#[from] AcceptanceError),
    /// Two files of different escrows.
    #[error("the files differ in {what}: they are not of one escrow")]
    Differs {
        /// In what.
        what: &'static str,
    },
}

impl EscrowFileError {
    /// Whether two things contradict each other, which no honest program writes.
    pub const fn is_contradiction(&self) -> bool {
        match self {
            Self::Document(error) => error.is_contradiction(),
            Self::OtherTerms { .. } | Self::Acceptance(_) | Self::Differs { .. } => true,
            Self::NotEscrow | Self::NoAmount => false,
        }
    }
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
    config: Config,
    salt: B256,
    #[serde(with = "json::account")]
    token: Address,
    #[serde(with = "json::decimal")]
    amount: U256,
    terms: String,
    acceptances: Vec<Written>,
}

/// What an escrow is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// The wallet's configuration.
    pub config: Config,
    /// What tells it apart from others of this configuration.
    pub salt: B256,
    /// What is held; zero is ether.
    pub token: Address,
    /// How much, in wei or smallest units.
    pub amount: U256,
    /// The agreement in words: the very bytes.
    pub terms: Bytes,
}

impl EscrowFile {
    /// The file of an escrow that nobody accepted yet.
    ///
    /// # Errors
    ///
    /// If the configuration is not that of an escrow of just these terms, token and amount.
    pub fn new(parts: Parts) -> Result<Self, EscrowFileError> {
        let Parts { chain_id, config, salt, token, amount, terms } = parts;
        check_range("chainId", chain_id, 1)?;
        if terms.len() > MAX_TERMS {
            let (what, count, most) = ("bytes of terms", terms.len(), MAX_TERMS);
            return Err(DocumentError::TooMany { what, count, most }.into());
        }
        if amount.is_zero() {
            return Err(EscrowFileError::NoAmount);
        }
        let wallet = creation::wallet_address(&config, salt).map_err(DocumentError::from)?;
        let agreement = Agreement::of(wallet, &config).ok_or(EscrowFileError::NotEscrow)?;
        let committed = agreement.terms.terms_hash;
        let computed = terms_hash(token, amount, &terms);
        if committed != computed {
            return Err(EscrowFileError::OtherTerms { committed, computed });
        }
        let acceptances = BTreeMap::new();
        Ok(Self { chain_id, config, salt, token, amount, terms, agreement, acceptances })
    }

    /// The chain (EIP-155).
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The wallet's address: computed, never read.
    pub const fn wallet(&self) -> Address {
        self.agreement.wallet
    }

    /// The configuration that the wallet is created with.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// What the wallet is made of.
    pub fn origin(&self) -> Origin {
        Origin { config: self.config.clone(), salt: self.salt }
    }

    /// The same as a wallet file, for what is done with wallets.
    ///
    /// # Errors
    ///
    /// None that can come of a file that was read.
    pub fn wallet_file(&self) -> Result<WalletFile, DocumentError> {
        WalletFile::new(self.config.clone(), self.salt, BTreeSet::from([self.chain_id]))
    }

    /// What is held; zero is ether.
    pub const fn token(&self) -> Address {
        self.token
    }

    /// How much is to be held, in wei or smallest units.
    pub const fn amount(&self) -> U256 {
        self.amount
    }

    /// The agreement in words: the very bytes.
    pub const fn terms(&self) -> &Bytes {
        &self.terms
    }

    /// What the policy goes by.
    pub const fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    /// What there is to accept.
    pub const fn offer(&self) -> Offer {
        let Agreement { wallet, terms, .. } = self.agreement;
        Offer { chain_id: self.chain_id, wallet, terms_hash: terms.terms_hash }
    }

    /// What a party said, the newest first; by a key at most one, by a contract several, of which a chain has to tell which
    /// holds.
    pub fn acceptances(&self, role: Role) -> impl Iterator<Item = &Acceptance> {
        self.acceptances.get(&role).into_iter().flatten().rev()
    }

    /// Adds an acceptance. Of those by a key the newest stays, and makes others of that party superfluous. Says whether
    /// anything changed.
    ///
    /// # Errors
    ///
    /// If it is not by the one who has the role, not of these terms, not signed for this chain and wallet; or if there are too
    /// many.
    pub fn add(&mut self, acceptance: Acceptance) -> Result<bool, EscrowFileError> {
        check_range("deadline", acceptance.deadline, 0)?;
        acceptance.check(&self.offer(), &self.agreement.owners)?;
        let role = acceptance.role;
        let mut all = self.acceptances.get(&role).cloned().unwrap_or_default();
        all.insert(acceptance);
        let by_key = |one: &&Acceptance| matches!(one.signature, OwnerSignature::Ecdsa(_));
        // The newest; of two as new the one that sorts last, so that the order of adding does not matter.
        if let Some(newest) = all.iter().rev().find(by_key).cloned() {
            all = BTreeSet::from([newest]);
        }
        if all.len() > MAX_CANDIDATES {
            let (what, count, most) = ("acceptances of one party", all.len(), MAX_CANDIDATES);
            return Err(DocumentError::TooMany { what, count, most }.into());
        }
        let changed = self.acceptances.get(&role) != Some(&all);
        self.acceptances.insert(role, all);
        Ok(changed)
    }

    /// This file with the acceptances of `other` too. The order does not matter, nor how often.
    ///
    /// # Errors
    ///
    /// If they are of different escrows, naming what differs.
    pub fn combine(&self, other: &Self) -> Result<Self, EscrowFileError> {
        let differences = [
            ("chain", self.chain_id != other.chain_id),
            ("token", self.token != other.token),
            ("amount", self.amount != other.amount),
            ("terms", self.terms != other.terms),
            ("parties", self.config.owners() != other.config.owners()),
            ("configuration", self.config != other.config),
            ("salt", self.salt != other.salt),
        ];
        if let Some((what, _)) = differences.into_iter().find(|(_, differs)| *differs) {
            return Err(EscrowFileError::Differs { what });
        }
        let mut both = self.clone();
        for acceptance in other.acceptances.values().flatten() {
            both.add(acceptance.clone())?;
        }
        Ok(both)
    }

    /// Reads a file, and verifies what can be verified without a chain.
    ///
    /// # Errors
    ///
    /// If it is no escrow file of this version, was cut, or contradicts itself.
    pub fn from_json(json: &[u8]) -> Result<Self, EscrowFileError> {
        let Json { chain_id, wallet, config, salt, token, amount, terms, acceptances, .. } =
            document::read(KIND, json)?;
        let computed = creation::wallet_address(&config, salt).map_err(DocumentError::from)?;
        if wallet != computed {
            return Err(DocumentError::OtherWallet { named: wallet, computed }.into());
        }
        let terms = STANDARD.decode(&terms).map_err(|error| DocumentError::Malformed {
            kind: KIND,
            reason: format!("terms are not base64: {error}"),
        })?;
        let terms = terms.into();
        let mut file = Self::new(Parts { chain_id, config, salt, token, amount, terms })?;
        let offer = file.offer();
        for written in acceptances {
            file.add(written.read(&offer)?)?;
        }
        Ok(file)
    }

    /// Writes the file. The same escrow gives the same bytes.
    pub fn to_json(&self) -> String {
        let json = Json {
            kind: KIND.to_owned(),
            version: VERSION,
            chain_id: self.chain_id,
            wallet: self.wallet(),
            config: self.config.clone(),
            salt: self.salt,
            token: self.token,
            amount: self.amount,
            terms: STANDARD.encode(&self.terms),
            acceptances: self.acceptances.values().flatten().map(Written::of).collect(),
        };
        let text = serde_json::to_string_pretty(&json).expect("every field has a form in JSON");
        text + "\n"
    }
}

/// The JSON Schema of the file, as published in `docs/schema`.
pub const SCHEMA: &str = include_str!("../../../../docs/schema/escrow.v1.json");

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::escrow_terms::{EscrowTerms, Party};
    use alloy::{
        primitives::keccak256,
        signers::{SignerSync as _, local::PrivateKeySigner},
    };
    use proptest::prelude::*;
    use quorate_bindings::canonical;

    pub(crate) fn key(number: u8) -> PrivateKeySigner {
        PrivateKeySigner::from_bytes(&keccak256([number])).unwrap()
    }

    pub(crate) fn parts() -> Parts {
        let (token, amount, terms) = (Address::ZERO, U256::from(1_000), b"deliver".as_slice());
        let data = EscrowTerms {
            expiry: 4_000_000_000,
            arbitration_secs: 86_400,
            beneficiary: Party::Seller,
            arbiter_fee_cap_bps: 500,
            terms_hash: terms_hash(token, amount, terms),
        };
        let owners = [0, 1, 2].map(|number| key(number).address()).to_vec();
        let policy = canonical::ESCROW_POLICY.address;
        let config = Config::new(1, owners, policy, data.to_policy_data()).unwrap();
        let (chain_id, salt, terms) = (31_337, B256::ZERO, Bytes::from_static(b"deliver"));
        Parts { chain_id, config, salt, token, amount, terms }
    }

    pub(crate) fn accepted(file: &EscrowFile, role: Role, deadline: u64) -> Acceptance {
        let key = key(role.index());
        let digest = file.offer().digest(role, deadline);
        let bytes = key.sign_hash_sync(&digest).unwrap().as_bytes().into();
        file.offer().read(role, key.address(), deadline, &bytes).unwrap()
    }

    #[test]
    fn an_edited_file_is_a_contradiction() {
        let mut file = EscrowFile::new(parts()).unwrap();
        file.add(accepted(&file, Role::Buyer, 3_000_000_000)).unwrap();
        let json = file.to_json();
        assert_eq!(EscrowFile::from_json(json.as_bytes()), Ok(file));
        let terms = STANDARD.encode(b"deliver");
        for (from, to) in [
            ("\"1000\"", "\"1001\""),
            (&terms[..], &STANDARD.encode(b"Deliver")[..]),
            ("\"role\": 0", "\"role\": 1"),
            ("\"chainId\": 31337", "\"chainId\": 31338"),
            ("\"deadline\": 3000000000", "\"deadline\": 3000000001"),
            (
                "\"0x0000000000000000000000000000000000000000\"",
                "\"0x0000000000000000000000000000000000000001\"",
            ),
            ("\"salt\": \"0x00", "\"salt\": \"0x01"),
        ] {
            assert!(json.contains(from), "{from}");
            let error = EscrowFile::from_json(json.replace(from, to).as_bytes()).unwrap_err();
            assert!(error.is_contradiction(), "{from}: {error}");
        }
        for cut in 0..json.trim_end().len() {
            assert!(EscrowFile::from_json(&json.as_bytes()[..cut]).is_err());
        }
    }

    #[test]
    fn another_escrow_does_not_combine() {
        let file = EscrowFile::new(parts()).unwrap();
        let other = EscrowFile::new(Parts { chain_id: 1, ..parts() }).unwrap();
        let error = file.combine(&other).unwrap_err();
        assert_eq!(error, EscrowFileError::Differs { what: "chain" });
        assert!(error.is_contradiction());
        // What was accepted on the other chain is not accepted here: the key that signed is another's, and only a chain
        // could tell that no contract took it.
        let elsewhere = accepted(&other, Role::Seller, 3_000_000_000);
        let mut here = file;
        assert!(matches!(here.add(elsewhere), Err(EscrowFileError::Acceptance(_))));
    }

    #[test]
    fn a_stranger_accepts_nothing() {
        let mut file = EscrowFile::new(parts()).unwrap();
        let mut acceptance = accepted(&file, Role::Buyer, 3_000_000_000);
        acceptance.owner = key(9).address();
        assert!(matches!(
            file.add(acceptance),
            Err(EscrowFileError::Acceptance(AcceptanceError::Stranger { .. }))
        ));
    }

    fn gathered() -> impl Strategy<Value = EscrowFile> {
        let one = (0_u8..3, 0_u64..4, 0_u8..3);
        proptest::collection::vec(one, 0..5).prop_map(|all| {
            let mut file = EscrowFile::new(parts()).unwrap();
            for (role, deadline, kind) in all {
                let role = Role::of_index(role).unwrap();
                let mut acceptance = accepted(&file, role, deadline);
                match kind {
                    0 => acceptance.signature = OwnerSignature::Approved,
                    1 => acceptance.signature = OwnerSignature::Contract(Bytes::from_static(b"x")),
                    _ => {}
                }
                file.add(acceptance).unwrap();
            }
            file
        })
    }

    proptest! {
        // Signing takes its time.
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn combining_is_commutative_idempotent_and_associative(
            a in gathered(), b in gathered(), c in gathered()
        ) {
            let ab = a.combine(&b).unwrap();
            prop_assert_eq!(&ab, &b.combine(&a).unwrap());
            prop_assert_eq!(&ab, &ab.combine(&a).unwrap());
            prop_assert_eq!(
                ab.combine(&c).unwrap(),
                a.combine(&b.combine(&c).unwrap()).unwrap()
            );
        }

        #[test]
        fn what_is_written_is_read_back(file in gathered()) {
            let json = file.to_json();
            let schema = serde_json::from_str(SCHEMA).unwrap();
            let value = serde_json::from_str(&json).unwrap();
            prop_assert!(jsonschema::is_valid(&schema, &value), "{}", json);
            prop_assert_eq!(EscrowFile::from_json(json.as_bytes()), Ok(file));
        }

        #[test]
        fn bytes_from_anywhere_do_not_panic(json: Vec<u8>) {
            let _ = EscrowFile::from_json(&json);
        }
    }
}
