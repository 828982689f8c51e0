//! Everything that was agreed, signed and executed by an escrow, in one file that an expert can check with public tools.
//!
//! Each part has a checksum beside it, so that a changed byte is found and the part named. A checksum proves nothing against
//! somebody who computes it anew: that does the hash of the whole file, compared with one that was told before, and what the
//! parts commit to: the address, the terms' hash, signatures, and the chain.

use super::{
    acceptance::AcceptanceError,
    file::{EscrowFile, EscrowFileError},
    party::Role,
};
use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256},
    sol_types::SolInterface as _,
};
use quorate_bindings::contracts::IWallet::{self, IWalletCalls};
use quorate_core::{
    Action, Config, DocumentError, Nonce, OwnerSignature, Proposal, Request,
    document::{self, VERSION},
    json, packing,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The word for the file.
pub const KIND: &str = "escrowEvidence";

/// How many epochs are tried for what was executed.
const MOST_EPOCHS: u32 = 64;

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Block {
    /// Its number.
    #[serde(with = "json::integer")]
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time, in Unix seconds.
    #[serde(with = "json::integer")]
    pub time: u64,
}

/// Something that the escrow executed, and the transaction that carried it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Executed {
    /// What was signed.
    pub digest: B256,
    /// The nonce it consumed.
    pub nonce: Nonce,
    /// The transaction's hash.
    pub tx_hash: B256,
    /// The block it is in.
    pub block: Block,
    /// Who sent it.
    #[serde(with = "json::account")]
    pub from: Address,
    /// Whom it calls: the escrow, or something that calls it.
    #[serde(with = "json::account")]
    pub to: Address,
    /// Its calldata.
    #[serde(with = "json::bytes")]
    pub input: Bytes,
}

/// The file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Terms and acceptances.
    pub escrow: EscrowFile,
    /// What was proposed, with signatures, by digest.
    pub proposals: Vec<Proposal>,
    /// What was executed, the earliest first.
    pub executed: Vec<Executed>,
    /// The block at which all of it was read. Contracts are asked there whether they stand by a signature.
    pub head: Block,
}

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

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Json {
    kind: String,
    #[serde(with = "json::integer")]
    version: u64,
    escrow: Value,
    proposals: Vec<Value>,
    executions: Vec<Value>,
    head: Value,
    checksums: Checksums,
}

/// keccak256 of each part as [`canonical`] writes it.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Checksums {
    escrow: B256,
    proposals: Vec<B256>,
    executions: Vec<B256>,
    head: B256,
}

/// JSON with its fields in alphabetical order, without blanks: the same text from every program.
fn canonical(value: &Value) -> String {
    sorted(value).to_string()
}

