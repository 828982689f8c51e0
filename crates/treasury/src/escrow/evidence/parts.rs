//! The parts of a file of evidence, and what each comes to.

use super::super::{
    acceptance::AcceptanceError,
    file::{EscrowFile, EscrowFileError},
    party::Role,
};
use alloy::primitives::{B256, keccak256};
use quorate_core::{DocumentError, OwnerSignature, Proposal};
use serde_json::{Map, Value};

/// What one part comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It is so.
    Holds,
    /// It was changed, or never was so; why.
    Changed(String),
    /// Only a chain can tell; what.
    NotChecked(String),
    /// A contract's signature, of which only a chain can tell.
    NotAsked(String),
    /// It is not there, which is for the reader to weigh.
    Missing(String),
}

/// A part and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name, as `terms`, or `acceptance of the buyer`.
    pub name: String,
    /// What it comes to.
    pub finding: Finding,
}

impl Part {
    /// A part.
    pub fn new(name: impl Into<String>, finding: Finding) -> Self {
        Self { name: name.into(), finding }
    }
}

/// JSON with its fields in alphabetical order, without blanks: the same text from every program.
pub(super) fn canonical(value: &Value) -> String {
    sorted(value).to_string()
}

pub(super) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<_> = fields.keys().collect();
            names.sort();
            names
                .into_iter()
                .map(|name| (name.clone(), sorted(&fields[name])))
                .collect::<Map<_, _>>()
                .into()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        plain => plain.clone(),
    }
}

pub(super) fn checksum(value: &Value) -> B256 {
    keccak256(canonical(value))
}

/// Whether the file is, byte for byte, as it is written; where it first differs.
pub(super) fn form(found: &[u8], expected: &str) -> Finding {
    if found == expected.as_bytes() {
        return Finding::Holds;
    }
    let same = found.iter().zip(expected.as_bytes()).take_while(|(a, b)| a == b).count();
    let line = expected.as_bytes()[..same].iter().filter(|&&byte| byte == b'\n').count() + 1;
    Finding::Changed(format!("byte {same}, in line {line}, is not as the program writes it"))
}

pub(super) fn sum_part(parts: &mut Vec<Part>, name: &str, value: &Value, given: Option<&B256>) {
    let computed = checksum(value);
    if given == Some(&computed) {
        return;
    }
    let given = given.map_or("none".to_owned(), B256::to_string);
    let why = format!("its checksum is {computed}, and the file says {given}");
    parts.push(Part::new(format!("{name}, its checksum"), Finding::Changed(why)));
}

/// Terms, address and acceptances. Where the file contradicts itself, the one thing it says first.
pub(super) fn escrow_parts(value: &Value, parts: &mut Vec<Part>) -> Option<EscrowFile> {
    let escrow = match EscrowFile::from_json(value.to_string().as_bytes()) {
        Ok(escrow) => escrow,
        Err(error) => {
            let name = match &error {
                EscrowFileError::OtherTerms { .. } | EscrowFileError::NoAmount => {
                    "terms".to_owned()
                }
                EscrowFileError::Document(DocumentError::OtherWallet { .. })
                | EscrowFileError::NotEscrow => "wallet".to_owned(),
                EscrowFileError::Acceptance(
                    AcceptanceError::Stranger { role, .. }
                    | AcceptanceError::OtherTerms { role, .. }
                    | AcceptanceError::Signature { role, .. },
                ) => format!("acceptance of the {role}"),
                EscrowFileError::Document(_) | EscrowFileError::Differs { .. } => {
                    "escrow".to_owned()
                }
            };
            parts.push(Part::new(name, Finding::Changed(error.to_string())));
            return None;
        }
    };
    parts.push(Part::new("wallet", Finding::Holds));
    parts.push(Part::new("terms", Finding::Holds));
    for role in Role::ALL {
        let name = format!("acceptance of the {role}");
        let finding = match escrow.acceptances(role).next() {
            None => Finding::Missing(format!("the {role} accepted nothing")),
            Some(acceptance) => by_kind(&acceptance.signature),
        };
        parts.push(Part::new(name, finding));
    }
    Some(escrow)
}

pub(super) fn by_kind(signature: &OwnerSignature) -> Finding {
    match signature {
        OwnerSignature::Ecdsa(_) => Finding::Holds,
        OwnerSignature::Contract(_) => {
            Finding::NotAsked("a contract's: it has to be asked on the chain".to_owned())
        }
        OwnerSignature::Approved => {
            Finding::NotAsked("approved on the chain, where it has to be looked for".to_owned())
        }
    }
}

pub(super) fn proposal_parts(
    escrow: &EscrowFile,
    proposal: &Proposal,
    name: &str,
    parts: &mut Vec<Part>,
) {
    let request = proposal.request();
    if (request.chain_id, request.wallet) != (escrow.chain_id(), escrow.wallet()) {
        let why = format!("it is of wallet {} on chain {}", request.wallet, request.chain_id);
        parts.push(Part::new(name, Finding::Changed(why)));
        return;
    }
    parts.push(Part::new(name, Finding::Holds));
    for (owner, candidates) in proposal.signatures() {
        let who = escrow.agreement().role_of(*owner);
        let who = who.map_or_else(|| owner.to_checksum(None), |role| format!("the {role}"));
        let finding = candidates.iter().next().map_or(Finding::Holds, by_kind);
        parts.push(Part::new(format!("{name}, signature of {who}"), finding));
    }
}
