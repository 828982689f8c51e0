// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IWallet} from "../../src/IWallet.sol";
import {MessageTest} from "../support/MessageTest.sol";
import {Messages} from "../support/Messages.sol";

// isValidSignature, both forms, signed as TypedDataSign
// ├── when the description is the contents' type, which begins with its name (implicit): valid
// ├── when it is the types in order and then the name (explicit): valid
// ├── signed by fewer than the threshold, or by approval: as anywhere
// ├── when hash, separator, contents or description are others than what was signed: invalid
// ├── for another wallet, epoch or chain: invalid
// └── when the description is malformed: invalid, though the helper would bind nothing
contract TypedDataSignTest is MessageTest {
    string private constant MAIL = "Mail(address to,string contents)";
    string private constant ORDER = "Asset(address token,uint256 amount)Order(Asset[] assets,uint256 price)";

    /* VALID */

    function testFuzz_implicit_isValid(bytes32 separator, bytes32 contents) public view {
        bytes32 digest = Messages.typedDataSign(address(wallet), 0, separator, contents, "Mail", MAIL);
        _assertValid(Messages.preimage(separator, contents), Messages.wrap(_sign(digest, 2), separator, contents, MAIL));
    }

    function testFuzz_explicit_isValid(bytes32 separator, bytes32 contents) public view {
        bytes32 digest = Messages.typedDataSign(address(wallet), 0, separator, contents, "Order", ORDER);
        bytes memory signatures = _sign(digest, 2);
        string memory description = string.concat(ORDER, "Order");
        _assertValid(
            Messages.preimage(separator, contents), Messages.wrap(signatures, separator, contents, description)
        );
        // Implicitly it would be a message of the type Asset, which nobody signed.
        _assertInvalid(Messages.preimage(separator, contents), Messages.wrap(signatures, separator, contents, ORDER));
    }

    function testFuzz_anyName_isValid_inEitherMode(bytes memory letters, bytes32 contents) public view {
        vm.assume(letters.length != 0);
        for (uint256 i; i < letters.length; ++i) {
            letters[i] = bytes1(0x61 + uint8(letters[i]) % 26);
        }
        string memory name = string(letters);
        string memory types = string.concat(name, "(uint256 a,", name, "[] b)");
        bytes32 digest = Messages.typedDataSign(address(wallet), 0, "app", contents, name, types);
        bytes memory data = Messages.preimage("app", contents);
        _assertValid(data, Messages.wrap(_sign(digest, 2), "app", contents, types));
        _assertValid(data, Messages.wrap(_sign(digest, 2), "app", contents, string.concat(types, name)));
    }

    function testFuzz_longestDescription_isValid(uint16 length) public view {
        bytes memory filler = new bytes(_bound(length, 1, type(uint16).max - 10));
        for (uint256 i; i < filler.length; i += 32) {
            assembly ("memory-safe") {
                mstore(add(add(filler, 0x20), i), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
            }
        }
        string memory types = string.concat("A(uint256 ", string(filler), ")");
        bytes32 digest = Messages.typedDataSign(address(wallet), 0, "app", "contents", "A", types);
        _assertValid(Messages.preimage("app", "contents"), Messages.wrap(_sign(digest, 2), "app", "contents", types));
    }

    function test_approval_counts() public {
        bytes32 digest = Messages.typedDataSign(address(wallet), 0, "app", "contents", "Mail", MAIL);
        bytes memory signatures = bytes.concat(_contractEntry(1, ""), _entry(2, _keyOf(2), digest));
        bytes memory signature = Messages.wrap(signatures, "app", "contents", MAIL);
        _assertInvalid(Messages.preimage("app", "contents"), signature);
        vm.prank(_ownerOf(1));
        wallet.approve(digest);
        _assertValid(Messages.preimage("app", "contents"), signature);
    }

    /* INVALID */

    function test_typedData_isInvalid_whenFewerSigned() public view {
        bytes32 digest = Messages.typedDataSign(address(wallet), 0, "app", "contents", "Mail", MAIL);
        _assertInvalid(Messages.preimage("app", "contents"), Messages.wrap(_sign(digest, 1), "app", "contents", MAIL));
        _assertInvalid(Messages.preimage("app", "contents"), Messages.wrap("", "app", "contents", MAIL));
    }

    function testFuzz_typedData_isInvalid_forAnotherHash(bytes memory data) public view {
        bytes32 digest = Messages.typedDataSign(address(wallet), 0, "app", "contents", "Mail", MAIL);
        vm.assume(keccak256(data) != keccak256(Messages.preimage("app", "contents")));
        _assertInvalid(data, Messages.wrap(_sign(digest, 2), "app", "contents", MAIL));
    }

    function testFuzz_typedData_isInvalid_forAnotherAppOrOtherContents(bytes32 separator, bytes32 contents)
        public
        view
    {
        vm.assume(separator != "app" || contents != "contents");
        bytes32 digest = Messages.typedDataSign(address(wallet), 0, "app", "contents", "Mail", MAIL);
        _assertInvalid(
            Messages.preimage(separator, contents), Messages.wrap(_sign(digest, 2), separator, contents, MAIL)
        );
    }

    function testFuzz_typedData_isInvalid_whenAByteIsChanged(uint256 place, uint8 change) public view {
        vm.assume(change != 0);
        bytes32 digest = Messages.typedDataSign(address(wallet), 0, "app", "contents", "Mail", MAIL);
        bytes memory signature = Messages.wrap(_sign(digest, 2), "app", "contents", MAIL);
        place = place % signature.length;
        signature[place] = bytes1(uint8(signature[place]) ^ change);
        _assertInvalid(Messages.preimage("app", "contents"), signature);
    }

    function testFuzz_typedData_isInvalid_whenBytesAreMissing(uint256 length) public view {
        bytes32 digest = Messages.typedDataSign(address(wallet), 0, "app", "contents", "Mail", MAIL);
        bytes memory signature = Messages.wrap(_sign(digest, 2), "app", "contents", MAIL);
        length = length % signature.length;
        assembly ("memory-safe") {
            mstore(signature, length)
        }
        _assertInvalid(Messages.preimage("app", "contents"), signature);
    }

    function test_typedData_isInvalid_forAnotherWallet() public {
        bytes32 digest = Messages.typedDataSign(address(wallet), 0, "app", "contents", "Mail", MAIL);
        bytes memory signature = Messages.wrap(_sign(digest, 2), "app", "contents", MAIL);
        wallet = IWallet(factory.create(_config(2, 3), "another"));
        _assertInvalid(Messages.preimage("app", "contents"), signature);
    }

    function test_typedData_isInvalid_inTheNextEpoch() public {
        bytes32 digest = Messages.typedDataSign(address(wallet), 0, "app", "contents", "Mail", MAIL);
        bytes memory signature = Messages.wrap(_sign(digest, 2), "app", "contents", MAIL);
        _reconfigure(_config(2, 3));
        _assertInvalid(Messages.preimage("app", "contents"), signature);
        digest = Messages.typedDataSign(address(wallet), 1, "app", "contents", "Mail", MAIL);
        signature = Messages.wrap(_sign(digest, 2), "app", "contents", MAIL);
        _assertValid(Messages.preimage("app", "contents"), signature);
    }

    function testFuzz_typedData_isInvalid_onAnotherChain(uint64 chainId) public {
        vm.assume(chainId != 0 && chainId != block.chainid);
        bytes32 digest = Messages.typedDataSign(address(wallet), 0, "app", "contents", "Mail", MAIL);
        bytes memory signature = Messages.wrap(_sign(digest, 2), "app", "contents", MAIL);
        vm.chainId(chainId);
        _assertInvalid(Messages.preimage("app", "contents"), signature);
    }

    // What the app itself would verify for an ordinary account.
    function testFuzz_rawHash_isInvalid(bytes32 separator, bytes32 contents) public view {
        bytes memory data = Messages.preimage(separator, contents);
        _assertInvalid(data, Messages.wrap(_sign(keccak256(data), 2), separator, contents, MAIL));
        _assertInvalid(data, _sign(keccak256(data), 2));
    }

    // An app's typed data may also be signed as a message without its type, since both are bound to the hash.
    function testFuzz_personalSign_isValidForAnAppsHash(bytes32 separator, bytes32 contents) public view {
        bytes memory data = Messages.preimage(separator, contents);
        _assertValid(data, _sign(_personal(data), 2));
        _assertInvalid(data, Messages.wrap(_sign(_personal(data), 2), separator, contents, MAIL));
    }

    /* MALFORMED DESCRIPTIONS */

    function test_description_isRefused_whenMalformed() public view {
        string[17] memory descriptions = [
            "",
            "Mail",
            "(",
            ")",
            "()",
            "(uint256 a)",
            " Mail(uint256 a)",
            "Ma il(uint256 a)",
            "Ma,il(uint256 a)",
            "Ma)il(uint256 a)",
            "Ma\x00il(uint256 a)",
            "Mail(uint256 a",
            "Mail(uint256 a) Mail",
            "Mail(uint256 a)Ma il",
            "Mail(uint256 a)Ma,il",
            "Mail(uint256 a)Ma(il",
            "Mail(uint256 a)Ma\x00il"
        ];
        for (uint256 i; i < descriptions.length; ++i) {
            _assertRefused(descriptions[i]);
        }
    }

    function testFuzz_description_isRefused_whenNoNameCanBeRead(bytes memory description) public view {
        // Neither mode finds a name: without an opening bracket the implicit one, without a closing the explicit.
        for (uint256 i; i < description.length; ++i) {
            if (description[i] == "(" || description[i] == ")") description[i] = "_";
        }
        _assertRefused(string(description));
    }

    /// @dev Refused even if the owners signed the digest that binds nothing, which the helper's zero stands for.
    function _assertRefused(string memory description) private view {
        bytes memory data = Messages.preimage("app", "contents");
        bytes32 unbound = keccak256(Messages.preimage("app", 0));
        _assertInvalid(data, Messages.wrap(_sign(unbound, 2), "app", "contents", description));
    }
}
