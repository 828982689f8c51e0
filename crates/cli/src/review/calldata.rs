//! Calldata of functions that everybody knows.
//!
//! A selector has four bytes, so other functions may share it: what is decoded here is what the data
//! means to a contract that has the known function.

use alloy::{
    dyn_abi::{DynSolType, DynSolValue, JsonAbiExt as _},
    json_abi::Function,
    primitives::{Address, Bytes, U256},
};
use quorate_core::action::Call;

/// What kind of power a function uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Moves the wallet's own tokens; `amount` is in the token's units.
    TokenTransfer,
    /// Lets somebody else take the wallet's tokens up to `amount`.
    Allowance,
    /// Lets somebody else take all tokens of a collection.
    Operator,
    /// Hands over or gives up control of a contract.
    Control,
    /// Anything else.
    Other,
}

/// The functions. Parameters named `amount` are in units of the token that is called.
const KNOWN: &[(Effect, &str)] = &[
    (Effect::TokenTransfer, "function transfer(address to, uint256 amount)"),
    (Effect::TokenTransfer, "function transferFrom(address from, address to, uint256 amount)"),
    (Effect::Allowance, "function approve(address spender, uint256 amount)"),
    (Effect::Allowance, "function increaseAllowance(address spender, uint256 amount)"),
    (Effect::Other, "function decreaseAllowance(address spender, uint256 amount)"),
    (Effect::Other, "function safeTransferFrom(address from, address to, uint256 id)"),
    (Effect::Other, "function safeTransferFrom(address from, address to, uint256 id, bytes data)"),
    (
        Effect::Other,
        "function safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes data)",
    ),
    (Effect::Operator, "function setApprovalForAll(address operator, bool approved)"),
    (Effect::Control, "function transferOwnership(address newOwner)"),
    (Effect::Control, "function renounceOwnership()"),
    (Effect::Other, "function acceptOwnership()"),
    (Effect::Control, "function grantRole(bytes32 role, address account)"),
    (Effect::Control, "function revokeRole(bytes32 role, address account)"),
    (Effect::Control, "function renounceRole(bytes32 role, address account)"),
    (Effect::Control, "function upgradeTo(address implementation)"),
    (Effect::Control, "function upgradeToAndCall(address implementation, bytes data)"),
    (Effect::Control, "function changeAdmin(address newAdmin)"),
    (Effect::Other, "function deposit()"),
    (Effect::Other, "function withdraw(uint256 wad)"),
    (Effect::Other, "function approve(bytes32 digest)"),
    (Effect::Other, "function dispute()"),
];

/// A call that was understood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decoded {
    pub(crate) effect: Effect,
    /// The function's name.
    pub(crate) name: String,
    /// Names and values, in order.
    pub(crate) arguments: Vec<(String, DynSolValue)>,
}

impl Decoded {
    /// The value of the parameter named `amount`.
    pub(crate) fn amount(&self) -> Option<U256> {
        let amount = self.arguments.iter().find(|(name, _)| name == "amount");
        amount.and_then(|(_, value)| value.as_uint()).map(|(amount, _)| amount)
    }

    /// Whether amounts are in units of the contract called.
    pub(crate) const fn is_of_token(&self) -> bool {
        matches!(self.effect, Effect::TokenTransfer | Effect::Allowance)
    }

    /// Whether the call lets somebody take more than any token has.
    pub(crate) fn is_unlimited_allowance(&self) -> bool {
        // Beyond 2^96 no supply goes; interfaces use several numbers for "without limit".
        let unlimited = U256::ONE << 96_usize;
        self.effect == Effect::Allowance && self.amount().is_some_and(|a| a >= unlimited)
    }

    /// Whether the call lets somebody take every token of a collection.
    pub(crate) fn is_operator_approval(&self) -> bool {
        let approves = |(_, value): &(String, DynSolValue)| value.as_bool() == Some(true);
        self.effect == Effect::Operator && self.arguments.iter().any(approves)
    }
}

/// What a call does, if its data is exactly what a known function takes: no byte more, no dirty bit.
pub(crate) fn decode(call: &Call) -> Option<Decoded> {
    let (selector, arguments) = call.data.split_at_checked(4)?;
    KNOWN.iter().find_map(|(effect, signature)| {
        let function = Function::parse(signature).expect("the table is well formed");
        if function.selector() != selector {
            return None;
        }
        let values = function.abi_decode_input(arguments).ok()?;
        // Decoding is lenient; what is shown must be all there is.
        (function.abi_encode_input_raw(&values).ok()? == arguments).then_some(())?;
        let names = function.inputs.iter().map(|input| input.name.clone());
        let arguments = names.zip(values).collect();
        Some(Decoded { effect: *effect, name: function.name, arguments })
    })
}

