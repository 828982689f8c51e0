// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICourier} from "../../src/ICourier.sol";
import {Burner, CourierTest, Receiver} from "../support/CourierTest.sol";
import {Log} from "../support/Vm.sol";

/// @notice Succeeds only with as much gas as it asks for in its calldata.
contract Demanding {
    uint256 public served;
    uint256 public refused;

    error TooLittle(uint256 gas);

    fallback() external {
        uint256 had = gasleft();
        uint256 asked = abi.decode(msg.data, (uint256));
        // What stands before the reading costs less than a hundred.
        if (had + 200 < asked) revert TooLittle(had);
        ++served;
    }
}

// deliver, and gas
// ├── a parcel is given what it asks for: exactly
// ├── when (what is left - 10,000) x 63 / 64 is below that: reverts GasTooLow, with all before undone
// ├── so for no gas of the sender's does a parcel fail that would not fail with plenty
// ├── a callee that burns all it is given, and returns what nobody reads, changes nothing for the others
// └── the last parcel's 0 is all that is left but what it takes to say that it failed
contract DeliverGasTest is CourierTest {
    function testFuzz_deliver_givesExactlyWhatIsAsked(uint32 asked) public {
        asked = uint32(_bound(asked, 130_000, 5_000_000));
        Receiver receiver = new Receiver();
        courier.deliver(_pack(Parcel(asked, address(receiver), "")));
        uint256 given = receiver.gasSeen();
        vm.assertLe(given, asked, "not more");
        vm.assertGe(given + 200, asked, "nor less, but what the callee used before it looked");
    }

    // Whatever is asked, the least gas that does not revert is the least that the rule allows.
    function testFuzz_deliver_reverts_whenTooLittleIsLeft(uint32 asked, uint256 gas) public {
        asked = uint32(_bound(asked, 1, 3_000_000));
        gas = _bound(gas, 3_000, 4_000_000);
        bytes memory call = abi.encodeCall(courier.deliver, (_pack(Parcel(asked, address(0xcafe), ""))));
        (bool ok, bytes memory answer) = address(courier).call{gas: gas}(call);
        if (ok) {
            vm.assertGe((gas - 10_000) * 63 / 64, asked, "there was enough");
            return;
        }
        // Below about a thousand it cannot even get there.
        if (answer.length == 0) return vm.assertLt(gas, 4_000, "out of gas");
        (uint256 index, uint256 told, uint256 left) = _gasTooLow(answer);
        vm.assertEq(index, 0, "which");
        vm.assertEq(told, asked, "asked");
        vm.assertTrue(left < 10_000 || (left - 10_000) * 63 / 64 < asked, "too little was left");
        vm.assertTrue(left < gas && left + 4_000 > gas, "right before the call");
    }

    // The edge itself, to the unit: by what the error tells, with one more each time.
    function testFuzz_deliver_holdsTheEdge(uint32 asked) public {
        asked = uint32(_bound(asked, 1, 3_000_000));
        bytes memory call = abi.encodeCall(courier.deliver, (_pack(Parcel(asked, address(0xcafe), ""))));
        uint256 low = 8_000;
        uint256 high = 5_000_000;
        while (low + 1 < high) {
            uint256 middle = (low + high) / 2;
            (bool ok,) = address(courier).call{gas: middle}(call);
            if (ok) high = middle;
            else low = middle;
        }
        (bool isEnough, bytes memory answer) = address(courier).call{gas: low}(call);
        vm.assertFalse(isEnough, "one less than what is enough");
        (,, uint256 left) = _gasTooLow(answer);
        // With one more, `left` is one more, and just enough: 63 / 64 of what is over 10,000, rounded down.
        vm.assertLt((left - 10_000) * 63 / 64, asked, "one less is too little");
        vm.assertGe((left + 1 - 10_000) * 63 / 64, asked, "one more is enough");
    }

    // No sender's gas makes a parcel fail: all of it reverts, or each is served as with plenty.
    function testFuzz_deliver_isNotDefeatedByStinginess(uint256 gas, uint32 first, uint32 second, uint32 third) public {
        uint32[3] memory asked = [first, second, third];
        Demanding demanding = new Demanding();
        Parcel[] memory parcels = new Parcel[](3);
        uint256 sum;
        for (uint256 i; i < 3; ++i) {
            asked[i] = uint32(_bound(asked[i], 30_000, 500_000));
            sum += asked[i];
            parcels[i] = Parcel(asked[i], address(demanding), abi.encode(asked[i]));
        }
        bytes memory call = abi.encodeCall(courier.deliver, (_pack(parcels)));
        gas = _bound(gas, 1_000, sum + 100_000);
        vm.recordLogs();
        (bool ok,) = address(courier).call{gas: gas}(call);
        vm.assertEq(vm.getRecordedLogs().length, 0, "no parcel failed");
        vm.assertEq(demanding.served(), ok ? 3 : 0, "all or none");
    }

    // Its callee takes all it is given, reverts, and tells more than anybody reads: what comes behind is served, if
    // only the sender gave the sum of what is named x 64/63 and what carrying costs.
    function testFuzz_deliver_isNotDefeatedByABurner(uint32 burnt, uint32 asked, bool isRevert, uint256 length) public {
        burnt = uint32(_bound(burnt, 5_000, 1_000_000));
        asked = uint32(_bound(asked, 30_000, 500_000));
        Burner burner = new Burner();
        Demanding demanding = new Demanding();
        Parcel[] memory parcels = new Parcel[](3);
        parcels[0] = Parcel(asked, address(demanding), abi.encode(asked));
        parcels[1] = Parcel(burnt, address(burner), abi.encode(isRevert, length % 10_000, 700));
        parcels[2] = parcels[0];
        uint256 gas = (uint256(burnt) + 2 * uint256(asked)) * 64 / 63 + 3 * 10_000 + 10_000;
        vm.recordLogs();
        courier.deliver{gas: gas}(_pack(parcels));
        vm.assertEq(demanding.served(), 2, "before it and behind it");
        Log[] memory logs = vm.getRecordedLogs();
        vm.assertLe(logs.length, 1, "at most its own failure is told");
        if (logs.length == 1) vm.assertEq(uint256(logs[0].topics[1]), 1, "its own");
    }

    // The last one, given all that is left, and burning it: its failure is told, and the parcels before it stand.
    function testFuzz_deliver_keepsEnoughToTell_whenTheLastBurnsAllThatIsLeft(uint256 gas, bool isDelegated) public {
        Burner burner = new Burner();
        Receiver receiver = new Receiver();
        address last = address(burner);
        if (isDelegated) {
            last = address(0xde1e);
            vm.etch(last, abi.encodePacked(hex"ef0100", address(burner)));
        }
        Parcel[] memory parcels = new Parcel[](2);
        parcels[0] = Parcel(130_000, address(receiver), "first");
        parcels[1] = Parcel(0, last, abi.encode(true, 256, 0));
        bytes memory call = abi.encodeCall(courier.deliver, (_pack(parcels)));
        gas = _bound(gas, 170_000, 3_000_000);
        vm.cool(last);
        vm.cool(address(burner));
        vm.recordLogs();
        (bool ok,) = address(courier).call{gas: gas}(call);
        vm.assertTrue(ok, "it ends");
        vm.assertEq(receiver.calls(), 1, "what came before stands");
        vm.assertEq(vm.getRecordedLogs().length, 1, "and the failure is told");
    }

    function testFuzz_deliver_givesTheLastAllThatIsLeft(uint256 gas) public {
        gas = _bound(gas, 400_000, 30_000_000);
        Receiver receiver = new Receiver();
        courier.deliver{gas: gas}(_pack(Parcel(0, address(receiver), "")));
        uint256 given = receiver.gasSeen();
        vm.assertTrue(given > gas * 63 / 64 - 12_000 - 3_000, "all but a 64th and what is kept back");
        vm.assertLt(given, gas - 10_000, "which is not given");
    }

    function test_deliver_reverts_whenTheLastWouldGetLessThanNothing() public {
        bytes memory call = abi.encodeCall(courier.deliver, (_pack(Parcel(0, address(0xcafe), ""))));
        (bool ok, bytes memory answer) = address(courier).call{gas: 9_000}(call);
        vm.assertFalse(ok, "too little");
        (uint256 index, uint256 asked, uint256 left) = _gasTooLow(answer);
        vm.assertEq(index + asked, 0, "the first, which asked for nothing of its own");
        vm.assertLt(left, 10_000, "and what was left");
    }

    // What a sender saves on the last is what the whole reverts for, never a part of it.
    function test_deliver_undoesAll_whenTheSecondHasTooLittle() public {
        Receiver receiver = new Receiver();
        Parcel[] memory parcels = new Parcel[](2);
        parcels[0] = Parcel(130_000, address(receiver), "");
        parcels[1] = Parcel(1_000_000, address(receiver), "");
        (bool ok, bytes memory answer) =
            address(courier).call{gas: 600_000}(abi.encodeCall(courier.deliver, (_pack(parcels))));
        vm.assertFalse(ok, "too little");
        (uint256 index,,) = _gasTooLow(answer);
        vm.assertEq(index, 1, "for the second");
        vm.assertEq(receiver.calls(), 0, "the first is undone");
    }

    function test_deliver_reverts_whenMoreIsAskedThanAnybodyHas() public {
        bytes memory call = abi.encodeCall(courier.deliver, (_pack(Parcel(type(uint32).max, address(0xcafe), ""))));
        (bool ok, bytes memory answer) = address(courier).call{gas: 30_000_000}(call);
        vm.assertFalse(ok, "too little");
        (, uint256 asked,) = _gasTooLow(answer);
        vm.assertEq(asked, type(uint32).max, "asked");
    }

    function _gasTooLow(bytes memory answer) private pure returns (uint256 index, uint256 asked, uint256 left) {
        vm.assertEq(bytes32(bytes4(answer)), bytes32(ICourier.GasTooLow.selector), "GasTooLow");
        assembly ("memory-safe") {
            index := mload(add(answer, 0x24))
            asked := mload(add(answer, 0x44))
            left := mload(add(answer, 0x64))
        }
    }
}
