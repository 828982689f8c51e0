//! Typed data as the newer models take it: they ask for each type, then for each value by its place.

use super::conversation::{Conversation, read};
use crate::failure::Cause;
use alloy::primitives::{Address, I256, U256, hex};
use eyre::Result;
use quorate_core::text::shown;
use serde_json::Value;
use trezor_client::{
    protos::{
        EthereumSignTypedData, EthereumTypedDataSignature, EthereumTypedDataStructAck,
        EthereumTypedDataStructRequest, EthereumTypedDataValueAck, EthereumTypedDataValueRequest,
        MessageType,
        ethereum_typed_data_struct_ack::{
            EthereumDataType, EthereumFieldType, EthereumStructMember,
        },
    },
    transport::ProtoMessage,
};

const DOMAIN: &str = "EIP712Domain";

/// Has typed data signed, answering whatever the device asks about it.
pub(super) fn sign(
    conversation: &mut Conversation,
    path: &[u32],
    data: &Value,
) -> Result<EthereumTypedDataSignature> {
    let data = TypedData::new(data)?;
    let mut answer = conversation.ask(EthereumSignTypedData {
        address_n: path.to_vec(),
        primary_type: Some(data.primary.to_owned()),
        metamask_v4_compat: Some(true),
        ..Default::default()
    })?;
    loop {
        answer = match answer.message_type() {
            MessageType::MessageType_EthereumTypedDataStructRequest => {
                let members = data.members_asked(answer).inspect_err(|_| conversation.cancel())?;
                conversation.ask(EthereumTypedDataStructAck { members, ..Default::default() })?
            }
            MessageType::MessageType_EthereumTypedDataValueRequest => {
                let value = data.value_asked(answer).inspect_err(|_| conversation.cancel())?;
                let value = Some(value);
                conversation.ask(EthereumTypedDataValueAck { value, ..Default::default() })?
            }
            MessageType::MessageType_EthereumTypedDataSignature => return read(answer),
            _ => return Err(conversation.unexpected(&answer)),
        };
    }
}

/// What is to be signed, as JSON (`eth_signTypedData_v4`).
struct TypedData<'a> {
    types: &'a Value,
    primary: &'a str,
    domain: &'a Value,
    message: &'a Value,
}

impl<'a> TypedData<'a> {
    fn new(data: &'a Value) -> Result<Self> {
        let primary = data["primaryType"].as_str().ok_or_else(|| malformed("primaryType"))?;
        let data = Self {
            types: &data["types"],
            primary,
            domain: &data["domain"],
            message: &data["message"],
        };
        data.fields(DOMAIN)?;
        data.fields(primary)?;
        Ok(data)
    }

    /// The names and types of a struct's members.
    fn fields(&self, name: &str) -> Result<Vec<(&'a str, &'a str)>> {
        let types: &'a Value = self.types;
        let fields = types.get(name).and_then(Value::as_array).ok_or_else(|| not_there(name))?;
        let pair = |field: &'a Value| Some((field["name"].as_str()?, field["type"].as_str()?));
        fields.iter().map(pair).collect::<Option<_>>().ok_or_else(|| malformed(name))
    }

    fn members_asked(&self, question: ProtoMessage) -> Result<Vec<EthereumStructMember>> {
        let question: EthereumTypedDataStructRequest = read(question)?;
        let fields = self.fields(question.name())?;
        let member = |(name, kind): (&str, &str)| {
            let name = Some(name.to_owned());
            let type_ = Some(self.field_type(kind)?).into();
            Ok(EthereumStructMember { name, type_, ..Default::default() })
        };
        fields.into_iter().map(member).collect()
    }

    /// A type as the device is told it.
    fn field_type(&self, kind: &str) -> Result<EthereumFieldType> {
        use EthereumDataType as Kind;
        let mut told = EthereumFieldType::new();
        if let Some((entry, length)) = array(kind) {
            told.set_data_type(Kind::ARRAY);
            told.size = length.parse().ok();
            told.entry_type = Some(self.field_type(entry)?).into();
        } else if let Ok(members) = self.fields(kind) {
            told.set_data_type(Kind::STRUCT);
            told.size = Some(members.len().try_into()?);
            told.struct_name = Some(kind.to_owned());
        } else {
            let (data_type, size) = match atom(kind).ok_or_else(|| malformed(kind))? {
                Atom::Uint(size) => (Kind::UINT, Some(size)),
                Atom::Int(size) => (Kind::INT, Some(size)),
                Atom::FixedBytes(size) => (Kind::BYTES, Some(size)),
                Atom::Bytes => (Kind::BYTES, None),
                Atom::String => (Kind::STRING, None),
                Atom::Bool => (Kind::BOOL, None),
                Atom::Address => (Kind::ADDRESS, None),
            };
            told.set_data_type(data_type);
            told.size = size.map(|size| size as u32);
        }
        Ok(told)
    }

