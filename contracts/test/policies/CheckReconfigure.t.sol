// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, IWallet} from "../../src/IWallet.sol";
import {IEscrowPolicy, Terms} from "../../src/policies/IEscrowPolicy.sol";
import {EscrowTest} from "../support/EscrowTest.sol";

// checkReconfigure
// ├── when the lane is not the signers': reverts LaneNotAllowed (CheckCancel, and all three in a lane of one)
// ├── when one or two sign: reverts NeedsAllParties
// └── when all three sign
//     ├── agrees to other terms, other parties, and to no escrow at all
//     ├── does not make up for terms that checkConfig refuses
//     └── voids what was signed before: decisions of two, rights of one, consent of all
contract CheckReconfigureTest is EscrowTest {
    function testFuzz_reconfigure_reverts_whenNotAllSign(uint256 signers, bool toSame) public {
        signers = _bound(signers, 1, BY_ALL - 1);
        Config memory next = toSame ? wallet.config() : _config(1, 1);
        _assertRefused(_signReconfigure(signers, _laneOf(signers), next), _needsAllParties(signers));
        vm.assertEq(wallet.epoch(), 0, "the same epoch");
    }

    function testFuzz_reconfigure_reverts_whenAllSignInTheLaneOfOne(uint192 lane) public {
        lane = uint192(_bound(lane, 1, 3));
        _assertRefused(_signReconfigure(BY_ALL, lane, wallet.config()), _laneNotAllowed(lane, BY_ALL));
    }

    function test_reconfigure_replacesTheArbiter_whenAllSign() public {
        Config memory next = wallet.config();
        next.owners[ARBITER] = stranger;
        _submit(_signReconfigure(BY_ALL, FREE_LANE, next));
        vm.assertTrue(wallet.isOwner(stranger), "the new arbiter");
        vm.assertFalse(wallet.isOwner(arbiter), "not the old one");
    }

    function test_reconfigure_endsTheEscrow_whenAllSign() public {
        _submit(_signReconfigure(BY_ALL, FREE_LANE, _config(1, 1)));
        _submit(_signPayout(BY_BUYER, FREE_LANE, address(0), _transfers(stranger, EVERYTHING)));
        vm.assertEq(stranger.balance, FUNDS, "a wallet like any other");
    }

    function test_reconfigure_reverts_whenTheNewTermsAreNone() public {
        Config memory next = wallet.config();
        next.policyData = "";
        _assertRefused(
            _signReconfigure(BY_ALL, FREE_LANE, next),
            abi.encodeWithSelector(IEscrowPolicy.TermsLengthMismatch.selector, 0, 47)
        );
    }

    function test_reconfigure_reverts_whenTheNewEscrowHasTwoOwners() public {
        Config memory next = wallet.config();
        next.owners = _config(1, 2).owners;
        _assertRefused(
            _signReconfigure(BY_ALL, FREE_LANE, next),
            abi.encodeWithSelector(IEscrowPolicy.OwnerCountMismatch.selector, 2, 3)
        );
    }

    // Signatures kept back in lanes that nobody looks at, for the day the terms are better for whoever keeps them.
    function testFuzz_reconfigure_voidsWhatAnySetSignedBefore(uint256 signers, uint192 lane, bool toSame) public {
        signers = _bound(signers, 1, BY_ALL);
        if (lane <= 3) lane = FREE_LANE;
        if (signers & (signers - 1) == 0) lane = _laneOf(signers);
        address payee = signers == BY_BUYER ? seller : buyer;
        bytes memory hoarded = _signPayout(signers, lane, address(0), _transfers(payee, EVERYTHING));

        Config memory next = wallet.config();
        if (!toSame) next.owners[ARBITER] = stranger;
        // In another lane than the hoarded one, whose nonce must still be free.
        _submit(_signReconfigure(BY_ALL, lane == FREE_LANE ? FREE_LANE + 1 : FREE_LANE, next));

        (bool ok, bytes memory answer) = _try(hoarded);
        vm.assertFalse(ok, "its epoch is over");
        vm.assertEq(bytes32(bytes4(answer)), bytes32(IWallet.SignatureInvalid.selector), "as a signature that is none");
        vm.assertEq(address(wallet).balance, FUNDS, "nothing was paid");
    }

    function test_reconfigure_movesTheExpiry_whenAllSign() public {
        Terms memory next = _terms();
        next.expiry += 30 days;
        _submit(_signReconfigure(BY_ALL, FREE_LANE, _escrowConfig(next)));
        vm.warp(_terms().expiry);
        _assertRefused(
            _signPayout(BY_SELLER, address(0), _transfers(seller, EVERYTHING)),
            _payeeNotAllowed(0, seller, BY_SELLER, next.expiry)
        );
    }
}
