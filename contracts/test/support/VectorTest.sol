// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Config, IWallet} from "../../src/IWallet.sol";
import {Runtime} from "./Runtime.sol";
import {WalletTest} from "./WalletTest.sol";

/// @notice An owner's signature as the vectors have it. `owner` is an address in lower case.
struct Signer {
    uint8 index;
    address owner;
    bytes32 privateKey;
    bytes signature;
    bytes compact;
}

/// @notice What every vector of a signature has.
struct Signed {
    string name;
    uint256 chainId;
    address wallet;
    uint256 epoch;
    Config config;
    bytes32 digest;
    Signer[] signers;
    bytes signatures;
}

/// @title What a test of vectors needs: the files, and a wallet where a vector says it is
/// @notice anvil-fixtures/README.md says what the files hold.
abstract contract VectorTest is WalletTest {
    string internal constant CONFIG = "Config(uint8 threshold,address[] owners,address policy,bytes policyData)";

    string private constant SIGNED =
        "Signed(string name,uint256 chainId,address wallet,uint256 epoch,Config config,bytes32 digest,Signer[] signers,bytes signatures)";
    string private constant SIGNER =
        "Signer(uint8 index,address owner,bytes32 privateKey,bytes signature,bytes compact)";

    function _file(string memory name) internal view returns (string memory) {
        return vm.readFile(string.concat("../anvil-fixtures/vectors/", name));
    }

    /// @dev How many vectors a section has. Each is then checked in a call of its own: the files are long, and memory
    /// is only given back at the end of a call.
    function _countOf(string memory file, string memory section) internal view returns (uint256 count) {
        string memory json = _file(file);
        while (vm.keyExistsJson(json, _at(section, count))) ++count;
        vm.assertTrue(count != 0, "the section has vectors");
    }

    function _at(string memory section, uint256 place) internal pure returns (string memory) {
        return string.concat(".", section, "[", vm.toString(place), "]");
    }

    function _signed(string memory json, string memory key) internal pure returns (Signed memory) {
        return abi.decode(vm.parseJsonType(json, key, string.concat(SIGNED, CONFIG, SIGNER)), (Signed));
    }

    /// @notice Puts a real wallet where the vector says, in its epoch and on its chain, and makes it `wallet`.
    function _place(Signed memory vector) internal {
        vm.chainId(vector.chainId);
        vm.etch(vector.wallet, Runtime.codeOf(factory.implementation(), vector.config));
        vm.store(vector.wallet, 0, bytes32(vector.epoch << 224));
        wallet = IWallet(vector.wallet);
    }

    /// @notice Asserts that keys, owners, both forms of each signature and the packed list belong together.
    function _assertSigned(Signed memory vector) internal pure {
        bytes memory packed;
        for (uint256 i; i < vector.signers.length; ++i) {
            Signer memory signer = vector.signers[i];
            uint256 key = uint256(signer.privateKey);
            vm.assertEq(signer.owner, vm.addr(key), vector.name);
            vm.assertEq(vector.config.owners[signer.index], signer.owner, vector.name);
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, vector.digest);
            vm.assertEq(signer.signature, abi.encodePacked(r, s, v), vector.name);
            bytes memory entry = _entry(signer.index, key, vector.digest);
            vm.assertEq(abi.encodePacked(signer.index, signer.compact), entry, vector.name);
            packed = bytes.concat(packed, entry);
        }
        vm.assertEq(vector.signatures, packed, vector.name);
    }
}
