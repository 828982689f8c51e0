// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ICourier} from "../../src/ICourier.sol";
import {SymbolicTest} from "./SymbolicTest.sol";

/// @notice Keeps what the courier calls it with, call by call, but refuses what begins with a byte of one. It has no
/// function that such data could name; whoever else calls it is told what it has.
contract Keeper {
    address private immutable _COURIER;
    bytes[] private _kept;

    constructor(address courier) {
        _COURIER = courier;
    }

    fallback(bytes calldata data) external returns (bytes memory) {
        if (msg.sender != _COURIER) return abi.encode(_kept);
        if (data.length != 0 && data[0] == 0x01) revert();
        _kept.push(data);
        return "";
    }
}

/// @title A parcel is cut where it says, and its call gets its data and no other
/// @notice Runs the code that is deployed. How much gas is left is any; so a delivery may also end with `GasTooLow`.
contract ParcelsSymbolicTest is SymbolicTest {
    ICourier private courier;
    Keeper private keeper;

    function setUp() public {
        bytes memory code = vm.getCode("Courier.sol:Courier");
        ICourier deployed;
        assembly ("memory-safe") {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        courier = deployed;
        keeper = new Keeper(address(courier));
    }

    function check_deliver_one() public {
        bytes memory data = svm.createBytes(_lengthOfData("length"), "data");
        uint32 gas = uint32(svm.createUint(32, "gas"));
        bool ok = _deliver(abi.encodePacked(gas, keeper, uint24(data.length), data));
        if (!ok) return;
        bytes[] memory kept = _kept();
        assert(kept.length == (_isRefused(data) ? 0 : 1));
        if (kept.length == 1) _assertSame(kept[0], data);
    }

    function check_deliver_two() public {
        bytes memory first = svm.createBytes(_lengthOfData("length of the first"), "first");
        bytes memory second = svm.createBytes(3, "second");
        uint32 gas = uint32(svm.createUint(32, "gas"));
        vm.assume(!_isRefused(first) && !_isRefused(second));
        bool ok = _deliver(
            abi.encodePacked(
                gas, keeper, uint24(first.length), first, uint32(1_000_000), keeper, uint24(second.length), second
            )
        );
        assert(!ok || gas != 0);
        if (!ok) return;
        bytes[] memory kept = _kept();
        assert(kept.length == 2);
        _assertSame(kept[0], first);
        _assertSame(kept[1], second);
    }

    /// @dev Whatever length it says beyond what is there.
    function check_deliver_refusesLongerLengths() public {
        bytes memory data = svm.createBytes(_lengthOfData("there"), "data");
        uint24 told = uint24(svm.createUint(24, "told"));
        vm.assume(told > data.length);
        bool ok = _deliver(abi.encodePacked(uint32(svm.createUint(32, "gas")), keeper, told, data));
        assert(!ok && _kept().length == 0);
    }

    /// @dev Whatever stands behind a whole parcel, if it is less than a header.
    function check_deliver_refusesARest() public {
        bytes memory data = svm.createBytes(5, "data");
        bytes memory rest = svm.createBytes(1 + _eachBelow(26, "length"), "rest");
        bool ok = _deliver(abi.encodePacked(uint32(svm.createUint(32, "gas")), keeper, uint24(5), data, rest));
        assert(!ok && _kept().length == 0);
    }

    function check_deliver_refusesLessThanAHeader() public {
        bytes memory data = svm.createBytes(1 + _eachBelow(26, "length"), "parcels");
        assert(!_deliver(data));
    }

    function _deliver(bytes memory parcels) private returns (bool ok) {
        (ok,) = address(courier).call(abi.encodeCall(courier.deliver, (parcels)));
    }

    function _kept() private returns (bytes[] memory) {
        (, bytes memory answer) = address(keeper).call("");
        return abi.decode(answer, (bytes[]));
    }

    function _isRefused(bytes memory data) private pure returns (bool) {
        return data.length != 0 && data[0] == 0x01;
    }

    function _lengthOfData(string memory name) private pure returns (uint256) {
        uint256 choice = _eachBelow(4, name);
        return choice == 0 ? 0 : choice == 1 ? 1 : choice == 2 ? 5 : 33;
    }

    function _assertSame(bytes memory left, bytes memory right) private pure {
        assert(left.length == right.length);
        for (uint256 i; i < left.length; ++i) {
            assert(left[i] == right[i]);
        }
    }
}
