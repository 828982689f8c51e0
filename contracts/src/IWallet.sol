// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice One call of an `execute` action.
/// @param to The account called; an account without code takes the value and ignores the data.
/// @param value Wei sent along.
/// @param data Calldata, sent as it is.
struct Call {
    address to;
    uint256 value;
    bytes data;
}

/// @notice One payment of a `payout` action.
/// @param to The payee.
/// @param amount Wei, or the token's smallest units; 2^256-1 pays everything left at that moment, 0 included.
struct Transfer {
    address to;
    uint256 amount;
}

/// @notice Who controls a wallet.
/// @param threshold How many distinct owners must sign; 1 <= threshold <= owners.length.
/// @param owners 1 to 100 accounts: none zero, none twice, none the wallet itself. Their order is part of the
/// configuration, because signatures name an owner by index.
/// @param policy A contract that may veto actions (see `IPolicy`), or zero for none.
/// @param policyData What the policy is told about this wallet; at most 4,096 bytes.
struct Config {
    uint8 threshold;
    address[] owners;
    address policy;
    bytes policyData;
}

/// @title Quorate wallet
/// @notice A multisig: an action takes place when `threshold` distinct owners signed its EIP-712 digest.
///
/// ACTIONS
/// - `execute`, `payout`, `reconfigure` and `cancel` are the only ways to act.
/// - Anyone may submit one; being the caller counts for nothing.
/// - Each is all-or-nothing: when anything in it fails, nothing happened and the nonce is still free.
/// - There is no delegatecall, no upgrade, no module and no way round the threshold.
///
/// NONCES
/// - `nonce = lane << 64 | sequence`. The last of 2^64 sequences, and of 2^32 epochs, is not consumed: it panics.
/// - Within a lane, sequences are consumed one after another from 0. Lanes are independent of each other.
///
/// SIGNED DATA (EIP-712)
/// - Domain: `EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)`,
///   which is "Quorate", "1", the chain's id, the wallet, and the epoch as a 256-bit number.
/// - The epoch counts the reconfigurations, so each of them voids every signature and approval over a digest of an
///   earlier epoch, whenever it was given. One over a digest of the next epoch, which anybody can compute, counts once
///   that epoch has begun, if whoever gave it is an owner then.
/// - What has begun is not voided: a payee that is called in the middle of a payout, or a contract in the middle of a
///   batch, and has the wallet reconfigured by another signed action, does not stop the rest.
///
/// SIGNATURES
/// - `signatures` is a packed list in strictly increasing owner index, of at least `threshold` entries, with no byte
///   left over. An entry is one of
///   - `index(1) ‖ r(32) ‖ vs(32)`, index < 0x80: ECDSA over the digest in the compact form of EIP-2098, low s.
///   - `0x80|index(1) ‖ length(2) ‖ bytes(length)`, length > 0: the owner is a contract whose ERC-1271
///     `isValidSignature(digest, bytes)` answers exactly the word 0x1626ba7e.
///   - `0x80|index(1) ‖ 0x0000`: the owner called `approve(digest)` before.
///
/// @dev Warning: anyone may submit an authorised action with little gas. Where a called contract swallows failures, an
/// inner call may run out of gas unnoticed; end such a batch with a call that asserts the outcome.
/// @dev Warning: a signature cannot be recalled. To reject a signed action, `cancel` its nonce before it is executed.
interface IWallet {
    /* EVENTS */

    /// @notice An action went through.
    /// @param digest The EIP-712 digest its owners signed.
    /// @param nonce The nonce it consumed, lane bits included.
    event Executed(bytes32 indexed digest, uint256 nonce);

    /// @notice The wallet has a new configuration and the next epoch.
    event Reconfigured(Config config);

    /// @notice An owner approved a digest on chain.
    event Approved(bytes32 indexed digest, address indexed owner);

    /* ERRORS */

