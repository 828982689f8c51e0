// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IWallet} from "../../../src/IWallet.sol";
import {IWalletFactory} from "../../../src/IWalletFactory.sol";
import {Log} from "../../support/Vm.sol";
import {Accomplice, Moody} from "./Actors.sol";
import {Forger} from "./Forger.sol";
import {Action, Actions, Damage, Kind, Property, Submission} from "./Types.sol";
import {WalletModel} from "./WalletModel.sol";

/// @title The steps of a campaign: owners, strangers and accomplices doing what they can
/// @notice Each attempt is put to the model first; where wallet and model disagree about whether it goes through, the
/// property that the model named is broken.
contract WalletHandler is Forger {
    /// @dev How many signed actions are kept to be submitted later or again.
    uint256 private constant HOARD = 24;

    bytes[] private _hoard;
    uint256 private _hoarded;

    /* WHAT HAPPENED, for the test that the steps have effect */

    mapping(Kind kind => uint256) public done;
    mapping(Property property => uint256) public refused;
    uint256 public attempts;
    uint256 public nested;
    uint256 public approvals;

    constructor(IWalletFactory factory, bool withPolicies) Forger(factory, withPolicies) {}

    /* ACTIONS */

    function execute(uint256 seed) external step(seed) {
        _act(_dealWallet(), Kind.Execute);
    }

    function payout(uint256 seed) external step(seed) {
        _act(_dealWallet(), Kind.Payout);
    }

    function reconfigure(uint256 seed) external step(seed) {
        IWallet wallet = _dealWallet();
        if (_chance(50)) return _act(wallet, Kind.Reconfigure);
        // Signed just before, submitted just after.
        Action memory action = _dealAction(wallet, Kind(_roll(4)));
        bytes32 digest = _issue(wallet, action);
        _collect(wallet, digest, true);
        Submission memory submission = Submission(wallet, action, _votesFor(wallet, digest), Damage.None);
        _act(wallet, Kind.Reconfigure);
        _submit(submission);
    }

    function cancel(uint256 seed) external step(seed) {
        _act(_dealWallet(), Kind.Cancel);
    }

    /// @notice Owners sign now what may be submitted whenever it suits: in this epoch or past its end, twice, on
    /// another chain.
    function hoard(uint256 seed) external step(seed) {
        IWallet wallet = _dealWallet();
        Action memory action = _dealAction(wallet, Kind(_roll(4)));
        if (_chance(20)) action.nonce += 1;
        bytes32 digest = _issue(wallet, action);
        _collect(wallet, digest, _chance(80));
        _keep(wallet, action, digest);
    }

    /// @notice Submits something signed before, with all signatures that were ever given for it, or a forgery of them.
    function submitHoarded(uint256 seed) external step(seed) {
        if (_hoard.length == 0) return;
        (IWallet wallet, Action memory action, bytes32 digest) = _recall();
        Submission memory submission = Submission(wallet, action, _votesFor(wallet, digest), Damage.None);
        if (_chance(25)) _spoil(submission, digest);
        _submit(submission);
    }

    /// @notice Some account, an owner or not, approves something signed before, which may be void.
    function approve(uint256 seed) external step(seed) {
        if (_hoard.length == 0) return;
        (IWallet wallet,, bytes32 digest) = _recall();
        address account = _pool[_roll(_pool.length)];
        if (model.isOwner(wallet, account)) {
            _approve(wallet, digest, account);
            ++approvals;
            return;
        }
        vm.prank(account);
        try wallet.approve(digest) {
            ledger.breach(Property.Consent, "a stranger approved");
        } catch (bytes memory reason) {
            if (keccak256(reason) != keccak256(abi.encodeWithSelector(IWallet.NotOwner.selector, account))) {
                ledger.breach(Property.Consent, "a stranger's approval failed for another reason");
            }
        }
    }

    /// @notice Arms a payee or a policy with an action that owners signed; it submits that in the middle of another,
    /// for which there is often a chance at once.
    function plot(uint256 seed) external step(seed) {
        (IWallet wallet, address accomplice) = _dealAccomplice();
        Action memory action = _dealAction(wallet, Kind(_roll(4)));
        // A lane of their own, in which nothing else happens until the chance comes; or the one kept with the epoch.
        action.nonce = _nextIn(wallet, laneAt(_chance(60) ? LANES - 1 : 0));
        bytes32 digest = _issue(wallet, action);
        _collect(wallet, digest, true);
        Submission memory submission = Submission(wallet, action, _votesFor(wallet, digest), Damage.None);
        model.plot(accomplice, submission);
        Accomplice(accomplice).arm(address(wallet), Actions.encode(action, _pack(submission)));
        if (_chance(50)) _act(wallet, Kind(_roll(4)));
    }

    /* CIRCUMSTANCES */

    function fund(uint256 seed) external step(seed) {
        _fund(_dealWallet(), assets[_roll(3)], _roll(1000 ether));
    }

    /// @notice A policy, or a contract that is an owner, answers otherwise from now on.
    function changeMood(uint256 seed) external step(seed) {
        address account = _withPolicies && _chance(70) ? address(_policies[_roll(2)]) : _pool[6 + _roll(2)];
        Moody moody = Moody(account);
        moody.setMood(_dealMood());
        model.setUnwilling(account, uint256(moody.mood()) != 0);
    }

    /// @notice Time passes, or the chain forks and all goes on under another id.
    function moveOn(uint256 seed) external step(seed) {
        if (_chance(60)) _time += _roll(2 days);
        else _chainId = _chance(60) ? 1 : 2 + _roll(2);
    }

    /// @notice Anyone tries anything with the implementation itself.
    function useImplementation(uint256 seed) external step(seed) {
        Action memory action = _dealAction(_dealWallet(), Kind(_roll(4)));
        action.nonce = uint256(laneAt(_roll(LANES))) << 64;
        _pester(Actions.encode(action, ""));
        _pester(abi.encodeCall(IWallet.approve, (bytes32(seed))));
        vm.deal(address(this), 1 ether);
        (bool ok,) = address(implementation).call{value: 1 ether}(_chance(50) ? bytes("") : abi.encode(seed));
        if (ok) ledger.breach(Property.Inertness, "the implementation took ether");
    }

    /* INTERNAL */

    function _pester(bytes memory data) private {
        vm.prank(_dealCaller());
        (bool ok, bytes memory reason) = address(implementation).call(data);
        if (ok || bytes4(reason) != IWallet.NotAWallet.selector) {
            ledger.breach(Property.Inertness, "the implementation took a call for its own");
        }
    }

    function _act(IWallet wallet, Kind kind) private {
        Action memory action = _dealAction(wallet, kind);
        // Signed rightly for a time or a nonce that is not due.
        if (_chance(4)) action.deadline = _time - 1 - _roll(1 days);
        if (_chance(4)) action.nonce = _chance(50) || uint64(action.nonce) == 0 ? action.nonce + 1 : action.nonce - 1;
        bytes32 digest = _issue(wallet, action);
        _collect(wallet, digest, _chance(95));
        Submission memory submission = Submission(wallet, action, _votesFor(wallet, digest), Damage.None);
        if (_chance(15)) _spoil(submission, digest);
        _submit(submission);
        if (_chance(30)) _keep(wallet, action, digest);
    }

    function _submit(Submission memory submission) private {
        (bool must, Property property) = _ask(submission);
        bytes memory data = Actions.encode(submission.action, _pack(submission));
        address wallet = address(submission.wallet);
        vm.recordLogs();
        vm.prank(_dealCaller());
        (bool ok,) = wallet.call(data);
        Log[] memory logs = vm.getRecordedLogs();
        uint256 actions = ok ? ledger.audit(logs) : 0;

        ++attempts;
        if (ok) ++done[submission.action.kind];
        else ++refused[property];
        if (actions > 1) ++nested;
        if (ok && must) _weigh(wallet);
        if (ok && actions == 0) ledger.breach(Property.Nonce, "an action went through unannounced");
        if (ok && !must) ledger.breach(property, "an action went through that must fail");
        if (must && !ok) ledger.breach(Property.Liveness, "an authorised action failed");
    }

    function _weigh(address wallet) private {
        bool exact = wallet.balance == model.balanceOf(address(0), wallet);
        for (uint256 i = 1; i < assets.length; ++i) {
            exact = exact && IERC20(assets[i]).balanceOf(wallet) == model.balanceOf(assets[i], wallet);
        }
        if (!exact) ledger.breach(Property.Value, "an action moved something else than was signed");
    }

    /// @dev Whether the model lets the submission through, or else the property that forbids it.
    function _ask(Submission memory submission) private returns (bool must, Property property) {
        try model.submit(submission) {
            return (true, Property.Liveness);
        } catch (bytes memory reason) {
            vm.assertTrue(bytes4(reason) == WalletModel.MustFail.selector, "the model itself failed");
            return (false, Property(uint8(reason[35])));
        }
    }

    /// @dev A policy would rather act for a wallet that it is the policy of.
    function _dealAccomplice() private returns (IWallet wallet, address accomplice) {
        wallet = _dealWallet();
        accomplice = _accomplice;
        for (uint256 i; _withPolicies && i < 3 && accomplice == _accomplice; ++i) {
            wallet = _dealWallet();
            address policy = model.configOf(wallet).policy;
            if (policy != address(0)) accomplice = policy;
        }
    }

    function _dealCaller() private returns (address) {
        return _chance(50) ? address(0x57a46e4) : _pool[_roll(_pool.length)];
    }

    function _keep(IWallet wallet, Action memory action, bytes32 digest) private {
        bytes memory entry = abi.encode(wallet, action, digest);
        if (_hoard.length < HOARD) _hoard.push(entry);
        else _hoard[_hoarded % HOARD] = entry;
        ++_hoarded;
    }

    /// @dev Mostly one whose nonce is still free.
    function _recall() private returns (IWallet wallet, Action memory action, bytes32 digest) {
        for (uint256 i; i < 5; ++i) {
            (wallet, action, digest) = abi.decode(_hoard[_roll(_hoard.length)], (IWallet, Action, bytes32));
            if (uint64(action.nonce) >= model.next(wallet, uint192(action.nonce >> 64))) break;
        }
    }
}