fn sorted(value: &Value) -> Value {
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

fn checksum(value: &Value) -> B256 {
    keccak256(canonical(value))
}

fn value_of(json: &str) -> Value {
    serde_json::from_str(json).expect("what was written is JSON")
}

impl Evidence {
    /// Writes the file. The same evidence gives the same bytes.
    pub fn to_json(&self) -> String {
        let escrow = value_of(&self.escrow.to_json());
        let proposals: Vec<_> =
            self.proposals.iter().map(|proposal| value_of(&proposal.to_json())).collect();
        let executions: Vec<_> = self
            .executed
            .iter()
            .map(|executed| serde_json::to_value(executed).expect("every field has a form in JSON"))
            .collect();
        let head = serde_json::to_value(self.head).expect("every field has a form in JSON");
        let checksums = Checksums {
            escrow: checksum(&escrow),
            proposals: proposals.iter().map(checksum).collect(),
            executions: executions.iter().map(checksum).collect(),
            head: checksum(&head),
        };
        let json = Json {
            kind: KIND.to_owned(),
            version: VERSION,
            escrow,
            proposals,
            executions,
            head,
            checksums,
        };
        let value = serde_json::to_value(json).expect("every field has a form in JSON");
        let text = serde_json::to_string_pretty(&sorted(&value)).expect("it is JSON");
        text + "\n"
    }

    /// Reads a file, and checks everything that can be checked without a chain. The evidence is there if each part can be
    /// read.
    ///
    /// # Errors
    ///
    /// If it is no file of evidence at all, was cut, or is of another version.
    pub fn examine(bytes: &[u8]) -> Result<(Vec<Part>, Option<Self>), DocumentError> {
        let json: Json = document::read(KIND, bytes)?;
        let mut parts = Vec::new();
        let sums = &json.checksums;
        let escrow = escrow_parts(&json.escrow, &mut parts);
        sum_part(&mut parts, "escrow", &json.escrow, Some(&sums.escrow));
        let mut proposals = Vec::new();
        for (place, value) in json.proposals.iter().enumerate() {
            let name = format!("proposal {}", place + 1);
            match Proposal::from_json(value.to_string().as_bytes()) {
                Ok(proposal) => {
                    if let Some(escrow) = &escrow {
                        proposal_parts(escrow, &proposal, &name, &mut parts);
                    }
                    proposals.push(proposal);
                }
                Err(error) => parts.push(Part::new(&name, Finding::Changed(error.to_string()))),
            }
            sum_part(&mut parts, &name, value, sums.proposals.get(place));
        }
        let mut executed = Vec::new();
        for (place, value) in json.executions.iter().enumerate() {
            let name = format!("execution {}", place + 1);
            match serde_json::from_value::<Executed>(value.clone()) {
                Ok(one) => {
                    if let Some(escrow) = &escrow {
                        let finding = one.check(escrow);
                        parts.push(Part::new(format!("{name}, its calldata"), finding));
                    }
                    executed.push(one);
                }
                Err(error) => parts.push(Part::new(&name, Finding::Changed(error.to_string()))),
            }
            sum_part(&mut parts, &name, value, sums.executions.get(place));
        }
        for (what, found, given) in [
            ("proposals", json.proposals.len(), sums.proposals.len()),
            ("executions", json.executions.len(), sums.executions.len()),
        ] {
            if found != given {
                let why = format!("{found} {what} and {given} checksums");
                parts.push(Part::new("checksums", Finding::Changed(why)));
            }
        }
        let head: Option<Block> = serde_json::from_value(json.head.clone()).ok();
        if head.is_none() {
            parts.push(Part::new("head", Finding::Changed("not a block".to_owned())));
        }
        sum_part(&mut parts, "head", &json.head, Some(&sums.head));
        let is_whole =
            proposals.len() == json.proposals.len() && executed.len() == json.executions.len();
        let evidence = match (escrow, head) {
            (Some(escrow), Some(head)) if is_whole => {
                Some(Self { escrow, proposals, executed, head })
            }
            _ => None,
        };
        if let Some(evidence) = &evidence {
            parts.push(Part::new("form", form(bytes, &evidence.to_json())));
        }
        Ok((parts, evidence))
    }
}

/// Whether the file is, byte for byte, as it is written; where it first differs.
fn form(found: &[u8], expected: &str) -> Finding {
    if found == expected.as_bytes() {
        return Finding::Holds;
    }
    let same = found.iter().zip(expected.as_bytes()).take_while(|(a, b)| a == b).count();
    let line = expected.as_bytes()[..same].iter().filter(|&&byte| byte == b'\n').count() + 1;
    Finding::Changed(format!("byte {same}, in line {line}, is not as the program writes it"))
}

fn sum_part(parts: &mut Vec<Part>, name: &str, value: &Value, given: Option<&B256>) {
    let computed = checksum(value);
    if given == Some(&computed) {
        return;
    }
    let given = given.map_or("none".to_owned(), B256::to_string);
    let why = format!("its checksum is {computed}, and the file says {given}");
    parts.push(Part::new(format!("{name}, its checksum"), Finding::Changed(why)));
}

/// Terms, address and acceptances. Where the file contradicts itself, the one thing it says first.
fn escrow_parts(value: &Value, parts: &mut Vec<Part>) -> Option<EscrowFile> {
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

fn by_kind(signature: &OwnerSignature) -> Finding {
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

fn proposal_parts(escrow: &EscrowFile, proposal: &Proposal, name: &str, parts: &mut Vec<Part>) {
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

impl Executed {
    /// Whether the calldata makes the digest, with signatures that the wallet takes.
    fn check(&self, escrow: &EscrowFile) -> Finding {
        if self.to != escrow.wallet() {
            return Finding::NotChecked(format!(
                "the transaction calls {}, which called the escrow",
                self.to.to_checksum(None)
            ));
        }
        match self.proposal(escrow) {
            Some(_) => Finding::Holds,
            None => Finding::Changed(format!(
                "the calldata is not that of {}, signed by parties",
                self.digest
            )),
        }
    }

    /// What was executed, with its signatures, read from the calldata; none if that is not of this digest, or signed by
    /// nobody. Of a later configuration than the first it has no signatures.
    pub fn proposal(&self, escrow: &EscrowFile) -> Option<Proposal> {
        let (request, signatures) = read_call(&self.input, escrow)?;
        let epoch = (0..MOST_EPOCHS)
            .find(|&epoch| Request { epoch, ..request.clone() }.digest() == self.digest)?;
        let request = Request { epoch, ..request };
        if request.nonce != self.nonce || request.calldata(signatures.clone()) != self.input {
            return None;
        }
        let mut proposal = Proposal::new(request, None, Some(escrow.origin())).ok()?;
        if epoch == 0 {
            for (owner, signature) in
                packing::unpack(escrow.config(), &self.digest, &signatures).ok()?
            {
                proposal.add(owner, signature).ok()?;
            }
        }
        Some(proposal)
    }
}

/// A call of the wallet as a request of epoch 0, and the packed signatures.
fn read_call(input: &[u8], escrow: &EscrowFile) -> Option<(Request, Bytes)> {
    let (action, nonce, deadline, signatures) =
        match IWalletCalls::abi_decode_validate(input).ok()? {
            IWalletCalls::payout(call) => {
                let transfer = |it: &IWallet::Transfer| quorate_core::action::Transfer {
                    to: it.to,
                    amount: it.amount,
                };
                let transfers = call.transfers.iter().map(transfer).collect();
                let action = Action::Payout { token: call.token, transfers };
                (action, call.nonce, call.deadline, call.signatures)
            }
            IWalletCalls::execute(call) => {
                let one = |it: &IWallet::Call| quorate_core::action::Call {
                    to: it.to,
                    value: it.value,
                    data: it.data.clone(),
                };
                let action = Action::Execute { calls: call.calls.iter().map(one).collect() };
                (action, call.nonce, call.deadline, call.signatures)
            }
            IWalletCalls::cancel(call) => {
                (Action::Cancel {}, call.nonce, call.deadline, call.signatures)
            }
            IWalletCalls::reconfigure(call) => {
                let config = Config::try_from(call.config).ok()?;
                (Action::Reconfigure { config }, call.nonce, call.deadline, call.signatures)
            }
            _ => return None,
        };
    let deadline = u64::try_from(deadline).ok()?;
    let request = Request {
        chain_id: escrow.chain_id(),
        wallet: escrow.wallet(),
        epoch: 0,
        action,
        nonce: Nonce::from_u256(U256::from(nonce)),
        deadline,
    };
    Some((request, signatures))
}

/// The JSON Schema of the file, as published in `docs/schema`.
pub const SCHEMA: &str = include_str!("../../../../docs/schema/escrow-evidence.v1.json");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escrow::file::tests::{accepted, key, parts as file_parts};
    use alloy::signers::SignerSync as _;
    use quorate_core::signature::EcdsaSignature;

    fn evidence() -> Evidence {
        let mut escrow = EscrowFile::new(file_parts()).unwrap();
        for role in Role::ALL {
            escrow.add(accepted(&escrow, role, 3_000_000_000)).unwrap();
        }
        let agreement = *escrow.agreement();
        let transfers = agreement.everything(crate::escrow_terms::Party::Seller);
        let request = Request {
            chain_id: escrow.chain_id(),
            wallet: escrow.wallet(),
            epoch: 0,
            action: Action::Payout { token: escrow.token(), transfers },
            nonce: Nonce::new(Role::Buyer.lane(), 0),
            deadline: 3_000_000_000,
        };
        let bytes = key(0).sign_hash_sync(&request.digest()).unwrap().as_bytes();
        let signature = OwnerSignature::Ecdsa(EcdsaSignature::from_bytes(&bytes).unwrap());
        let mut proposal = Proposal::new(request.clone(), None, Some(escrow.origin())).unwrap();
        proposal.add(key(0).address(), signature.clone()).unwrap();
        let signed = [(key(0).address(), signature)].into();
        let packed = packing::pack(escrow.config(), &signed).unwrap();
        let block = Block { number: 5, hash: B256::repeat_byte(5), time: 1_800_000_000 };
        let executed = Executed {
            digest: request.digest(),
            nonce: request.nonce,
            tx_hash: B256::repeat_byte(6),
            block,
            from: Address::repeat_byte(8),
            to: escrow.wallet(),
            input: request.calldata(packed),
        };
        Evidence { escrow, proposals: vec![proposal], executed: vec![executed], head: block }
    }

    fn changed(parts: &[Part]) -> Vec<&str> {
        let is_changed = |part: &&Part| matches!(part.finding, Finding::Changed(_));
        parts.iter().filter(is_changed).map(|part| part.name.as_str()).collect()
    }

    #[test]
    fn what_is_written_holds_and_is_read_back() {
        let evidence = evidence();
        let json = evidence.to_json();
        let (parts, read) = Evidence::examine(json.as_bytes()).unwrap();
        assert_eq!(changed(&parts), Vec::<&str>::new());
        assert_eq!(read, Some(evidence.clone()));
        let all: Vec<_> = parts.iter().map(|part| part.name.as_str()).collect();
        assert!(all.contains(&"terms") && all.contains(&"acceptance of the arbiter"));
        assert!(all.contains(&"proposal 1, signature of the buyer"), "{all:?}");
        assert!(all.contains(&"execution 1, its calldata"));
        let schema = serde_json::from_str(SCHEMA).unwrap();
        assert!(jsonschema::is_valid(&schema, &serde_json::from_str(&json).unwrap()));
        let [executed] = &evidence.executed[..] else { panic!("one") };
        assert_eq!(executed.proposal(&evidence.escrow).as_ref(), evidence.proposals.first());
    }

    /// Whichever byte is changed, wherever: found, and never a panic.
    #[test]
    fn every_changed_byte_is_found() {
        let json = evidence().to_json();
        for place in 0..json.len() {
            let mut bytes = json.clone().into_bytes();
            bytes[place] ^= 1;
            match Evidence::examine(&bytes) {
                Ok((parts, _)) => assert!(!changed(&parts).is_empty(), "byte {place}"),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn the_part_that_was_changed_is_named() {
        let json = evidence().to_json();
        for (from, to, name) in [
            ("\"amount\": \"1000\"", "\"amount\": \"1001\"", "terms"),
            ("\"terms\": \"ZGVsaXZlcg==\"", "\"terms\": \"ZGVsaXZlcQ==\"", "terms"),
            ("\"role\": 1", "\"role\": 0", "acceptance of the buyer"),
            ("\"number\": 5", "\"number\": 6", "execution 1, its checksum"),
            (
                "\"nonce\": \"18446744073709551616\"",
                "\"nonce\": \"18446744073709551617\"",
                "execution 1, its calldata",
            ),
        ] {
            assert!(json.contains(from), "{from}");
            let changed_json = json.replacen(from, to, 1);
            let (parts, _) = Evidence::examine(changed_json.as_bytes()).unwrap();
            let named = changed(&parts);
            assert!(named.contains(&name), "{from}: {named:?}");
        }
    }
}
