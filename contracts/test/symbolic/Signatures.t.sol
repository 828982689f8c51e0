// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Fault, SignatureLib} from "../../src/libraries/SignatureLib.sol";
import {SymbolicTest} from "./SymbolicTest.sol";

contract SignatureHarness {
    mapping(bytes32 digest => mapping(address owner => bool)) private _approvals;

    function setApproved(bytes32 digest, address owner, bool approved) external {
        _approvals[digest][owner] = approved;
    }

    function verify(bytes32 digest, bytes calldata signatures, bytes memory blob)
        external
        view
        returns (uint256 signers, Fault fault, uint256 culprit)
    {
        return SignatureLib.verify(digest, signatures, blob, _approvals);
    }
}

/// @notice An owner that is a contract: to the one question it expects it gives a set answer, to any other none.
contract AnsweringOwner {
    bytes32 private _question;
    bytes private _answer;
    bool private _succeeds;

    function expect(bytes calldata question, bytes calldata answer, bool succeeds) external {
        _question = keccak256(question);
        _answer = answer;
        _succeeds = succeeds;
    }

    fallback() external {
        bytes memory answer = keccak256(msg.data) == _question ? _answer : bytes("");
        bool succeeds = _succeeds;
        assembly ("memory-safe") {
            if succeeds { return(add(answer, 0x20), mload(answer)) }
            revert(add(answer, 0x20), mload(answer))
        }
    }
}

