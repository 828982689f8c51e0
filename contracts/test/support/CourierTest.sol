// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICourier} from "../../src/ICourier.sol";
import {SigningTest} from "./SigningTest.sol";
import {Log} from "./Vm.sol";

/// @title What every test of the courier starts from
/// @notice Parcels are packed, and told by an own reading of the packed bytes; no code is shared with src/.
abstract contract CourierTest is SigningTest {
    struct Parcel {
        uint32 gasLimit;
        address to;
        bytes data;
    }

    /// @dev More than what any callee here uses.
    uint32 internal constant PLENTY = 200_000;

    ICourier internal courier;

    function setUp() public virtual override {
        super.setUp();
        courier = ICourier(_deploy("Courier.sol:Courier"));
    }

    function _pack(Parcel memory parcel) internal pure returns (bytes memory) {
        return abi.encodePacked(parcel.gasLimit, parcel.to, uint24(parcel.data.length), parcel.data);
    }

    function _pack(Parcel[] memory parcels) internal pure returns (bytes memory packed) {
        for (uint256 i; i < parcels.length; ++i) {
            packed = bytes.concat(packed, _pack(parcels[i]));
        }
    }

    /// @notice One parcel with plenty of gas.
    function _parcel(address to, bytes memory data) internal pure returns (bytes memory) {
        return _pack(Parcel(PLENTY, to, data));
    }

    function _assertReverts(bytes memory parcels, bytes memory reason) internal {
        vm.expectRevert(reason);
        courier.deliver(parcels);
    }

    function _malformed(uint256 index) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ICourier.ParcelMalformed.selector, index);
    }

    /// @notice That one log is `Undelivered` with these fields.
    function _assertUndelivered(Log memory log, uint256 index, address to, bytes memory reason) internal view {
        vm.assertEq(log.emitter, address(courier), "of the courier");
        vm.assertEq(log.topics.length, 3, "two fields are indexed");
        vm.assertEq(log.topics[0], ICourier.Undelivered.selector, "Undelivered");
        vm.assertEq(uint256(log.topics[1]), index, "which parcel");
        vm.assertEq(log.topics[2], bytes32(uint256(uint160(to))), "to whom");
        vm.assertEq(log.data, abi.encode(reason), "why, and in the canonical encoding");
    }
}

/// @notice Keeps what it is called with, and how much gas it had, where it is told to.
contract Receiver {
    uint256 public calls;
    address public sender;
    uint256 public gasSeen;
    bytes32 public dataHash;
    uint256 public dataLength;

    fallback() external {
        uint256 gas = gasleft();
        (sender, gasSeen, dataHash, dataLength) = (msg.sender, gas, keccak256(msg.data), msg.data.length);
        ++calls;
    }
}

/// @notice Reverts with as many bytes as its calldata's first word says, all 0xee.
contract Refuser {
    fallback() external {
        uint256 length = abi.decode(msg.data, (uint256));
        bytes memory reason = new bytes(length);
        for (uint256 i; i < length; ++i) {
            reason[i] = 0xee;
        }
        assembly ("memory-safe") {
            revert(add(reason, 0x20), length)
        }
    }
}

/// @notice Returns, or reverts with, far more than anybody reads; and burns what gas it has until little is left.
contract Burner {
    fallback() external {
        (bool isRevert, uint256 length, uint256 rest) = abi.decode(msg.data, (bool, uint256, uint256));
        uint256 i;
        while (gasleft() > rest) ++i;
        assembly ("memory-safe") {
            if isRevert { revert(0, length) }
            return(0, length)
        }
    }
}
