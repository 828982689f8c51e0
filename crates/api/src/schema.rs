//! The forms of single values, for the OpenAPI description. Nothing is made of these types: they stand for those of
//! `quorate-core`, which says nothing about HTTP.

use serde::Serialize;
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{ObjectBuilder, Schema, SchemaFormat, Type},
    },
};

/// A text of a certain form.
macro_rules! text {
    ($(#[doc = $doc:literal])+ $name:ident, $pattern:literal, $example:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let description = concat!($($doc),+).trim();
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some(description))
                    .pattern(Some($pattern))
                    .examples([$example])
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

text! {
    /// An account or contract. Answers have the checksum of EIP-55; in requests a wrong one is refused.
    Address, "^0x[0-9a-fA-F]{40}$", "0x300E3856Fd8cB04236Ec5A81716aB896e1c28f92"
}
text! {
    /// 32 bytes.
    Bytes32, "^0x[0-9a-fA-F]{64}$", "0x0000000000000000000000000000000000000000000000000000000000000001"
}
text! {
    /// Bytes; `0x` is none.
    Bytes, "^0x([0-9a-fA-F]{2})*$", "0x"
}
text! {
    /// An integer from 0 to 2^256-1, in decimal digits without leading zeros.
    Uint256, "^(0|[1-9][0-9]{0,77})$", "1000000000000000000"
}
text! {
    /// A lane of a wallet's nonces, an integer from 0 to 2^192-1 in decimal digits.
    Lane, "^(0|[1-9][0-9]{0,57})$", "0"
}

/// A moment: RFC 3339, UTC, milliseconds.
#[derive(Debug)]
pub struct Instant;

impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)))
            .description(Some("A moment, in RFC 3339 and UTC, with milliseconds."))
            .examples(["2026-11-25T17:30:00.250Z"])
            .into()
    }
}

impl ToSchema for Instant {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Instant")
    }
}

/// What a wallet is asked to do: what owners sign, with nonce and deadline. `type` says which.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each is its type, which explains it")]
pub enum Action {
    Execute(Execute),
    Payout(Payout),
    Reconfigure(Reconfigure),
    Cancel(Cancel),
}

/// One of the four actions, with its word.
macro_rules! action {
    ($(#[doc = $doc:literal])+ $name:ident, $word:ident, $value:literal, { $($fields:tt)* }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Serialize, ToSchema)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            #[serde(rename = "type")]
            #[schema(inline)]
            kind: $word,
            $($fields)*
        }

        #[doc = concat!("The word `", $value, "`.")]
        #[derive(Debug, Serialize, ToSchema)]
        #[serde(rename_all = "camelCase")]
        pub enum $word {
            #[doc = concat!("`", $value, "`.")]
            $name,
        }
    };
}

action! {
    /// Makes calls in order, all or nothing.
    Execute, ExecuteWord, "execute", {
        /// The calls.
        calls: Vec<Call>,
    }
}
action! {
    /// Pays one token, or ether, to a list of payees, all or nothing.
    Payout, PayoutWord, "payout", {
        /// The token; the zero address is ether.
        #[schema(value_type = Address)]
        token: String,
        /// The payments.
        transfers: Vec<Transfer>,
    }
}
action! {
    /// Replaces the whole configuration and begins the next epoch.
    Reconfigure, ReconfigureWord, "reconfigure", {
        /// The new configuration.
        config: Config,
    }
}
action! {
    /// Consumes the nonce and does nothing else.
    Cancel, CancelWord, "cancel", {}
}

/// One call.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Call {
    /// The account called.
    #[schema(value_type = Address)]
    to: String,
    /// Wei sent along.
    #[schema(value_type = Uint256)]
    value: String,
    /// Calldata.
    #[schema(value_type = Bytes)]
    data: String,
}

/// One payment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Transfer {
    /// The payee.
    #[schema(value_type = Address)]
    to: String,
    /// Wei or smallest units; 2^256-1 is everything left at that moment.
    #[schema(value_type = Uint256)]
    amount: String,
}

/// Who controls a wallet. 1 to 100 distinct owners, none of them zero or the wallet; 1 <= threshold <= owners.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// How many owners have to sign.
    #[schema(minimum = 1, maximum = 100)]
    threshold: u8,
    /// The owners. Signatures are packed in this order.
    #[schema(value_type = Vec<Address>, min_items = 1, max_items = 100)]
    owners: Vec<String>,
    /// A contract that may refuse; the zero address is none.
    #[schema(value_type = Address)]
    policy: String,
    /// What the policy is told; at most 4,096 bytes.
    #[schema(value_type = Bytes, max_length = 8194)]
    policy_data: String,
}

