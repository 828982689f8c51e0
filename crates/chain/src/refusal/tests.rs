//! What each node says, and what it means.

use super::{Class::*, *};
use alloy::primitives::U256;
use proptest::prelude::*;

/// Case 35: what was seen of Hardhat, ganache, ethereumjs and anvil, with their codes; and the words of geth (1.16,
/// `core/error.go`, `core/txpool/errors.go`), op-geth, bor and bsc, which are geth's, reth (`rpc-eth-types`), Nethermind
/// (1.3x and the names of before), Erigon (3, `txpoolcfg`), Besu (`RpcErrorType`), nitro, and zkSync (`SubmitTxError`).
const SAID: &[(&str, i64, &str, Class)] = &[
    ("hardhat", -32000, "Known transaction: 0x64bc", Known),
    ("hardhat", -32000, "Nonce too low. Expected nonce to be 3 but got 1.", NonceTooLow),
    (
        "hardhat",
        -32000,
        "Nonce too high. Expected nonce to be 3 but got 5. Note that transactions can't be queued when automining.",
        Wait,
    ),
    (
        "hardhat",
        -32000,
        "Replacement transaction underpriced. A gasPrice/maxFeePerGas of at least 110 is necessary to replace the existing transaction with nonce 3.",
        RaiseFee,
    ),
    (
        "hardhat",
        -32000,
        "Transaction maxFeePerGas (1) is too low for the next block, which has a baseFeePerGas of 875000000",
        RaiseFee,
    ),
    (
        "hardhat",
        -32000,
        "Transaction gas limit is 16777217 and exceeds transaction gas cap of 16777216",
        Hopeless,
    ),
    (
        "hardhat",
        -32000,
        "Transaction gas limit is 70000000 and exceeds block gas limit of 60000000",
        Hopeless,
    ),
    (
        "hardhat",
        -32000,
        "Sender doesn't have enough funds to send tx. The max upfront cost is: 300 and the sender's balance is: 100.",
        InsufficientFunds,
    ),
    ("hardhat", -32000, "Transaction requires at least 21000 gas but got 20999", RaiseGas),
    (
        "hardhat",
        3,
        "VM Exception while processing transaction: reverted with an unrecognized custom error",
        Reverted,
    ),
    ("hardhat", 3, "execution reverted: nonce too low", Reverted),
    (
        "hardhat",
        -32000,
        "Transaction nonce too low. Expected nonce to be 3 but got 1.",
        NonceTooLow,
    ),
    (
        "hardhat",
        -32602,
        "Trying to send a raw transaction with an invalid chainId. The expected chainId is 1",
        Hopeless,
    ),
    (
        "ganache",
        -32000,
        "VM Exception while processing transaction: Transaction's maxFeePerGas (1) is less than the block's baseFeePerGas (7)",
        RaiseFee,
    ),
    ("ganache", -32000, "Invalid chain id (10) for chain with id 1337.", Hopeless),
    ("ganache", -32003, "transaction underpriced", RaiseFee),
    (
        "ganache",
        -32000,
        "the tx doesn't have the correct nonce. account has nonce of: 2 tx has nonce of: 1",
        NonceTooLow,
    ),
    (
        "ganache",
        -32000,
        "the tx doesn't have the correct nonce. account has nonce of: 1 tx has nonce of: 2",
        Wait,
    ),
    ("ganache", -32003, "insufficient funds for gas * price + value", InsufficientFunds),
    ("ethereumjs", -32602, "0x12: this transaction is already in the TxPool", Known),
    (
        "ethereumjs",
        -32602,
        "0xaa tries to send a tx with nonce 0, but account has nonce 1 (tx nonce too low)",
        NonceTooLow,
    ),
    (
        "ethereumjs",
        -32602,
        "replacement gas too low, got tip 1, min: 2, got fee 3, min: 4",
        RaiseFee,
    ),
    (
        "ethereumjs",
        -32602,
        "0xaa does not have enough balance to cover transaction costs, need 300, but have 100",
        InsufficientFunds,
    ),
    ("anvil", -32003, "nonce too low", NonceTooLow),
    ("anvil", -32003, "transaction already imported", Known),
    (
        "anvil",
        -32003,
        "Tx: [0x12] insufficient gas price to replace existing transaction",
        RaiseFee,
    ),
    ("anvil", -32003, "replacement transaction underpriced", RaiseFee),
    ("anvil", -32003, "max fee per gas less than block base fee", RaiseFee),
    ("anvil", -32003, "Insufficient funds for gas * price + value", InsufficientFunds),
    ("anvil", -32003, "intrinsic gas too low", RaiseGas),
    ("anvil", -32003, "intrinsic gas too high -- CallGasCostMoreThanGasLimit", RaiseGas),
    ("anvil", -32003, "intrinsic gas too high -- GasFloorMoreThanGasLimit", RaiseGas),
    ("anvil", -32003, "intrinsic gas too high -- CallerGasLimitMoreThanBlock", Hopeless),
    ("geth", -32000, "already known", Known),
    ("geth", -32000, "known transaction: 0x7f65", Known),
    ("geth", -32000, "nonce too low: next nonce 5, tx nonce 4", NonceTooLow),
    ("geth", -32000, "nonce too high: next nonce 5, tx nonce 9", Wait),
    ("geth", -32000, "transaction underpriced", RaiseFee),
    ("geth", -32000, "transaction underpriced: gas tip cap 0, minimum needed 1", RaiseFee),
    (
        "geth",
        -32000,
        "transaction gas price below minimum: gas tip cap 0, minimum needed 1",
        RaiseFee,
    ),
    ("geth", -32000, "replacement transaction underpriced", RaiseFee),
    (
        "geth",
        -32000,
        "max fee per gas less than block base fee: address 0xaa, maxFeePerGas: 1, baseFee: 875000000",
        RaiseFee,
    ),
    ("geth", -32000, "intrinsic gas too low: gas 20999, minimum needed 21000", RaiseGas),
    (
        "geth",
        -32000,
        "insufficient gas for floor data gas cost: gas 21000, minimum needed 21400",
        RaiseGas,
    ),
    (
        "geth",
        -32000,
        "insufficient funds for gas * price + value: balance 100, tx cost 300, overshot 200",
        InsufficientFunds,
    ),
    (
        "geth",
        -32000,
        "insufficient funds for gas * price + value: balance 100, queued cost 50, tx cost 300, overshot 250",
        InsufficientFunds,
    ),
    ("geth", -32000, "transaction would cause overdraft", InsufficientFunds),
    ("geth", -32000, "txpool is full", Wait),
    ("geth", -32000, "account limit exceeded", Wait),
    ("geth", -32000, "address already reserved", Wait),
    ("geth", -32000, "in-flight transaction limit reached for delegated accounts", Wait),
    ("geth", -32000, "gapped-nonce tx from delegated accounts", Wait),
    ("geth", -32000, "future transaction tries to replace pending", Wait),
    ("geth", -32000, "exceeds block gas limit", Hopeless),
    ("geth", -32000, "transaction gas limit too high (cap: 16777216, tx: 21000000)", Hopeless),
    ("geth", -32000, "tx fee (1.10 ether) exceeds the configured cap (1.00 ether)", Hopeless),
    ("geth", -32000, "invalid sender", Hopeless),
    ("geth", -32000, "invalid chain id for signer: have 1 want 5", Hopeless),
    ("geth", -32000, "oversized data: transaction size 140000, limit 131072", Hopeless),
    ("geth", -32000, "transaction type not supported", Hopeless),
    ("geth", -32000, "max priority fee per gas higher than max fee per gas", Hopeless),
    (
        "reth",
        -32003,
        "insufficient funds for gas * price + value: have 100 want 300",
        InsufficientFunds,
    ),
    ("reth", -32003, "transaction priority fee below minimum required priority fee 7", RaiseFee),
    ("reth", -32000, "intrinsic gas too high", Hopeless),
    ("reth", -32003, "gas limit too high", Hopeless),
    ("reth", -32003, "sender is not an EOA", Hopeless),
    ("reth", -32000, "invalid chain ID", Hopeless),
    ("nethermind", -32010, "AlreadyKnown", Known),
    ("nethermind", -32010, "OldNonce, Current nonce: 22, nonce of rejected tx: 17", NonceTooLow),
    ("nethermind", -32010, "NonceGap, Future nonce. Expected nonce: 10", Wait),
    ("nethermind", -32010, "nonce too far in future", Wait),
    (
        "nethermind",
        -32010,
        "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 50, BaseFee: 100, MaxPriorityFeePerGas:2, Block number: 5",
        RaiseFee,
    ),
    (
        "nethermind",
        -32010,
        "FeeTooLow, EffectivePriorityFeePerGas too low 10 < 20, BaseFee: 30",
        RaiseFee,
    ),
    (
        "nethermind",
        -32010,
        "FeeTooLow, FeePerGas needs to be higher than 100 to be added to the TxPool. Affordable FeePerGas of rejected tx: 50.",
        RaiseFee,
    ),
    ("nethermind", -32010, "FeeTooLowToCompete", RaiseFee),
    ("nethermind", -32010, "ReplacementNotAllowed", RaiseFee),
    (
        "nethermind",
        -32010,
        "InsufficientFunds, Account balance: 100, cumulative cost: 300",
        InsufficientFunds,
    ),
    (
        "nethermind",
        -32010,
        "InsufficientFunds, Balance is 100 less than sending value + gas 300",
        InsufficientFunds,
    ),
    (
        "nethermind",
        -32010,
        "GasLimitExceeded, Gas limit: 100, gas limit of rejected tx: 150",
        Hopeless,
    ),
    ("nethermind", -32010, "gas limit reached", Hopeless),
    ("nethermind", -32010, "SenderIsContract", Hopeless),
    ("nethermind", -32010, "Invalid", Hopeless),
    ("nethermind", -32010, "Invalid, transaction Hash is null", Hopeless),
    ("nethermind", -32010, "node is syncing", Wait),
    ("nethermind", -32010, "delegation nonce gap", Wait),
    ("erigon", -32000, "INTERNAL_ERROR: existing tx with same hash", Known),
    ("erigon", -32000, "INTERNAL_ERROR: could not replace existing tx", RaiseFee),
    ("erigon", -32000, "fee too low", RaiseFee),
    ("erigon", -32000, "underpriced", RaiseFee),
    ("erigon", -32000, "IntrinsicGas", RaiseGas),
    ("erigon", -32000, "insufficient funds", InsufficientFunds),
    ("erigon", -32000, "baseFee sub-pool is full", Wait),
    ("erigon", -32000, "nonce too low", NonceTooLow),
    ("erigon", -32000, "gas limit is too high", Hopeless),
    ("erigon", -32000, "RLPTooLong", Hopeless),
    ("besu", -32000, "Known transaction", Known),
    ("besu", -32000, "Replacement transaction underpriced", RaiseFee),
    ("besu", -32001, "Nonce too low", NonceTooLow),
    ("besu", -32006, "Nonce too high", Wait),
    ("besu", -32000, "Transaction nonce is too distant from current sender nonce", Wait),
    ("besu", -32000, "An invalid transaction with a lower nonce exists", Wait),
    ("besu", -32003, "Intrinsic gas exceeds gas limit", RaiseGas),
    ("besu", -32004, "Upfront cost exceeds account balance", InsufficientFunds),
    ("besu", -32005, "Transaction gas limit exceeds block gas limit", Hopeless),
    ("besu", -32007, "Sender account not authorized to send transactions", Hopeless),
    ("besu", -32008, "Initial sync is still in progress", Wait),
    ("besu", -32009, "Gas price below configured minimum gas price", RaiseFee),
    ("besu", -32009, "Gas price below current base fee", RaiseFee),
    ("besu", -32000, "Transaction fee cap exceeded", Hopeless),
    ("besu", -32000, "Wrong chainId", Hopeless),
    ("nitro", -32000, "nonce too low: address 0xaa, tx: 8089 state: 8090", NonceTooLow),
    ("nitro", -32000, "nonce too high: address 0xaa, tx: 8091 state: 8090", Wait),
    ("nitro", -32000, "intrinsic gas too low", RaiseGas),
    (
        "nitro",
        -32000,
        "insufficient funds for gas * price + value: address 0xaa have 100 want 300",
        InsufficientFunds,
    ),
    ("nitro", -32000, "sequencer pending tx pool full, please try again", Wait),
    ("nitro", -32000, "tx dropped due to L2 congestion", Wait),
    ("nitro", -32000, "gas price too low", RaiseFee),
    ("nitro", -32000, "forbidden sender address", Hopeless),
    ("bor", -32000, "transaction underpriced: gas tip cap 1, minimum needed 25000000000", RaiseFee),
    (
        "bsc",
        -32000,
        "transaction gas price below minimum: gas tip cap 1, minimum needed 50000000",
        RaiseFee,
    ),
    (
        "op-geth",
        -32000,
        "insufficient funds for gas * price + value: balance 0, tx cost 200, overshot 200",
        InsufficientFunds,
    ),
    (
        "mantle",
        -32000,
        "failed to forward tx to sequencer, please try again. Error message: 'nonce too low'",
        NonceTooLow,
    ),
    (
        "mantle",
        -32000,
        "failed to forward tx to sequencer, please try again. Error message: 'already known'",
        Known,
    ),
    ("metis", -32000, "gas price too low: 18 wei, use at least tx.gasPrice = 19 wei", RaiseFee),
    ("zksync", 3, "known transaction. transaction with hash 0x60 is already in the system", Known),
    ("zksync", -32000, "nonce too low. allowed nonce range: 427 - 447, actual: 426", NonceTooLow),
    ("zksync", -32000, "nonce too high. allowed nonce range: 427 - 477, actual: 527", Wait),
    ("zksync", -32000, "max fee per gas less than block base fee", RaiseFee),
    (
        "zksync",
        -32000,
        "insufficient funds for gas + value. balance: 100, fee: 250, value: 50",
        InsufficientFunds,
    ),
    ("zksync", -32000, "not enough balance to cover the fee. error message: x", InsufficientFunds),
    (
        "zksync",
        -32000,
        "failed to validate the transaction. reason: Validation revert: Account validation error: Not enough gas for transaction validation",
        RaiseGas,
    ),
    (
        "zksync",
        -32000,
        "failed to validate the transaction. reason: Validation revert: Failed to pay for the transaction: Failed to pay the fee to the operator",
        InsufficientFunds,
    ),
    (
        "zkevm",
        -32000,
        "failed to add tx to the pool: not enough step counters to continue the execution",
        Hopeless,
    ),
    ("parity", -32010, "Transaction with the same hash was already imported.", Known),
    (
        "parity",
        -32010,
        "Transaction gas price is too low. It does not satisfy your node's minimal gas price (minimal: 100 got: 50). Try increasing the gas price.",
        RaiseFee,
    ),
    (
        "parity",
        -32010,
        "Transaction gas is too low. There is not enough gas to cover minimal cost of the transaction (minimal: 100 got: 50). Try increasing supplied gas.",
        RaiseGas,
    ),
    ("anybody", -32005, "rate limit exceeded", Wait),
    ("anybody", -32000, "internal error", Unrecognised),
    ("anybody", -32603, "Internal error", Unrecognised),
    (
        "anybody",
        -32601,
        "the method eth_sendRawTransaction does not exist/is not available",
        Unrecognised,
    ),
    ("anybody", -32000, "the moon is too full", Unrecognised),
    ("anybody", -32000, "", Unrecognised),
];

