//! Calldata of functions that everybody knows.
//!
//! A selector has four bytes, so other functions may share it: what is decoded here is what the data
//! means to a contract that has the known function.

use alloy::{
    dyn_abi::{DynSolType, DynSolValue, JsonAbiExt as _},
    json_abi::Function,
    primitives::{Address, Bytes, U256, uint},
};
use quorate_core::{
    action::Call,
    address::{self, Written},
};

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

/// What is moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asset {
    /// Ether that goes along with this data.
    Ether { data: Bytes },
    /// Units of a token.
    Token(Address),
    /// An item of a collection (ERC-1155).
    Item { collection: Address, id: U256 },
}

impl Asset {
    /// Ether alone.
    pub(crate) const ETHER: Self = Self::Ether { data: Bytes::new() };
}

/// What a call moves, besides the ether that goes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) asset: Asset,
    /// Whose it is; none if the caller's.
    pub(crate) from: Option<Address>,
    pub(crate) to: Address,
    pub(crate) amount: U256,
}

/// The functions. Parameters named `amount` are in units of the token that is called, or of the parameter `token` where
/// there is one.
const KNOWN: &[(Effect, &str)] = &[
    (Effect::TokenTransfer, "function transfer(address to, uint256 amount)"),
    (Effect::TokenTransfer, "function transferFrom(address from, address to, uint256 amount)"),
    (Effect::TokenTransfer, "function transferAndCall(address to, uint256 amount, bytes data)"),
    (Effect::Allowance, "function approve(address spender, uint256 amount)"),
    (Effect::Allowance, "function approveAndCall(address spender, uint256 amount, bytes data)"),
    (Effect::Allowance, "function increaseAllowance(address spender, uint256 amount)"),
    (Effect::Allowance, "function increaseApproval(address spender, uint256 amount)"),
    // Of Permit2.
    (
        Effect::Allowance,
        "function approve(address token, address spender, uint160 amount, uint48 expiration)",
    ),
    (Effect::Other, "function decreaseAllowance(address spender, uint256 amount)"),
    (Effect::Other, "function decreaseApproval(address spender, uint256 amount)"),
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
    // Of the policy of treasuries.
    (Effect::Other, "function queue(bytes32 digest)"),
    (Effect::Other, "function veto(address wallet, bytes32[] digests)"),
    (Effect::Other, "function freeze(address wallet)"),
    (Effect::Other, "function unfreeze()"),
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

/// From here on an allowance is one without limit, whatever the token's width: tokens take the largest number of 96 to 256
/// bits for that, and what is left of such a number after a while is nearly as much. Below the largest of 96 bits by one part
/// in 65,536.
const UNLIMITED: U256 = uint!(0xffff00000000000000000000_U256);

impl Decoded {
    /// The value of the parameter named `amount`.
    pub(crate) fn amount(&self) -> Option<U256> {
        self.uint("amount")
    }

    /// The token whose units amounts are in; `called` is the contract that is called.
    pub(crate) fn token(&self, called: Address) -> Option<Address> {
        match self.effect {
            Effect::TokenTransfer | Effect::Allowance => {
                Some(self.address("token").unwrap_or(called))
            }
            Effect::Operator | Effect::Control | Effect::Other => None,
        }
    }

    /// Who may take tokens afterwards.
    pub(crate) fn taker(&self) -> Option<Address> {
        self.address("spender").or_else(|| self.address("operator"))
    }

    /// What it moves when `called` is called; none where that is not known.
    pub(crate) fn moved(&self, called: Address) -> Option<Moved> {
        let (from, to) = (self.address("from"), self.address("to")?);
        let (asset, amount) = match self.effect {
            Effect::TokenTransfer => (Asset::Token(called), self.amount()?),
            // One of a kind moves once, so only those count of which there are several.
            _ => {
                let (id, amount) = (self.uint("id")?, self.uint("value")?);
                (Asset::Item { collection: called, id }, amount)
            }
        };
        Some(Moved { asset, from, to, amount })
    }

    /// Whether the call lets somebody take more than any token has.
    pub(crate) fn is_unlimited_allowance(&self) -> bool {
        self.effect == Effect::Allowance && self.amount().is_some_and(|a| a >= UNLIMITED)
    }

    /// Whether the call lets somebody take every token of a collection.
    pub(crate) fn is_operator_approval(&self) -> bool {
        let approves = |(_, value): &(String, DynSolValue)| value.as_bool() == Some(true);
        self.effect == Effect::Operator && self.arguments.iter().any(approves)
    }

    fn argument(&self, name: &str) -> Option<&DynSolValue> {
        self.arguments.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    fn uint(&self, name: &str) -> Option<U256> {
        self.argument(name)?.as_uint().map(|(number, _)| number)
    }

    fn address(&self, name: &str) -> Option<Address> {
        self.argument(name)?.as_address()
    }
}

/// The number in words, if it is one less than a power of two of 96 bits or more.
pub(crate) fn as_power(number: U256) -> Option<String> {
    let bits = number.bit_len();
    let is_all_ones = number.count_ones() == bits;
    (bits >= 96 && is_all_ones).then(|| format!("2^{bits}-1"))
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
///
/// Addresses are those of the chain with this id.
pub(crate) fn encode(
    chain_id: u64,
    signature: &str,
    arguments: &[String],
) -> Result<Bytes, String> {
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
            let address = Written::parse(text).and_then(|written| written.on(chain_id));
            let address = address.map_err(|error| wrong(error.to_string()))?;
            values.push(DynSolValue::Address(address));
            continue;
        }
        if input.ty.contains("address") || input.ty.starts_with("tuple") {
            check_addresses(text).map_err(&wrong)?;
        }
        let shown = quorate_core::text::shown(text);
        let value = kind.coerce_str(text).map_err(|_| wrong(format!("{shown} is no {kind}")))?;
        values.push(value);
    }
    let data = function.abi_encode_input(&values).map_err(|error| error.to_string())?;
    Ok(data.into())
}

/// Checks the checksums of the addresses in a list, which is otherwise read by digits alone.
fn check_addresses(text: &str) -> Result<(), String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != ':');
    let is_address = |word: &&str| word.rsplit(':').next().is_some_and(|last| last.len() == 42);
    for word in words.filter(is_address) {
        address::parse(word).map_err(|error| error.to_string())?;
    }
    Ok(())
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
        encode(1, "approve(address,uint256)", &[spender, amount.to_owned()]).unwrap()
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

    /// Case 3: a token counts allowances in as many bits as it likes, and takes the largest number for without limit.
    #[test]
    fn the_largest_numbers_of_every_width_are_without_limit() {
        let spender = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed".to_owned();
        let is_unlimited = |signature: &str, more: &[String]| {
            let data = encode(1, signature, more).unwrap();
            decode(&call(data)).unwrap().is_unlimited_allowance()
        };
        let functions = [
            ("approve(address,uint256)", None),
            ("increaseAllowance(address,uint256)", None),
            ("increaseApproval(address,uint256)", None),
            ("approveAndCall(address,uint256,bytes)", Some("0x".to_owned())),
        ];
        for (signature, last) in functions {
            let with = |amount: U256| {
                let mut arguments = vec![spender.clone(), amount.to_string()];
                arguments.extend(last.clone());
                is_unlimited(signature, &arguments)
            };
            for bits in 96..=256 {
                let largest = U256::MAX >> (256 - bits);
                for amount in [largest, largest - U256::ONE, largest - U256::from(u64::MAX)] {
                    assert!(with(amount), "{signature} {bits} {amount}");
                }
            }
            for amount in ["0", "1", "1000000000000000000000000000"] {
                assert!(!with(amount.parse().unwrap()), "{signature} {amount}");
            }
            assert!(!with(UNLIMITED - U256::ONE));
        }
        let permit2 = |amount: U256| {
            let arguments = [spender.clone(), spender.clone(), amount.to_string(), "5".to_owned()];
            is_unlimited("approve(address,address,uint160,uint48)", &arguments)
        };
        assert!(permit2(U256::MAX >> 96) && !permit2(U256::from(5)));
        assert_eq!(as_power(U256::MAX).as_deref(), Some("2^256-1"));
        assert_eq!(as_power(U256::MAX >> 160).as_deref(), Some("2^96-1"));
        assert_eq!(as_power(U256::MAX >> 161), None);
        assert_eq!(as_power(U256::MAX - U256::ONE), None);
    }

    #[test]
    fn what_a_call_moves_is_told_by_its_parameters() {
        let [a, b] = [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x00000000000000000000000000000000000000b0",
        ];
        let moved = |signature: &str, arguments: &[&str]| {
            let arguments: Vec<_> = arguments.iter().map(|&text| text.to_owned()).collect();
            let call = call(encode(1, signature, &arguments).unwrap());
            decode(&call).unwrap().moved(call.to)
        };
        let called = Address::with_last_byte(1);
        let [from, to] = [a, b].map(|text| text.parse::<Address>().unwrap());
        let (asset, amount) = (Asset::Token(called), U256::from(7));
        let of = |from, asset: &Asset| Some(Moved { asset: asset.clone(), from, to, amount });
        assert_eq!(moved("transfer(address,uint256)", &[b, "7"]), of(None, &asset));
        assert_eq!(
            moved("transferFrom(address,address,uint256)", &[a, b, "7"]),
            of(Some(from), &asset)
        );
        assert_eq!(
            moved("transferAndCall(address,uint256,bytes)", &[b, "7", "0x12"]),
            of(None, &asset)
        );
        let item = Asset::Item { collection: called, id: U256::from(9) };
        let items = "safeTransferFrom(address,address,uint256,uint256,bytes)";
        assert_eq!(moved(items, &[a, b, "9", "7", "0x"]), of(Some(from), &item));
        assert_eq!(moved("safeTransferFrom(address,address,uint256)", &[a, b, "9"]), None);
        assert_eq!(moved("approve(address,uint256)", &[b, "7"]), None);
        assert_eq!(moved("deposit()", &[]), None);
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
        assert!(encode(1, "approve(address,uint256", &[]).is_err());
        assert!(encode(1, "approve(address,uint256)", &["0x00".to_owned()]).is_err());
        let broken = "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed".to_owned();
        let error = encode(1, "f(address)", &[broken]).unwrap_err();
        assert!(error.contains("checksum"), "{error}");
        let broken = "[0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed,0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed]";
        let error = encode(1, "f(address[])", &[broken.to_owned()]).unwrap_err();
        assert!(error.contains("checksum"), "{error}");
        let good = broken.replace("aaeb", "aAeb");
        assert!(encode(1, "f(address[])", std::slice::from_ref(&good)).is_ok());
        let named = "eth:0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed".to_owned();
        assert!(encode(1, "f(address)", std::slice::from_ref(&named)).is_ok());
        let error = encode(5, "f(address)", &[named]).unwrap_err();
        assert!(error.contains("names chain 1 (EIP-3770), and this is chain 5"), "{error}");
        assert!(encode(1, "f(uint8)", &["256".to_owned()]).is_err());
    }
}