/// Whether a call sends data that is not understood.
pub(crate) fn is_unknown(call: &Call) -> bool {
    !call.data.is_empty() && decode(call).is_none()
}

/// A value for people: addresses in EIP-55, numbers in decimal, bytes in hex.
pub(crate) fn text(value: &DynSolValue) -> String {
    match value {
        DynSolValue::Address(address) => address.to_checksum(None),
        DynSolValue::Bool(value) => value.to_string(),
        DynSolValue::Uint(value, _) => value.to_string(),
        DynSolValue::Int(value, _) => value.to_string(),
        DynSolValue::FixedBytes(word, size) => {
            Bytes::copy_from_slice(word.get(..*size).unwrap_or_default()).to_string()
        }
        DynSolValue::Bytes(bytes) => Bytes::copy_from_slice(bytes).to_string(),
        other => format!("{other:?}"),
    }
}

/// The calldata of `signature`, as in `approve(address,uint256)`, with arguments as people write them.
pub(crate) fn encode(signature: &str, arguments: &[String]) -> Result<Bytes, String> {
    let shown = quorate_core::text::shown(signature);
    let function = Function::parse(signature).map_err(|_| {
        format!(
            "{shown} is no function: write its name and types, as in \"approve(address,uint256)\""
        )
    })?;
    if function.inputs.len() != arguments.len() {
        return Err(format!(
            "{shown} takes {} arguments, {} were given",
            function.inputs.len(),
            arguments.len()
        ));
    }
    let mut values = Vec::new();
    for (number, (input, text)) in (1..).zip(function.inputs.iter().zip(arguments)) {
        let wrong = |reason: String| format!("argument {number} of {shown}: {reason}");
        let kind: DynSolType =
            input.selector_type().parse().map_err(|_| wrong("unknown type".into()))?;
        if kind == DynSolType::Address {
            let address =
                quorate_core::address::parse(text).map_err(|error| wrong(error.to_string()))?;
            values.push(DynSolValue::Address(address));
            continue;
        }
        let shown = quorate_core::text::shown(text);
        let value = kind.coerce_str(text).map_err(|_| wrong(format!("{shown} is no {kind}")))?;
        values.push(value);
    }
    let data = function.abi_encode_input(&values).map_err(|error| error.to_string())?;
    Ok(data.into())
}

/// The call `token.approve(spender, amount)`.
pub(crate) fn approve_token(spender: Address, amount: U256) -> Bytes {
    let values = [DynSolValue::Address(spender), DynSolValue::Uint(amount, 256)];
    let function = Function::parse("approve(address,uint256)").expect("well formed");
    function.abi_encode_input(&values).expect("the types are the function's").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(data: Bytes) -> Call {
        Call { to: Address::with_last_byte(1), value: U256::ZERO, data }
    }

    fn approve(amount: &str) -> Bytes {
        let spender = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed".to_owned();
        encode("approve(address,uint256)", &[spender, amount.to_owned()]).unwrap()
    }

    #[test]
    fn every_known_function_is_well_formed_and_distinct() {
        let mut seen = std::collections::BTreeSet::new();
        for (_, signature) in KNOWN {
            assert!(seen.insert(Function::parse(signature).unwrap().selector()), "{signature}");
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let decoded = decode(&call(approve("1000"))).unwrap();
        assert_eq!(decoded.name, "approve");
        assert_eq!(decoded.amount(), Some(U256::from(1000)));
        assert!(!decoded.is_unlimited_allowance());
        assert!(decode(&call(approve(&U256::MAX.to_string()))).unwrap().is_unlimited_allowance());
    }

    #[test]
    fn data_with_anything_more_is_not_understood() {
        let data = approve("1");
        for other in [
            [&data[..], &[0]].concat(),
            data[..data.len() - 1].to_vec(),
            data[..4].to_vec(),
            data[..3].to_vec(),
            {
                let mut dirty = data.to_vec();
                dirty[4] = 1;
                dirty
            },
        ] {
            assert!(is_unknown(&call(other.clone().into())), "{}", Bytes::from(other));
        }
        assert!(!is_unknown(&call(Bytes::new())));
    }

    #[test]
    fn arguments_are_checked() {
        assert!(encode("approve(address,uint256", &[]).is_err());
        assert!(encode("approve(address,uint256)", &["0x00".to_owned()]).is_err());
        let broken = "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed".to_owned();
        let error = encode("f(address)", &[broken]).unwrap_err();
        assert!(error.contains("checksum"), "{error}");
        assert!(encode("f(uint8)", &["256".to_owned()]).is_err());
    }
}
