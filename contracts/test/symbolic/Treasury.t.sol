// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Context, IPolicy} from "../../src/IPolicy.sol";
import {Call, Config, Transfer} from "../../src/IWallet.sol";
import {ITreasuryPolicy} from "../../src/policies/ITreasuryPolicy.sol";
import {SymbolicTest} from "./SymbolicTest.sol";

/// @notice A wallet as far as the policy sees it: it asks, and says which epoch it is in.
contract Asker {
    uint256 public epoch;

    function ask(address policy, bytes calldata question) external returns (bool ok, bytes memory answer) {
        return policy.call(question);
    }
}

/// @title What is spent is counted, and what some signers may do, more signers may do
/// @notice Asks the code that is deployed, whatever it has stored. Owners are eight, tiers 2, 3 and 4, the delay a day.
contract TreasurySymbolicTest is SymbolicTest {
    address private constant PAYEE = address(0xA11CE);
    bytes32 private constant DIGEST = keccak256("digest");

    ITreasuryPolicy private policy;
    Asker private asker;

    function setUp() public {
        bytes memory code = vm.getCode("TreasuryPolicy.sol:TreasuryPolicy");
        ITreasuryPolicy deployed;
        assembly ("memory-safe") {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        policy = deployed;
        asker = new Asker();
    }

    /* THE WINDOW */

    /// @dev Within a window: at any time before its end.
    function check_window_open() public {
        uint256 now_ = svm.createUint(40, "now");
        uint256 end = svm.createUint(48, "end");
        vm.assume(now_ < end);
        uint256 spent = svm.createUint(128, "spent");
        _checkPayment(now_, end, spent, spent, end);
    }

    /// @dev After one: in the second of its end, or any time later. Solvers are slow at dividing, so the time is one of
    /// these.
    function check_window_new() public {
        uint256 choice = _eachBelow(4, "now");
        uint256 start = 20_000 days;
        uint256 now_ = choice == 0 ? start : choice == 1 ? start + 1 : choice == 2 ? start + 40_000 : start + 1 days - 1;
        uint256 end = svm.createUint(48, "end");
        vm.assume(end <= now_);
        _checkPayment(now_, end, svm.createUint(128, "spent"), 0, start + 1 days);
    }

    /// @dev A payment of two amounts passes exactly where they fit what the window has left, and is stored.
    function _checkPayment(uint256 now_, uint256 end, uint256 spent, uint256 counted, uint256 nextEnd) private {
        uint256 limit = svm.createUint(128, "limit");
        uint256 first = svm.createUint(256, "first");
        uint256 second = svm.createUint(256, "second");
        vm.assume(limit != 0);
        vm.warp(now_);
        vm.store(address(policy), _slotOfWindow(), bytes32(end << 128 | spent));

        Transfer[] memory transfers = new Transfer[](2);
        (transfers[0], transfers[1]) = (Transfer(PAYEE, first), Transfer(PAYEE, second));
        bool ok = _ask(abi.encodeCall(IPolicy.checkPayout, (address(0), transfers, _context(1, 1 << 255, limit))));

        bool isExact = first != type(uint256).max && second != type(uint256).max;
        bool fits = first <= limit && second <= limit && first + second <= limit && counted + first + second <= limit;
        assert(ok == (isExact && fits));
        uint256 word = uint256(vm.load(address(policy), _slotOfWindow()));
        if (ok) assert(word == (nextEnd << 128 | (counted + first + second)));
        else assert(word == (end << 128 | spent));
    }

    /* MONOTONE IN SIGNERS; the lane, what is queued, vetoed and frozen, and the time are any */

    function check_monotone_checkExecute() public {
        Call[] memory calls = new Call[](1);
        calls[0] = Call(PAYEE, 1, "");
        _checkMonotone(0, abi.encode(calls));
    }

    function check_monotone_queue() public {
        _checkMonotoneOwn(abi.encodeCall(ITreasuryPolicy.queue, (DIGEST)));
    }

    function check_monotone_freeze() public {
        _checkMonotoneOwn(abi.encodeCall(ITreasuryPolicy.freeze, (PAYEE)));
    }

    function check_monotone_unfreeze() public {
        _checkMonotoneOwn(abi.encodeCall(ITreasuryPolicy.unfreeze, ()));
    }

    function check_monotone_checkPayout() public {
        Transfer[] memory transfers = new Transfer[](1);
        transfers[0] = Transfer(PAYEE, svm.createUint(256, "amount"));
        _checkMonotone(1, abi.encode(transfers));
    }

    function check_monotone_checkReconfigure() public {
        _checkMonotone(2, "");
    }

    function check_monotone_checkCancel() public {
        _checkMonotone(3, "");
    }

    function check_monotone_checkMessage() public {
        _checkMonotone(4, "");
    }

    function _checkMonotoneOwn(bytes memory data) private {
        Call[] memory calls = new Call[](1);
        calls[0] = Call(address(policy), 0, data);
        _checkMonotone(0, abi.encode(calls));
    }

    function _checkMonotone(uint256 kind, bytes memory content) private {
        uint256 fewer = svm.createUint(8, "fewer");
        uint256 more = fewer | svm.createUint(8, "others");
        uint256 nonce = svm.createUint(256, "nonce");
        uint256 limit = svm.createUint(128, "limit");
        uint256 word = svm.createUint(256, "window");
        vm.warp(svm.createUint(40, "now"));
        // In epoch 0, as the asker says.
        vm.store(address(policy), _slotOfWindow(), bytes32(word));
        vm.store(address(policy), _slotOfEntry(), bytes32(svm.createUint(256, "entry")));
        vm.store(address(policy), _slotOfFreeze(), bytes32(svm.createUint(256, "freeze")));

        bool isAllowed = _ask(_question(kind, content, _context(fewer, nonce, limit)));
        vm.store(address(policy), _slotOfWindow(), bytes32(word));
        if (isAllowed) assert(_ask(_question(kind, content, _context(more, nonce, limit))));
    }

    /* HELPERS */

    function _question(uint256 kind, bytes memory content, Context memory context) private view returns (bytes memory) {
        if (kind == 0) return abi.encodeCall(IPolicy.checkExecute, (abi.decode(content, (Call[])), context));
        if (kind == 1) {
            return abi.encodeCall(IPolicy.checkPayout, (address(0), abi.decode(content, (Transfer[])), context));
        }
        if (kind == 2) return abi.encodeCall(IPolicy.checkReconfigure, (context.config, context));
        if (kind == 3) return abi.encodeCall(IPolicy.checkCancel, (context));
        return abi.encodeCall(IPolicy.checkMessage, (address(this), DIGEST, context.signers, context.config));
    }

    /// @dev Of two owners petty, three admin and four override, of two that veto, after a day; ether by the day.
    function _context(uint256 signers, uint256 nonce, uint256 limit) private view returns (Context memory context) {
        context.digest = DIGEST;
        context.nonce = nonce;
        context.signers = signers;
        context.config.threshold = 2;
        context.config.policy = address(policy);
        context.config.policyData = abi.encodePacked(
            uint8(3), uint8(4), uint8(2), uint32(1 days), uint8(1), bytes20(0), bytes16(uint128(limit)), uint32(1 days)
        );
    }

    function _ask(bytes memory question) private returns (bool) {
        (bool ok, bytes memory answer) = asker.ask(address(policy), question);
        return ok && answer.length == 32;
    }

    function _slotOfWindow() private view returns (bytes32) {
        return keccak256(abi.encode(address(0), keccak256(abi.encode(asker, 0))));
    }

    function _slotOfEntry() private view returns (bytes32) {
        return keccak256(abi.encode(DIGEST, keccak256(abi.encode(asker, 1))));
    }

    function _slotOfFreeze() private view returns (bytes32) {
        return keccak256(abi.encode(asker, 2));
    }
}
