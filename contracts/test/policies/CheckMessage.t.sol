// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicy} from "../../src/IPolicy.sol";
import {Config} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {EscrowTest} from "../support/EscrowTest.sol";
import {SignatureToken} from "../support/EscrowTokens.sol";

// checkMessage
// ├── when one or two sign: reverts NeedsAllParties, and the wallet answers 0xffffffff
// │   (a personal message, typed data, the older form; whoever asks)
// └── when all three sign: agrees
contract CheckMessageTest is EscrowTest {
    bytes4 private constant VALID = 0x1626ba7e;
    bytes4 private constant VALID_OLD = 0x20c13b0b;
    bytes4 private constant INVALID = 0xffffffff;

    string private constant CONTENTS = "TransferBySignature(address from,address to,uint256 amount)";

    function testFuzz_isValidSignature_answersValidOnly_whenAllSign(uint256 signers, bytes32 hash, address caller)
        public
    {
        signers = _bound(signers, 1, BY_ALL);
        bytes memory signature = _signPersonal(signers, hash);
        vm.prank(caller);
        bytes4 answer = wallet.isValidSignature(hash, signature);
        vm.assertEq(bytes32(answer), bytes32(signers == BY_ALL ? VALID : INVALID), "the answer");
    }

    function testFuzz_isValidSignature_answersValidOnlyToTheOlderForm_whenAllSign(uint256 signers, bytes calldata data)
        public
        view
    {
        signers = _bound(signers, 1, BY_ALL);
        bytes4 answer = wallet.isValidSignature(data, _signPersonal(signers, keccak256(data)));
        vm.assertEq(bytes32(answer), bytes32(signers == BY_ALL ? VALID_OLD : INVALID), "the answer");
    }

    // Permit2, EIP-2612 and EIP-3009 move tokens on such an answer, past everything that checkPayout asks for.
    function testFuzz_tokenMovesBySignatureOnly_whenAllSign(uint256 signers, uint256 amount) public {
        signers = _bound(signers, 1, BY_ALL);
        amount = _bound(amount, 0, FUNDS);
        SignatureToken signed = new SignatureToken();
        signed.mint(address(wallet), FUNDS);
        bytes32 contentsHash = signed.contentsHash(address(wallet), stranger, amount);
        bytes memory signature = _signTypedData(signers, signed.SEPARATOR(), contentsHash);
        if (signers != BY_ALL) vm.expectRevert(abi.encodeWithSelector(SignatureToken.NotSigned.selector, wallet));
        signed.transferBySignature(address(wallet), stranger, amount, signature);
        vm.assertEq(signed.balanceOf(stranger), signers == BY_ALL ? amount : 0, "what moved");
    }

    // The same signatures are good on a wallet of the same owners without the policy: it is the policy that refuses.
    function testFuzz_isValidSignature_isRefusedByThePolicyAlone(uint256 signers, bytes32 hash) public {
        signers = _bound(signers, 1, BY_ALL - 1);
        wallet = _create(_config(1, 3));
        vm.assertEq(bytes32(wallet.isValidSignature(hash, _signPersonal(signers, hash))), bytes32(VALID), "no policy");
    }

    function testFuzz_checkMessage_reverts_whenNotAllSigned(address caller, bytes32 hash, uint256 signers) public {
        signers = _bound(signers, 0, BY_ALL - 1);
        Config memory config = wallet.config();
        vm.expectRevert(_needsAllParties(signers));
        policy.checkMessage(caller, hash, signers, config);
    }

    function testFuzz_checkMessage_answersItsSelector_whenAllSigned(address caller, bytes32 hash) public view {
        bytes4 answer = policy.checkMessage(caller, hash, BY_ALL, wallet.config());
        vm.assertEq(bytes32(answer), bytes32(IPolicy.checkMessage.selector), "the answer");
    }

    /// @dev `PersonalSign` of ERC-7739.
    function _signPersonal(uint256 signers, bytes32 hash) private view returns (bytes memory) {
        bytes32 structHash = keccak256(abi.encode(keccak256("PersonalSign(bytes prefixed)"), hash));
        return _signBy(Digests.toDigest(address(wallet), structHash), signers);
    }

    /// @dev `TypedDataSign` of ERC-7739, of the `CONTENTS` of an application.
    function _signTypedData(uint256 signers, bytes32 appSeparator, bytes32 contentsHash)
        private
        view
        returns (bytes memory)
    {
        bytes32 typehash = keccak256(
            abi.encodePacked(
                "TypedDataSign(TransferBySignature contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)",
                CONTENTS
            )
        );
        bytes32 structHash = keccak256(
            abi.encode(
                typehash,
                contentsHash,
                keccak256("Quorate"),
                keccak256("1"),
                block.chainid,
                address(wallet),
                bytes32(wallet.epoch())
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", appSeparator, structHash));
        return abi.encodePacked(
            _signBy(digest, signers), appSeparator, contentsHash, CONTENTS, uint16(bytes(CONTENTS).length)
        );
    }
}