/// @title `SignatureLib.verify` names exactly the signers that the rules at `IWallet` name
/// @notice Three owners: 0 and 1 have no code, 2 is a contract. The name of a check lists the kinds of its entries.
contract SignaturesSymbolicTest is SymbolicTest {
    /// @dev The greatest s of a signature that is not malleable: half the order of secp256k1.
    uint256 private constant MAX_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    SignatureHarness private harness;
    address[3] private owners;
    bool[3] private approved;
    bytes32 private digest;
    uint256 private threshold;
    bool private accepts;

    function setUp() public {
        digest = svm.createBytes32("digest");
        harness = new SignatureHarness();
        owners = [address(0xA11CE), address(0xB0B), address(new AnsweringOwner())];
    }

    function check_verify_none() public {
        _checkList(_frayed(""));
    }

    function check_verify_signed() public {
        _checkList(_frayed(_signed()));
    }

    function check_verify_approved() public {
        _checkList(_frayed(_approval()));
    }

    function check_verify_contract() public {
        _checkList(_frayed(_byContract(_oneOf(1, 31, 32, 65), _oneOf(32, 0, 31, 33))));
    }

    function check_verify_signed_signed() public {
        _checkList(_wholeOrCut(bytes.concat(_signed(), _signed())));
    }

    function check_verify_signed_contract() public {
        _checkList(_wholeOrCut(bytes.concat(_signed(), _byContract(32, 32))));
    }

    function check_verify_contract_signed() public {
        _checkList(_wholeOrCut(bytes.concat(_byContract(32, 32), _signed())));
    }

    function check_verify_approved_contract() public {
        _checkList(_wholeOrCut(bytes.concat(_approval(), _byContract(1, 32))));
    }

    function check_verify_signed_approved_signed() public {
        _checkList(_wholeOrCut(bytes.concat(_signed(), _approval(), _signed())));
    }

    function check_verify_signed_signed_contract() public {
        _checkList(_wholeOrCut(bytes.concat(_signed(), _signed(), _byContract(32, 32))));
    }

    function check_verify_signed_signed_signed_signed() public {
        _checkList(_wholeOrCut(bytes.concat(_signed(), _signed(), _signed(), _signed())));
    }

    function _checkList(bytes memory list) private {
        threshold = svm.createUint(8, "threshold");
        vm.assume(threshold >= 1 && threshold <= 3);
        for (uint256 i; i < 3; ++i) {
            approved[i] = svm.createBool("approved");
            harness.setApproved(digest, owners[i], approved[i]);
        }

        (bool ok, bytes memory result) = address(harness).call(abi.encodeCall(harness.verify, (digest, list, _blob())));
        assert(ok);
        (uint256 signers,,) = abi.decode(result, (uint256, Fault, uint256));
        assert(signers == _signersOf(list));
    }

    function _blob() private view returns (bytes memory) {
        return abi.encodePacked(uint8(threshold), uint8(3), address(0), owners[0], owners[1], owners[2]);
    }

    /* ENTRIES, of any content */

    function _signed() private pure returns (bytes memory) {
        return abi.encodePacked(uint8(_index()), svm.createBytes32("r"), svm.createBytes32("vs"));
    }

    function _approval() private pure returns (bytes memory) {
        return abi.encodePacked(uint8(0x80 | _index()), uint16(0));
    }

    /// @param length Bytes of the signature.
    /// @param size Bytes of the answer; the owner expects to be asked about this very signature.
    function _byContract(uint256 length, uint256 size) private returns (bytes memory) {
        bytes memory signature = svm.createBytes(length, "signature");
        bytes32 word = svm.createBytes32("answer");
        bool succeeds = svm.createBool("succeeds");
        bytes memory answer = size == 32
            ? abi.encodePacked(word)
            : size == 0 ? bytes("") : size == 31 ? abi.encodePacked(bytes31(word)) : abi.encodePacked(word, uint8(0));
        accepts = succeeds && size == 32 && word == bytes32(bytes4(0x1626ba7e));
        AnsweringOwner(owners[2])
            .expect(abi.encodeWithSelector(bytes4(0x1626ba7e), digest, signature), answer, succeeds);
        return abi.encodePacked(uint8(0x80 | _index()), uint16(length), signature);
    }

    function _index() private pure returns (uint256 index) {
        index = svm.createUint(8, "index");
        vm.assume(index < 0x80);
        for (uint256 i; i < 3; ++i) {
            if (index == i) return i;
        }
    }

    /// @dev As it is and without its last byte.
    function _wholeOrCut(bytes memory list) private pure returns (bytes memory) {
        if (list.length != 0 && svm.createBool("cut")) {
            assembly ("memory-safe") {
                mstore(list, sub(mload(list), 1))
            }
        }
        return list;
    }

    /// @dev The same, and with bytes behind it that are no entry.
    function _frayed(bytes memory list) private pure returns (bytes memory) {
        uint256 choice = _eachBelow(4, "rest");
        if (choice == 1) return bytes.concat(list, svm.createBytes(1, "rest"));
        if (choice == 2) return bytes.concat(list, svm.createBytes(2, "rest"));
        if (choice == 3) {
            uint256 head = svm.createUint(8, "head");
            vm.assume(head < 0x80);
            return abi.encodePacked(list, uint8(head), svm.createBytes(63, "rest"));
        }
        return _wholeOrCut(list);
    }

    function _oneOf(uint256 a, uint256 b, uint256 c, uint256 d) private pure returns (uint256) {
        uint256 choice = _eachBelow(4, "choice");
        return choice == 0 ? a : choice == 1 ? b : choice == 2 ? c : d;
    }

    /* THE RULES, read byte by byte */

    function _signersOf(bytes memory list) private view returns (uint256 signers) {
        uint256 count;
        uint256 least;
        for (uint256 offset; offset < list.length;) {
            uint256 head = uint8(list[offset]);
            uint256 index = head & 0x7f;
            if (index < least || index >= 3) return 0;
            uint256 left = list.length - offset;
            if (head < 0x80) {
                if (left < 65 || !_isSignature(owners[index], _word(list, offset + 1), _word(list, offset + 33))) {
                    return 0;
                }
                offset += 65;
            } else {
                if (left < 3) return 0;
                uint256 length = uint256(uint8(list[offset + 1])) << 8 | uint8(list[offset + 2]);
                if (left - 3 < length) return 0;
                if (length == 0 ? !approved[index] : index != 2 || !accepts) return 0;
                offset += 3 + length;
            }
            signers |= 1 << index;
            least = index + 1;
            ++count;
        }
        if (count < threshold) return 0;
    }

    function _isSignature(address owner, bytes32 r, bytes32 vs) private view returns (bool) {
        uint256 s = uint256(vs) & type(uint256).max >> 1;
        return s <= MAX_S && ecrecover(digest, 27 + uint8(uint256(vs) >> 255), r, bytes32(s)) == owner;
    }

    function _word(bytes memory list, uint256 offset) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(list, 0x20), offset))
        }
    }
}
