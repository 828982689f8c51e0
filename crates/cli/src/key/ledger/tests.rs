//! Against a pretend Ethereum app, which answers with the app's status words.

use super::{Ledger, Wire};
use crate::{failure, key::path::DerivationPath};
use alloy::{
    consensus::{SignableTransaction as _, TxEip1559},
    primitives::{Address, B256, TxKind, U256, keccak256},
    signers::{SignerSync as _, local::PrivateKeySigner},
};
use coins_ledger::{APDUAnswer, APDUCommand, LedgerError};
use eyre::Result;
use quorate_core::{Action, Nonce, Request, action::Transfer};
use std::sync::Mutex;

/// The app of one version, with a key, and how its owner set it up.
struct App {
    key: PrivateKeySigner,
    version: [u8; 3],
    has_blind_signing: bool,
    /// A status word that is answered to whatever is to be signed.
    status: Option<u16>,
    /// What came in parts so far.
    content: Mutex<Vec<u8>>,
}

impl App {
    fn new() -> Self {
        Self {
            key: quorate_lab::owners::owner(1),
            version: [1, 22, 1],
            has_blind_signing: true,
            status: None,
            content: Mutex::default(),
        }
    }

    fn answer(&self, command: &APDUCommand) -> Result<Vec<u8>, u16> {
        let data: &[u8] = &command.data;
        match (command.cla, command.ins, command.p1) {
            (0xe0, 0x02, 0) => {
                assert_eq!(data, PATH);
                let digits = format!("{:x}", self.key.address());
                Ok([&[65][..], &[4; 65], &[40], digits.as_bytes()].concat())
            }
            (0xe0, 0x06, 0) => Ok([&[self.has_blind_signing.into()], &self.version[..]].concat()),
            (0xe0, 0x0c, 0) => {
                self.may_sign()?;
                let hashes =
                    data.strip_prefix(PATH).filter(|rest| rest.len() == 64).ok_or(0x6a80_u16)?;
                Ok(self.signed(keccak256([b"\x19\x01", hashes].concat()), 27))
            }
            (0xe0, 0x04, part @ (0 | 0x80)) => {
                self.may_sign()?;
                let mut content = self.content.lock().unwrap();
                if part == 0 {
                    content.clear();
                }
                content.extend_from_slice(data);
                let transaction = content.strip_prefix(PATH).ok_or(0x6a80_u16)?;
                // The type, and a list with its length in two bytes or in one.
                let whole = match transaction[1] {
                    0xf9 => 4 + usize::from(u16::from_be_bytes([transaction[2], transaction[3]])),
                    0xf8 => 3 + usize::from(transaction[2]),
                    short => 2 + usize::from(short - 0xc0),
                };
                let is_whole = transaction.len() == whole;
                Ok(if is_whole { self.signed(keccak256(transaction), 0) } else { Vec::new() })
            }
            (0xe0, ..) => Err(0x6d00),
            _ => Err(0x6e00),
        }
    }

    fn may_sign(&self) -> Result<(), u16> {
        match self.status {
            Some(status) => Err(status),
            None if !self.has_blind_signing => Err(0x6a80),
            None => Ok(()),
        }
    }

    fn signed(&self, digest: B256, offset: u8) -> Vec<u8> {
        let signature = self.key.sign_hash_sync(&digest).unwrap();
        let rs = &signature.as_bytes()[..64];
        [&[offset + u8::from(signature.v())], rs].concat()
    }
}

