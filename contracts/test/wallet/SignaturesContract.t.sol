// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, IWallet} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {ContractOwner, LongAnswerOwner, ReactingOwner} from "../support/Owners.sol";
import {Stub} from "../support/Stub.sol";
import {WalletTest} from "../support/WalletTest.sol";

// signatures, an entry of a contract
// ├── when it has a signature
// │   ├── when the owner has no code: reverts SignatureInvalid, whatever it answers
// │   ├── when the owner fails, or answers anything but the one word: reverts SignatureInvalid
// │   ├── when the owner would change the state: reverts SignatureInvalid
// │   └── when the owner answers 0x1626ba7e as one word: accepted; it is asked about this digest and signature
// └── when it has none
//     ├── when the owner did not approve the digest: reverts NotApproved, whatever its code would answer
//     └── when the owner approved it: accepted, whatever the owner is
contract SignaturesContractTest is WalletTest {
    bytes4 private constant MAGIC = 0x1626ba7e;

    Stub private stub;
    bytes32 private digest;

    function setUp() public override {
        super.setUp();
        stub = new Stub();
        _becomeOwnedBy(address(stub));
    }

    /* ASKED */

    function testFuzz_signatures_areAccepted_whenAContractAgrees(bytes calldata signature) public {
        vm.assume(signature.length != 0 && signature.length < 65_536);
        ContractOwner owner = new ContractOwner();
        _becomeOwnedBy(address(owner));
        owner.accept(digest, signature);
        _accept(signature);
    }

    function test_signatures_areAccepted_asLongAsTheirLengthFits() public {
        ContractOwner owner = new ContractOwner();
        _becomeOwnedBy(address(owner));
        bytes memory signature = new bytes(65_535);
        signature[65_534] = 0x01;
        owner.accept(digest, signature);
        _accept(signature);
    }

    function testFuzz_signatures_areRefused_whenAContractAgreedToAnother(bytes calldata signature, bytes calldata other)
        public
    {
        vm.assume(signature.length != 0 && keccak256(signature) != keccak256(other));
        ContractOwner owner = new ContractOwner();
        _becomeOwnedBy(address(owner));
        owner.accept(digest, other);
        owner.accept(keccak256("another digest"), signature);
        _refuse(address(owner), signature);
    }

    function test_signatures_areAccepted_whenTheOwnerAnswersTheWord() public {
        stub.answerTo(abi.encodePacked(MAGIC, digest), abi.encode(MAGIC));
        _accept("signature");
    }

    /// @dev The magic value in its four bytes, and dirt in one of the 28 behind them.
    function testFuzz_signatures_areRefused_whenTheWordIsDirty(uint256 dirt) public {
        dirt = _bound(dirt, 1, type(uint224).max);
        stub.answerTo("", abi.encode(uint256(bytes32(MAGIC)) | dirt));
        _refuse(address(stub), "signature");
        stub.answerTo("", abi.encode(uint256(bytes32(MAGIC)) | 1));
        _refuse(address(stub), "signature");
    }

    function testFuzz_signatures_areRefused_whenTheAnswerIsAnotherWord(bytes32 answer) public {
        vm.assume(answer != bytes32(MAGIC));
        stub.answerTo("", abi.encode(answer));
        _refuse(address(stub), "signature");
    }

    function test_signatures_areRefused_whenTheAnswerIsAnotherWord() public {
        bytes32[5] memory answers = [
            bytes32(0),
            bytes32(uint256(1)),
            bytes32(uint256(uint32(MAGIC))),
            bytes32(bytes4(0x20c13b0b)),
            bytes32(bytes4(0xffffffff))
        ];
        for (uint256 i; i < answers.length; ++i) {
            stub.answerTo("", abi.encode(answers[i]));
            _refuse(address(stub), "signature");
        }
    }

    function testFuzz_signatures_areRefused_whenTheAnswerIsNotOneWord(uint256 length) public {
        length = _bound(length, 0, 1000);
        vm.assume(length != 32);
        LongAnswerOwner owner = new LongAnswerOwner(length);
        _becomeOwnedBy(address(owner));
        _refuse(address(owner), "signature");
    }

    function test_signatures_areRefused_whenTheAnswerIsAByteOffOneWord() public {
        uint256[5] memory lengths = [uint256(0), 4, 31, 33, 64];
        for (uint256 i; i < lengths.length; ++i) {
            LongAnswerOwner owner = new LongAnswerOwner(lengths[i]);
            _becomeOwnedBy(address(owner));
            _refuse(address(owner), "signature");
        }
    }

    function testFuzz_signatures_areRefused_whenTheOwnerFails(bytes calldata reason) public {
        stub.failAt("", reason);
        _refuse(address(stub), "signature");
        // Not even with the right word as its reason.
        stub.failAt("", abi.encode(MAGIC));
        _refuse(address(stub), "signature");
    }

    function test_signatures_areRefused_atNoCost_whenTheAnswerIsABomb() public {
        LongAnswerOwner owner = new LongAnswerOwner(1 << 20);
        _becomeOwnedBy(address(owner));
        uint256 before = gasleft();
        (bool ok,) = address(owner).staticcall{gas: 5_000_000}("1");
        uint256 cost = before - gasleft();
        vm.assertTrue(ok, "the bomb goes off");

        bytes memory signatures = _contractEntry(0, "signature");
        before = gasleft();
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, owner, digest));
        wallet.cancel(0, LATER, signatures);
        // Reading a megabyte costs as much as returning it, two millions.
        vm.assertLt(before - gasleft(), cost + 200_000, "nothing of it is read");
    }

    /// @dev What an owner does when asked cannot change anything, so it cannot call back either.
    function test_signatures_areRefused_whenTheOwnerWouldChangeTheState() public {
        ReactingOwner owner = new ReactingOwner();
        _becomeOwnedBy(address(owner));
        owner.reactWith(address(wallet), abi.encodeCall(IWallet.approve, (digest)));
        _refuse(address(owner), "signature");
        (bool ok,) = address(owner).call("");
        vm.assertTrue(ok, "though on another occasion it could");

        owner.reactWith(address(wallet), abi.encodeCall(IWallet.approved, (digest, address(owner))));
        _accept("looking is no change");
    }

    /* WITHOUT CODE */

    function test_signatures_areRefused_whenTheOwnerHasNoCode() public {
        _becomeOwnedBy(_ownerOf(0));
        _refuse(_ownerOf(0), "signature");
        (bytes32 r, bytes32 vs) = vm.signCompact(_keyOf(0), digest);
        _refuse(_ownerOf(0), abi.encodePacked(r, vs));
    }

    /// @dev On some chain a precompile may answer anything.
    function test_signatures_areRefused_whenTheOwnerHasNoCodeAndAnswersTheWord() public {
        address owner = address(0x1234);
        _becomeOwnedBy(owner);
        vm.mockCall(owner, "", abi.encode(MAGIC));
        vm.etch(owner, "");
        // forge-lint: disable-next-line(unchecked-call)
        (bool ok, bytes memory answer) = owner.staticcall("");
        vm.assertTrue(ok && keccak256(answer) == keccak256(abi.encode(MAGIC)), "it answers");
        _refuse(owner, "signature");
    }

    /// @dev Signatures long and short, because some precompiles take an input of one length only.
    function testFuzz_signatures_areRefused_whenTheOwnerIsAPrecompile(uint160 owner, bytes calldata signature) public {
        owner = uint160(_bound(owner, 1, 9));
        vm.assume(signature.length != 0);
        _becomeOwnedBy(address(owner));
        bytes memory signatures = _contractEntry(0, signature);
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, owner, digest));
        // A precompile that fails takes all the gas it is given.
        wallet.cancel{gas: 5_000_000}(0, LATER, signatures);
    }

    /* APPROVALS */

    function test_signatures_areRefused_whenNotApproved() public {
        // Agreeing when asked is no approval.
        stub.answerTo("", abi.encode(MAGIC));
        bytes memory signatures = _contractEntry(0, "");
        vm.expectRevert(abi.encodeWithSelector(IWallet.NotApproved.selector, stub, digest));
        wallet.cancel(0, LATER, signatures);
    }

    function testFuzz_signatures_areRefused_whenAnotherDigestIsApproved(bytes32 other) public {
        vm.assume(other != digest);
        vm.prank(address(stub));
        wallet.approve(other);
        bytes memory signatures = _contractEntry(0, "");
        vm.expectRevert(abi.encodeWithSelector(IWallet.NotApproved.selector, stub, digest));
        wallet.cancel(0, LATER, signatures);
    }

    function test_signatures_areAccepted_whenApproved() public {
        address[3] memory owners = [address(stub), _ownerOf(0), address(1)];
        for (uint256 i; i < owners.length; ++i) {
            _becomeOwnedBy(owners[i]);
            vm.prank(owners[i]);
            wallet.approve(digest);
            // It is not asked.
            vm.expectCall(owners[i], "", 0);
            _accept("");
        }
    }

    /// @dev An approval stands for an empty signature, not for any.
    function test_signatures_areRefused_whenApprovedButSignedWrongly() public {
        vm.prank(address(stub));
        wallet.approve(digest);
        _refuse(address(stub), "signature");
    }

    /* WALLETS OF WALLETS */

    function test_signatures_areAccepted_whenTheOwnerIsAWallet() public {
        IWallet inner = _create(2, 3);
        _becomeOwnedBy(address(inner));
        bytes32 personal = keccak256(abi.encode(keccak256("PersonalSign(bytes prefixed)"), digest));
        bytes memory signature = _sign(Digests.toDigest(address(inner), personal), 2);
        _accept(signature);
    }

    function test_signatures_areRefused_whenTheOwnerIsAWalletWhoseOwnersSignedTheBareDigest() public {
        IWallet inner = _create(2, 3);
        _becomeOwnedBy(address(inner));
        _refuse(address(inner), _sign(digest, 2));
    }

    /* HELPERS */

    /// @dev A new wallet, 1-of-1.
    function _becomeOwnedBy(address owner) private {
        Config memory config = _config(1, 1);
        config.owners[0] = owner;
        wallet = _create(config);
        digest = Digests.toDigest(address(wallet), Digests.ofCancel(0, LATER));
    }

    function _accept(bytes memory signature) private {
        wallet.cancel(0, LATER, _contractEntry(0, signature));
        vm.assertEq(wallet.nonce(0), 1, "executed");
    }

    function _refuse(address owner, bytes memory signature) private {
        bytes memory signatures = _contractEntry(0, signature);
        vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, owner, digest));
        wallet.cancel(0, LATER, signatures);
    }
}
