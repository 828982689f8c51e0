// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Config, IWallet} from "../../src/IWallet.sol";
import {ConfigLib} from "../../src/libraries/ConfigLib.sol";
import {State, StateLib} from "../../src/libraries/StateLib.sol";
import {SymbolicTest} from "./SymbolicTest.sol";

contract ConfigHarness {
    using ConfigLib for bytes;

    function toBlob(Config calldata config, address wallet) external pure returns (bytes memory) {
        return ConfigLib.toBlob(config, wallet);
    }

    /// @notice Packs the configuration, keeps it as code, and reads it from there.
    function storeAndLoad(Config calldata config, address wallet) external returns (bytes memory) {
        address source = ConfigLib.toBlob(config, wallet).store();
        return ConfigLib.load(StateLib.withConfiguration(State.wrap(0), source));
    }

    function toConfig(bytes memory blob) external pure returns (Config memory) {
        return blob.toConfig();
    }

    function isOwner(bytes memory blob, address account) external pure returns (bool) {
        return blob.isOwner(account);
    }
}

/// @title A configuration is packed as `ConfigLib` documents, read back as it was, and refused where a rule is broken
contract ConfigurationsSymbolicTest is SymbolicTest {
    ConfigHarness private harness;

    function setUp() public {
        harness = new ConfigHarness();
    }

    /* PACKING; the number is that of owners */

    function check_toBlob_0() public {
        _checkPacking(0, 0);
    }

    function check_toBlob_1() public {
        _checkPacking(1, _lengthOfData());
    }

    function check_toBlob_2() public {
        _checkPacking(2, _lengthOfData());
    }

    function check_toBlob_3() public {
        _checkPacking(3, 47);
    }

    function check_toBlob_4() public {
        _checkPacking(4, 0);
    }

    /// @dev Refused exactly where a rule is broken, else the packed bytes and no other.
    function _checkPacking(uint256 count, uint256 length) private {
        Config memory config = _anyConfig(count, length);
        address self = svm.createAddress("wallet");
        (bool ok, bytes memory result) = address(harness).call(abi.encodeCall(harness.toBlob, (config, self)));

        bool isAllowed = config.threshold >= 1 && config.threshold <= count;
        bytes memory packed = abi.encodePacked(config.threshold, uint8(count), config.policy);
        for (uint256 i; i < count; ++i) {
            address owner = config.owners[i];
            isAllowed = isAllowed && owner != address(0) && owner != self;
            for (uint256 j; j < i; ++j) {
                isAllowed = isAllowed && owner != config.owners[j];
            }
            packed = bytes.concat(packed, bytes20(owner));
        }
        assert(ok == isAllowed);
        if (ok) _assertSame(abi.decode(result, (bytes)), bytes.concat(packed, config.policyData));
    }

    /* READING BACK */

    function check_toConfig_1() public {
        _checkReading(1, _lengthOfData());
    }

    function check_toConfig_3() public {
        _checkReading(3, _lengthOfData());
    }

    function _checkReading(uint256 count, uint256 length) private {
        Config memory config = _anyConfig(count, length);
        (bool ok, bytes memory result) =
            address(harness).call(abi.encodeCall(harness.storeAndLoad, (config, address(0))));
        if (!ok) return;
        bytes memory blob = abi.decode(result, (bytes));
        Config memory read = harness.toConfig(blob);
        assert(read.threshold == config.threshold && read.policy == config.policy);
        assert(read.owners.length == count);
        address account = svm.createAddress("account");
        bool isOwner;
        for (uint256 i; i < count; ++i) {
            assert(read.owners[i] == config.owners[i]);
            isOwner = isOwner || account == config.owners[i];
        }
        _assertSame(read.policyData, config.policyData);
        assert(harness.isOwner(blob, account) == isOwner);
    }

    function _anyConfig(uint256 count, uint256 length) private pure returns (Config memory config) {
        config.threshold = uint8(svm.createUint(8, "threshold"));
        config.policy = svm.createAddress("policy");
        config.owners = new address[](count);
        for (uint256 i; i < count; ++i) {
            config.owners[i] = svm.createAddress("owner");
        }
        config.policyData = svm.createBytes(length, "policyData");
    }

    /// @dev On both sides of a word and of its rest behind the owners, and the length of an escrow's terms.
    function _lengthOfData() private pure returns (uint256) {
        uint256 choice = _eachBelow(6, "length");
        return choice == 0 ? 0 : choice == 1 ? 1 : choice == 2 ? 31 : choice == 3 ? 32 : choice == 4 ? 33 : 47;
    }

    function _assertSame(bytes memory left, bytes memory right) private pure {
        assert(left.length == right.length);
        for (uint256 i; i < left.length; ++i) {
            assert(left[i] == right[i]);
        }
    }
}
