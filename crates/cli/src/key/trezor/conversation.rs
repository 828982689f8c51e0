//! Question and answer, and what a device wants in between: a confirmation, a PIN, a passphrase.

use super::unusable;
use crate::failure::Cause;
use eyre::Result;
use quorate_core::text::{escaped, shown};
use trezor_client::{
    Error, Features, TrezorMessage,
    protos::{
        ButtonAck, Cancel, Failure, MessageType, PassphraseAck, PinMatrixAck, failure::FailureType,
        features::Capability,
    },
    transport::ProtoMessage,
};

/// What a device that lacks keys for it has typed on the computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// The places of its digits on the keypad: the device shows which digit is where.
    Pin,
    Passphrase,
}

/// Asks whoever sits at the computer.
pub(crate) type Prompt = Box<dyn Fn(Question) -> Result<String> + Send>;

/// A device that is talked to.
pub(super) struct Conversation {
    client: trezor_client::Trezor,
    prompt: Prompt,
    /// Whether the passphrase is entered on the device.
    has_keyboard: bool,
}

impl Conversation {
    pub(super) fn new(client: trezor_client::Trezor, prompt: Prompt) -> Self {
        Self { client, prompt, has_keyboard: false }
    }

    /// Takes note of what the device can do.
    pub(super) fn learn(&mut self, features: &Features) {
        let mut abilities = features.capabilities.iter().filter_map(|one| one.enum_value().ok());
        self.has_keyboard =
            abilities.any(|ability| ability == Capability::Capability_PassphraseEntry);
    }

    /// Asks, and returns the device's answer once whoever holds it did what it wants.
    pub(super) fn ask<S: TrezorMessage>(&mut self, question: S) -> Result<ProtoMessage> {
        let mut answer = self.send(question)?;
        loop {
            answer = match answer.message_type() {
                MessageType::MessageType_ButtonRequest => self.send(ButtonAck::new())?,
                MessageType::MessageType_PinMatrixRequest => {
                    let pin = self.prompted(Question::Pin)?;
                    self.send(PinMatrixAck { pin: Some(pin), ..Default::default() })?
                }
                MessageType::MessageType_PassphraseRequest => {
                    let mut given = PassphraseAck::new();
                    if self.has_keyboard {
                        given.set_on_device(true);
                    } else {
                        given.set_passphrase(self.prompted(Question::Passphrase)?);
                    }
                    self.send(given)?
                }
                MessageType::MessageType_Failure => {
                    return Err(refusal(&answer.into_message().map_err(Error::from)?));
                }
                _ => return Ok(answer),
            };
        }
    }

    /// Asks for the one answer that is expected.
    pub(super) fn ask_for<S: TrezorMessage, R: TrezorMessage>(&mut self, question: S) -> Result<R> {
        let answer = self.ask(question)?;
        if answer.message_type() != R::MESSAGE_TYPE {
            return Err(self.unexpected(&answer));
        }
        read(answer)
    }

    /// The error for an answer that is out of place.
    pub(super) fn unexpected(&mut self, answer: &ProtoMessage) -> eyre::Report {
        self.cancel();
        let kind = answer.message_type();
        Cause::Mismatch.error(format!("the Trezor answered out of turn, with {kind:?}"))
    }

    /// Tells the device that nothing follows. Whatever it says to that, the reason stays the first one.
    pub(super) fn cancel(&mut self) {
        let _ = self.client.call_raw(Cancel::new());
    }

    fn send<S: TrezorMessage>(&mut self, message: S) -> Result<ProtoMessage> {
        self.client.call_raw(message).map_err(|error| unusable(&escaped(&error.to_string())))
    }

    fn prompted(&mut self, question: Question) -> Result<String> {
        (self.prompt)(question).inspect_err(|_| self.cancel())
    }
}

/// Reads an answer whose type was looked at.
pub(super) fn read<R: TrezorMessage>(answer: ProtoMessage) -> Result<R> {
    let kind = answer.message_type();
    answer.into_message().map_err(|_| {
        Cause::Mismatch.error(format!("the Trezor answered with a {kind:?} that cannot be read"))
    })
}

/// What a device's refusal means for whoever holds it.
fn refusal(failure: &Failure) -> eyre::Report {
    let said = shown(failure.message());
    let (cause, text) = match failure.code() {
        FailureType::Failure_ActionCancelled | FailureType::Failure_PinCancelled => {
            (Cause::DangerNotAccepted, "it was refused on the Trezor: nothing is signed".to_owned())
        }
        FailureType::Failure_PinInvalid => {
            (Cause::BadInput, "the Trezor says that the PIN is wrong".to_owned())
        }
        FailureType::Failure_NotInitialized => {
            (Cause::BadInput, "the Trezor holds no keys yet: set it up in Trezor Suite".to_owned())
        }
        FailureType::Failure_InvalidProtocol => (
            Cause::BadInput,
            "this Trezor speaks Trezor's newer host protocol only, which is not built in: sign the output of `quorate show \
             --typed-data` in a wallet that uses it"
                .to_owned(),
        ),
        FailureType::Failure_UnexpectedMessage => (
            Cause::BadInput,
            format!("the Trezor's firmware does not know what it was asked ({said}): update it in Trezor Suite"),
        ),
        FailureType::Failure_DataError if failure.message().contains("key path") => (
            Cause::BadInput,
            format!("the Trezor does not sign with this derivation path ({said}): take another, or let it ask you with `trezorctl set safety-checks prompt`"),
        ),
        FailureType::Failure_Busy | FailureType::Failure_InProgress => {
            (Cause::NotYet, "the Trezor is busy: finish what it shows, then try again".to_owned())
        }
        code => (Cause::BadInput, format!("the Trezor refused: {said} ({code:?})")),
    };
    cause.error(text)
}
