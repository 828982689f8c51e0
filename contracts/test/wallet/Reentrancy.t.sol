// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {ReactingOwner} from "../support/Owners.sol";
import {ReactingPayee} from "../support/Payees.sol";
import {RecordingPolicy} from "../support/Policies.sol";
import {Reactor} from "../support/Stub.sol";
import {ReactingToken} from "../support/Tokens.sol";
import {WalletTest} from "../support/WalletTest.sol";

// While an action takes place, whoever it reaches submits another one.
//
// a payee, called account or token (of an action in its own lane or lane 0)
// ├── submits the same action again: refused, the nonce is consumed
// ├── submits the next of the lane, or of another lane: carried out within
// │   └── everything left is what that leaves
// └── submits a reconfiguration: carried out within, and the rest of the action as well
// an owner, asked for its signature
// └── submits anything: it fails, and so does the signature
// the policy, asked about the action
// ├── submits the same action again: refused, the nonce is consumed
// ├── submits the next of the lane, or of another lane: both are carried out, no nonce is lost
// └── submits a reconfiguration: reverts EpochEnded, and nothing happened at all
contract ReentrancyTest is WalletTest {
    address private constant ALICE = address(0xa11ce);
    uint256 private constant ALL = type(uint256).max;
    uint256 private constant LANE = 7 << 64;

    ReactingPayee private payee;
    ReactingToken private token;

    function setUp() public override {
        super.setUp();
        payee = new ReactingPayee();
        token = new ReactingToken();
        vm.deal(address(wallet), 10 ether);
    }

    /* PAYEES */

    function test_reentrancy_ofAPayee_cannotRepeatThePayout() public {
        for (uint256 nonce; nonce <= LANE; nonce += LANE) {
            Transfer[] memory transfers = _transfers(address(payee), 1 ether);
            bytes memory call = _payoutCall(address(0), transfers, nonce);
            payee.reactWith(address(wallet), call);
            _submit(call);
            _expectReaction(payee, abi.encodeWithSelector(IWallet.NonceMismatch.selector, nonce, nonce + 1));
            vm.assertEq(wallet.nonce(uint192(nonce >> 64)), nonce + 1, "one nonce is consumed");
        }
        vm.assertEq(address(payee).balance, 2 ether, "each is paid once");
    }

    function test_reentrancy_ofACalledAccount_cannotRepeatTheCalls() public {
        bytes32 structHash = Digests.ofExecute(_calls(address(payee), 1 ether, ""), LANE, LATER);
        bytes memory signatures = _authorize(structHash);
        bytes memory call =
            abi.encodeCall(IWallet.execute, (_calls(address(payee), 1 ether, ""), LANE, LATER, signatures));
        payee.reactWith(address(wallet), call);
        _submit(call);
        _expectReaction(payee, abi.encodeWithSelector(IWallet.NonceMismatch.selector, LANE, LANE + 1));
        vm.assertEq(address(payee).balance, 1 ether, "paid once");
    }

    function test_reentrancy_ofAPayee_mayCarryOutTheNextOfTheLane() public {
        payee.reactWith(address(wallet), _payoutCall(address(0), _transfers(ALICE, 1 ether), 1));
        _submit(_payoutCall(address(0), _transfers(address(payee), 1 ether), 0));
        _expectReaction(payee, "");
        vm.assertEq(wallet.nonce(0), 2, "both nonces are consumed");
        vm.assertEq(address(wallet).balance, 8 ether, "both are paid");
    }

    function test_reentrancy_ofAPayee_mayCarryOutAnotherLane_andLeavesLess() public {
        payee.reactWith(address(wallet), _payoutCall(address(0), _transfers(address(0xb0b), 3 ether), LANE));
        _submit(_payoutCall(address(0), _transfers(address(payee), 1 ether, ALICE, ALL), 0));
        _expectReaction(payee, "");
        vm.assertEq(wallet.nonce(0), 1, "its own nonce is consumed");
        vm.assertEq(wallet.nonce(7), LANE + 1, "and the other lane's");
        vm.assertEq(ALICE.balance, 6 ether, "everything left at that moment");
    }

    /// @dev Also where none of those who signed the payout is an owner any more.
    function test_reentrancy_ofAPayee_mayReconfigure_andTheActionGoesOn() public {
        Config memory config = _config(1, 1);
        config.owners[0] = _ownerOf(7);
        payee.reactWith(address(wallet), _reconfigureCall(config, 1));
        _submit(_payoutCall(address(0), _transfers(address(payee), 1 ether, ALICE, 1 ether), 0));
        _expectReaction(payee, "");
        vm.assertEq(ALICE.balance, 1 ether, "the rest is paid");
        vm.assertEq(wallet.epoch(), 1, "and the wallet reconfigured");
        vm.assertEq(wallet.nonce(0), 2, "both nonces are consumed");
        vm.assertEq(abi.encode(wallet.config()), abi.encode(config), "to what was signed");
    }

    /* TOKENS */

    function test_reentrancy_ofAToken_cannotRepeatThePayout() public {
        bytes memory call = _payoutCall(address(token), _transfers(ALICE, 1, ALICE, ALL), LANE);
        token.reactWith(address(wallet), call);
        _submit(call);
        _expectReaction(token, abi.encodeWithSelector(IWallet.NonceMismatch.selector, LANE, LANE + 1));
    }

    function test_reentrancy_ofAToken_mayCarryOutAnotherLane() public {
        token.reactWith(address(wallet), _payoutCall(address(token), _transfers(ALICE, 1), 0));
        _submit(_payoutCall(address(token), _transfers(ALICE, 1, ALICE, ALL), LANE));
        _expectReaction(token, "");
        vm.assertEq(wallet.nonce(0), 1, "lane 0 moved on");
        vm.assertEq(wallet.nonce(7), LANE + 1, "and the lane of the payout");
    }

    function test_reentrancy_ofAToken_mayReconfigure_andTheActionGoesOn() public {
        token.reactWith(address(wallet), _reconfigureCall(_config(1, 1), 0));
        _submit(_payoutCall(address(token), _transfers(ALICE, 1, ALICE, ALL), LANE));
        _expectReaction(token, "");
        vm.assertEq(wallet.epoch(), 1, "reconfigured");
        vm.assertEq(wallet.nonce(7), LANE + 1, "and paid");
    }

    /* OWNERS */

    function test_reentrancy_ofAnOwner_failsItsSignature() public {
        ReactingOwner owner = new ReactingOwner();
        Config memory config = _config(2, 3);
        config.owners[2] = address(owner);
        wallet = _create(config);
        bytes[3] memory others = [_cancelCall(LANE), _cancelCall(1), _reconfigureCall(_config(1, 1), LANE)];

        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(0, LATER));
        bytes memory signatures = bytes.concat(_entry(0, _keyOf(0), digest), _contractEntry(2, "signature"));
        for (uint256 i; i < others.length; ++i) {
            owner.reactWith(address(wallet), others[i]);
            vm.expectRevert(abi.encodeWithSelector(IWallet.SignatureInvalid.selector, owner, digest));
            wallet.cancel(0, LATER, signatures);
        }
        owner.reactWith(address(0), "");
        wallet.cancel(0, LATER, signatures);
    }

    /* POLICIES */

    function test_reentrancy_ofAPolicy_cannotRepeatTheAction() public {
        RecordingPolicy policy = _becomeJudged();
        for (uint256 nonce; nonce <= LANE; nonce += LANE) {
            bytes memory call = _payoutCall(address(0), _transfers(ALICE, 1 ether), nonce);
            policy.reactWith(address(wallet), call);
            _submit(call);
            _expectReaction(policy, abi.encodeWithSelector(IWallet.NonceMismatch.selector, nonce, nonce + 1));
        }
        vm.assertEq(ALICE.balance, 2 ether, "each is paid once");
    }

    /// @dev Whatever the two lanes are, the outer action writes nothing back that it read before.
    function test_reentrancy_ofAPolicy_mayCarryOutAnother_andNoNonceIsLost() public {
        uint256[2][4] memory nonces = [[uint256(0), 1], [uint256(0), LANE], [LANE, 0], [LANE, LANE + 1]];
        for (uint256 i; i < nonces.length; ++i) {
            (uint256 outer, uint256 inner) = (nonces[i][0], nonces[i][1]);
            for (uint256 kind; kind < 3; ++kind) {
                RecordingPolicy policy = _becomeJudged();
                bytes memory call = _cancelCall(outer);
                if (kind == 1) call = _payoutCall(address(0), _transfers(ALICE, 1), outer);
                if (kind == 2) call = _reconfigureCall(wallet.config(), outer);
                policy.reactWith(address(wallet), _cancelCall(inner));
                _submit(call);
                _expectReaction(policy, "");

                uint256 inLane0 = (outer < LANE ? 1 : 0) + (inner < LANE ? 1 : 0);
                vm.assertEq(wallet.nonce(0), inLane0, "lane 0 moved on as often as it was used");
                vm.assertEq(wallet.nonce(7), LANE + 2 - inLane0, "and so did the other");
                vm.assertEq(wallet.epoch(), kind == 2 ? 1 : 0, "the epoch counts the reconfiguration");
            }
        }
    }

    function test_reentrancy_ofAPolicy_thatReconfigures_voidsTheAction() public {
        for (uint256 kind; kind < 4; ++kind) {
            RecordingPolicy policy = _becomeJudged();
            bytes memory call = _cancelCall(0);
            if (kind == 1) call = _payoutCall(address(0), _transfers(ALICE, 1), 0);
            if (kind == 2) call = _reconfigureCall(_config(1, 1), 0);
            if (kind == 3) {
                bytes memory signatures = _authorize(Digests.ofExecute(_calls(ALICE, 1, ""), 0, LATER));
                call = abi.encodeCall(IWallet.execute, (_calls(ALICE, 1, ""), 0, LATER, signatures));
            }
            Config memory config = wallet.config();
            policy.reactWith(address(wallet), _reconfigureCall(config, LANE));

            vm.expectRevert(abi.encodeWithSelector(IWallet.EpochEnded.selector, 0));
            _submit(call);
            vm.assertEq(wallet.epoch(), 0, "nor was it reconfigured");
            vm.assertEq(wallet.nonce(0), 0, "nor a nonce consumed");
            vm.assertEq(wallet.nonce(7), LANE, "of either");
            vm.assertEq(ALICE.balance, 0, "nothing was paid");
        }
    }

    /// @dev The same in a later epoch, where zero is not what everything starts from.
    function test_reentrancy_ofAPolicy_thatReconfigures_voidsTheAction_inALaterEpoch() public {
        RecordingPolicy policy = _becomeJudged();
        _reconfigure(wallet.config());
        policy.reactWith(address(wallet), _reconfigureCall(wallet.config(), LANE));
        bytes memory call = _cancelCall(1);
        vm.expectRevert(abi.encodeWithSelector(IWallet.EpochEnded.selector, 1));
        _submit(call);
    }

    /* HELPERS */

    /// @dev A new wallet, 2-of-3, with a policy of its own.
    function _becomeJudged() private returns (RecordingPolicy policy) {
        policy = new RecordingPolicy();
        Config memory config = _config(2, 3);
        config.policy = address(policy);
        wallet = _create(config);
        vm.deal(address(wallet), 10 ether);
    }

    function _payoutCall(address paid, Transfer[] memory transfers, uint256 nonce) private view returns (bytes memory) {
        bytes memory signatures = _authorize(Digests.ofPayout(paid, transfers, nonce, LATER));
        return abi.encodeCall(IWallet.payout, (paid, transfers, nonce, LATER, signatures));
    }

    function _reconfigureCall(Config memory config, uint256 nonce) private view returns (bytes memory) {
        bytes memory signatures = _authorize(Digests.ofReconfigure(config, nonce, LATER));
        return abi.encodeCall(IWallet.reconfigure, (config, nonce, LATER, signatures));
    }

    function _cancelCall(uint256 nonce) private view returns (bytes memory) {
        return abi.encodeCall(IWallet.cancel, (nonce, LATER, _authorize(Digests.ofCancel(nonce, LATER))));
    }

    /// @dev Fails as the wallet fails.
    function _submit(bytes memory call) private {
        (bool ok, bytes memory returned) = address(wallet).call(call);
        if (ok) return;
        assembly ("memory-safe") {
            revert(add(returned, 0x20), mload(returned))
        }
    }

    function _expectReaction(Reactor reactor, bytes memory fault) private view {
        vm.assertTrue(reactor.reacted(), "it tried");
        vm.assertTrue(reactor.succeeded() == (fault.length == 0), "as expected");
        vm.assertEq(reactor.returned(), fault, "for the expected reason");
    }
}
