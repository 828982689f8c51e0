// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {ISafe} from "./ISafe.sol";
import {SafeTest} from "./SafeTest.sol";

// an action of a wallet whose owner is a Safe
// ├── when enough Safe owners signed the digest as a SafeMessage: goes through, alone and beside another owner
// ├── when the Safe approved the digest in a Safe transaction: goes through
// ├── reverts SignatureInvalid when
// │   ├── fewer Safe owners signed than the Safe's threshold
// │   ├── they signed the digest itself, or another digest
// │   ├── they signed for another Safe
// │   └── the Safe has no fallback handler
// └── reverts NotApproved when the Safe signed on chain by SignMessageLib: only `approve` counts
abstract contract SafeAsOwnerTest is SafeTest {
    address private constant PAYEE = address(0xbeef);

    uint256[] private _keys;

    /// @dev 2-of-3.
    ISafe private safe;

    /// @dev 1-of-2: `safe`, and owner 1.
    IWallet private owned;

    function setUp() public override {
        super.setUp();
        _keys = _sortedKeys(3);
        safe = _createSafe(_accounts(_keys), 2);
        owned = _createOwnedBy(safe, 1);
        vm.deal(address(owned), 1 ether);
    }

    function testFuzz_payout_goesThrough_whenSafeOwnersSignedASafeMessage(uint96 amount) public {
        vm.deal(address(owned), amount);
        Transfer[] memory transfers = _transfers(PAYEE, amount);
        bytes32 digest = Digests.toDigest(address(owned), Digests.ofPayout(address(0), transfers, 0, LATER));
        owned.payout(address(0), transfers, 0, LATER, _contractEntry(0, _asMessage(safe, digest, 2)));
        vm.assertEq(PAYEE.balance, amount, "the payee was paid");
    }

    function test_cancel_goesThrough_whenASafeAndAnotherOwnerSigned() public {
        IWallet both = _createOwnedBy(safe, 2);
        bytes32 digest = _cancelDigest(both);
        bytes memory signatures =
            bytes.concat(_contractEntry(0, _asMessage(safe, digest, 2)), _entry(1, _keyOf(1), digest));
        both.cancel(0, LATER, signatures);
        vm.assertEq(both.nonce(0), 1, "the nonce is consumed");
    }

    function test_payout_goesThrough_whenASafeTransactionApproved() public {
        Transfer[] memory transfers = _transfers(PAYEE, 1 ether);
        bytes32 digest = Digests.toDigest(address(owned), Digests.ofPayout(address(0), transfers, 0, LATER));
        bytes memory data = abi.encodeCall(IWallet.approve, (digest));
        bytes32 safeTx = _safeDigest(safe, _safeTx(safe, address(owned), 0, data, 0));
        _execSafe(safe, address(owned), 0, data, 0, _signForSafe(_keys, 2, safeTx));

        owned.payout(address(0), transfers, 0, LATER, _contractEntry(0, ""));
        vm.assertEq(PAYEE.balance, 1 ether, "the payee was paid");
    }

    function test_cancel_reverts_whenSafeThresholdIsNotMet() public {
        _expectRefusal(_asMessage(safe, _cancelDigest(owned), 1));
    }

    function test_cancel_reverts_whenSafeOwnersSignedTheDigestItself() public {
        _expectRefusal(_signForSafe(_keys, 2, _cancelDigest(owned)));
    }

    function testFuzz_cancel_reverts_whenSafeOwnersSignedAnotherDigest(bytes32 digest) public {
        vm.assume(digest != _cancelDigest(owned));
        _expectRefusal(_asMessage(safe, digest, 2));
    }

    function test_cancel_reverts_whenSafeOwnersSignedForAnotherSafe() public {
        ISafe other = _createSafe(_accounts(_keys), 1);
        _expectRefusal(_asMessage(other, _cancelDigest(owned), 2));
    }

    function test_cancel_reverts_whenTheSafeHasNoFallbackHandler() public {
        ISafe bare = _createSafe(_accounts(_keys), 2, address(0));
        owned = _createOwnedBy(bare, 1);
        bytes32 digest = _cancelDigest(owned);
        bytes memory signature = _asMessage(bare, digest, 2);
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, bare, digest));
        owned.cancel(0, LATER, _contractEntry(0, signature));
    }

    function test_cancel_reverts_whenTheSafeSignedOnChainInsteadOfApproving() public {
        bytes32 digest = _cancelDigest(owned);
        address library_ = _deploySafe("libraries/SignMessageLib.sol/SignMessageLib.json");
        bytes memory data = abi.encodeWithSignature("signMessage(bytes)", abi.encode(digest));
        bytes32 safeTx = _safeDigest(safe, _safeTx(safe, library_, 0, data, 1));
        _execSafe(safe, library_, 0, data, 1, _signForSafe(_keys, 2, safeTx));
        vm.assertEq(bytes32(safe.isValidSignature(digest, "")), bytes4(0x1626ba7e), "the Safe signed");

        vm.expectRevert(abi.encodeWithSelector(IWallet.NotApproved.selector, safe, digest));
        owned.cancel(0, LATER, _contractEntry(0, ""));
    }

    /* HELPERS */

    function _createOwnedBy(ISafe owner, uint256 threshold) private returns (IWallet) {
        Config memory config = _config(threshold, 2);
        config.owners[0] = address(owner);
        return _create(config);
    }

    function _cancelDigest(IWallet target) private view returns (bytes32) {
        return Digests.toDigest(address(target), Digests.ofCancel(0, LATER));
    }

    function _asMessage(ISafe signer, bytes32 digest, uint256 count) private view returns (bytes memory) {
        return _signForSafe(_keys, count, _safeDigest(signer, _safeMessage(digest)));
    }

    function _expectRefusal(bytes memory signature) private {
        bytes32 digest = _cancelDigest(owned);
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, safe, digest));
        owned.cancel(0, LATER, _contractEntry(0, signature));
    }
}

contract Safe141AsOwnerTest is SafeAsOwnerTest {
    function _package() internal pure override returns (string memory) {
        return "safe-contracts";
    }
}

contract Safe150AsOwnerTest is SafeAsOwnerTest {
    function _package() internal pure override returns (string memory) {
        return "safe-smart-account";
    }
}
