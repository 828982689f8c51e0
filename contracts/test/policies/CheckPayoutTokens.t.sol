// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config, IWallet} from "../../src/IWallet.sol";
import {EscrowTest} from "../support/EscrowTest.sol";
import {BlockListToken, FalseToken} from "../support/EscrowTokens.sol";
import {SilentToken} from "../tokens/SilentToken.sol";

/// @notice Takes no ether.
contract Unpayable {}

// checkPayout: tokens and payees out of the ordinary
// ├── a payee that the token blocks
// │   ├── makes a payout fail as a whole, and keeps its nonce free
// │   ├── does not keep two from paying the other party
// │   └── is passed by all three: by a call, by a payout elsewhere, or by another party in its place
// ├── a token that answers nothing is paid, with a fee under the cap
// └── a token that answers false makes the payout fail
contract CheckPayoutTokensTest is EscrowTest {
    BlockListToken private _blocking;

    function setUp() public override {
        super.setUp();
        _blocking = new BlockListToken();
        _blocking.mint(address(wallet), FUNDS);
        _blocking.setBlocked(seller, true);
    }

    function testFuzz_payout_fails_whenTheTokenBlocksAPayee(uint256 signers) public {
        signers = _bound(signers, 1, BY_ALL);
        if (signers & (signers - 1) == 0) signers = BY_BUYER;
        bytes memory action = _signPayout(signers, address(_blocking), _transfers(seller, EVERYTHING));
        bytes memory blocked = abi.encodeWithSelector(BlockListToken.Blocked.selector, seller);
        _assertFails(action, abi.encodeWithSelector(IWallet.TransferFailed.selector, 0, blocked));

        _blocking.setBlocked(seller, false);
        _submit(action);
        _assertPaid(address(_blocking), 0, FUNDS, 0);
    }

    function test_payout_paysTheOtherParty_whenTheTokenBlocksThePayee() public {
        _submit(_signPayout(BY_SELLER | BY_ARBITER, address(_blocking), _transfers(buyer, EVERYTHING)));
        _assertPaid(address(_blocking), FUNDS, 0, 0);
    }

    function test_execute_passesABlockedPayee_whenAllSign() public {
        Call[] memory calls = _calls(address(_blocking), 0, abi.encodeCall(_blocking.transfer, (stranger, FUNDS)));
        _submit(_signExecute(BY_ALL, FREE_LANE, calls));
        vm.assertEq(_blocking.balanceOf(stranger), FUNDS, "another account of the seller's choice");
    }

    function test_payout_passesABlockedPayee_whenAllSign() public {
        _submit(_signPayout(BY_ALL, address(_blocking), _transfers(stranger, EVERYTHING)));
        vm.assertEq(_blocking.balanceOf(stranger), FUNDS, "another account of the seller's choice");
    }

    function test_reconfigure_passesABlockedPayee_whenAllSign() public {
        Config memory next = wallet.config();
        next.owners[SELLER] = stranger;
        _submit(_signReconfigure(BY_ALL, FREE_LANE, next));
        _submit(_signPayout(BY_BUYER, address(_blocking), _transfers(stranger, EVERYTHING)));
        vm.assertEq(_blocking.balanceOf(stranger), FUNDS, "the seller under another account");
    }

    function test_payout_fails_whenAPartyTakesNoEther() public {
        Config memory config = _escrowConfig(_terms());
        config.owners[SELLER] = address(new Unpayable());
        wallet = _create(config);
        vm.deal(address(wallet), FUNDS);
        _assertFails(
            _signPayout(BY_BUYER, address(0), _transfers(config.owners[SELLER], 1)),
            abi.encodeWithSelector(IWallet.TransferFailed.selector, 0, "")
        );
    }

    function testFuzz_payout_paysATokenThatAnswersNothing(uint256 fee) public {
        fee = _bound(fee, 0, FUNDS * FEE_CAP_BPS / 10_000);
        SilentToken silent = new SilentToken("Silent", "SIL", 6);
        silent.mint(address(wallet), FUNDS);
        _submit(_signPayout(BY_SELLER | BY_ARBITER, address(silent), _transfers(arbiter, fee, seller, EVERYTHING)));
        _assertPaid(address(silent), 0, FUNDS - fee, fee);
    }

    function testFuzz_payout_fails_whenTheTokenAnswersFalse(bool paysArbiter) public {
        FalseToken stopped = new FalseToken();
        stopped.mint(address(wallet), FUNDS);
        stopped.setStopped(true);
        bytes memory action = _signPayout(
            BY_SELLER | BY_ARBITER, address(stopped), _transfers(paysArbiter ? arbiter : buyer, 1, seller, EVERYTHING)
        );
        _assertFails(action, abi.encodeWithSelector(IWallet.TransferFailed.selector, 0, abi.encode(false)));

        stopped.setStopped(false);
        _submit(action);
        _assertPaid(address(stopped), paysArbiter ? 0 : 1, FUNDS - 1, paysArbiter ? 1 : 0);
    }
}
