// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICourier} from "../../src/ICourier.sol";
import {CourierTest, Receiver, Refuser} from "../support/CourierTest.sol";
import {Log} from "../support/Vm.sol";

// deliver
// ├── when a parcel's header or data is cut off: reverts ParcelMalformed, and nothing was called
// ├── when a parcel before the last leaves its gas open: reverts GasMissing
// ├── when ether comes along, or anything but `deliver` is called: reverts
// └── otherwise makes the calls in order, with the data of each, without ether, as itself
//     ├── goes on where one reverts, and emits Undelivered with up to 256 bytes of the reason
//     ├── emits nothing where none does: an account without code takes anything
//     └── keeps nothing: no state, no ether, no memory of the parcel before
contract DeliverTest is CourierTest {
    /* FORM */

    function test_deliver_takesNothing() public {
        vm.recordLogs();
        courier.deliver("");
        vm.assertEq(vm.getRecordedLogs().length, 0, "and says nothing");
    }

    // Differential: cut anywhere, parcels are whole only at their ends.
    function testFuzz_deliver_reverts_whenCutOff(uint256 seed, uint256 length) public {
        Parcel[] memory parcels = _someParcels(seed);
        bytes memory packed = _pack(parcels);
        length = length % (packed.length + 1);
        (bool isWhole, uint256 index) = _readTo(parcels, length);
        assembly ("memory-safe") {
            mstore(packed, length)
        }
        if (!isWhole) return _assertReverts(packed, _malformed(index));
        courier.deliver(packed);
    }

    // What stands behind the parcels in calldata is none of them.
    function testFuzz_deliver_readsNothingBehindTheParcels(bytes calldata behind) public {
        bytes memory packed = hex"00030d40";
        bytes memory call = abi.encodePacked(abi.encodeCall(courier.deliver, (packed)), behind, new bytes(64));
        (bool ok, bytes memory answer) = address(courier).call(call);
        vm.assertFalse(ok, "cut off");
        vm.assertEq(answer, _malformed(0), "at the end of the parcels");
    }

    function testFuzz_deliver_reverts_whenALengthPassesTheEnd(uint24 length, uint256 more) public {
        Receiver receiver = new Receiver();
        length = uint24(_bound(length, 1, type(uint24).max));
        bytes memory data = new bytes(more % (length < 1_000 ? length : 1_000));
        bytes memory packed = abi.encodePacked(
            _parcel(address(receiver), "first"), abi.encodePacked(PLENTY, address(receiver), length, data)
        );
        _assertReverts(packed, _malformed(1));
        vm.assertEq(receiver.calls(), 0, "nothing was called");
    }

    function testFuzz_deliver_reverts_whenGasIsOpenBeforeTheLast(uint256 count, uint256 open) public {
        count = _bound(count, 2, 8);
        open = open % (count - 1);
        Receiver receiver = new Receiver();
        Parcel[] memory parcels = new Parcel[](count);
        for (uint256 i; i < count; ++i) {
            parcels[i] = Parcel(i == open ? 0 : PLENTY, address(receiver), "");
        }
        _assertReverts(_pack(parcels), abi.encodeWithSelector(ICourier.GasMissing.selector, open));
        vm.assertEq(receiver.calls(), 0, "nothing was called");
    }

    function testFuzz_deliver_reverts_whenEtherComesAlong(uint256 value) public {
        vm.deal(address(this), value = _bound(value, 1, 1e24));
        (bool ok,) = address(courier).call{value: value}(abi.encodeCall(courier.deliver, ("")));
        vm.assertFalse(ok, "with a call");
        (ok,) = address(courier).call{value: value}("");
        vm.assertFalse(ok, "without one");
        vm.assertEq(address(courier).balance, 0, "it keeps none");
    }

    function testFuzz_courier_hasNoOtherFunction(bytes4 selector, bytes calldata arguments) public {
        vm.assume(selector != courier.deliver.selector);
        (bool ok,) = address(courier).call(abi.encodePacked(selector, arguments));
        vm.assertFalse(ok, "nothing else");
    }

    /* CALLS */

    function testFuzz_deliver_makesEachCall(uint256 count, bytes calldata data, address caller) public {
        count = _bound(count, 1, 10);
        Receiver[] memory receivers = new Receiver[](count);
        Parcel[] memory parcels = new Parcel[](count);
        for (uint256 i; i < count; ++i) {
            receivers[i] = new Receiver();
            // Each with other bytes, of another length: longer before shorter too.
            parcels[i] = Parcel(PLENTY, address(receivers[i]), _rotated(data, i));
        }
        vm.recordLogs();
        vm.prank(caller);
        courier.deliver(_pack(parcels));
        vm.assertEq(vm.getRecordedLogs().length, 0, "no word where all goes well");
        for (uint256 i; i < count; ++i) {
            vm.assertEq(receivers[i].calls(), 1, "called once");
            vm.assertEq(receivers[i].sender(), address(courier), "by the courier");
            vm.assertEq(receivers[i].dataLength(), parcels[i].data.length, "as much");
            vm.assertEq(receivers[i].dataHash(), keccak256(parcels[i].data), "and its own");
        }
    }

    function testFuzz_deliver_goesOn_whereACallReverts(uint256 seed, uint256 count) public {
        count = _bound(count, 1, 8);
        Refuser refuser = new Refuser();
        Receiver receiver = new Receiver();
        Parcel[] memory parcels = new Parcel[](count);
        uint256 refused;
        for (uint256 i; i < count; ++i) {
            bool isRefused = (seed >> i) % 2 == 0;
            if (isRefused) ++refused;
            uint256 length = uint256(keccak256(abi.encode(seed, i))) % 600;
            parcels[i] = isRefused
                ? Parcel(PLENTY * 4, address(refuser), abi.encode(length))
                : Parcel(PLENTY, address(receiver), abi.encode(length));
        }
        vm.recordLogs();
        courier.deliver(_pack(parcels));
        Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, refused, "a word for each that reverted");
        vm.assertEq(receiver.calls(), count - refused, "the others were made");
        uint256 place;
        for (uint256 i; i < count; ++i) {
            if (parcels[i].to != address(refuser)) continue;
            uint256 length = abi.decode(parcels[i].data, (uint256));
            _assertUndelivered(logs[place++], i, address(refuser), _ees(length < 256 ? length : 256));
        }
    }

    // Reasons on both sides of a word and of the cut.
    function test_deliver_cutsAReasonAt256Bytes() public {
        Refuser refuser = new Refuser();
        uint256[9] memory lengths = [uint256(0), 1, 31, 32, 33, 255, 256, 257, 10_000];
        for (uint256 i; i < lengths.length; ++i) {
            vm.recordLogs();
            courier.deliver(_pack(Parcel(20_000_000, address(refuser), abi.encodePacked(lengths[i], new bytes(1_000)))));
            Log[] memory logs = vm.getRecordedLogs();
            vm.assertEq(logs.length, 1, "one word");
            _assertUndelivered(logs[0], 0, address(refuser), _ees(lengths[i] < 256 ? lengths[i] : 256));
        }
    }

    // The data of the parcel, longer than the reason, must not show behind it.
    function test_deliver_leavesNoDataBehindAReason() public {
        Refuser refuser = new Refuser();
        bytes memory data = abi.encodePacked(uint256(33), _ees(500));
        vm.recordLogs();
        courier.deliver(_parcel(address(refuser), data));
        _assertUndelivered(vm.getRecordedLogs()[0], 0, address(refuser), _ees(33));
    }

    function testFuzz_deliver_saysNothing_ofAnAccountWithoutCode(address to, bytes calldata data) public {
        vm.assume(to.code.length == 0 && uint160(to) > 0xffff);
        vm.recordLogs();
        courier.deliver(_parcel(to, data));
        vm.assertEq(vm.getRecordedLogs().length, 0, "it takes anything");
    }

    // The longest data that three bytes can tell of.
    function test_deliver_carriesLongData() public {
        Receiver receiver = new Receiver();
        bytes memory data = new bytes(100_000);
        data[99_999] = 0x01;
        courier.deliver(_pack(Parcel(2_000_000, address(receiver), data)));
        vm.assertEq(receiver.dataHash(), keccak256(data), "all of it");
    }

    function test_deliver_isCarriedByADelivery() public {
        Receiver receiver = new Receiver();
        bytes memory inner = abi.encodeCall(courier.deliver, (_pack(Parcel(PLENTY, address(receiver), "inner"))));
        courier.deliver(_pack(Parcel(1_000_000, address(courier), inner)));
        vm.assertEq(receiver.calls(), 1, "called");
    }

    function testFuzz_deliver_keepsNothing(uint256 seed) public {
        Parcel[] memory parcels = _someParcels(seed);
        vm.record();
        courier.deliver(_pack(parcels));
        (bytes32[] memory reads, bytes32[] memory writes) = vm.accesses(address(courier));
        vm.assertEq(reads.length + writes.length, 0, "no state");
    }

    /* HELPERS */

    /// @dev To accounts without code, with some data.
    function _someParcels(uint256 seed) private pure returns (Parcel[] memory parcels) {
        parcels = new Parcel[](1 + seed % 5);
        for (uint256 i; i < parcels.length; ++i) {
            uint256 one = uint256(keccak256(abi.encode(seed, i)));
            parcels[i] = Parcel(1 + uint32(one % 50_000), address(uint160(one | 0x10000)), new bytes((one >> 200) % 90));
        }
    }

    /// @dev Whether a parcel ends at `length`, and else in which one it lies; counted parcel by parcel.
    function _readTo(Parcel[] memory parcels, uint256 length) private pure returns (bool, uint256 index) {
        uint256 end;
        for (; index < parcels.length && end < length; ++index) {
            end += 27 + parcels[index].data.length;
            if (end > length) return (false, index);
        }
        return (true, index);
    }

    function _rotated(bytes calldata data, uint256 by) private pure returns (bytes memory) {
        return by % 2 == 0 ? abi.encodePacked(data, by) : data[data.length * by / 20:];
    }

    function _ees(uint256 length) private pure returns (bytes memory text) {
        text = new bytes(length);
        for (uint256 i; i < length; ++i) {
            text[i] = 0xee;
        }
    }
}