    /// @notice No wallet: the implementation, or an account that delegates to it, or to a wallet, by EIP-7702. Call a
    /// clone made by the factory.
    error NotAWallet();

    /// @notice The deadline has passed. Both in Unix seconds.
    error DeadlinePassed(uint256 deadline, uint256 timestamp);

    /// @notice The nonce is not the next one of its lane: consumed before, or not yet due.
    error NonceMismatch(uint256 nonce, uint256 expected);

    /// @notice Fewer owners signed than the threshold asks for.
    error ThresholdNotMet(uint256 signers, uint256 threshold);

    /// @notice The packed signatures end inside the entry that begins at this offset.
    error SignaturesTruncated(uint256 offset);

    /// @notice An owner index is not above the one before it: out of order, or the same owner twice.
    error SignaturesNotIncreasing(uint256 index);

    /// @notice A signature names an owner index that the configuration does not have.
    error NoSuchOwner(uint256 index, uint256 ownerCount);

    /// @notice The signature of this owner does not verify for the digest.
    error SignatureInvalid(address owner, bytes32 digest);

    /// @notice This owner did not call `approve` for the digest.
    error NotApproved(address owner, bytes32 digest);

    /// @notice The caller is not an owner.
    error NotOwner(address account);

    /// @notice A transfer names an account that does not fit 160 bits.
    /// @param index Its place in `transfers`, from 0.
    error TransferMalformed(uint256 index);

    /// @notice A call names an account that does not fit 160 bits, or does not lie within the calldata.
    /// @param index Its place in `calls`, from 0.
    error CallMalformed(uint256 index);

    /// @notice A call of the batch failed.
    /// @param index Its place in `calls`, from 0.
    /// @param reason What it returned.
    error CallFailed(uint256 index, bytes reason);

    /// @notice A transfer of the payout failed, or the token answered something other than true or nothing.
    /// @param index Its place in `transfers`, from 0.
    /// @param reason What the payee or the token returned.
    error TransferFailed(uint256 index, bytes reason);

    /// @notice The token address has no code.
    error TokenWithoutCode(address token);

    /// @notice The policy did not answer with its hook's selector.
    /// @param reason What it returned.
    error PolicyRefused(address policy, bytes reason);

    /// @notice The wallet was reconfigured while its policy was being asked, which voids the action.
    error EpochEnded(uint256 epoch);

    /// @notice The threshold is zero or above the number of owners.
    error ThresholdOutOfRange(uint256 threshold, uint256 ownerCount);

    /// @notice The number of owners is zero or above 100.
    error OwnerCountOutOfRange(uint256 ownerCount);

    /// @notice This owner is zero, the wallet itself, or listed before.
    error OwnerInvalid(uint256 index, address owner);

    /// @notice policyData is longer than 4,096 bytes.
    error PolicyDataTooLong(uint256 length);

    /* ACTIONS */

    /// @notice Makes calls in order.
    /// Signed as `Execute(WalletCall[] calls,uint192 lane,uint64 sequence,uint256 deadline)`, followed by
    /// `WalletCall(address to,uint256 value,bytes data)`, which is the struct `Call`.
    /// @param calls The calls; an empty list does nothing but consume the nonce.
    /// @param nonce lane << 64 | sequence.
    /// @param deadline Unix seconds, inclusive.
    /// @param signatures Packed as described above.
    /// @dev Warning: a call to an account without code succeeds, whatever its data.
    function execute(Call[] calldata calls, uint256 nonce, uint256 deadline, bytes calldata signatures) external;

    /// @notice Pays one token, or ether, to a list of payees in order.
    /// Signed as `Payout(address token,Transfer[] transfers,uint192 lane,uint64 sequence,uint256 deadline)`,
    /// followed by `Transfer(address to,uint256 amount)`.
    /// @param token An ERC-20 that returns true or nothing; zero for ether. Without code: `TokenWithoutCode`.
    /// @param transfers The payments; an empty list does nothing but consume the nonce.
    /// @param nonce lane << 64 | sequence.
    /// @param deadline Unix seconds, inclusive.
    /// @param signatures Packed as described above.
    /// @dev Warning: a token that takes a fee on transfer pays less than `amount`; the wallet does not measure what
    /// arrives.
    function payout(
        address token,
        Transfer[] calldata transfers,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signatures
    ) external;

