// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IWallet} from "../../src/IWallet.sol";
import {ISafe} from "./ISafe.sol";
import {Contents} from "./NestedTest.sol";
import {SafeTest} from "./SafeTest.sol";

/// @notice The ERC-1271 form that a Safe before 1.5.0 asks: with the data, not its hash.
interface IOlderERC1271 {
    function isValidSignature(bytes calldata data, bytes calldata signature) external view returns (bytes4);
}

/// @notice The final ERC-1271 form, which Safe 1.5.0 asks.
interface IERC1271 {
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4);
}

// a Safe whose owner is a wallet
// ├── when the wallet's owners signed the SafeTx nested: executes it, alone and beside another owner
// ├── asks the wallet in the form of its version
// ├── when they signed it as a personal message: executes it
// ├── when they signed a SafeMessage nested: answers that the Safe signed
// ├── when the wallet called approveHash by `execute`: executes it
// └── reverts GS024 when
//     ├── fewer signed than the wallet's threshold
//     ├── they signed the SafeTx hash itself, as if they were owners of the Safe
//     ├── they signed for another nonce of the Safe
//     └── the wallet was reconfigured since
abstract contract QuorateAsSafeOwnerTest is SafeTest {
    address private constant PAYEE = address(0xbeef);

    /// @dev 1-of-1, owned by `wallet`, which is 2-of-3.
    ISafe private safe;

    /// @dev What a Safe of this version calls to ask an owner about a hash and its preimage.
    function _question(bytes32 hash, bytes memory preimage, bytes memory signature)
        internal
        pure
        virtual
        returns (bytes memory);

    function setUp() public override {
        super.setUp();
        address[] memory owners = new address[](1);
        owners[0] = address(wallet);
        safe = _createSafe(owners, 1);
        vm.deal(address(safe), 10 ether);
    }

    function testFuzz_execTransaction_executes_whenWalletOwnersSignedNested(uint96 value, bytes calldata data) public {
        vm.deal(address(safe), value);
        bytes memory signature = _signTx(2, _safeTx(safe, PAYEE, value, data, 0));
        _execSafe(safe, PAYEE, value, data, 0, _ofContract(signature));
        vm.assertEq(PAYEE.balance, value, "the Safe paid");
    }

    function test_execTransaction_asksTheWalletInTheFormOfItsVersion() public {
        bytes32 structHash = _safeTx(safe, PAYEE, 1 ether, "", 0);
        bytes memory signature = _signTx(2, structHash);
        bytes memory preimage = abi.encodePacked(hex"1901", _safeSeparator(safe), structHash);
        vm.expectCall(address(wallet), _question(keccak256(preimage), preimage, signature));
        _execSafe(safe, PAYEE, 1 ether, "", 0, _ofContract(signature));
    }

    function test_execTransaction_executes_whenTheWalletAndAnotherOwnerSigned() public {
        address[] memory owners = new address[](2);
        (owners[0], owners[1]) = (address(wallet), _ownerOf(7));
        safe = _createSafe(owners, 2);
        vm.deal(address(safe), 1 ether);
        bytes32 structHash = _safeTx(safe, PAYEE, 1 ether, "", 0);

        uint256[] memory keys = new uint256[](1);
        keys[0] = _keyOf(7);
        bytes memory plain = _signForSafe(keys, 1, _safeDigest(safe, structHash));
        bytes memory head = abi.encodePacked(abi.encode(wallet, 130), uint8(0));
        bytes memory signature = _signTx(2, structHash);
        bytes memory tail = abi.encodePacked(signature.length, signature);
        // By ascending address of the owners; what the wallet's entry points to stands behind both.
        _execSafe(
            safe,
            PAYEE,
            1 ether,
            "",
            0,
            address(wallet) < _ownerOf(7) ? bytes.concat(head, plain, tail) : bytes.concat(plain, head, tail)
        );
        vm.assertEq(PAYEE.balance, 1 ether, "the Safe paid");
    }

    function test_execTransaction_executes_whenWalletOwnersSignedAPersonalMessage() public {
        bytes32 digest = _safeDigest(safe, _safeTx(safe, PAYEE, 1 ether, "", 0));
        bytes memory signature = _sign(_personalDigest(address(wallet), digest), 2);
        _execSafe(safe, PAYEE, 1 ether, "", 0, _ofContract(signature));
        vm.assertEq(PAYEE.balance, 1 ether, "the Safe paid");
    }

    function testFuzz_isValidSignature_agrees_whenWalletOwnersSignedASafeMessageNested(bytes32 hash) public view {
        bytes32 structHash = _safeMessage(hash);
        Contents memory contents = Contents("SafeMessage", SAFE_MESSAGE, SAFE_MESSAGE);
        bytes32 digest = _nestedDigest(address(wallet), _safeSeparator(safe), structHash, contents);
        bytes memory signature = _nested(_sign(digest, 2), _safeSeparator(safe), structHash, contents);
        vm.assertEq(bytes32(safe.isValidSignature(hash, _ofContract(signature))), bytes4(0x1626ba7e), "the Safe signed");
    }

    function test_execTransaction_executes_whenTheWalletApprovedTheHash() public {
        bytes32 digest = _safeDigest(safe, _safeTx(safe, PAYEE, 1 ether, "", 0));
        bytes memory approval = abi.encodePacked(abi.encode(wallet, 0), uint8(1));
        vm.expectRevert("GS025");
        _execSafe(safe, PAYEE, 1 ether, "", 0, approval);

        _execute(_calls(address(safe), 0, abi.encodeCall(ISafe.approveHash, (digest))));
        _execSafe(safe, PAYEE, 1 ether, "", 0, approval);
        vm.assertEq(PAYEE.balance, 1 ether, "the Safe paid");
    }

    function test_execTransaction_reverts_whenWalletThresholdIsNotMet() public {
        _expectRefusal(_signTx(1, _safeTx(safe, PAYEE, 1 ether, "", 0)));
    }

    function test_execTransaction_reverts_whenWalletOwnersSignedTheHashItself() public {
        _expectRefusal(_sign(_safeDigest(safe, _safeTx(safe, PAYEE, 1 ether, "", 0)), 2));
    }

    function test_execTransaction_reverts_whenSignedForAnotherNonce() public {
        bytes memory signature = _signTx(2, _safeTx(safe, PAYEE, 1 ether, "", 0));
        _execSafe(safe, PAYEE, 1 ether, "", 0, _ofContract(signature));
        _expectRefusal(signature);
    }

    function test_execTransaction_reverts_whenTheWalletWasReconfiguredSince() public {
        bytes memory signature = _signTx(2, _safeTx(safe, PAYEE, 1 ether, "", 0));
        _reconfigure(wallet.config());
        _expectRefusal(signature);
    }

    /* HELPERS */

    /// @dev The signature of `wallet`, by its first `count` owners, for a SafeTx.
    function _signTx(uint256 count, bytes32 structHash) private view returns (bytes memory) {
        Contents memory contents = Contents("SafeTx", SAFE_TX, SAFE_TX);
        bytes32 digest = _nestedDigest(address(wallet), _safeSeparator(safe), structHash, contents);
        return _nested(_sign(digest, count), _safeSeparator(safe), structHash, contents);
    }

    /// @dev Safe's form of one contract signature: owner, offset, 0, and at the offset the signature.
    function _ofContract(bytes memory signature) private view returns (bytes memory) {
        return abi.encodePacked(abi.encode(wallet, 65), uint8(0), signature.length, signature);
    }

    function _expectRefusal(bytes memory signature) private {
        vm.expectRevert("GS024");
        _execSafe(safe, PAYEE, 1 ether, "", 0, _ofContract(signature));
    }
}

contract QuorateAsSafe141OwnerTest is QuorateAsSafeOwnerTest {
    function _package() internal pure override returns (string memory) {
        return "safe-contracts";
    }

    function _question(bytes32, bytes memory preimage, bytes memory signature)
        internal
        pure
        override
        returns (bytes memory)
    {
        return abi.encodeCall(IOlderERC1271.isValidSignature, (preimage, signature));
    }
}

contract QuorateAsSafe150OwnerTest is QuorateAsSafeOwnerTest {
    function _package() internal pure override returns (string memory) {
        return "safe-smart-account";
    }

    function _question(bytes32 hash, bytes memory, bytes memory signature)
        internal
        pure
        override
        returns (bytes memory)
    {
        return abi.encodeCall(IERC1271.isValidSignature, (hash, signature));
    }
}
