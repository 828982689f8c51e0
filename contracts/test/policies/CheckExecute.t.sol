// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Transfer} from "../../src/IWallet.sol";
import {IEscrowPolicy, Terms} from "../../src/policies/IEscrowPolicy.sol";
import {EscrowRules} from "../support/EscrowRules.sol";
import {EscrowTest} from "../support/EscrowTest.sol";

// checkExecute
// ├── when the lane is not the signers': reverts LaneNotAllowed (CheckCancel)
// ├── when all three sign: agrees to anything, a dispute after the expiry included
// ├── when it is not exactly the call of dispute: reverts NeedsAllParties
// │   (no call, a second call, value, other or longer or shorter data, another target)
// ├── when the signer is not the one who may dispute: reverts NeedsAllParties
// │   (the beneficiary, the arbiter, any two)
// ├── when it is the expiry or later: reverts DisputeTooLate
// └── otherwise agrees
contract CheckExecuteTest is EscrowTest {
    bytes private _dispute = abi.encodeCall(IEscrowPolicy.dispute, ());

    function testFuzz_dispute_succeeds_whenSignedByTheOtherParty(bool toSeller, uint256 secondsLeft) public {
        Terms memory terms = _openFor(toSeller ? SELLER : BUYER);
        vm.warp(terms.expiry - _bound(secondsLeft, 1, 30 days));
        uint256 disputer = toSeller ? BY_BUYER : BY_SELLER;
        _submit(_signDispute(disputer, _laneOf(disputer)));
        vm.assertTrue(policy.isDisputed(address(wallet)), "disputed");
    }

    function testFuzz_dispute_reverts_whenExpiryIsReached(bool toSeller, uint256 secondsAfter) public {
        Terms memory terms = _openFor(toSeller ? SELLER : BUYER);
        vm.warp(terms.expiry + _bound(secondsAfter, 0, 365 days));
        uint256 disputer = toSeller ? BY_BUYER : BY_SELLER;
        _assertRefused(
            _signDispute(disputer, _laneOf(disputer)),
            abi.encodeWithSelector(IEscrowPolicy.DisputeTooLate.selector, terms.expiry, block.timestamp)
        );
    }

    function test_dispute_succeeds_oneSecondBeforeTheExpiry() public {
        vm.warp(_terms().expiry - 1);
        _submit(_signDispute(BY_BUYER, 1));
        vm.assertTrue(policy.isDisputed(address(wallet)), "disputed");
    }

    // The second at which the beneficiary may take all is the first at which nobody may dispute.
    function test_dispute_reverts_atTheExpiry() public {
        vm.warp(_terms().expiry);
        _assertRefused(
            _signDispute(BY_BUYER, 1),
            abi.encodeWithSelector(IEscrowPolicy.DisputeTooLate.selector, block.timestamp, block.timestamp)
        );
    }

    function testFuzz_dispute_reverts_whenSignedByAnyoneElse(uint256 signers, bool toSeller) public {
        signers = _bound(signers, 1, BY_ALL);
        uint256 beneficiary = toSeller ? SELLER : BUYER;
        vm.assume(!EscrowRules.mayDispute(signers, beneficiary));
        _openFor(beneficiary);
        _assertRefused(_signDispute(signers, _laneOf(signers)), _needsAllParties(signers));
        vm.assertFalse(policy.isDisputed(address(wallet)), "not disputed");
    }

    function test_dispute_reverts_whenSignedByTheBeneficiary() public {
        _assertRefused(_signDispute(BY_SELLER, 2), _needsAllParties(BY_SELLER));
    }

    function test_dispute_reverts_whenSignedByTheArbiter() public {
        _assertRefused(_signDispute(BY_ARBITER, 3), _needsAllParties(BY_ARBITER));
    }

    function testFuzz_dispute_reverts_whenItCarriesValue(uint256 value) public {
        _assertDisputeRefused(_calls(address(policy), _bound(value, 1, FUNDS), _dispute));
    }

    function testFuzz_dispute_reverts_whenDataFollowsTheSelector(bytes calldata more) public {
        vm.assume(more.length != 0);
        _assertDisputeRefused(_calls(address(policy), 0, bytes.concat(_dispute, more)));
    }

    function testFuzz_dispute_reverts_whenTheSelectorIsAnother(bytes4 selector) public {
        vm.assume(selector != IEscrowPolicy.dispute.selector);
        _assertDisputeRefused(_calls(address(policy), 0, abi.encodePacked(selector)));
    }

    function testFuzz_dispute_reverts_whenTheSelectorIsCut(uint256 length) public {
        bytes memory data = abi.encodePacked(IEscrowPolicy.dispute.selector);
        length = _bound(length, 0, 3);
        assembly ("memory-safe") {
            mstore(data, length)
        }
        _assertDisputeRefused(_calls(address(policy), 0, data));
    }

    function testFuzz_dispute_reverts_whenTheTargetIsAnother(address to) public {
        vm.assume(to != address(policy));
        _assertDisputeRefused(_calls(to, 0, _dispute));
    }

    function testFuzz_dispute_reverts_whenAnotherCallGoesAlong(bool isFirst, address to, bytes calldata data) public {
        Call[] memory calls = new Call[](2);
        calls[isFirst ? 0 : 1] = Call(to, 0, data);
        calls[isFirst ? 1 : 0] = Call(address(policy), 0, _dispute);
        _assertDisputeRefused(calls);
    }

    function test_dispute_reverts_whenThereIsNoCall() public {
        _assertDisputeRefused(new Call[](0));
    }

    function testFuzz_execute_reverts_whenNotAllSign(uint256 signers, bytes calldata data) public {
        signers = _bound(signers, 1, BY_ALL - 1);
        Call[] memory calls = _calls(address(token), 0, data);
        _assertRefused(_signExecute(signers, _laneOf(signers), calls), _needsAllParties(signers));
    }

    function testFuzz_execute_makesAnyCall_whenAllSign(uint256 amount, uint256 value) public {
        (amount, value) = (_bound(amount, 0, FUNDS), _bound(value, 0, FUNDS));
        Call[] memory calls = new Call[](2);
        calls[0] = Call(address(token), 0, abi.encodeCall(token.transfer, (stranger, amount)));
        calls[1] = Call(stranger, value, "");
        _submit(_signExecute(BY_ALL, FREE_LANE, calls));
        vm.assertEq(token.balanceOf(stranger), amount, "the token arrived");
        vm.assertEq(stranger.balance, value, "the ether arrived");
    }

    function test_dispute_succeeds_afterTheExpiry_whenAllSign() public {
        Terms memory terms = _terms();
        vm.warp(terms.expiry + 1);
        _submit(_signDispute(BY_ALL, FREE_LANE));
        vm.assertEq(policy.timeoutOf(address(wallet)), terms.expiry + terms.arbitrationSecs, "time for the arbiter");
    }

    function _assertDisputeRefused(Call[] memory calls) private {
        _assertRefused(_signExecute(BY_BUYER, 1, calls), _needsAllParties(BY_BUYER));
    }
}