/// One of a few words, each with its meaning. Further ones may come within a version of the API.
macro_rules! words {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $word:literal,)+ }) => {
        $(#[doc = $about])+
        #[derive(Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                words(concat!($($about),+), &[$(($word, concat!($($doc),+))),+])
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

/// The schema of a text that is one of these words, which its description explains.
pub(crate) fn words(about: &str, words: &[(&str, &str)]) -> RefOr<Schema> {
    let mut description = about.trim().to_owned();
    for (position, (word, meaning)) in words.iter().enumerate() {
        let gap = if position == 0 { "\n" } else { "" };
        description.push_str(&format!("{gap}\n- `{word}`: {}", meaning.trim()));
    }
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(words.iter().map(|(word, _)| *word)))
        .into()
}

words! {
    /// Where a proposal stands. The first three may turn into any other; the last three only back, by a reorg.
    Status {
        /// fewer valid signatures of present owners than the threshold, or the policy asks for more.
        "collecting",
        /// enough signatures; not on its way yet, `reason` says why.
        "ready",
        /// a transaction may be on its way.
        "submitted",
        /// it is on chain, whoever sent it.
        "executed",
        /// the time of the newest block is past the deadline.
        "expired",
        /// another action took the nonce, or a reconfiguration ended the epoch.
        "superseded",
    }
}
words! {
    /// Why a proposal is not on its way.
    Reason {
        /// something goes before it: an earlier sequence of its lane, a reconfiguration, a creation.
        "sequence",
        /// another proposal for the same nonce goes first, or is on its way.
        "conflict",
        /// the wallet's policy asks for more signatures than the threshold (`collecting`), or refuses it as things are: not queued,
        /// vetoed, frozen (`ready`).
        "policy",
        /// the wallet's policy lets it wait; it is executed when its time has come.
        "notBefore",
        /// it would revert, or its last transaction did and is not final yet.
        "simulation",
        /// a limit of the relayer is used up, or it failed on chain too often.
        "budget",
        /// gas costs more than the relayer's operator allows.
        "feeCap",
        /// the sender's balance is too low.
        "senderBalance",
        /// a sender of the relayer is among the wallet's owners.
        "senderIsOwner",
        /// the operator paused the relayer.
        "paused",
        /// the chain cannot be asked, or was not for too long.
        "rpcDown",
        /// less than two blocks are left until the deadline.
        "deadlineNear",
    }
}
words! {
    /// How an owner signed.
    SignatureKind {
        /// with a key.
        "ecdsa",
        /// as a contract, by ERC-1271.
        "contract",
        /// by `approve(digest)` on chain.
        "approved",
    }
}
words! {
    /// Why a mined transaction did not execute its proposal.
    FailureReason {
        /// it reverted.
        "reverted",
        /// it went through, and the proposal's event is not in its block.
        "noEffect",
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        NewProposal, Proposal, Wallet,
        page::{ProposalPage, WalletPage},
        problem::{Problem, ProblemCode},
        request::RegisterWalletFields,
    };
    use quorate_core::{
        Reason,
        signature::Kind,
        status::{FailureReason, StatusWord},
    };
    use serde_json::{Value, json};
    use utoipa::{OpenApi, PartialSchema as _};

    #[derive(OpenApi)]
    #[openapi(components(schemas(
        NewProposal,
        ProposalPage,
        WalletPage,
        Proposal,
        Wallet,
        Problem,
        RegisterWalletFields
    )))]
    struct Description;

    fn is_valid(name: &str, value: &Value) -> Result<(), String> {
        let mut schema = serde_json::to_value(Description::openapi()).unwrap();
        schema["$ref"] = json!(format!("#/components/schemas/{name}"));
        let validator = jsonschema::validator_for(&schema).unwrap();
        validator.validate(value).map_err(|error| format!("{}: {error}", error.instance_path()))
    }

    fn new_proposal(action: &Value) -> Value {
        json!({
            "epoch": 0,
            "action": action,
            "nonce": "0",
            "deadline": 1,
            "signature": { "owner": "0x300E3856Fd8cB04236Ec5A81716aB896e1c28f92", "signature": "0x" },
        })
    }

    /// The words that are described are those of the domain, in its order.
    #[test]
    fn every_word_of_the_domain_is_described() {
        fn described(schema: &impl serde::Serialize) -> Vec<String> {
            let schema = serde_json::to_value(schema).unwrap();
            let words: Vec<String> = serde_json::from_value(schema["enum"].clone()).unwrap();
            let explained = schema["description"].as_str().unwrap();
            assert!(words.iter().all(|word| explained.contains(&format!("- `{word}`: "))));
            words
        }
        let words = described(&super::Status::schema());
        assert_eq!(words, StatusWord::ALL.map(StatusWord::name));
        assert_eq!(described(&super::Reason::schema()), Reason::ALL.map(Reason::name));
        let read = |word: String| serde_json::from_value::<Kind>(json!(word)).is_ok();
        assert!(described(&super::SignatureKind::schema()).into_iter().all(read));
        let read = |word: String| serde_json::from_value::<FailureReason>(json!(word)).is_ok();
        assert!(described(&super::FailureReason::schema()).into_iter().all(read));
        let codes = described(&ProblemCode::schema());
        let known: Vec<_> = ProblemCode::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(codes, known);
    }

    /// What is described is what is read, for each kind of action.
    #[test]
    fn the_description_of_actions_is_that_of_the_domain() {
        let address = "0x300E3856Fd8cB04236Ec5A81716aB896e1c28f92";
        let config = json!({
            "threshold": 1, "owners": [address], "policy": address, "policyData": "0x00",
        });
        for action in [
            json!({"type": "payout", "token": address, "transfers": [{"to": address, "amount": "1"}]}),
            json!({"type": "execute", "calls": [{"to": address, "value": "0", "data": "0x"}]}),
            json!({"type": "reconfigure", "config": config}),
            json!({"type": "cancel"}),
        ] {
            let mut body = new_proposal(&action);
            assert_eq!(is_valid("NewProposal", &body), Ok(()));
            let read: NewProposal = serde_json::from_value(body.clone()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), body);
            body["action"]["unknown"] = json!(1);
            assert!(is_valid("NewProposal", &body).is_err(), "{body}");
            assert!(serde_json::from_value::<NewProposal>(body).is_err());
        }
        assert!(is_valid("NewProposal", &new_proposal(&json!({"type": "mint"}))).is_err());
    }
}
