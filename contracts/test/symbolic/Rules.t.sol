// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Limit, Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {Header, RulesLib} from "../../src/policies/RulesLib.sol";
import {SymbolicTest} from "./SymbolicTest.sol";

contract RulesHarness {
    using RulesLib for bytes;

    function requireValid(bytes calldata data, uint256 threshold, uint256 ownerCount) external pure {
        data.requireValid(threshold, ownerCount);
    }

    function decode(bytes memory data) external pure returns (Rules memory) {
        return RulesLib.decode(data);
    }

    function header(bytes calldata data) external pure returns (uint256, uint256, uint256, uint256, uint256) {
        Header header_ = RulesLib.headerOf(data);
        return (header_.admin(), header_.overriding(), header_.veto(), header_.delaySecs(), header_.limitCount());
    }

    function findLimit(bytes calldata data, uint256 count, address token) external pure returns (uint256, uint256) {
        return data.findLimit(count, token);
    }

    function isListed(bytes calldata data, uint256 limits, address account) external pure returns (bool) {
        (uint256 start, uint256 count) = data.payeesOf(limits);
        return data.isListed(start, count, account);
    }

    function tokenIn(bytes memory data, uint256 index) external pure returns (address) {
        return RulesLib.tokenIn(data, index);
    }
}

/// @title Rules are taken exactly where each of them holds, and read back as they were packed
contract RulesSymbolicTest is SymbolicTest {
    RulesHarness private harness;

    function setUp() public {
        harness = new RulesHarness();
    }

    /* VALIDITY; the numbers are those of limits and payees */

    function check_requireValid_0_0() public {
        _checkValidity(0, 0);
    }

    function check_requireValid_1_0() public {
        _checkValidity(1, 0);
    }

    function check_requireValid_2_1() public {
        _checkValidity(2, 1);
    }

    function check_requireValid_0_3() public {
        _checkValidity(0, 3);
    }

    /// @dev Accepted exactly where no rule is broken.
    function _checkValidity(uint256 limits, uint256 payees) private {
        Rules memory rules = _anyRules(limits, payees);
        uint256 threshold = svm.createUint(8, "threshold");
        uint256 ownerCount = svm.createUint(8, "ownerCount");
        vm.assume(ownerCount <= 100);
        (bool ok,) = address(harness).call(abi.encodeCall(harness.requireValid, (_pack(rules), threshold, ownerCount)));

        bool isValid = threshold <= rules.admin && rules.admin <= rules.overriding
            && uint256(rules.overriding) + rules.veto <= ownerCount;
        if (rules.delaySecs == 0) {
            isValid = isValid && rules.veto == 0;
        } else {
            isValid = isValid && rules.delaySecs >= 3_600 && rules.delaySecs <= 2_592_000 && rules.veto >= 1
                && rules.admin < rules.overriding;
        }
        for (uint256 i; i < limits; ++i) {
            Limit memory limit = rules.limits[i];
            isValid = isValid && limit.amount != 0 && limit.periodSecs >= 3_600 && limit.periodSecs <= 31_622_400;
            isValid = isValid && (i == 0 || limit.token > rules.limits[i - 1].token);
        }
        for (uint256 i; i < payees; ++i) {
            isValid = isValid && rules.payees[i] > (i == 0 ? address(0) : rules.payees[i - 1]);
        }
        assert(ok == isValid);
    }

    /// @dev No other length than that of whole limits and payees; the count of limits is what the eighth byte says.
    function check_requireValid_refusesOtherLengths() public {
        uint256 length = _eachBelow(70, "length");
        bytes memory data = svm.createBytes(length, "data");
        uint256 limits = length < 8 ? 0 : uint8(data[7]);
        bool isWhole = length >= 8 + 40 * limits && (length - 8 - 40 * limits) % 20 == 0;
        vm.assume(!isWhole);
        (bool ok,) = address(harness).call(abi.encodeCall(harness.requireValid, (data, 1, 100)));
        assert(!ok);
    }

    /* READING BACK */

    function check_decode() public view {
        Rules memory rules = _anyRules(2, 2);
        bytes memory data = _pack(rules);
        Rules memory read = harness.decode(data);
        assert(read.admin == rules.admin && read.overriding == rules.overriding);
        assert(read.veto == rules.veto && read.delaySecs == rules.delaySecs);
        assert(read.limits.length == 2 && read.payees.length == 2);
        for (uint256 i; i < 2; ++i) {
            assert(read.limits[i].token == rules.limits[i].token && read.limits[i].amount == rules.limits[i].amount);
            assert(read.limits[i].periodSecs == rules.limits[i].periodSecs && read.payees[i] == rules.payees[i]);
            assert(harness.tokenIn(data, i) == rules.limits[i].token);
        }
        (uint256 admin, uint256 overriding, uint256 veto, uint256 delaySecs, uint256 limits) = harness.header(data);
        assert(admin == rules.admin && overriding == rules.overriding && veto == rules.veto);
        assert(delaySecs == rules.delaySecs && limits == 2);
    }

    function check_findLimit() public view {
        Rules memory rules = _anyRules(3, 1);
        address token = svm.createAddress("token");
        (uint256 amount, uint256 periodSecs) = harness.findLimit(_pack(rules), 3, token);
        uint256 expected = 3;
        for (uint256 i = 3; i > 0; --i) {
            if (rules.limits[i - 1].token == token) expected = i - 1;
        }
        if (expected == 3) assert(amount == 0 && periodSecs == 0);
        else assert(amount == rules.limits[expected].amount && periodSecs == rules.limits[expected].periodSecs);
    }

    /* SEARCH BY HALVES; the number is that of payees, in order as `requireValid` has them */

    function check_isListed_1() public view {
        _checkSearch(1);
    }

    function check_isListed_4() public view {
        _checkSearch(4);
    }

    function check_isListed_7() public view {
        _checkSearch(7);
    }

    function _checkSearch(uint256 count) private view {
        Rules memory rules = _anyRules(1, count);
        address account = svm.createAddress("account");
        bool isThere;
        for (uint256 i; i < count; ++i) {
            vm.assume(rules.payees[i] > (i == 0 ? address(0) : rules.payees[i - 1]));
            isThere = isThere || rules.payees[i] == account;
        }
        assert(harness.isListed(_pack(rules), 1, account) == isThere);
    }

    /* HELPERS */

    function _anyRules(uint256 limits, uint256 payees) private pure returns (Rules memory rules) {
        rules.admin = uint8(svm.createUint(8, "admin"));
        rules.overriding = uint8(svm.createUint(8, "overriding"));
        rules.veto = uint8(svm.createUint(8, "veto"));
        rules.delaySecs = uint32(svm.createUint(32, "delaySecs"));
        rules.limits = new Limit[](limits);
        for (uint256 i; i < limits; ++i) {
            rules.limits[i] = Limit(
                svm.createAddress("token"),
                uint128(svm.createUint(128, "amount")),
                uint32(svm.createUint(32, "periodSecs"))
            );
        }
        rules.payees = new address[](payees);
        for (uint256 i; i < payees; ++i) {
            rules.payees[i] = svm.createAddress("payee");
        }
    }

    function _pack(Rules memory rules) private pure returns (bytes memory data) {
        data = abi.encodePacked(rules.admin, rules.overriding, rules.veto, rules.delaySecs, uint8(rules.limits.length));
        for (uint256 i; i < rules.limits.length; ++i) {
            Limit memory limit = rules.limits[i];
            data = bytes.concat(data, bytes20(limit.token), bytes16(limit.amount), bytes4(limit.periodSecs));
        }
        for (uint256 i; i < rules.payees.length; ++i) {
            data = bytes.concat(data, bytes20(rules.payees[i]));
        }
    }
}
