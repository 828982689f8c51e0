//! Everything that was agreed, signed and executed by an escrow, in one file that an expert can check with public tools.
//!
//! Each part has a checksum beside it, so that a changed byte is found and the part named. A checksum proves nothing against
//! somebody who computes it anew: that does the hash of the whole file, compared with one that was told before, and what the
//! parts commit to: the address, the terms' hash, signatures, and the chain.

mod executed;
mod parts;

pub use executed::{Block, Executed};
pub use parts::{Finding, Part};

use super::file::EscrowFile;
use alloy::primitives::B256;
use parts::{checksum, escrow_parts, form, proposal_parts, sorted, sum_part};
use quorate_core::{
    DocumentError, Proposal,
    document::{self, VERSION},
    json,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The word for the file.
pub const KIND: &str = "escrowEvidence";

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

/// The JSON Schema of the file, as published in `docs/schema`.
pub const SCHEMA: &str = include_str!("../../../../docs/schema/escrow-evidence.v1.json");

#[cfg(test)]
mod tests {
    use super::{super::party::Role, *};
    use crate::escrow::file::tests::{accepted, key, parts as file_parts};
    use alloy::primitives::Address;
    use alloy::signers::SignerSync as _;
    use quorate_core::signature::EcdsaSignature;
    use quorate_core::{Action, Nonce, OwnerSignature, Request, packing};

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
