//! What each error says.

use super::*;
use alloy::{
    primitives::{Address, B256, U256},
    sol_types::SolError,
};
use proptest::prelude::*;

const WHO: Address = Address::repeat_byte(0xab);
const WHO_TEXT: &str = "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB";

fn n(number: u64) -> U256 {
    U256::from(number)
}

/// Asserts what is said about an error, and that its name is that of its signature.
fn says<E: SolError>(error: &E, sentence: &str) {
    let revert = decode(&error.abi_encode());
    assert_eq!(revert.to_string(), sentence);
    let (name, _) = E::SIGNATURE.split_once('(').unwrap();
    assert_eq!(revert.name(), name);
}

#[test]
fn errors_of_the_wallet_name_the_broken_fact() {
    use IWallet::*;
    let digest = B256::repeat_byte(7);
    says(&NotAWallet {}, "the address called is the implementation behind wallets, not a wallet");
    says(
        &DeadlinePassed { deadline: n(5), timestamp: n(6) },
        "the deadline 5 has passed: the block's time is 6 (Unix seconds)",
    );
    says(&ThresholdNotMet { signers: n(1), threshold: n(2) }, "1 of the 2 signatures needed");
    says(
        &SignaturesTruncated { offset: n(65) },
        "the list of signatures ends inside the entry at byte 65",
    );
    says(
        &SignaturesNotIncreasing { index: n(0) },
        "the signature of owner 1 is out of order, or there twice",
    );
    says(
        &NoSuchOwner { index: n(3), ownerCount: n(3) },
        "a signature of owner 4: the wallet has 3 owners",
    );
    says(
        &SignatureInvalid { owner: WHO, digest },
        &format!("the signature of {WHO_TEXT} does not hold for digest {digest}"),
    );
    says(
        &NotApproved { owner: WHO, digest },
        &format!("{WHO_TEXT} has not approved digest {digest} on chain"),
    );
    says(&NotOwner { account: WHO }, &format!("{WHO_TEXT} is not an owner of the wallet"));
    says(
        &TokenWithoutCode { token: WHO },
        &format!("there is no token at {WHO_TEXT}: no code on this chain"),
    );
    says(
        &EpochEnded { epoch: n(4) },
        "the wallet was reconfigured while its policy was asked, which ended epoch 4",
    );
    says(&TransferMalformed { index: n(0) }, "transfer 1 names a payee that is no address");
    says(
        &CallMalformed { index: U256::MAX },
        &format!("call {} names a target that is no address, or is cut off", U256::MAX),
    );
}

#[test]
fn errors_of_a_configuration_name_the_broken_rule() {
    use IWallet::*;
    says(
        &ThresholdOutOfRange { threshold: n(4), ownerCount: n(3) },
        "threshold 4 of 3 owners: it must be from 1 to 3",
    );
    says(&OwnerCountOutOfRange { ownerCount: n(101) }, "101 owners: a wallet has 1 to 100");
    says(
        &OwnerInvalid { index: n(1), owner: WHO },
        &format!("owner 2, {WHO_TEXT}, is zero, the wallet itself, or listed before"),
    );
    says(
        &PolicyDataTooLong { length: n(4097) },
        "4097 bytes of policy data: a wallet has at most 4096",
    );
    says(
        &IWalletFactory::CreationFailed { wallet: WHO },
        &format!("wallet {WHO_TEXT} could not be created, for lack of gas"),
    );
}

#[test]
fn a_nonce_that_does_not_fit_is_early_or_late() {
    let lane = n(7) << 64;
    says(
        &IWallet::NonceMismatch { nonce: lane | n(3), expected: lane | n(5) },
        "sequence 3 of lane 7: the next one is 5, so it was consumed before",
    );
    says(
        &IWallet::NonceMismatch { nonce: n(5), expected: n(3) },
        "sequence 5 of lane 0: the next one is 3, so it is not due yet",
    );
    says(
        &IWallet::NonceMismatch { nonce: n(5), expected: lane },
        &format!("nonce 5 is not the next one, {lane}"),
    );
}

#[test]
fn an_error_within_an_error_is_read_too() {
    let reason =
        IERC20Errors::ERC20InsufficientBalance { sender: WHO, balance: n(1), needed: n(2) };
    says(
        &IWallet::TransferFailed { index: n(2), reason: reason.abi_encode().into() },
        &format!("transfer 3 failed: {WHO_TEXT} has 1 units of the token, 2 are needed"),
    );
    let reason = ErrorString { reason: "nope".to_owned() };
    says(
        &IWallet::CallFailed { index: n(1), reason: reason.abi_encode().into() },
        "call 2 failed: \"nope\"",
    );
    let reason = EscrowPolicy::NeedsAllParties { signers: n(0b101) };
    says(
        &IWallet::PolicyRefused { policy: WHO, reason: reason.abi_encode().into() },
        &format!(
            "policy {WHO_TEXT} refuses: buyer and arbiter signed: this takes buyer, seller and arbiter"
        ),
    );
}

