// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ICourier} from "../../src/ICourier.sol";
import {Context, IPolicy} from "../../src/IPolicy.sol";
import {Call, Config} from "../../src/IWallet.sol";
import {ITreasuryPolicy, Limit, Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {TreasuryTest} from "../support/TreasuryTest.sol";

/// @notice Answers like a treasury of its maker's choice.
contract FalseTreasury {
    Config private _config;
    uint256 public epoch;

    constructor(Config memory config_) {
        _config = config_;
    }

    function config() external view returns (Config memory) {
        return _config;
    }

    function getOwners() external view returns (address[] memory) {
        return _config.owners;
    }

    function moveTo(uint256 epoch_) external {
        epoch = epoch_;
    }

    function call(address to, bytes calldata data) external returns (bool ok) {
        (ok,) = to.call(data);
    }
}

// attacks on a treasury
// ├── with all admin keys: floods of what is queued, junk in every lane, a removal of the honest
// ├── with forged questions, by strangers and by the wallet before it adopts the rules
// ├── with wallets that are none, and epochs of their choice
// └── limits to document: an owner through which anyone can call; an outer wallet that is frozen; one petty pair

/// @dev Fewer runs than elsewhere, each of a history with up to seven keys. `just deep` makes thousands.
/// forge-config: default.fuzz.runs = 96
contract TreasuryAttacksTest is TreasuryTest {
    /* STOLEN ADMIN KEYS */

    // Four of seven keys, one short of override: everything queued, in the hope that something is overlooked.
    function test_thief_isStopped_howeverMuchItQueues_andRemoved() public {
        Config memory stolen = _config(1, 1);
        stolen.owners[0] = stranger;
        uint256 thief = BY_ALL_BUT_ONE_OVERRIDE;
        for (uint192 lane; lane < 40; ++lane) {
            Call[] memory queues = new Call[](2);
            queues[0] = _queueCalls(_digestOfReconfigure(lane + 100, stolen))[0];
            queues[1] = _queueCalls(_digestOfExecute(lane + 200, _calls(stranger, FUNDS, "")))[0];
            _submit(_signExecute(thief, lane, queues));
        }
        _freeze();
        vm.warp(block.timestamp + DELAY);
        for (uint192 lane; lane < 40; ++lane) {
            (bool ok,) = _try(_signReconfigure(thief, lane + 100, stolen));
            vm.assertFalse(ok, "void");
            (ok,) = _try(_signExecute(thief, lane + 200, _calls(stranger, FUNDS, "")));
            vm.assertFalse(ok, "void");
        }
        // The thief's fourth key is one of the five that remove the other three.
        Config memory without = _treasuryConfig(_rules());
        for (uint256 i; i < 3; ++i) {
            without.owners[i] = address(uint160(0xbee0 + i));
        }
        _assertNothingHinders(without, thief);
        vm.assertEq(stranger.balance, 0, "not a wei");
    }

    /// @dev Whatever it does in the lanes that are open to it, and to the limits, the override lane is free.
    function _assertNothingHinders(Config memory next, uint256 thief) private {
        for (uint192 i; i < 4; ++i) {
            (bool ok,) = _try(_signCancel(thief, i));
            (ok,) = _try(_signCancel(thief, OPEN_LANE | i));
            (ok,) = _try(_signCancel(thief, OVERRIDE_LANE | i));
            vm.assertFalse(ok, "closed");
        }
        _submit(_signReconfigure(BY_ALL & ~uint256(0x03), OVERRIDE_LANE, next));
        vm.assertEq(wallet.epoch(), 1, "removed");
    }

    // In the last epoch that there is, all is as in the first.
    function test_rules_hold_inTheLastEpoch() public {
        vm.store(address(wallet), 0, bytes32(uint256(type(uint32).max) << 224));
        Call[] memory calls = _calls(stranger, 1 ether, "");
        bytes32 digest = _digestOfExecute(ADMIN_LANE, calls);
        _queue(digest);
        vm.warp(block.timestamp + DELAY);
        _veto(5, digest);
        vm.assertEq(policy.vetoes(address(wallet), digest), 1, "a veto");
        _freeze();
        vm.assertEq(policy.frozenUntil(address(wallet)), block.timestamp + FREEZE, "a freeze");
        _assertRefused(_signExecute(BY_ADMIN, ADMIN_LANE, calls), _frozen(block.timestamp + FREEZE));
        _submit(_signExecute(BY_OVERRIDE, ADMIN_LANE, calls));
    }

    // Every bit of a lane below the two highest is the owners' own.
    function testFuzz_thief_findsNoLaneBetween(uint192 lane) public {
        bool isOverrides = lane >> 190 == 1;
        (bool ok,) = _try(_signCancel(BY_ALL_BUT_ONE_OVERRIDE, lane));
        vm.assertTrue(ok != isOverrides, "admin signers");
        (ok,) = _try(_signCancel(BY_PETTY, lane));
        vm.assertTrue(ok == (lane >> 191 == 1), "petty signers");
    }

    // A thief asks for little and often: the limits, the windows and the lanes are all it gets.
    function testFuzz_thief_takesNoMoreThanTheLimit_inAWindow(uint256 seed) public {
        uint256 left;
        for (uint256 i; i < 20; ++i) {
            uint256 one = uint256(keccak256(abi.encode(seed, i)));
            uint192 lane = uint192(one >> 64) | OPEN_LANE;
            bytes memory action =
                _signPayout(BY_ALL_BUT_ONE_OVERRIDE, lane, address(0), _transfers(stranger, one % 3 ether));
            (bool ok,) = _try(action);
            if (!ok) ++left;
        }
        vm.assertLe(stranger.balance, ETHER_LIMIT, "the limit");
        vm.assertTrue(left != 0, "and what was above it failed");
    }

    /* FORGED QUESTIONS */

    // Anyone can ask a policy, with any rules: what comes of it stands under the asker's own address.
    function testFuzz_hooks_leaveTheWalletAlone_whenAStrangerAsks(address asker, uint256 amount) public {
        vm.assume(asker != address(wallet));
        amount = _bound(amount, 1, ETHER_LIMIT);
        Context memory context = _context(BY_PETTY, OPEN_LANE);
        vm.prank(asker);
        policy.checkPayout(address(0), _transfers(asker, amount), context);
        vm.assertEq(_spent(address(0)), 0, "the wallet spent nothing");
        (uint256 spent,) = policy.spent(asker, address(0));
        vm.assertEq(spent, amount, "who asked did");
    }

    // Under the rules no wallet asks the policy itself: not as a call, whoever signs.
    function test_hooks_cannotBeAskedByTheWallet() public {
        Context memory context = _context(BY_PETTY, OPEN_LANE);
        context.config.policyData = "";
        bytes memory question = abi.encodeCall(IPolicy.checkPayout, (address(0), _transfers(payee, 1), context));
        _assertRefused(
            _signExecute(BY_ALL, OVERRIDE_LANE, _calls(address(policy), 0, question)),
            abi.encodeWithSelector(ITreasuryPolicy.CallNotAllowed.selector, 0)
        );
    }

    // A limit to document: before the rules hold, a wallet can spoil what it may spend under them, never better it.
    function test_spent_canBeSpoiled_beforeTheRulesAreAdopted() public {
        wallet = _create(_config(2, OWNERS));
        vm.deal(address(wallet), FUNDS);
        Rules memory forged = _rules();
        forged.limits[0] = Limit(address(0), type(uint128).max, type(uint32).max);
        Context memory context = _context(BY_PETTY, OPEN_LANE);
        context.config = _treasuryConfig(forged);
        bytes memory question =
            abi.encodeCall(IPolicy.checkPayout, (address(0), _transfers(payee, ETHER_LIMIT), context));
        _submit(_signExecute(BY_PETTY, 0, _calls(address(policy), 0, question)));
        _submit(_signReconfigure(BY_PETTY, 0, _treasuryConfig(_rules())));
        (uint256 spent, uint256 end) = policy.spent(address(wallet), address(0));
        vm.assertEq(spent, ETHER_LIMIT, "spent reads as the limit");
        vm.assertEq(end, type(uint32).max, "for decades; which is to be looked at before");
        _assertRefused(
            _signPayout(BY_PETTY, OPEN_LANE, address(0), _transfers(payee, 1)),
            _limitExceeded(address(0), ETHER_LIMIT, 1, ETHER_LIMIT)
        );
        // With a delay it can be paid all the same.
        _submit(_signPayout(BY_OVERRIDE, OPEN_LANE, address(0), _transfers(payee, 1)));
    }

    /* WALLETS THAT ARE NONE */

    function testFuzz_impostor_changesNothingOfTheWallet(uint32 epoch, bytes32 digest) public {
        Config memory config = _treasuryConfig(_rules());
        config.owners[0] = address(this);
        FalseTreasury impostor = new FalseTreasury(config);
        impostor.moveTo(epoch);
        vm.assertTrue(impostor.call(address(policy), abi.encodeCall(ITreasuryPolicy.queue, (digest))), "queued");
        policy.veto(address(impostor), _digests(digest));
        policy.freeze(address(impostor));
        vm.assertEq(policy.vetoes(address(impostor), digest), 1, "its own");
        vm.assertEq(policy.queuedAt(address(wallet), digest), 0, "the wallet queued nothing");
        vm.assertEq(policy.vetoes(address(wallet), digest), 0, "nor was it vetoed");
        vm.assertEq(policy.freezeVotes(address(wallet)), 0, "nor is there a vote");
        vm.assertFalse(
            impostor.call(address(policy), abi.encodeCall(ITreasuryPolicy.veto, (address(wallet), _digests(digest)))),
            "it owns nothing"
        );
    }

    // Before a wallet is created nobody has a say in its state.
    function test_wallet_beginsWithoutAHistory() public {
        address foretold = factory.addressOf(_treasuryConfig(_rules()), bytes32(uint256(7)));
        vm.prank(_ownerOf(5));
        (bool ok,) =
            address(policy).call(abi.encodeCall(ITreasuryPolicy.veto, (foretold, _digests(keccak256("first")))));
        vm.assertFalse(ok, "there is no wallet to veto");
        vm.prank(_ownerOf(5));
        (ok,) = address(policy).call(abi.encodeCall(ITreasuryPolicy.freeze, (foretold)));
        vm.assertFalse(ok, "nor to freeze");
    }

    /* SIGNED IN ANOTHER EPOCH */

    function test_queue_doesNotCarryOver_intoAnotherEpoch() public {
        Call[] memory calls = _calls(stranger, 1, "");
        bytes32 next = _digestInNextEpoch(calls);
        _queue(next);
        vm.warp(block.timestamp + DELAY);
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, wallet.config()));
        vm.assertEq(_digestOfExecute(ADMIN_LANE, calls), next, "the digest of the next epoch was known");
        _assertRefused(_signExecute(BY_ADMIN, ADMIN_LANE, calls), _notQueued(next));
    }

    function _digestInNextEpoch(Call[] memory calls) private returns (bytes32 digest) {
        uint256 id = vm.snapshotState();
        _submit(_signReconfigure(BY_OVERRIDE, OVERRIDE_LANE, wallet.config()));
        digest = _digestOfExecute(ADMIN_LANE, calls);
        vm.revertToState(id);
    }

    /* MANY IN ONE TRANSACTION */

    function test_limit_holds_withinOneTransaction() public {
        ICourier courier = ICourier(_deploy("Courier.sol:Courier"));
        bytes memory parcels;
        for (uint192 i; i < 5; ++i) {
            bytes memory action = _signPayout(BY_PETTY, OPEN_LANE + i, address(0), _transfers(stranger, 3 ether));
            parcels = abi.encodePacked(parcels, uint32(500_000), address(wallet), uint24(action.length), action);
        }
        courier.deliver(parcels);
        vm.assertEq(stranger.balance, 9 ether, "three of five");
    }

    /* LIMITS TO DOCUMENT */

    // An owner through which anyone can call is anybody.
    function test_veto_isAnybodys_whenAnOwnerCarriesCallsForAll() public {
        address courier = _deploy("Courier.sol:Courier");
        Config memory config = _treasuryConfig(_rules());
        config.owners[6] = courier;
        wallet = _create(config);
        bytes memory data = abi.encodeCall(ITreasuryPolicy.freeze, (address(wallet)));
        vm.prank(stranger);
        ICourier(courier).deliver(abi.encodePacked(uint32(300_000), policy, uint24(data.length), data));
        vm.assertEq(policy.freezeVotes(address(wallet)), 1, "a vote of a stranger");
    }

    function test_outerWallet_neitherVetoesNorFreezes_whileItIsFrozen() public {
        Config memory config = _treasuryConfig(_rules());
        config.owners[6] = address(wallet);
        address inner = factory.create(config, 0);
        _freeze();
        bytes memory data = abi.encodeCall(ITreasuryPolicy.freeze, (inner));
        _assertRefused(
            _signExecute(BY_ADMIN, ADMIN_LANE, _calls(address(policy), 0, data)), _frozen(block.timestamp + FREEZE)
        );
        _submit(_signExecute(BY_OVERRIDE, ADMIN_LANE, _calls(address(policy), 0, data)));
        vm.assertEq(policy.freezeVotes(inner), 1, "override signers do");
    }

    // One petty pair uses up what all of them may pay.
    function test_limit_isUsedUp_byOnePairForAll() public {
        _submit(_signPayout(0x03, OPEN_LANE, address(0), _transfers(stranger, ETHER_LIMIT)));
        _assertRefused(
            _signPayout(0x60, OPEN_LANE, address(0), _transfers(payee, 1)),
            _limitExceeded(address(0), ETHER_LIMIT, 1, ETHER_LIMIT)
        );
    }
}
