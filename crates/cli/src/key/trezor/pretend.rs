//! A pretend Trezor. It asks as the firmware asks, in its order, and makes a digest of nothing but what it is told.
//!
//! Written after `sign_typed_data.py` of the firmware for the newer models, and what the Model One does; shares no code
//! with what it is there to test.

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559},
    eips::eip2930::AccessList,
    primitives::{Address, B256, TxKind, U256, keccak256},
    signers::{Signature, SignerSync as _, local::PrivateKeySigner},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};
use trezor_client::{
    TrezorMessage,
    protos::{
        ButtonAck, ButtonRequest, EthereumAddress, EthereumGetAddress, EthereumSignTxEIP1559,
        EthereumSignTypedData, EthereumSignTypedHash, EthereumTxAck, EthereumTxRequest,
        EthereumTypedDataSignature, EthereumTypedDataStructAck, EthereumTypedDataStructRequest,
        EthereumTypedDataValueAck, EthereumTypedDataValueRequest, Failure, Features, MessageType,
        PassphraseAck, PassphraseRequest, PinMatrixAck, PinMatrixRequest,
        ethereum_typed_data_struct_ack::{
            EthereumDataType as Kind, EthereumFieldType, EthereumStructMember,
        },
        failure::FailureType,
        features::Capability,
    },
    transport::{ProtoMessage, Transport, error::Error},
};

/// What a pretend device is, and what its owner does with it.
#[derive(Clone)]
pub(crate) struct Pretend {
    pub(crate) features: Features,
    pub(crate) key: PrivateKeySigner,
    /// The PIN asked for on the computer, by the places of its digits.
    pub(crate) pin: Option<String>,
    /// The passphrase it wants.
    pub(crate) passphrase: Option<String>,
    /// How many confirmations its owner gives before refusing one.
    pub(crate) confirmations: usize,
    /// The derivation path of `key`.
    pub(crate) path: Vec<u32>,
    /// Everything it asked for, in order.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl Pretend {
    /// A device of the model that Trezor calls `internal`, with firmware that is new enough.
    pub(crate) fn new(internal: &str, key: PrivateKeySigner) -> Self {
        let mut features = Features::new();
        let major = if internal == "T1B1" { 1 } else { 2 };
        features.set_internal_model(internal.to_owned());
        features.set_major_version(major);
        features.set_minor_version(12);
        features.set_patch_version(1);
        features.set_initialized(true);
        if major == 2 {
            features.capabilities.push(Capability::Capability_PassphraseEntry.into());
        }
        let path = vec![1 << 31 | 44, 1 << 31 | 60, 1 << 31, 0, 0];
        let (confirmations, asked) = (usize::MAX, Arc::default());
        Self { features, key, pin: None, passphrase: None, confirmations, path, asked }
    }

    /// Switches it on.
    pub(crate) fn start(self) -> Plugged {
        let (to_device, from_host) = channel();
        let (to_host, from_device) = channel();
        thread::spawn(move || Device { pretend: self, from_host, to_host }.run());
        Plugged { to_device, from_device: Mutex::new(from_device) }
    }
}

/// The host's end of the cable.
pub(crate) struct Plugged {
    to_device: Sender<ProtoMessage>,
    from_device: Mutex<Receiver<ProtoMessage>>,
}