#[test]
fn nothing_and_false_are_said_in_words() {
    let transfer = |reason| IWallet::TransferFailed { index: n(0), reason };
    let none = Bytes::new();
    says(
        &transfer(none.clone()),
        "transfer 1 failed without a reason: too little there, or the payee refuses",
    );
    says(&transfer([0; 32].into()), "transfer 1 failed: the token answered false");
    says(
        &IWallet::CallFailed { index: n(0), reason: none.clone() },
        "call 1 failed without a reason: too little ether, or the target refuses",
    );
    says(
        &IWallet::PolicyRefused { policy: WHO, reason: none },
        &format!("policy {WHO_TEXT} refuses without a reason"),
    );
}

#[test]
fn errors_within_errors_end_at_the_third() {
    let mut reason = Bytes::new();
    for _ in 0..6 {
        reason = IWallet::CallFailed { index: n(0), reason }.abi_encode().into();
    }
    let sentence = decode(&reason).to_string();
    assert_eq!(sentence.matches("call 1 failed: ").count(), 4, "{sentence}");
    assert!(sentence.ends_with(" bytes)"), "{sentence}");
}

#[test]
fn errors_of_the_escrow_policy_name_the_parties() {
    use EscrowPolicy::*;
    says(
        &PolicyMismatch { policy: Address::ZERO, expected: WHO },
        &format!(
            "the configuration names policy {}, not {WHO_TEXT}, which was asked",
            Address::ZERO
        ),
    );
    says(
        &OwnerCountMismatch { ownerCount: n(2), expected: n(3) },
        "2 owners: an escrow has 3, buyer, seller and arbiter",
    );
    says(&ThresholdMismatch { threshold: n(2), expected: n(1) }, "threshold 2: an escrow has 1");
    says(
        &TermsLengthMismatch { length: n(46), expected: n(47) },
        "46 bytes of escrow terms: 47 are needed",
    );
    says(
        &ExpiryOutOfRange { expiry: n(0), arbitrationSecs: n(9), timestamp: n(8) },
        "the expiry 0 (Unix seconds) with 9 seconds of arbitration is zero or too far from now, 8",
    );
    says(
        &BeneficiaryOutOfRange { timeoutBeneficiary: n(2) },
        "the time-out's beneficiary is 2: it must be 0, the buyer, or 1, the seller",
    );
    says(
        &FeeCapOutOfRange { arbiterFeeCapBps: n(10_001) },
        "the arbiter's fee cap is 10001 hundredths of a percent: at most 10000",
    );
    says(
        &LaneNotAllowed { lane: n(0), signers: n(2) },
        "seller cannot act in lane 0: one party acts in its own lane (1 buyer, 2 seller, 3 arbiter), several in any other",
    );
    says(
        &PayeeNotAllowed { index: n(0), payee: WHO, signers: n(2), timeout: n(99) },
        &format!(
            "transfer 1: {WHO_TEXT} may not be paid by seller, or not before the time-out at 99 (Unix seconds)"
        ),
    );
    says(
        &FeeNotExact { index: n(1) },
        "transfer 2: the arbiter is paid an exact amount, not everything left",
    );
    says(
        &AmountAboveBalance { index: n(0), amount: n(5), left: n(4) },
        "transfer 1 is of 5 units, but 4 are left",
    );
    says(
        &FeeAboveCap { fee: n(3), moved: n(10), arbiterFeeCapBps: n(100) },
        "the arbiter would get 3 of the 10 units paid, above its cap of 100 hundredths of a percent",
    );
    says(
        &DisputeTooLate { expiry: n(1), timestamp: n(2) },
        "too late to dispute: the escrow expired at 1, the block's time is 2 (Unix seconds)",
    );
    says(&AlreadyDisputed { wallet: WHO }, &format!("escrow {WHO_TEXT} was disputed before"));
}

