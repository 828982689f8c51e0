// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, IWallet} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {Stub} from "../support/Stub.sol";
import {WalletTest} from "../support/WalletTest.sol";

// signatures, an ECDSA entry
// ├── when it recovers to no one, or to anyone but the owner at its index: reverts SignatureInvalid
// ├── when s is in the upper half of the order: reverts SignatureInvalid, though it recovers to the owner
// ├── when it was made for another wallet, chain, epoch, action, lane, sequence or deadline: reverts
// SignatureInvalid
// └── otherwise: accepted, whether or not the owner has code
contract SignaturesEcdsaTest is WalletTest {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    /// @dev The generator's x coordinate: what r is when the ephemeral key is 1. Its y is even.
    uint256 private constant GENERATOR_X = 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798;

    bytes32 private digest;

    function setUp() public override {
        super.setUp();
        wallet = _create(1, 3);
        digest = Digests.toDigest(address(wallet), Digests.ofCancel(0, LATER));
    }

    function testFuzz_signatures_areRefused_whenAnotherKeySigned(uint256 index, uint256 key) public {
        index = _bound(index, 0, 2);
        key = _bound(key, 1, ORDER - 1);
        vm.assume(key != _keyOf(index));
        _refuse(index, _entry(index, key, digest));
    }

    function testFuzz_signatures_areRefused_whenAnotherOwnerSigned(uint256 index, uint256 other) public {
        index = _bound(index, 0, 2);
        other = _bound(other, 0, 2);
        vm.assume(index != other);
        _refuse(index, _entry(index, _keyOf(other), digest));
    }

    function testFuzz_signatures_areRefused_whenABitIsFlipped(uint256 bit) public {
        bytes memory entry = _entry(1, _keyOf(1), digest);
        bit = _bound(bit, 8, 65 * 8 - 1);
        entry[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        _refuse(1, entry);
    }

    function testFuzz_signatures_areRefused_whenTheyAreNoise(bytes32 r, bytes32 vs) public {
        _refuse(0, abi.encodePacked(uint8(0), r, vs));
    }

    /// @dev The precompile recovers nothing from these.
    function test_signatures_areRefused_whenOutOfRange() public {
        (bytes32 r, bytes32 vs) = vm.signCompact(_keyOf(0), digest);
        bytes32[4] memory rs = [bytes32(0), bytes32(ORDER), bytes32(ORDER + 1), bytes32(type(uint256).max)];
        for (uint256 i; i < rs.length; ++i) {
            _refuse(0, abi.encodePacked(uint8(0), rs[i], vs));
        }
        _refuse(0, abi.encodePacked(uint8(0), r, bytes32(0)));
        _refuse(0, abi.encodePacked(uint8(0), r, bytes32(uint256(1 << 255))));
        _refuse(0, new bytes(65));
    }

    function testFuzz_signatures_areRefused_whenSIsHigh(uint256 s) public {
        _refuseHigh(_bound(s, ORDER / 2 + 1, type(uint256).max >> 1));
    }

    function test_signatures_areRefused_whenSIsTheLowestOfTheUpperHalf() public {
        _refuseHigh(ORDER / 2 + 1);
    }

    function test_signatures_areAccepted_whenSIsTheHighestOfTheLowerHalf() public {
        uint256 half = ORDER / 2;
        _becomeOwnedThrough(half);
        wallet.cancel(1, LATER, abi.encodePacked(uint8(0), GENERATOR_X, half));
        vm.assertEq(wallet.nonce(0), 2, "executed");
    }

    /* WHAT WAS SIGNED */

    function testFuzz_signatures_areRefused_whenMadeForAnotherWallet(bytes32 salt) public {
        vm.assume(salt != 0);
        address other = factory.create(_config(1, 3), salt);
        _refuse(0, _entry(0, _keyOf(0), Digests.toDigest(other, Digests.ofCancel(0, LATER))));
    }

    function testFuzz_signatures_areRefused_whenMadeForAnotherChain(uint64 chainId) public {
        vm.assume(chainId != 0 && chainId != block.chainid);
        bytes memory entry = _entry(0, _keyOf(0), digest);
        // A fork of the chain under another id.
        vm.chainId(chainId);
        bytes32 there = Digests.toDigest(address(wallet), Digests.ofCancel(0, LATER));
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, _ownerOf(0), there));
        wallet.cancel(0, LATER, entry);
        wallet.cancel(0, LATER, _entry(0, _keyOf(0), there));
    }

    function testFuzz_signatures_areRefused_whenMadeForAnotherEpoch(uint32 epoch) public {
        vm.assume(epoch != 0);
        bytes32 other = Digests.toDigest(address(wallet), epoch, Digests.ofCancel(0, LATER));
        _refuse(0, _entry(0, _keyOf(0), other));
    }

    function testFuzz_signatures_areRefused_whenMadeForAnotherNonceOrDeadline(uint256 nonce, uint256 deadline) public {
        vm.assume(nonce != 0 || deadline != LATER);
        _refuse(0, _entry(0, _keyOf(0), Digests.toDigest(address(wallet), Digests.ofCancel(nonce, deadline))));
    }

    /// @dev Not the bare struct hash, and not the digest as a wallet shows a message.
    function test_signatures_areRefused_whenNotOverTheDigestItself() public {
        _refuse(0, _entry(0, _keyOf(0), Digests.ofCancel(0, LATER)));
        bytes32 message = keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", digest));
        _refuse(0, _entry(0, _keyOf(0), message));
        _refuse(0, _entry(0, _keyOf(0), keccak256(abi.encode(digest))));
    }

    /* CODE */

    /// @dev An account that delegates by EIP-7702 still has its key, whatever its code would say.
    function test_signatures_areAccepted_whenTheOwnerHasCode() public {
        Stub delegate = new Stub();
        vm.setEvmVersion("prague");
        vm.etch(_ownerOf(0), abi.encodePacked(hex"ef0100", delegate));
        Stub(payable(_ownerOf(0))).failAt("", "not by my code");
        wallet.cancel(0, LATER, _entry(0, _keyOf(0), digest));
        vm.assertEq(wallet.nonce(0), 1, "executed");
    }

    /// @dev And its key's vote is not given to that code unless the entry says so.
    function test_signatures_areRefused_whenOnlyTheOwnersCodeWouldAgree() public {
        Stub delegate = new Stub();
        vm.setEvmVersion("prague");
        vm.etch(_ownerOf(0), abi.encodePacked(hex"ef0100", delegate));
        Stub(payable(_ownerOf(0))).answerTo("", abi.encode(bytes4(0x1626ba7e)));
        _refuse(0, _entry(0, _keyOf(7), digest));
        wallet.cancel(0, LATER, _contractEntry(0, "of the delegate"));
        vm.assertEq(wallet.nonce(0), 1, "executed");
    }

    /* HELPERS */

    function _refuse(uint256 index, bytes memory entry) private {
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, _ownerOf(index), digest));
        wallet.cancel(0, LATER, entry);
    }

    function _refuseHigh(uint256 s) private {
        bytes32 next = _becomeOwnedThrough(s);
        address owner = wallet.getOwners()[0];
        vm.assertEq(ecrecover(next, 27, bytes32(GENERATOR_X), bytes32(s)), owner, "it recovers to the owner");
        bytes memory entry = abi.encodePacked(uint8(0), GENERATOR_X, s);
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, owner, next));
        wallet.cancel(1, LATER, entry);
        // Its twin below, of the other parity.
        wallet.cancel(1, LATER, abi.encodePacked(uint8(0), GENERATOR_X, 1 << 255 | (ORDER - s)));
    }

    /// @dev Gives the wallet to the one owner of whom (GENERATOR_X, s) with an even y is a signature of the digest that
    /// is returned: to cancel nonce 1. The compact form has room for very few s in the upper half, so no signature can
    /// be turned into one; instead the key is made from the s, as s = digest + r * key with ephemeral key 1. The wallet
    /// has to
    /// exist before, for the digest depends on it.
    function _becomeOwnedThrough(uint256 s) private returns (bytes32 next) {
        next = Digests.toDigest(address(wallet), 1, Digests.ofCancel(1, LATER));
        uint256 difference = addmod(s, ORDER - uint256(next) % ORDER, ORDER);
        (bool ok, bytes memory inverse) =
            address(5).staticcall(abi.encode(uint256(32), uint256(32), uint256(32), GENERATOR_X, ORDER - 2, ORDER));
        vm.assertTrue(ok, "inverted");
        Config memory config = _config(1, 1);
        config.owners[0] = vm.addr(mulmod(difference, abi.decode(inverse, (uint256)), ORDER));
        _reconfigure(config);
    }
}