    /// The value at the place asked for: an array's length, or the bytes of what is no array.
    fn value_asked(&self, question: ProtoMessage) -> Result<Vec<u8>> {
        let question: EthereumTypedDataValueRequest = read(question)?;
        let place = || not_there(&format!("the value at {:?}", question.member_path));
        let (mut kind, mut value) = match question.member_path.first() {
            Some(0) => (DOMAIN, self.domain),
            Some(1) => (self.primary, self.message),
            _ => return Err(place()),
        };
        for &index in &question.member_path[1..] {
            let index = index as usize;
            if let Some((entry, _)) = array(kind) {
                (kind, value) = (entry, value.get(index).ok_or_else(place)?);
            } else {
                let (name, member) = *self.fields(kind)?.get(index).ok_or_else(place)?;
                (kind, value) = (member, value.get(name).ok_or_else(place)?);
            }
        }
        if array(kind).is_none() {
            return encoded(kind, value).ok_or_else(|| malformed(&format!("{kind} {value}")));
        }
        let length = value.as_array().ok_or_else(|| malformed(kind))?.len();
        let length = u16::try_from(length).map_err(|_| {
            Cause::BadInput
                .error(format!("a Trezor takes 65535 elements of a list, and there are {length}"))
        })?;
        Ok(length.to_be_bytes().to_vec())
    }
}

/// A type that consists of nothing else.
enum Atom {
    Uint(usize),
    Int(usize),
    FixedBytes(usize),
    Bytes,
    String,
    Bool,
    Address,
}

fn atom(kind: &str) -> Option<Atom> {
    let bits = |bits: &str| {
        let bits: usize = bits.parse().ok()?;
        (bits.is_multiple_of(8) && (8..=256).contains(&bits)).then_some(bits / 8)
    };
    Some(match kind {
        "bytes" => Atom::Bytes,
        "string" => Atom::String,
        "bool" => Atom::Bool,
        "address" => Atom::Address,
        _ => {
            if let Some(size) = kind.strip_prefix("uint") {
                Atom::Uint(bits(size)?)
            } else if let Some(size) = kind.strip_prefix("int") {
                Atom::Int(bits(size)?)
            } else {
                let size = kind.strip_prefix("bytes")?.parse().ok();
                Atom::FixedBytes(size.filter(|size| (1..=32).contains(size))?)
            }
        }
    })
}

/// The type of an array's elements, and its length as it is written: nothing if it varies.
fn array(kind: &str) -> Option<(&str, &str)> {
    kind.strip_suffix(']')?.rsplit_once('[')
}

/// A value in as many bytes as its type has.
fn encoded(kind: &str, value: &Value) -> Option<Vec<u8>> {
    Some(match atom(kind)? {
        Atom::Uint(size) => {
            last(&number(value)?.parse::<U256>().ok()?.to_be_bytes::<32>(), size, 0)?
        }
        Atom::Int(size) => {
            let number: I256 = number(value)?.parse().ok()?;
            let sign = if number.is_negative() { 0xff } else { 0 };
            let bytes = last(&number.to_be_bytes::<32>(), size, sign)?;
            // The first bit that is left has to be the sign.
            (bytes[0] >> 7 == sign >> 7).then_some(bytes)?
        }
        Atom::FixedBytes(size) => {
            let bytes = hex::decode(value.as_str()?).ok()?;
            (bytes.len() == size).then_some(bytes)?
        }
        Atom::Bytes => hex::decode(value.as_str()?).ok()?,
        Atom::String => value.as_str()?.as_bytes().to_vec(),
        Atom::Bool => vec![value.as_bool()?.into()],
        Atom::Address => value.as_str()?.parse::<Address>().ok()?.to_vec(),
    })
}

/// A whole number as it is written, in quotes or not.
fn number(value: &Value) -> Option<String> {
    match value {
        Value::String(digits) if !digits.is_empty() => Some(digits.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// The last `size` bytes, if all before are `filler`.
fn last(bytes: &[u8], size: usize, filler: u8) -> Option<Vec<u8>> {
    let (before, kept) = bytes.split_at(bytes.len() - size);
    before.iter().all(|&byte| byte == filler).then(|| kept.to_vec())
}

fn not_there(what: &str) -> eyre::Report {
    let what = shown(what);
    Cause::Mismatch
        .error(format!("the Trezor asked for {what}, which is not in what is to be signed"))
}

fn malformed(what: &str) -> eyre::Report {
    Cause::BadInput.error(format!("typed data has a value that cannot be read: {}", shown(what)))
}