impl Transport for Plugged {
    fn session_begin(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn session_end(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn write_message(&mut self, message: ProtoMessage) -> Result<(), Error> {
        self.to_device.send(message).map_err(|_| Error::DeviceDisconnected)
    }

    fn read_message(&mut self) -> Result<ProtoMessage, Error> {
        let from_device = self.from_device.get_mut().unwrap_or_else(PoisonError::into_inner);
        from_device.recv().map_err(|_| Error::DeviceDisconnected)
    }
}

/// Why a question is not answered: a failure that the host is told, or nothing where the host is gone.
type Stop = Option<(FailureType, &'static str)>;
type Told<T> = Result<T, Stop>;

struct Device {
    pretend: Pretend,
    from_host: Receiver<ProtoMessage>,
    to_host: Sender<ProtoMessage>,
}

impl Device {
    fn run(mut self) {
        while let Ok(message) = self.from_host.recv() {
            match self.obey(message) {
                Ok(()) => {}
                Err(Some((code, text))) => {
                    let mut failure = Failure::new();
                    failure.set_code(code);
                    failure.set_message(text.to_owned());
                    self.tell(&failure);
                }
                Err(None) => return,
            }
        }
    }

    fn obey(&mut self, message: ProtoMessage) -> Told<()> {
        let is_one = self.pretend.features.major_version() == 1;
        match message.message_type() {
            MessageType::MessageType_Initialize => self.tell(&self.pretend.features.clone()),
            MessageType::MessageType_EthereumGetAddress => {
                let asked: EthereumGetAddress = read(message)?;
                self.unlock(&asked.address_n)?;
                let mut address = EthereumAddress::new();
                address.set_address(self.pretend.key.address().to_checksum(None));
                self.tell(&address);
            }
            MessageType::MessageType_EthereumSignTypedData if !is_one => {
                let asked: EthereumSignTypedData = read(message)?;
                self.unlock(&asked.address_n)?;
                let digest = self.typed_digest(asked.primary_type(), asked.metamask_v4_compat())?;
                self.sign(digest);
            }
            MessageType::MessageType_EthereumSignTypedHash if is_one => {
                let asked: EthereumSignTypedHash = read(message)?;
                self.unlock(&asked.address_n)?;
                self.confirm()?;
                let hashes = [asked.domain_separator_hash(), asked.message_hash()];
                check(hashes.iter().all(|hash| hash.len() == 32), "Invalid hash length")?;
                self.sign(keccak256([b"\x19\x01", hashes[0], hashes[1]].concat()));
            }
            MessageType::MessageType_EthereumSignTxEIP1559 => self.transaction(read(message)?)?,
            MessageType::MessageType_Cancel => {
                return Err(Some((FailureType::Failure_ActionCancelled, "Cancelled")));
            }
            _ => return Err(Some((FailureType::Failure_UnexpectedMessage, "Unexpected message"))),
        }
        Ok(())
    }

    /// PIN and passphrase, once, and that the path is one the device allows.
    fn unlock(&mut self, path: &[u32]) -> Told<()> {
        if let Some(pin) = self.pretend.pin.clone() {
            let given: PinMatrixAck = self.ask(&PinMatrixRequest::new())?;
            if given.pin() != pin {
                return Err(Some((FailureType::Failure_PinInvalid, "PIN invalid")));
            }
            self.pretend.pin = None;
        }
        if let Some(passphrase) = self.pretend.passphrase.clone() {
            let given: PassphraseAck = self.ask(&PassphraseRequest::new())?;
            if given.on_device() {
                self.confirm()?;
            } else {
                check(given.passphrase() == passphrase, "Passphrase of another wallet")?;
            }
            self.pretend.passphrase = None;
        }
        check(path == self.pretend.path, "Forbidden key path")
    }

    fn sign(&self, digest: B256) {
        let signature = self.pretend.key.sign_hash_sync(&digest).expect("the key is in memory");
        let mut answer = EthereumTypedDataSignature::new();
        answer.set_signature(signature.as_bytes().to_vec());
        answer.set_address(self.pretend.key.address().to_checksum(None));
        self.tell(&answer);
    }

    fn transaction(&mut self, asked: EthereumSignTxEIP1559) -> Told<()> {
        self.unlock(&asked.address_n)?;
        let mut data = asked.data_initial_chunk().to_vec();
        while data.len() < asked.data_length() as usize {
            let mut request = EthereumTxRequest::new();
            request.set_data_length((asked.data_length() - data.len() as u32).min(1024));
            let chunk: EthereumTxAck = self.ask(&request)?;
            check(chunk.data_chunk().len() == request.data_length() as usize, "Invalid length")?;
            data.extend_from_slice(chunk.data_chunk());
        }
        self.confirm()?;
        let number = |bytes: &[u8]| U256::try_from_be_slice(bytes).unwrap_or_default();
        let transaction = TxEip1559 {
            chain_id: asked.chain_id(),
            nonce: number(asked.nonce()).to(),
            gas_limit: number(asked.gas_limit()).to(),
            max_fee_per_gas: number(asked.max_gas_fee()).to(),
            max_priority_fee_per_gas: number(asked.max_priority_fee()).to(),
            to: asked.to().parse::<Address>().map_or(TxKind::Create, TxKind::Call),
            value: number(asked.value()),
            access_list: AccessList::default(),
            input: data.into(),
        };
        let digest = transaction.signature_hash();
        let signature: Signature = self.pretend.key.sign_hash_sync(&digest).expect("in memory");
        let mut answer = EthereumTxRequest::new();
        answer.set_signature_v(signature.v().into());
        answer.set_signature_r(signature.r().to_be_bytes_vec());
        answer.set_signature_s(signature.s().to_be_bytes_vec());
        self.tell(&answer);
        Ok(())
    }

    /* TYPED DATA */

    fn typed_digest(&mut self, primary: &str, v4: bool) -> Told<B256> {
        check(v4, "Structs in arrays would be hashed otherwise")?;
        // The address, before anything is asked.
        self.confirm()?;
        let mut types = Types::new();
        self.collect("EIP712Domain", &mut types)?;
        self.collect(primary, &mut types)?;
        for (index, member) in (0..).zip(types["EIP712Domain"].clone()) {
            if ["name", "version"].contains(&member.name()) {
                self.value(&member.type_, &[0, index])?;
            }
        }
        self.confirm()?;
        let domain = self.hash_struct("EIP712Domain", &types, &mut vec![0])?;
        self.confirm()?;
        let message = self.hash_struct(primary, &types, &mut vec![1])?;
        self.confirm()?;
        Ok(keccak256([b"\x19\x01", &domain[..], &message[..]].concat()))
    }

    /// Asks for a type, and, depth first, for those of its members that are not known yet.
    fn collect(&mut self, name: &str, types: &mut Types) -> Told<()> {
        self.note(format!("type {name}"));
        let mut question = EthereumTypedDataStructRequest::new();
        question.set_name(name.to_owned());
        let answer: EthereumTypedDataStructAck = self.ask(&question)?;
        types.insert(name.to_owned(), answer.members.clone());
        for member in &answer.members {
            validate(&member.type_)?;
            let inner = innermost(&member.type_);
            if inner.data_type() == Kind::STRUCT && !types.contains_key(inner.struct_name()) {
                self.collect(inner.struct_name(), types)?;
            }
        }
        Ok(())
    }

    fn hash_struct(&mut self, name: &str, types: &Types, place: &mut Vec<u32>) -> Told<B256> {
        let mut words = keccak256(encode_type(name, types)).to_vec();
        for (index, member) in (0..).zip(&types[name]) {
            place.push(index);
            words.extend(self.word(&member.type_, types, place)?);
            place.pop();
        }
        Ok(keccak256(words))
    }

    /// What stands for a value in the encoding of the struct that holds it.
    fn word(
        &mut self,
        kind: &EthereumFieldType,
        types: &Types,
        place: &mut Vec<u32>,
    ) -> Told<B256> {
        match kind.data_type() {
            Kind::STRUCT => self.hash_struct(kind.struct_name(), types, place),
            Kind::ARRAY => {
                let length = match kind.size {
                    Some(size) => size,
                    None => {
                        let mut length = EthereumFieldType::new();
                        length.set_data_type(Kind::UINT);
                        length.set_size(2);
                        let told = self.value(&length, place)?;
                        u32::from(u16::from_be_bytes([told[0], told[1]]))
                    }
                };
                let mut words = Vec::new();
                for index in 0..length {
                    place.push(index);
                    words.extend(self.word(&kind.entry_type, types, place)?);
                    place.pop();
                }
                Ok(keccak256(words))
            }
            _ => {
                let value = self.value(kind, place)?;
                Ok(match kind.data_type() {
                    Kind::STRING => keccak256(value),
                    Kind::BYTES if kind.size.is_none() => keccak256(value),
                    Kind::BYTES => B256::right_padding_from(&value),
                    Kind::INT if value[0] >> 7 == 1 => {
                        let mut word = B256::repeat_byte(0xff);
                        word[32 - value.len()..].copy_from_slice(&value);
                        word
                    }
                    _ => B256::left_padding_from(&value),
                })
            }
        }
    }

    /// Asks for a value and refuses what the type does not allow.
    fn value(&mut self, kind: &EthereumFieldType, place: &[u32]) -> Told<Vec<u8>> {
        self.note(format!("value {place:?}"));
        let question =
            EthereumTypedDataValueRequest { member_path: place.to_vec(), ..Default::default() };
        let answer: EthereumTypedDataValueAck = self.ask(&question)?;
        let value = answer.value().to_vec();
        check(kind.size.is_none_or(|size| size as usize == value.len()), "Invalid length")?;
        match kind.data_type() {
            Kind::BOOL => check(value == [0] || value == [1], "Invalid boolean value")?,
            Kind::ADDRESS => check(value.len() == 20, "Invalid address")?,
            Kind::STRING => check(std::str::from_utf8(&value).is_ok(), "Invalid UTF-8")?,
            _ => {}
        }
        Ok(value)
    }

    /* TALKING */

    fn confirm(&mut self) -> Told<()> {
        let _: ButtonAck = self.ask(&ButtonRequest::new())?;
        match self.pretend.confirmations.checked_sub(1) {
            Some(left) => self.pretend.confirmations = left,
            None => return Err(Some((FailureType::Failure_ActionCancelled, "Cancelled"))),
        }
        Ok(())
    }

    fn ask<Q: TrezorMessage, A: TrezorMessage>(&self, question: &Q) -> Told<A> {
        self.tell(question);
        let answer = self.from_host.recv().map_err(|_| None)?;
        if answer.message_type() != A::MESSAGE_TYPE {
            return Err(Some((FailureType::Failure_UnexpectedMessage, "Unexpected message")));
        }
        read(answer)
    }

    /// A host that is gone is noticed when it is listened to.
    fn tell<M: TrezorMessage>(&self, message: &M) {
        let bytes = message.write_to_bytes().expect("messages can be written");
        let _ = self.to_host.send(ProtoMessage(M::MESSAGE_TYPE, bytes));
    }

    fn note(&self, what: String) {
        self.pretend.asked.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }
}

type Types = BTreeMap<String, Vec<EthereumStructMember>>;

fn read<M: TrezorMessage>(message: ProtoMessage) -> Told<M> {
    message.into_message().map_err(|_| Some((FailureType::Failure_DataError, "Not a message")))
}

const fn check(holds: bool, or: &'static str) -> Told<()> {
    if holds { Ok(()) } else { Err(Some((FailureType::Failure_DataError, or))) }
}

fn innermost(kind: &EthereumFieldType) -> &EthereumFieldType {
    match kind.data_type() {
        Kind::ARRAY => innermost(&kind.entry_type),
        _ => kind,
    }
}

/// As strict as the firmware about what goes with which type.
fn validate(kind: &EthereumFieldType) -> Told<()> {
    let data_type = kind.data_type();
    check((data_type == Kind::ARRAY) == kind.entry_type.is_some(), "Wrong entry_type")?;
    check((data_type == Kind::STRUCT) == kind.struct_name.is_some(), "Wrong struct_name")?;
    match data_type {
        Kind::ARRAY => validate(&kind.entry_type),
        Kind::STRUCT => check(kind.size.is_some(), "Missing size in struct"),
        Kind::BYTES => check(kind.size.is_none_or(|s| (1..=32).contains(&s)), "Invalid size"),
        Kind::UINT | Kind::INT => {
            check(kind.size.is_some_and(|size| (1..=32).contains(&size)), "Invalid size")
        }
        Kind::STRING | Kind::BOOL | Kind::ADDRESS => check(kind.size.is_none(), "Unexpected size"),
    }
}

/// The type string of a struct, and those it refers to behind it, by name.
fn encode_type(name: &str, types: &Types) -> String {
    let mut found = BTreeSet::new();
    refer(name, types, &mut found);
    found.remove(name);
    let names = std::iter::once(name).chain(found.iter().map(String::as_str));
    let definition = |name: &str| {
        let member = |m: &EthereumStructMember| format!("{} {}", type_name(&m.type_), m.name());
        let members: Vec<_> = types[name].iter().map(member).collect();
        format!("{name}({})", members.join(","))
    };
    names.map(definition).collect()
}

fn refer(name: &str, types: &Types, found: &mut BTreeSet<String>) {
    if !found.insert(name.to_owned()) {
        return;
    }
    for member in &types[name] {
        let inner = innermost(&member.type_);
        if inner.data_type() == Kind::STRUCT {
            refer(inner.struct_name(), types, found);
        }
    }
}

fn type_name(kind: &EthereumFieldType) -> String {
    let size = kind.size.map(|size| size.to_string()).unwrap_or_default();
    match kind.data_type() {
        Kind::ARRAY => format!("{}[{size}]", type_name(&kind.entry_type)),
        Kind::STRUCT => kind.struct_name().to_owned(),
        Kind::UINT => format!("uint{}", kind.size() * 8),
        Kind::INT => format!("int{}", kind.size() * 8),
        Kind::BYTES => format!("bytes{size}"),
        Kind::STRING => "string".to_owned(),
        Kind::BOOL => "bool".to_owned(),
        Kind::ADDRESS => "address".to_owned(),
    }
}
