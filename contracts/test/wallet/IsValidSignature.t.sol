// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, IWallet} from "../../src/IWallet.sol";
import {Answering, Bombing, Burning} from "../support/Answering.sol";
import {Digests} from "../support/Digests.sol";
import {MessageTest} from "../support/MessageTest.sol";
import {Messages} from "../support/Messages.sol";

// isValidSignature, both forms
// ├── signed as PersonalSign
// │   ├── by the threshold or more, by ECDSA, by contracts, by approval: valid
// │   ├── by fewer: invalid
// │   ├── when the signatures end like TypedDataSign without a description: as any others
// │   └── for another message, wallet, epoch or chain: invalid
// ├── the raw hash, or an action's digest, signed: invalid
// ├── a contract owner that refuses, reverts, answers too much or takes all gas: invalid
// ├── any other bytes: invalid, never a revert
// └── the probe of ERC-7739, without a signature: 0x77390001
// As TypedDataSign: see TypedDataSign.t.sol. With a policy: see MessagePolicy.t.sol.
contract IsValidSignatureTest is MessageTest {
    bytes32 private constant PROBE = 0x7739773977397739773977397739773977397739773977397739773977397739;

    /* SIGNED */

    function testFuzz_personalSign_isValid_whenTheThresholdSigned(bytes memory data, uint256 signers) public {
        wallet = _create(3, 5);
        signers = signers % 32;
        bytes memory signatures = _signBy(_personal(data), signers);
        if (_bitsOf(signers) >= 3) _assertValid(data, signatures);
        else _assertInvalid(data, signatures);
    }

    function testFuzz_personalSign_isInvalid_forAnotherMessage(bytes memory data, bytes memory other) public view {
        vm.assume(keccak256(data) != keccak256(other));
        _assertInvalid(other, _sign(_personal(data), 2));
    }

    function testFuzz_personalSign_isInvalid_forAnotherWallet(bytes memory data, bytes32 salt) public {
        vm.assume(salt != 0);
        bytes memory signatures = _sign(_personal(data), 2);
        _assertValid(data, signatures);
        wallet = IWallet(factory.create(_config(2, 3), salt));
        _assertInvalid(data, signatures);
    }

    function testFuzz_personalSign_isInvalid_inTheNextEpoch(bytes memory data) public {
        bytes memory signatures = _sign(_personal(data), 2);
        _reconfigure(_config(2, 3));
        _assertInvalid(data, signatures);
        _assertValid(data, _sign(Messages.personalSign(address(wallet), 1, keccak256(data)), 2));
    }

    function testFuzz_personalSign_isInvalid_onAnotherChain(bytes memory data, uint64 chainId) public {
        vm.assume(chainId != 0 && chainId != block.chainid);
        bytes memory signatures = _sign(_personal(data), 2);
        vm.chainId(chainId);
        _assertInvalid(data, signatures);
        _assertValid(data, _sign(_personal(data), 2));
    }

    function testFuzz_rawHash_isInvalid(bytes memory data) public view {
        _assertInvalid(data, _sign(keccak256(data), 2));
    }

    // What authorises an action is no message, neither by its digest nor by the bytes that the digest is of.
    function testFuzz_actionSignature_isInvalid(uint256 nonce, uint256 deadline) public view {
        bytes32 structHash = Digests.ofCancel(nonce, deadline);
        bytes32 separator = Digests.domainSeparator(address(wallet), 0);
        bytes32 digest = Digests.toDigest(address(wallet), structHash);
        bytes memory signatures = _sign(digest, 2);
        _assertInvalid(Messages.preimage(separator, structHash), signatures);
        string memory description = "Cancel(uint192 lane,uint64 sequence,uint256 deadline)";
        _assertInvalid(
            Messages.preimage(separator, structHash), Messages.wrap(signatures, separator, structHash, description)
        );
        vm.assertEq(wallet.isValidSignature(structHash, signatures), bytes4(0xffffffff), "nor by the struct hash");
    }

    /* APPROVED */

    function testFuzz_approval_counts_whenTheOwnerApprovedTheNestedDigest(bytes memory data) public {
        bytes32 digest = _personal(data);
        bytes memory signatures = bytes.concat(_entry(0, _keyOf(0), digest), _contractEntry(1, ""));
        _assertInvalid(data, signatures);
        vm.prank(_ownerOf(1));
        wallet.approve(digest);
        _assertValid(data, signatures);
    }

    function testFuzz_approval_doesNotCount_whenItIsOfTheRawHash(bytes memory data) public {
        vm.prank(_ownerOf(1));
        wallet.approve(keccak256(data));
        _assertInvalid(data, bytes.concat(_entry(0, _keyOf(0), _personal(data)), _contractEntry(1, "")));
    }

    /* CONTRACT OWNERS */

    function testFuzz_contractOwner_counts_whenItIsAWallet(bytes memory data) public {
        IWallet inner = wallet;
        Config memory config = _config(2, 2);
        config.owners[1] = address(inner);
        wallet = _create(config);
        bytes32 digest = _personal(data);
        bytes memory inside = _sign(Messages.personalSign(address(inner), 0, digest), 2);
        _assertValid(data, bytes.concat(_entry(0, _keyOf(0), digest), _contractEntry(1, inside)));
        _assertInvalid(data, bytes.concat(_entry(0, _keyOf(0), digest), _contractEntry(1, _sign(digest, 2))));
    }

    function testFuzz_contractOwner_isAskedAboutTheNestedDigest(bytes memory data, bytes memory signature) public {
        vm.assume(signature.length != 0);
        address owner = address(new Answering(abi.encode(bytes4(0x1626ba7e)), false));
        _ownedBy(owner);
        bytes memory question = abi.encodeWithSelector(0x1626ba7e, _personal(data), signature);
        vm.expectCall(owner, question);
        _assertValid(data, _contractEntry(0, signature));
    }

    // Without a description nothing is nested, whatever separator and contents seem to stand there.
    function testFuzz_contractOwner_counts_whenItsSignatureEndsLikeUntypedData(bytes32 separator, bytes32 contents)
        public
    {
        _ownedBy(address(new Answering(abi.encode(bytes4(0x1626ba7e)), false)));
        bytes memory signature = Messages.wrap("signature", separator, contents, "");
        _assertValid(Messages.preimage(separator, contents), _contractEntry(0, signature));
    }

    function testFuzz_contractOwner_doesNotCount_whateverElseItAnswers(bytes memory answer) public {
        vm.assume(keccak256(answer) != keccak256(abi.encode(bytes4(0x1626ba7e))));
        _ownedBy(address(new Answering(answer, false)));
        _assertInvalid("data", _contractEntry(0, "signature"));
    }

    function testFuzz_contractOwner_doesNotCount_whenItReverts(bytes memory reason) public {
        _ownedBy(address(new Answering(reason, true)));
        _assertInvalid("data", _contractEntry(0, "signature"));
        _ownedBy(address(new Answering(abi.encode(bytes4(0x1626ba7e)), true)));
        _assertInvalid("data", _contractEntry(0, "signature"));
    }

    function test_contractOwner_doesNotCount_whenItsAnswerIsAlmostTheWord() public {
        bytes32 magic = bytes4(0x1626ba7e);
        bytes[5] memory answers = [
            abi.encodePacked(bytes4(magic)),
            abi.encode(magic, magic),
            abi.encode(magic | bytes32(uint256(1))),
            abi.encode(bytes4(0x20c13b0b)),
            abi.encode(uint256(1))
        ];
        for (uint256 i; i < answers.length; ++i) {
            _ownedBy(address(new Answering(answers[i], false)));
            _assertInvalid("data", _contractEntry(0, "signature"));
        }
        _ownedBy(address(new Answering(abi.encode(magic), false)));
        _assertValid("data", _contractEntry(0, "signature"));
    }

    // A bomb costs its maker what it costs to build, and the wallet nothing: only one word is copied.
    function test_contractOwner_cannotExhaustTheWallet_byAnsweringTooMuch() public {
        _ownedBy(address(new Bombing(1_000_000)));
        uint256 before = gasleft();
        vm.assertEq(
            wallet.isValidSignature(bytes32("hash"), _contractEntry(0, "signature")), bytes4(0xffffffff), "invalid"
        );
        uint256 whole = before - gasleft();
        vm.assertLt(whole, 2_250_000, "the bomb's own 2.05 million, and no second time");
    }

    function test_contractOwner_cannotExhaustTheWallet_byTakingAllGas() public {
        _ownedBy(address(new Burning()));
        bytes4 answer = wallet.isValidSignature{gas: 5_000_000}(bytes32("hash"), _contractEntry(0, "signature"));
        vm.assertEq(answer, bytes4(0xffffffff), "invalid");
    }

    /* ANY BYTES */

    function testFuzz_anyBytes_areInvalid(bytes memory data, bytes memory signature) public view {
        _assertInvalid(data, signature);
    }

    function testFuzz_changedByte_makesItInvalid(uint256 place, uint8 change) public view {
        vm.assume(change != 0);
        bytes memory signatures = _sign(_personal("data"), 3);
        place = place % signatures.length;
        signatures[place] = bytes1(uint8(signatures[place]) ^ change);
        _assertInvalid("data", signatures);
    }

    function testFuzz_missingOrExtraBytes_makeItInvalid(uint256 length, bytes memory extra) public view {
        bytes memory signatures = _sign(_personal("data"), 2);
        if (extra.length != 0) _assertInvalid("data", bytes.concat(signatures, extra));
        length = length % signatures.length;
        assembly ("memory-safe") {
            mstore(signatures, length)
        }
        _assertInvalid("data", signatures);
    }

    /* THE PROBE */

    function testFuzz_probe_isAnswered_withoutASignature(bytes memory signature) public view {
        vm.assertEq(wallet.isValidSignature(PROBE, ""), bytes4(0x77390001), "nested messages are understood");
        vm.assume(signature.length != 0);
        vm.assertEq(wallet.isValidSignature(PROBE, signature), bytes4(0xffffffff), "a signature over it is invalid");
    }

    function test_probe_canBeSignedAsAMessage() public view {
        bytes32 digest = Messages.personalSign(address(wallet), 0, PROBE);
        vm.assertEq(wallet.isValidSignature(PROBE, _sign(digest, 2)), bytes4(0x1626ba7e), "valid");
    }

    /* HELPERS */

    function _ownedBy(address owner) private {
        Config memory config = _config(1, 1);
        config.owners[0] = owner;
        wallet = _create(config);
    }

    function _bitsOf(uint256 set) private pure returns (uint256 bits) {
        for (; set != 0; set &= set - 1) {
            ++bits;
        }
    }
}