#[test]
fn each_node_is_understood() {
    for &(node, code, message, expected) in SAID {
        let Refusal { class, .. } = Refusal::read(code, message);
        assert_eq!(class, expected, "{node}: {message}");
    }
}

/// Small letters or capitals, and whatever a proxy puts before it.
#[test]
fn a_proxy_between_changes_nothing() {
    for &(node, code, message, expected) in SAID.iter().filter(|row| !row.2.is_empty()) {
        for message in [message.to_uppercase(), format!("upstream error: {message}")] {
            let Refusal { class, .. } = Refusal::read(code, &message);
            assert_eq!(class, expected, "{node}: {message}");
        }
    }
}

#[test]
fn what_a_node_names_is_read() {
    let read = |message: &str| Refusal::read(-32000, message).named;
    let tip = |message: &str| read(message).priority_fee_per_gas;
    let max = |message: &str| read(message).max_fee_per_gas;
    let gas = |message: &str| read(message).gas;
    let bor = "transaction underpriced: gas tip cap 1, minimum needed 25000000000";
    assert_eq!((tip(bor), max(bor)), (Some(25_000_000_000), None));
    assert_eq!(
        tip("transaction gas price below minimum: gas tip cap 0, minimum needed 1"),
        Some(1)
    );
    assert_eq!(tip("FeeTooLow, EffectivePriorityFeePerGas too low 10 < 20, BaseFee: 30"), Some(20));
    assert_eq!(tip("priority fee below minimum required priority fee 7"), Some(7));
    let replaced =
        "Replacement transaction underpriced. A gasPrice/maxFeePerGas of at least 110 is necessary";
    assert_eq!((max(replaced), tip(replaced)), (Some(110), None));
    let tipped = "Replacement transaction underpriced. A gasPrice/maxPriorityFeePerGas of at least 3 is necessary";
    assert_eq!((max(tipped), tip(tipped)), (None, Some(3)));
    let base =
        "max fee per gas less than block base fee: address 0xaa, maxFeePerGas: 1, baseFee: 8";
    assert_eq!(max(base), Some(8));
    let metis = "gas price too low: 18 wei, use at least tx.gasPrice = 19 wei";
    assert_eq!((max(metis), tip(metis)), (Some(19), Some(19)));
    assert_eq!(gas("intrinsic gas too low: gas 20999, minimum needed 21512"), Some(21_512));
    assert_eq!(gas("Transaction requires at least 21000 gas but got 20999"), Some(21_000));
    assert_eq!(gas("intrinsic gas too low"), None);
    assert_eq!(tip("transaction underpriced: minimum needed 1.5 gwei"), None, "not a whole number");
}

