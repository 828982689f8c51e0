// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, IWallet} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {ContractOwner} from "../support/Owners.sol";
import {WalletTest} from "../support/WalletTest.sol";

// signatures, as a list (entry by entry: SignaturesEcdsa.t.sol, SignaturesContract.t.sol)
// ├── when an index is not above the one before: reverts SignaturesNotIncreasing
// ├── when an index has no owner: reverts NoSuchOwner
// ├── when the list ends inside an entry: reverts SignaturesTruncated with the entry's offset
// ├── when bytes are left over: they are one more entry, and wrong as such
// ├── when they are fewer than the threshold: reverts ThresholdNotMet
// ├── when one more than needed is wrong: reverts all the same
// └── otherwise: accepted, in any subset, kind and number up to 100
contract SignaturesTest is WalletTest {
    bytes32 private structHash;
    bytes32 private digest;

    function setUp() public override {
        super.setUp();
        structHash = Digests.ofCancel(0, LATER);
        digest = Digests.toDigest(address(wallet), structHash);
    }

    /* ACCEPTED */

    function testFuzz_signatures_areAccepted_inAnySubset(uint256 signers, uint256 threshold) public {
        signers = _bound(signers, 1, 1023);
        threshold = _bound(threshold, 1, _count(signers));
        wallet = _create(threshold, 10);
        _accept(_signBy(_digest(), signers));
    }

    function test_signatures_areAccepted_fromAHundredOwners() public {
        wallet = _create(100, 100);
        _accept(_sign(_digest(), 100));
    }

    /// @dev Each owner is absent, or signs as its kind does: with a key, as a contract, or by an approval.
    function testFuzz_signatures_areAccepted_inAnyMixtureOfKinds(uint256 kinds, bytes32 seed) public {
        Config memory config = _config(0, 12);
        for (uint256 i; i < 12; ++i) {
            uint256 kind = (kinds >> (2 * i)) & 3;
            if (kind != 0) ++config.threshold;
            if (kind == 2) config.owners[i] = address(new ContractOwner());
        }
        vm.assume(config.threshold != 0);
        wallet = _create(config);
        digest = _digest();

        bytes memory signatures;
        for (uint256 i; i < 12; ++i) {
            uint256 kind = (kinds >> (2 * i)) & 3;
            if (kind == 1) signatures = bytes.concat(signatures, _entry(i, _keyOf(i), digest));
            if (kind == 2) {
                bytes memory signature = abi.encodePacked(seed, i);
                ContractOwner(config.owners[i]).accept(digest, signature);
                signatures = bytes.concat(signatures, _contractEntry(i, signature));
            }
            if (kind == 3) {
                vm.prank(config.owners[i]);
                wallet.approve(digest);
                signatures = bytes.concat(signatures, _contractEntry(i, ""));
            }
        }
        _accept(signatures);
    }

    /* THE NUMBER */

    function testFuzz_signatures_areRefused_whenBelowTheThreshold(uint256 signers, uint256 threshold) public {
        signers = _bound(signers, 0, 1023);
        uint256 count = _count(signers);
        vm.assume(count < 10);
        threshold = _bound(threshold, count + 1, 10);
        wallet = _create(threshold, 10);
        bytes memory fault = abi.encodeWithSelector(IWallet.ThresholdNotMet.selector, count, threshold);
        _refuse(_signBy(_digest(), signers), fault);
    }

    function test_signatures_areRefused_whenOneOfAHundredIsMissing() public {
        wallet = _create(100, 100);
        bytes memory fault = abi.encodeWithSelector(IWallet.ThresholdNotMet.selector, 99, 100);
        _refuse(_signBy(_digest(), type(uint256).max >> 156 ^ 1 << 50), fault);
    }

    /// @dev The caller counts for nothing, be it an owner.
    function test_signatures_areRefused_whenTheCallerIsTheMissingOwner() public {
        bytes memory signatures = _sign(digest, 1);
        vm.prank(_ownerOf(1));
        vm.expectRevert(abi.encodeWithSelector(IWallet.ThresholdNotMet.selector, 1, 2));
        wallet.cancel(0, LATER, signatures);
    }

    function test_signatures_areRefused_whenOneMoreThanNeededIsWrong() public {
        bytes memory wrong = _entry(2, _keyOf(7), digest);
        bytes memory fault = abi.encodeWithSelector(IWallet.SignatureInvalid.selector, _ownerOf(2), digest);
        _refuse(bytes.concat(_sign(digest, 2), wrong), fault);
        fault = abi.encodeWithSelector(IWallet.NotApproved.selector, _ownerOf(2), digest);
        _refuse(bytes.concat(_sign(digest, 2), _contractEntry(2, "")), fault);
    }

    /* ORDER */

    function testFuzz_signatures_areRefused_whenNotIncreasing(uint256 first, uint256 second) public {
        wallet = _create(2, 10);
        first = _bound(first, 0, 9);
        second = _bound(second, 0, first);
        bytes memory signatures =
            bytes.concat(_entry(first, _keyOf(first), _digest()), _entry(second, _keyOf(second), _digest()));
        _refuse(signatures, abi.encodeWithSelector(IWallet.SignaturesNotIncreasing.selector, second));
    }

    /// @dev The highest index so far counts, not only the last entry's neighbour.
    function test_signatures_areRefused_whenAnIndexFallsBackLater() public {
        wallet = _create(3, 10);
        bytes memory signatures = bytes.concat(
            _entry(2, _keyOf(2), _digest()), _entry(5, _keyOf(5), _digest()), _entry(3, _keyOf(3), _digest())
        );
        _refuse(signatures, abi.encodeWithSelector(IWallet.SignaturesNotIncreasing.selector, 3));
    }

    function test_signatures_areRefused_whenAnOwnerSignsInTwoKinds() public {
        vm.prank(_ownerOf(1));
        wallet.approve(digest);
        bytes memory fault = abi.encodeWithSelector(IWallet.SignaturesNotIncreasing.selector, 1);
        _refuse(bytes.concat(_entry(1, _keyOf(1), digest), _contractEntry(1, "")), fault);
        _refuse(bytes.concat(_contractEntry(1, ""), _entry(1, _keyOf(1), digest)), fault);
        _refuse(bytes.concat(_contractEntry(1, ""), _contractEntry(1, "")), fault);
    }

    /* OWNERS */

    function testFuzz_signatures_areRefused_whenThereIsNoSuchOwner(uint256 index, uint256 count) public {
        count = _bound(count, 2, 100);
        index = _bound(index, count, 127);
        Config memory config;
        config.threshold = 2;
        config.owners = _accounts(count);
        config.owners[0] = _ownerOf(0);
        wallet = _create(config);
        bytes memory fault = abi.encodeWithSelector(IWallet.NoSuchOwner.selector, index, count);
        bytes memory first = _entry(0, _keyOf(0), _digest());
        _refuse(bytes.concat(first, _entry(index, _keyOf(index), _digest())), fault);
        _refuse(bytes.concat(first, _contractEntry(index, "")), fault);
        _refuse(bytes.concat(first, _contractEntry(index, "signature")), fault);
        _refuse(_entry(index, _keyOf(index), _digest()), fault);
    }

    /// @dev Behind the last owner lies policyData, which must never be read as one.
    function test_signatures_areRefused_whenPolicyDataPosesAsAnOwner() public {
        Config memory config = _config(2, 1);
        config.threshold = 1;
        config.policyData = abi.encodePacked(_ownerOf(1), _ownerOf(2));
        wallet = _create(config);
        bytes memory fault = abi.encodeWithSelector(IWallet.NoSuchOwner.selector, 1, 1);
        _refuse(_entry(1, _keyOf(1), _digest()), fault);
        _refuse(_sign(_digest(), 2), fault);
    }

    /* LENGTHS */

    function test_signatures_areRefused_whenCutAtAnyByte() public {
        _refuseEveryCut(_sign(digest, 2), 65);
    }

    function test_signatures_areRefused_whenCutAtAnyByte_ofAContractsEntry() public {
        ContractOwner owner = new ContractOwner();
        Config memory config = _config(2, 3);
        config.owners[1] = address(owner);
        wallet = _create(config);
        owner.accept(_digest(), "signature");
        bytes memory signatures = bytes.concat(_entry(0, _keyOf(0), _digest()), _contractEntry(1, "signature"));
        _refuseEveryCut(signatures, 65);
        _accept(signatures);
    }

    /// @dev Zeros follow in calldata, and with them a cut approval would be whole.
    function test_signatures_areRefused_whenCutAtAnyByte_ofAnApproval() public {
        for (uint256 i; i < 2; ++i) {
            vm.prank(_ownerOf(i));
            wallet.approve(digest);
        }
        bytes memory signatures = bytes.concat(_contractEntry(0, ""), _contractEntry(1, ""));
        _refuseEveryCut(signatures, 3);
        _accept(signatures);
    }

    function testFuzz_signatures_areRefused_whenAContractsEntryIsLongerThanTheList(uint256 length, uint256 claimed)
        public
    {
        length = _bound(length, 1, 1000);
        claimed = _bound(claimed, length + 1, type(uint16).max);
        bytes memory entry = abi.encodePacked(uint8(0x81), uint16(claimed), new bytes(length));
        _refuse(entry, abi.encodeWithSelector(IWallet.SignaturesTruncated.selector, 0));
        bytes memory signatures = bytes.concat(_sign(digest, 1), entry);
        _refuse(signatures, abi.encodeWithSelector(IWallet.SignaturesTruncated.selector, 65));
    }

    /// @dev The order of the checks within an entry, so that a fault has one name.
    function test_signatures_areRefused_forTheIndexBeforeTheLength() public {
        bytes memory first = _entry(1, _keyOf(1), digest);
        _refuse(bytes.concat(first, hex"00"), abi.encodeWithSelector(IWallet.SignaturesNotIncreasing.selector, 0));
        _refuse(bytes.concat(first, hex"81ffff"), abi.encodeWithSelector(IWallet.SignaturesNotIncreasing.selector, 1));
        _refuse(bytes.concat(first, hex"03"), abi.encodeWithSelector(IWallet.NoSuchOwner.selector, 3, 3));
        _refuse(bytes.concat(first, hex"ff"), abi.encodeWithSelector(IWallet.NoSuchOwner.selector, 127, 3));
    }

    function testFuzz_signatures_areRefused_whenBytesAreLeftOver(bytes calldata more, uint8 head) public {
        bytes memory rest = abi.encodePacked(head, more[:more.length % 64]);
        uint256 index = head & 0x7f;
        bytes memory fault;
        if (index < 2) fault = abi.encodeWithSelector(IWallet.SignaturesNotIncreasing.selector, index);
        else if (index > 2) fault = abi.encodeWithSelector(IWallet.NoSuchOwner.selector, index, 3);
        else fault = abi.encodeWithSelector(IWallet.SignaturesTruncated.selector, 130);
        // Of the third owner's entries, these may be whole.
        vm.assume(head != 0x82 || rest.length < 3);
        _refuse(bytes.concat(_sign(digest, 2), rest), fault);
    }

    /* HELPERS */

    function _digest() private view returns (bytes32) {
        return Digests.toDigest(address(wallet), structHash);
    }

    function _accept(bytes memory signatures) private {
        wallet.cancel(0, LATER, signatures);
        vm.assertEq(wallet.nonce(0), 1, "executed");
    }

    function _refuse(bytes memory signatures, bytes memory fault) private {
        vm.expectRevert(fault);
        wallet.cancel(0, LATER, signatures);
    }

    /// @dev Of a list of two entries, needed both, cuts the second and then the first: once by leaving the bytes out,
    /// once by the length alone, so that the rest still lies in calldata.
    function _refuseEveryCut(bytes memory signatures, uint256 second) private {
        bytes memory whole = abi.encodeCall(IWallet.cancel, (0, LATER, signatures));
        for (uint256 length; length < signatures.length; ++length) {
            bytes memory fault = length == 0 || length == second
                ? abi.encodeWithSelector(IWallet.ThresholdNotMet.selector, length == 0 ? 0 : 1, 2)
                : abi.encodeWithSelector(IWallet.SignaturesTruncated.selector, length < second ? 0 : second);
            bytes memory cut = new bytes(length);
            for (uint256 i; i < length; ++i) {
                cut[i] = signatures[i];
            }
            _refuse(cut, fault);

            assembly ("memory-safe") {
                mstore(add(whole, 0x84), length)
            }
            (bool ok, bytes memory returned) = address(wallet).call(whole);
            vm.assertFalse(ok, "refused with the rest behind the end");
            vm.assertEq(returned, fault, "for the same reason");
        }
    }

    function _count(uint256 bits) private pure returns (uint256 count) {
        for (; bits != 0; bits >>= 1) {
            count += bits & 1;
        }
    }
}