#[test]
fn errors_of_a_treasurys_policy_say_what_is_missing() {
    use ITreasuryPolicy::*;
    says(
        &LaneClosed { lane: n(1), signerCount: n(2) },
        "2 signers cannot act in lane 1: fewer than admin signers act in lanes from 2^191 on, admin signers in no lane from 2^190 to 2^191-1",
    );
    says(&SignersMissing { signerCount: n(2), needed: n(4) }, "2 signers, and this takes 4");
    says(&WalletFrozen { until: n(9) }, "the wallet is frozen until 9 (Unix seconds)");
    says(
        &NotQueued { digest: [7; 32].into() },
        &format!("0x{} was not queued, or a freeze voided that", "07".repeat(32)),
    );
    says(
        &DelayNotOver { eta: n(9), timestamp: n(8) },
        "it waits until 9, the block's time is 8 (Unix seconds)",
    );
    says(
        &VetoStands { digest: [7; 32].into(), count: n(2) },
        &format!("2 owners vetoed 0x{}", "07".repeat(32)),
    );
    says(
        &LimitExceeded { token: Address::ZERO, spent: n(3), total: n(8), amount: n(10) },
        "8 units of ether would pass the limit of 10, of which 3 are spent",
    );
    says(
        &PayeeNotListed { index: n(0), payee: WHO },
        &format!("transfer 1: {WHO_TEXT} is no listed payee"),
    );
    says(
        &AlreadyFrozen { wallet: WHO, owner: WHO },
        &format!("{WHO_TEXT} voted for a freeze of {WHO_TEXT} before: once in an epoch"),
    );
}

#[test]
fn errors_of_tokens_are_read() {
    use IERC20Errors::*;
    says(
        &ERC20InsufficientAllowance { spender: WHO, allowance: n(1), needed: n(2) },
        &format!("{WHO_TEXT} may take 1 units of the token, 2 are needed"),
    );
    says(&ERC20InvalidSender { sender: WHO }, &format!("the token takes nothing from {WHO_TEXT}"));
    says(
        &ERC20InvalidReceiver { receiver: WHO },
        &format!("the token gives nothing to {WHO_TEXT}"),
    );
    says(
        &ERC20InvalidApprover { approver: WHO },
        &format!("the token lets {WHO_TEXT} allow nothing"),
    );
    says(
        &ERC20InvalidSpender { spender: WHO },
        &format!("the token lets nobody allow anything to {WHO_TEXT}"),
    );
}

#[test]
fn text_from_the_chain_is_escaped_and_cut() {
    let error = |reason: &str| ErrorString { reason: reason.to_owned() }.abi_encode();
    let revert = decode(&error("pay\u{202e}eca\n"));
    assert_eq!(revert.to_string(), r#""pay\u{202e}eca\n""#);
    assert_eq!(revert.name(), "Error");
    let long = decode(&error(&"é".repeat(201))).to_string();
    assert_eq!(long, format!("\"{}…\"", "é".repeat(200)));
    let mut not_utf8 = error("abc");
    not_utf8[68] = 0xff;
    assert_eq!(decode(&not_utf8).to_string(), "\"\u{fffd}bc\"");
}

#[test]
fn panics_are_read() {
    says(&Panic { code: n(0x11) }, "panic 0x11: a number is out of range");
    says(&Panic { code: U256::MAX }, &format!("panic {:#x}: of no known kind", U256::MAX));
}

#[test]
fn what_is_not_known_is_shown_in_hex() {
    assert_eq!(decode(&[]).to_string(), "no reason was given");
    assert_eq!(decode(&[]).name(), "Silent");
    assert_eq!(decode(&[1, 2]).to_string(), "unknown error 0x0102");
    let long = decode(&[0xab; 65]);
    assert_eq!(long.to_string(), format!("unknown error 0x{}… (65 bytes)", "ab".repeat(64)));
    assert_eq!(long.name(), "Unknown");
    // The right selector, and then nonsense.
    let cut = &IWallet::ThresholdNotMet { signers: n(1), threshold: n(2) }.abi_encode()[..40];
    assert_eq!(decode(cut).name(), "Unknown");
}

/// All selectors that are read, so that nonsense behind them is tried.
fn selectors() -> Vec<[u8; 4]> {
    let of = [
        IWallet::IWalletErrors::SELECTORS,
        IWalletFactory::IWalletFactoryErrors::SELECTORS,
        EscrowPolicy::EscrowPolicyErrors::SELECTORS,
        ITreasuryPolicy::ITreasuryPolicyErrors::SELECTORS,
        IERC20Errors::IERC20ErrorsErrors::SELECTORS,
        &[ErrorString::SELECTOR, Panic::SELECTOR],
    ];
    of.concat()
}

proptest! {
    #[test]
    fn bytes_from_anywhere_do_not_panic(
        selector in prop::sample::select(selectors()),
        data: Vec<u8>,
        words in prop::collection::vec(prop_oneof![Just(U256::MAX), (0_u64..300).prop_map(n)], 0..8),
    ) {
        let words: Vec<u8> = words.into_iter().flat_map(|word| word.to_be_bytes::<32>()).collect();
        for bytes in [&data[..], &[&selector[..], &data].concat(), &[&selector[..], &words].concat()] {
            let revert = decode(bytes);
            let sentence = revert.to_string();
            prop_assert!(!sentence.is_empty() && !revert.name().is_empty());
            prop_assert!(!sentence.contains(char::is_control));
            prop_assert!(sentence.chars().count() < 3_000, "{}", sentence);
        }
    }
}