/// m/44'/60'/0'/0/0
const PATH: &[u8] = &[5, 0x80, 0, 0, 44, 0x80, 0, 0, 60, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

impl Wire for App {
    async fn exchange(&self, command: &APDUCommand) -> Result<APDUAnswer, LedgerError> {
        let (content, status) = match self.answer(command) {
            Ok(content) => (content, 0x9000),
            Err(status) => (Vec::new(), status),
        };
        APDUAnswer::from_answer([&content[..], &u16::to_be_bytes(status)].concat())
    }
}

fn request(action: Action) -> Request {
    let nonce = Nonce::from_u256(U256::from(1));
    Request { chain_id: 1, wallet: Address::repeat_byte(1), epoch: 0, action, nonce, deadline: 2 }
}

fn cancel() -> Request {
    request(Action::Cancel {})
}

async fn connect(app: App) -> Result<Ledger<App>> {
    Ledger::begin(app, DerivationPath::of_ledger(0)).await
}

/// The exit code and the line of a refusal.
fn refused<T>(done: Result<T>) -> (u8, String) {
    let error = done.err().expect("it is refused");
    (failure::cause_of(&error) as u8, error.to_string())
}

#[tokio::test]
async fn the_hashes_are_signed() -> Result<()> {
    let ledger = connect(App::new()).await?;
    assert_eq!(ledger.address(), quorate_lab::owners::owner(1).address());
    let signature = ledger.sign(&cancel()).await?;
    assert_eq!(signature.recover_address_from_prehash(&cancel().digest())?, ledger.address());
    Ok(())
}

#[tokio::test]
async fn transactions_are_signed_whatever_their_length() -> Result<()> {
    for length in (0..700).step_by(23).chain([5000]) {
        let transaction = TxEip1559 {
            chain_id: 31337,
            gas_limit: 21_000,
            max_fee_per_gas: 7,
            to: TxKind::Call(Address::repeat_byte(5)),
            input: vec![7; length].into(),
            ..TxEip1559::default()
        };
        let ledger = connect(App::new()).await?;
        let signature = ledger.sign_transaction(&transaction).await?;
        let signer = signature.recover_address_from_prehash(&transaction.signature_hash())?;
        assert_eq!(signer, ledger.address(), "{length}");
    }
    Ok(())
}

/// Case 31: what to switch on is said, for typed data and for transactions.
#[tokio::test]
async fn where_blind_signing_is_off_it_is_said() -> Result<()> {
    let ledger = connect(App { has_blind_signing: false, ..App::new() }).await?;
    let typed = refused(ledger.sign(&cancel()).await);
    let transaction = refused(ledger.sign_transaction(&TxEip1559::default()).await);
    for (code, line) in [typed, transaction] {
        assert_eq!(code, 3);
        assert!(line.contains("under Settings, switch on \"Blind signing\""), "{line}");
    }
    Ok(())
}

#[tokio::test]
async fn other_refusals_say_what_they_mean() -> Result<()> {
    for (status, code, said) in [
        (0x6985, 4, "it was refused on the Ledger: nothing is signed"),
        (0x5501, 4, "it was refused on the Ledger: nothing is signed"),
        (0x5515, 3, "the Ledger is locked"),
        (0x6e00, 3, "Ethereum app is not open"),
        (0x6f00, 3, "status 6f00"),
        (0x1234, 3, "status 1234"),
    ] {
        let ledger = connect(App { status: Some(status), ..App::new() }).await?;
        let (found, line) = refused(ledger.sign(&cancel()).await);
        assert_eq!(found, code, "{line}");
        assert!(line.contains(said), "{line}");
    }
    let (code, line) =
        refused(connect(App { version: [1, 5, 9], ..App::new() }).await?.sign(&cancel()).await);
    assert_eq!(code, 3);
    assert!(line.contains("app is 1.5.9, and 1.6.0 is the oldest that can"), "{line}");
    Ok(())
}

/// Case 19: what no Ledger could show is not signed, and the way out is named.
#[tokio::test]
async fn lists_that_a_ledger_cannot_show_are_refused() -> Result<()> {
    let payout = |count: u8, more: usize| {
        let transfer = |byte| Transfer { to: Address::repeat_byte(byte), amount: U256::ONE };
        let transfers = (0..count).map(transfer).chain((0..more).map(|_| transfer(0))).collect();
        request(Action::Payout { token: Address::ZERO, transfers })
    };
    let ledger = connect(App::new()).await?;
    let largest = payout(255, 0);
    let signature = ledger.sign(&largest).await?;
    assert_eq!(signature.recover_address_from_prehash(&largest.digest())?, ledger.address());
    let (code, line) = refused(ledger.sign(&payout(255, 1)).await);
    assert_eq!(code, 3);
    assert!(
        line.contains("256 payments, and a Ledger shows 255") && line.contains("--batch-size 255"),
        "{line}"
    );
    Ok(())
}
