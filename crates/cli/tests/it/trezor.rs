//! A Trezor, as far as a pretend device behind Trezor's own emulator port is one: everything but USB is real.

#[path = "../../src/key/trezor/pretend.rs"]
mod pretend;

use crate::environment::Environment;
use eyre::{Result, eyre};
use pretend::Pretend;
use quorate_lab::owners::owner;
use std::{
    io::ErrorKind,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use trezor_client::{
    TrezorMessage as _,
    protos::{
        ButtonAck, Cancel, EthereumGetAddress, EthereumSignTxEIP1559, EthereumSignTypedData,
        EthereumSignTypedHash, EthereumTxAck, EthereumTypedDataStructAck,
        EthereumTypedDataValueAck, Initialize, MessageType, PassphraseAck, PinMatrixAck,
    },
    transport::{ProtoMessage, Transport as _},
};

/// Where Trezor's libraries look for its emulator.
const EMULATOR: &str = "127.0.0.1:21324";

/// The bytes of a report.
const REPORT: usize = 64;

/// Case 18: a Trezor signs proposals of each kind, and submits.
#[tokio::test]
async fn a_trezor_signs_and_submits() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("payout.json", &["--lane", "77"])?;
    let wallet = ["--wallet", "wallet.json", "--out"];
    let call = [
        "propose",
        "call",
        "--to",
        crate::environment::PAYEE,
        "--data",
        "0x12345678",
        "--lane",
        "78",
    ];
    let owners = ["propose", "owners", "--threshold", "2", "--lane", "79"];
    let cancel = ["propose", "cancel", "--lane", "80", "--sequence", "0"];
    for (name, action) in
        [("call.json", &call[..]), ("owners.json", &owners), ("cancel.json", &cancel)]
    {
        environment.json(&[action, &wallet, &[name]].concat())?;
    }
    let accept = ["unknownCalldata", "dataToNoCode", "thresholdChange"];
    let accept: Vec<_> = accept.iter().flat_map(|code| ["--accept", *code]).collect();
    for (number, model) in [(1, "T2T1"), (2, "T1B1")] {
        let _plugged = Plugged::new(Pretend::new(model, owner(number)))?;
        for name in ["payout.json", "call.json", "owners.json", "cancel.json"] {
            let signed = environment.json(&[&["sign", name, "--trezor"], &accept[..]].concat())?;
            assert_eq!(
                signed["signer"],
                owner(number).address().to_checksum(None),
                "{model} {name}"
            );
            assert_eq!(signed["added"], true);
        }
    }
    environment.sign("payout.json", &[3])?;
    let _plugged = Plugged::new(Pretend::new("T3T1", owner(8)))?;
    let submitted = environment.json(&["submit", "payout.json", "--trezor"])?;
    assert_eq!(submitted["status"], "executed");
    Ok(())
}

/// What is refused there is not signed here, and another owner's device is no owner.
#[tokio::test]
async fn a_trezor_that_refuses_or_is_another_s_signs_nothing() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("payout.json", &[])?;
    let sign = ["sign", "payout.json", "--trezor"];
    {
        let refusing = Pretend { confirmations: 0, ..Pretend::new("T2T1", owner(1)) };
        let _plugged = Plugged::new(refusing)?;
        environment.refuses(&sign, 4, "it was refused on the Trezor: nothing is signed")?;
    }
    {
        let _plugged = Plugged::new(Pretend::new("T2T1", owner(7)))?;
        environment.refuses(&sign, 3, "is not an owner of the wallet")?;
        let path = [&sign[..], &["--mnemonic-derivation-path", "44'/60'"]].concat();
        environment.refuses(&path, 3, "not a derivation path")?;
        let path = [&sign[..], &["--mnemonic-derivation-path", "m/44'/60'/0'/0/1"]].concat();
        environment.refuses(&path, 3, "derivation path (\"Forbidden key path\")")?;
    }
    Ok(())
}

/// A pretend device on the emulator's port, until it is dropped.
struct Plugged {
    is_over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Plugged {
    /// Waits while another test has the port.
    fn new(device: Pretend) -> Result<Self> {
        let socket = (0..600).find_map(|_| {
            let bound = UdpSocket::bind(EMULATOR);
            bound.inspect_err(|_| thread::park_timeout(Duration::from_millis(100))).ok()
        });
        let socket = socket.ok_or_else(|| eyre!("{EMULATOR} is in use"))?;
        socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let thread = thread::spawn(move || serve(&socket, &device, &ends));
        Ok(Self { is_over, thread: Some(thread) })
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Passes messages on, as the emulator frames them. Each host finds the device as it was plugged in.
fn serve(socket: &UdpSocket, device: &Pretend, is_over: &AtomicBool) {
    let mut plugged = device.clone().start();
    let mut message = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let mut report = [0; REPORT];
        let (length, host) = match socket.recv_from(&mut report) {
            Ok(received) => received,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                continue;
            }
            Err(_) => return,
        };
        if &report[..length] == b"PINGPING" {
            let _ = socket.send_to(b"PONGPONG", host);
            continue;
        }
        message.extend_from_slice(&report[1..length]);
        let Some(header) = message.first_chunk::<8>() else { continue };
        let size = u32::from_be_bytes([header[4], header[5], header[6], header[7]]) as usize;
        if message.len() < 8 + size {
            continue;
        }
        let kind =
            known(u16::from_be_bytes([header[2], header[3]])).expect("a message that is known");
        let content = message[8..8 + size].to_vec();
        message.clear();
        if kind == Initialize::MESSAGE_TYPE {
            plugged = device.clone().start();
        }
        plugged.write_message(ProtoMessage::new(kind, content)).expect("the device is there");
        let answer = plugged.read_message().expect("the device answers");
        answer_to(socket, host, answer);
    }
}

fn answer_to(socket: &UdpSocket, host: SocketAddr, answer: ProtoMessage) {
    let mut bytes = vec![b'#', b'#'];
    bytes.extend((answer.message_type() as u16).to_be_bytes());
    bytes.extend((answer.payload().len() as u32).to_be_bytes());
    bytes.extend(answer.into_payload());
    for part in bytes.chunks(REPORT - 1) {
        let mut report = [0; REPORT];
        report[0] = b'?';
        report[1..=part.len()].copy_from_slice(part);
        let _ = socket.send_to(&report, host);
    }
}

/// The messages that a host sends.
fn known(number: u16) -> Option<MessageType> {
    let known = [
        Initialize::MESSAGE_TYPE,
        Cancel::MESSAGE_TYPE,
        ButtonAck::MESSAGE_TYPE,
        PinMatrixAck::MESSAGE_TYPE,
        PassphraseAck::MESSAGE_TYPE,
        EthereumGetAddress::MESSAGE_TYPE,
        EthereumSignTxEIP1559::MESSAGE_TYPE,
        EthereumTxAck::MESSAGE_TYPE,
        EthereumSignTypedData::MESSAGE_TYPE,
        EthereumSignTypedHash::MESSAGE_TYPE,
        EthereumTypedDataStructAck::MESSAGE_TYPE,
        EthereumTypedDataValueAck::MESSAGE_TYPE,
    ];
    known.into_iter().find(|kind| *kind as u16 == number)
}
