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

/// A status.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the words of quorate_core::Status, which explains them")]
pub enum Status {
    Collecting,
    Ready,
    Submitted,
    Executed,
    Expired,
    Superseded,
}

/// Why a proposal is not on its way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the words of quorate_core::Reason, which explains them")]
pub enum Reason {
    Sequence,
    Conflict,
    Policy,
    Simulation,
    Budget,
    FeeCap,
    SenderBalance,
    SenderIsOwner,
    Paused,
    RpcDown,
    DeadlineNear,
}

/// How an owner signed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the words of quorate_core::signature::Kind, which explains them")]
pub enum SignatureKind {
    Ecdsa,
    Contract,
    Approved,
}

/// Why a mined transaction did not execute its proposal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the words of quorate_core::status::FailureReason")]
pub enum FailureReason {
    Reverted,
    NoEffect,
}

#[cfg(test)]
mod tests {
    use crate::{
        NewProposal, Page, Proposal, Wallet, problem::Problem, request::RegisterWalletFields,
    };
    use serde_json::{Value, json};
    use utoipa::OpenApi;

    #[derive(OpenApi)]
    #[openapi(components(schemas(
        NewProposal, Page<Proposal>, Proposal, Wallet, Problem, RegisterWalletFields
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