    /// @notice Replaces the whole configuration and begins the next epoch, even where the configuration stays the same.
    /// Lanes keep their sequences: what was paid stays paid. Signed as
    /// `Reconfigure(uint8 threshold,address[] owners,address policy,bytes policyData,` continued by
    /// `uint192 lane,uint64 sequence,uint256 deadline)`.
    /// @param config The new configuration. Its policy, if any, must accept it (`checkConfig`).
    /// @param nonce lane << 64 | sequence.
    /// @param deadline Unix seconds, inclusive.
    /// @param signatures Packed as described above, by owners of the present configuration.
    /// @dev Warning: nothing proves that the new owners can sign. A wrong address is an owner lost.
    function reconfigure(Config calldata config, uint256 nonce, uint256 deadline, bytes calldata signatures) external;

    /// @notice Consumes a nonce and does nothing else, so that no other action can use it.
    /// Signed as `Cancel(uint192 lane,uint64 sequence,uint256 deadline)`.
    /// @param nonce lane << 64 | sequence.
    /// @param deadline Unix seconds, inclusive.
    /// @param signatures Packed as described above.
    function cancel(uint256 nonce, uint256 deadline, bytes calldata signatures) external;

    /// @notice Records that the calling owner signs `digest`; for owners that cannot sign off chain.
    /// The approval counts while the caller is an owner and the epoch in the digest lasts.
    /// @param digest The EIP-712 digest of an action, or of a message as ERC-7739 nests it.
    /// @dev Warning: like a signature, an approval cannot be recalled, and nothing shows what the digest stands for.
    function approve(bytes32 digest) external;

    /* VIEWS */

    /// @notice Whether `owner` called `approve(digest)`, in any epoch. Does not say that `owner` is an owner now.
    function approved(bytes32 digest, address owner) external view returns (bool);

    /// @notice ERC-1271 with the defensive rehashing of ERC-7739: owners sign a `TypedDataSign` or `PersonalSign`
    /// struct that shows the message, under this wallet's domain fields with the epoch as salt.
    /// @param hash What the calling contract wants to have signed.
    /// @param signature `signatures`, followed for `TypedDataSign` by
    /// `appDomainSeparator(32) ‖ contentsHash(32) ‖ contentsDescription ‖ length of the description(2)`.
    /// @return 0x1626ba7e if valid and the policy agrees, else 0xffffffff, never a revert. To the ERC-7739 probe
    /// (hash 0x7739…7739, no signature) it answers 0x77390001.
    /// @dev Warning: the raw hash is never what owners sign, so a signature made over `hash` itself is refused.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4);

    /// @notice The older form of the same, as Safe 1.4.1 calls it: hashes `data` with keccak256 and goes on alike.
    /// @return 0x20c13b0b if valid and the policy agrees, else 0xffffffff.
    function isValidSignature(bytes calldata data, bytes calldata signature) external view returns (bytes4);

    /// @notice The present configuration.
    function config() external view returns (Config memory);

    /// @notice How often the wallet was reconfigured; the salt of its EIP-712 domain.
    function epoch() external view returns (uint256);

    /// @notice The owners of the present configuration, in the order that signatures index.
    function getOwners() external view returns (address[] memory);

    /// @notice How many owners must sign.
    function getThreshold() external view returns (uint256);

    /// @notice Whether `account` is an owner now.
    function isOwner(address account) external view returns (bool);

    /// @notice The next nonce of a lane, lane bits included.
    function nonce(uint192 lane) external view returns (uint256);
}
