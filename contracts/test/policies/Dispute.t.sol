// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config, IWallet} from "../../src/IWallet.sol";
import {IEscrowPolicy, Terms} from "../../src/policies/IEscrowPolicy.sol";
import {EscrowTest} from "../support/EscrowTest.sol";

/// @notice Answers like an escrow, in an epoch of its choice.
contract FalseEscrow {
    IEscrowPolicy private immutable _POLICY;
    uint256 public epoch;
    Config private _config;

    constructor(IEscrowPolicy policy, Config memory config_) {
        _POLICY = policy;
        _config = config_;
    }

    function config() external view returns (Config memory) {
        return _config;
    }

    function disputeIn(uint256 epoch_) external {
        epoch = epoch_;
        _POLICY.dispute();
    }
}

// dispute
// ├── when the caller is no wallet: reverts
// ├── when the caller has no terms: reverts TermsLengthMismatch
// ├── when disputed before in this epoch: reverts AlreadyDisputed, and the nonce stays free
// └── otherwise
//     ├── moves the time-out of the caller alone, and emits Disputed
//     ├── is undone by a reconfiguration, even to the same terms
//     └── is possible again after one
contract DisputeTest is EscrowTest {
    function test_dispute_reverts_whenCallerIsNoWallet() public {
        vm.prank(stranger);
        vm.expectRevert();
        policy.dispute();
    }

    function test_dispute_reverts_whenCallerIsAWalletWithoutTerms() public {
        wallet = _create(_config(1, 1));
        bytes memory reason = abi.encodeWithSelector(IEscrowPolicy.TermsLengthMismatch.selector, 0, 47);
        _assertFails(_signDispute(BY_BUYER, 0), abi.encodeWithSelector(IWallet.CallFailed.selector, 0, reason));
    }

    function testFuzz_dispute_movesTheTimeout(uint32 arbitrationSecs, bool toSeller) public {
        Terms memory terms = _terms();
        terms.arbitrationSecs = arbitrationSecs = uint32(_bound(arbitrationSecs, 0, 3650 days));
        terms.timeoutBeneficiary = toSeller ? 1 : 0;
        _open(terms);
        uint256 timeout = uint256(terms.expiry) + arbitrationSecs;
        uint256 disputer = toSeller ? BY_BUYER : BY_SELLER;
        bytes memory action = _signDispute(disputer, _laneOf(disputer));
        vm.expectEmit(true, false, false, true, address(policy));
        emit IEscrowPolicy.Disputed(address(wallet), timeout);
        _submit(action);
        vm.assertEq(policy.timeoutOf(address(wallet)), timeout, "the time-out");
    }

    function test_dispute_leavesOtherEscrowsAlone() public {
        Config memory config = _escrowConfig(_terms());
        address other = factory.create(config, bytes32(uint256(1)));
        _submit(_signDispute(BY_BUYER, 1));
        vm.assertFalse(policy.isDisputed(other), "another escrow of the same parties");
    }

    function testFuzz_dispute_leavesEscrowsAlone_whenCalledByAnImpostor(uint256 epoch) public {
        FalseEscrow impostor = new FalseEscrow(policy, _escrowConfig(_terms()));
        impostor.disputeIn(epoch);
        vm.assertTrue(policy.isDisputed(address(impostor)), "the impostor is disputed");
        vm.assertFalse(policy.isDisputed(address(wallet)), "the escrow is not");
        vm.assertEq(policy.timeoutOf(address(wallet)), _terms().expiry, "nor does its time-out move");
    }

    function test_dispute_reverts_whenDisputedBefore() public {
        _submit(_signDispute(BY_BUYER, 1));
        uint256 nonce = wallet.nonce(1);
        bytes memory reason = abi.encodeWithSelector(IEscrowPolicy.AlreadyDisputed.selector, wallet);
        _assertFails(_signDispute(BY_BUYER, 1), abi.encodeWithSelector(IWallet.CallFailed.selector, 0, reason));
        vm.assertEq(wallet.nonce(1), nonce, "the nonce is still free");
        vm.assertEq(policy.timeoutOf(address(wallet)), _terms().expiry + 14 days, "moved once");
    }

    function test_dispute_reverts_whenDisputedBefore_evenIfAllSign() public {
        _submit(_signDispute(BY_BUYER, 1));
        bytes memory reason = abi.encodeWithSelector(IEscrowPolicy.AlreadyDisputed.selector, wallet);
        _assertFails(_signDispute(BY_ALL, FREE_LANE), abi.encodeWithSelector(IWallet.CallFailed.selector, 0, reason));
    }

    function test_dispute_isOver_afterAReconfiguration() public {
        _submit(_signDispute(BY_BUYER, 1));
        _submit(_signReconfigure(BY_ALL, FREE_LANE, wallet.config()));
        vm.assertFalse(policy.isDisputed(address(wallet)), "the next epoch begins undisputed");
        vm.assertEq(policy.timeoutOf(address(wallet)), _terms().expiry, "with the time-out of its terms");
    }

    function test_dispute_isPossibleAgain_afterAReconfiguration() public {
        _submit(_signDispute(BY_BUYER, 1));
        _submit(_signReconfigure(BY_ALL, FREE_LANE, wallet.config()));
        _submit(_signDispute(BY_BUYER, 1));
        vm.assertTrue(policy.isDisputed(address(wallet)), "disputed in its second epoch");
    }

    // A dispute signed in one epoch and kept back must not use up the only one of the next.
    function test_dispute_reverts_whenSignedInAnEarlierEpoch() public {
        bytes memory hoarded = _signDispute(BY_BUYER, 1);
        _submit(_signReconfigure(BY_ALL, FREE_LANE, wallet.config()));
        (bool ok,) = _try(hoarded);
        vm.assertFalse(ok, "its epoch is over");
        vm.assertFalse(policy.isDisputed(address(wallet)), "not disputed");
    }

    // A plain wallet with policyData may call the policy, but not in advance for the escrow it becomes.
    function test_dispute_doesNotCount_whenMadeBeforeTheWalletBecameAnEscrow() public {
        Config memory plain = _escrowConfig(_terms());
        plain.policy = address(0);
        wallet = _create(plain);
        Call[] memory calls = _calls(address(policy), 0, abi.encodeCall(IEscrowPolicy.dispute, ()));
        _submit(_signExecute(BY_SELLER, 0, calls));
        _submit(_signReconfigure(BY_SELLER, 0, _escrowConfig(_terms())));
        vm.assertFalse(policy.isDisputed(address(wallet)), "the escrow begins undisputed");
    }
}
