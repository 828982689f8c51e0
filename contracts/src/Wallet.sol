// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1155Receiver} from "@openzeppelin/contracts/interfaces/IERC1155Receiver.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/interfaces/IERC721Receiver.sol";
import {ERC7739Utils} from "@openzeppelin/contracts/utils/cryptography/draft-ERC7739Utils.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {Context, IPolicy} from "./IPolicy.sol";
import {Call, Config, IWallet, Transfer} from "./IWallet.sol";
import {ActionLib} from "./libraries/ActionLib.sol";
import {ConfigLib} from "./libraries/ConfigLib.sol";
import {DigestLib} from "./libraries/DigestLib.sol";
import {PaymentLib} from "./libraries/PaymentLib.sol";
import {PolicyLib} from "./libraries/PolicyLib.sol";
import {Fault, SignatureLib} from "./libraries/SignatureLib.sol";
import {State, StateLib} from "./libraries/StateLib.sol";

/// @title Quorate wallet, the implementation behind every clone
/// @notice What it does and how it is signed stands at `IWallet`.
/// @dev Runs by delegatecall from a clone (`CloneLib`), whose code holds the configuration. Called directly, every
/// function refuses; so it does for an account that runs this code by EIP-7702, but that messages are answered with no.
contract Wallet is IWallet, IERC5267, IERC721Receiver, IERC1155Receiver {
    using ConfigLib for Config;
    using ConfigLib for State;
    using ConfigLib for bytes;
    using DigestLib for bytes32;
    using StateLib for State;

    bytes4 private constant INVALID = 0xffffffff;

    /// @dev ERC-7739: what a client asks, with no signature, to learn whether nested messages are understood.
    bytes32 private constant PROBE = 0x7739773977397739773977397739773977397739773977397739773977397739;

    /// @dev ERC-5267: name, version, chainId, verifyingContract and salt are in use.
    bytes1 private constant DOMAIN_FIELDS = 0x1f;

    /* IMMUTABLES */

    /// @dev The implementation itself, which is no wallet.
    address private immutable _SELF = address(this);

    /* STORAGE */

    State private _state;

    /// @dev The next sequence of each lane but lane 0, whose sequence is in the state.
    mapping(uint192 lane => uint256 sequence) private _sequences;

    mapping(bytes32 digest => mapping(address owner => bool)) private _approvals;

    modifier onlyWallet() {
        if (address(this) == _SELF || !ConfigLib.isInOwnCode()) revert NotAWallet();
        _;
    }

    /// @dev For the actions, which load the configuration and thereby do the rest of `onlyWallet`, and for messages,
    /// which have an answer for an account that is no wallet.
    modifier notImplementation() {
        if (address(this) == _SELF) revert NotAWallet();
        _;
    }

    /* ACTIONS */

    /// @inheritdoc IWallet
    function execute(Call[] calldata calls, uint256 nonce_, uint256 deadline, bytes calldata signatures)
        external
        notImplementation
    {
        (bytes32 digest, uint256 signers, bytes memory blob) =
            _authorize(ActionLib.hashExecute(calls, nonce_, deadline), nonce_, deadline, signatures);
        address policy = blob.policy();
        if (policy != address(0)) {
            _ask(
                policy, abi.encodeCall(IPolicy.checkExecute, (calls, _context(digest, signers, blob, nonce_, deadline)))
            );
        }
        PaymentLib.makeCalls(calls);
    }

    /// @inheritdoc IWallet
    function payout(
        address token,
        Transfer[] calldata transfers,
        uint256 nonce_,
        uint256 deadline,
        bytes calldata signatures
    ) external notImplementation {
        (bytes32 digest, uint256 signers, bytes memory blob) = _authorize(
            ActionLib.hashPayout(token, transfers, nonce_, deadline), nonce_, deadline, signatures
        );
        address policy = blob.policy();
        if (policy != address(0)) {
            _ask(
                policy,
                abi.encodeCall(
                    IPolicy.checkPayout, (token, transfers, _context(digest, signers, blob, nonce_, deadline))
                )
            );
        }
        if (token == address(0)) PaymentLib.payEther(transfers);
        else PaymentLib.payToken(token, transfers);
    }

    /// @inheritdoc IWallet
    function reconfigure(Config calldata config_, uint256 nonce_, uint256 deadline, bytes calldata signatures)
        external
        notImplementation
    {
        (bytes32 digest, uint256 signers, bytes memory blob) =
            _authorize(ActionLib.hashReconfigure(config_, nonce_, deadline), nonce_, deadline, signatures);
        address policy = blob.policy();
        if (policy != address(0)) {
            _ask(
                policy,
                abi.encodeCall(IPolicy.checkReconfigure, (config_, _context(digest, signers, blob, nonce_, deadline)))
            );
        }
        bytes memory next = config_.toBlob(address(this));
        PolicyLib.askConfig(config_);
        // Read again: the policy may have acted through this wallet in another lane while it was asked.
        _state = _state.withConfiguration(next.store());
        emit Reconfigured(config_);
    }

    /// @inheritdoc IWallet
    function cancel(uint256 nonce_, uint256 deadline, bytes calldata signatures) external notImplementation {
        (bytes32 digest, uint256 signers, bytes memory blob) =
            _authorize(ActionLib.hashCancel(nonce_, deadline), nonce_, deadline, signatures);
        address policy = blob.policy();
        if (policy != address(0)) {
            _ask(policy, abi.encodeCall(IPolicy.checkCancel, (_context(digest, signers, blob, nonce_, deadline))));
        }
    }

    /// @inheritdoc IWallet
    function approve(bytes32 digest) external notImplementation {
        if (!_state.load().isOwner(msg.sender)) revert NotOwner(msg.sender);
        _approvals[digest][msg.sender] = true;
        emit Approved(digest, msg.sender);
    }

    /* MESSAGES */

    /// @inheritdoc IWallet
    function isValidSignature(bytes32 hash, bytes calldata signature) external view notImplementation returns (bytes4) {
        if (hash == PROBE && signature.length == 0 && ConfigLib.isInOwnCode()) return 0x77390001;
        return _isSignedMessage(hash, signature) ? IERC1271.isValidSignature.selector : INVALID;
    }

    /// @inheritdoc IWallet
    function isValidSignature(bytes calldata data, bytes calldata signature)
        external
        view
        notImplementation
        returns (bytes4)
    {
        return _isSignedMessage(keccak256(data), signature) ? bytes4(0x20c13b0b) : INVALID;
    }

    /* VIEWS */

    /// @inheritdoc IWallet
    function approved(bytes32 digest, address owner) external view onlyWallet returns (bool) {
        return _approvals[digest][owner];
    }

    /// @inheritdoc IWallet
    function config() external view onlyWallet returns (Config memory) {
        return _state.load().toConfig();
    }

    /// @inheritdoc IWallet
    function epoch() external view onlyWallet returns (uint256) {
        return _state.epoch();
    }

    /// @inheritdoc IWallet
    function getOwners() external view onlyWallet returns (address[] memory) {
        return _state.load().ownersOf();
    }

    /// @inheritdoc IWallet
    function getThreshold() external view onlyWallet returns (uint256) {
        return _state.load().threshold();
    }

    /// @inheritdoc IWallet
    function isOwner(address account) external view onlyWallet returns (bool) {
        return _state.load().isOwner(account);
    }

    /// @inheritdoc IWallet
    function nonce(uint192 lane) external view onlyWallet returns (uint256) {
        return (uint256(lane) << 64) | _nextSequence(_state, lane);
    }

    /// @inheritdoc IERC5267
    function eip712Domain()
        external
        view
        onlyWallet
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        fields = DOMAIN_FIELDS;
        name = DigestLib.NAME;
        version = DigestLib.VERSION;
        chainId = block.chainid;
        verifyingContract = address(this);
        salt = bytes32(_state.epoch());
        extensions = new uint256[](0);
    }

    /* RECEIVING TOKENS */

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external view onlyWallet returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == type(IERC721Receiver).interfaceId
            || interfaceId == type(IERC1155Receiver).interfaceId || interfaceId == type(IERC1271).interfaceId
            || interfaceId == type(IERC5267).interfaceId;
    }

    /// @inheritdoc IERC721Receiver
    function onERC721Received(address, address, uint256, bytes calldata) external view onlyWallet returns (bytes4) {
        return IERC721Receiver.onERC721Received.selector;
    }

    /// @inheritdoc IERC1155Receiver
    function onERC1155Received(address, address, uint256, uint256, bytes calldata)
        external
        view
        onlyWallet
        returns (bytes4)
    {
        return IERC1155Receiver.onERC1155Received.selector;
    }

    /// @inheritdoc IERC1155Receiver
    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        view
        onlyWallet
        returns (bytes4)
    {
        return IERC1155Receiver.onERC1155BatchReceived.selector;
    }

    /* INTERNAL */

    /// @dev The one gate of all actions: deadline, nonce and signatures, in the present epoch; consumes the nonce.
    function _authorize(bytes32 structHash, uint256 nonce_, uint256 deadline, bytes calldata signatures)
        private
        returns (bytes32 digest, uint256 signers, bytes memory blob)
    {
        if (block.timestamp > deadline) revert DeadlinePassed(deadline, block.timestamp);
        State state = _state;
        uint192 lane = uint192(nonce_ >> 64);
        uint64 sequence = _nextSequence(state, lane);
        if (uint64(nonce_) != sequence) revert NonceMismatch(nonce_, (uint256(lane) << 64) | sequence);

        digest = structHash.toDigest(state.epoch());
        blob = state.load();
        Fault fault;
        uint256 culprit;
        (signers, fault, culprit) = SignatureLib.verify(digest, signatures, blob, _approvals);
        if (signers == 0) SignatureLib.revertWith(fault, culprit, digest, blob);

        // Owners were asked by static calls, so the state is still what was read.
        if (lane == 0) _state = state.withSequence(sequence + 1);
        else _sequences[lane] = sequence + 1;
        emit Executed(digest, nonce_);
    }

    function _nextSequence(State state, uint192 lane) private view returns (uint64) {
        return lane == 0 ? state.sequence() : uint64(_sequences[lane]);
    }

    /// @dev A policy that has the wallet reconfigured while it is asked voids the very signatures it was asked about.
    function _ask(address policy, bytes memory question) private {
        uint256 epoch_ = _state.epoch();
        PolicyLib.ask(policy, question);
        if (_state.epoch() != epoch_) revert EpochEnded(epoch_);
    }

    function _context(bytes32 digest, uint256 signers, bytes memory blob, uint256 nonce_, uint256 deadline)
        private
        pure
        returns (Context memory)
    {
        return Context({digest: digest, nonce: nonce_, deadline: deadline, signers: signers, config: blob.toConfig()});
    }

    /// @dev Owners sign the hash nested in a struct of this wallet (ERC-7739), never the hash itself, so a signature
    /// for one wallet or epoch is none for another.
    function _isSignedMessage(bytes32 hash, bytes calldata signature) private view returns (bool) {
        if (!ConfigLib.isInOwnCode()) return false;
        State state = _state;
        uint256 epoch_ = state.epoch();
        (bytes calldata signatures, bytes32 appSeparator, bytes32 contentsHash, string calldata description) =
            ERC7739Utils.decodeTypedDataSig(signature);

        bytes32 digest;
        if (bytes(description).length != 0 && hash == DigestLib.combine(appSeparator, contentsHash)) {
            bytes32 structHash =
                ERC7739Utils.typedDataSignStructHash(description, contentsHash, DigestLib.domainFields(epoch_));
            // Zero stands for a description that names no type, and would bind nothing.
            if (structHash == 0) return false;
            digest = DigestLib.combine(appSeparator, structHash);
        } else {
            signatures = signature;
            digest = ERC7739Utils.personalSignStructHash(hash).toDigest(epoch_);
        }

        bytes memory blob = state.load();
        (uint256 signers,,) = SignatureLib.verify(digest, signatures, blob, _approvals);
        if (signers == 0) return false;
        address policy = blob.policy();
        if (policy == address(0)) return true;
        return
            PolicyLib.agrees(policy, abi.encodeCall(IPolicy.checkMessage, (msg.sender, hash, signers, blob.toConfig())));
    }
}