#[test]
fn the_sum_that_is_missing_is_read() {
    let all = SAID.iter().filter(|row| row.3 == InsufficientFunds && row.2.contains("300"));
    for (node, code, message, _) in all {
        let missing = Refusal::read(*code, message).named.missing;
        let expected = if message.contains("queued") { 250 } else { 200 };
        assert_eq!(missing, Some(U256::from(expected)), "{node}: {message}");
    }
    let zksync = "insufficient funds for gas + value. balance: 100, fee: 250, value: 50";
    assert_eq!(Refusal::read(-32000, zksync).named.missing, Some(U256::from(200)));
    let in_ether = "Insufficient funds. Required 200.50 and got: 100.25.";
    assert_eq!(Refusal::read(-32000, in_ether).named.missing, None);
}

proptest! {
    #[test]
    fn nothing_that_a_node_says_panics(code: i64, message: String) {
        let refusal = Refusal::read(code, &message);
        prop_assert_eq!(refusal.message, message);
    }

    #[test]
    fn numbers_of_any_length_are_read_or_left(digits in "[0-9]{1,90}", row in 0..SAID.len()) {
        let message = SAID[row].2.replace(|c: char| c.is_ascii_digit(), &digits);
        let _ = Refusal::read(SAID[row].1, &message);
    }
}
