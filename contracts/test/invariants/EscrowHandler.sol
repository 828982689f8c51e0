// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {IEscrowPolicy, Terms} from "../../src/policies/IEscrowPolicy.sol";
import {Digests} from "../support/Digests.sol";
import {EscrowRules} from "../support/EscrowRules.sol";
import {EscrowJudge} from "./EscrowJudge.sol";

/// @title Buyer, seller, arbiter and a submitter who do whatever comes to their minds
/// @notice Each `sign` adds to a hoard that nothing is ever removed from, and may submit at once; `submit` takes
/// anything of the hoard, with any of its signatures.
contract EscrowHandler is EscrowJudge {
    /// @notice What came of something that is undone by this very error.
    error Undone(bytes answer);

    Signed[] private _hoard;
    uint256 private _turn;

    uint256 public submitted;
    uint256 public executed;
    uint256 public etherIn;
    uint256 public tokensIn;

    function setUp() public override {
        super.setUp();
        _agreed = _terms();
        vm.deal(address(this), 1e36);
        etherIn = address(wallet).balance;
        tokensIn = token.totalSupply();
    }

    /* ACTIONS OF ANYONE */

    function payIn(uint256 amount, bool isToken) external {
        amount = _mix(amount) % (FUNDS / 4);
        if (isToken) {
            token.mint(address(wallet), amount);
            tokensIn += amount;
        } else {
            _sendEther(amount);
            etherIn += amount;
        }
    }

    /// @notice Mostly days, and now and then to the very seconds on which the rules change.
    function wait(uint256 seed) external {
        seed = _mix(seed);
        uint256 edge = seed % 4 == 0 ? _agreed.expiry : _agreed.expiry + _agreed.arbitrationSecs;
        uint256 target = block.timestamp + (seed >> 8) % 8 days;
        if (seed % 4 < 2) target = edge - (seed >> 8) % 2;
        if (target > block.timestamp) vm.warp(target);
    }

    /// @notice Mostly something that is due, but also what is stale, replayed or not yet due.
    function submit(uint256 which, uint256 subset) external {
        uint256 length = _hoard.length;
        if (length == 0) return;
        which = _mix(which);
        uint256 index = (which >> 8) % length;
        for (uint256 i; i < length && which % 8 != 0 && !_isDue(_hoard[index]); ++i) {
            index = (index + 1) % length;
        }
        uint256 signers = _hoard[index].signers;
        subset = _mix(subset) & signers;
        _submit(index, (which >> 4) % 4 == 0 && subset != 0 ? subset : signers);
    }

    /* ACTIONS OF THE PARTIES */

    function signPayoutInEther(uint256 seed) external {
        _signPayoutOf(address(0), _mix(seed));
    }

    function signPayoutInTokens(uint256 seed) external {
        _signPayoutOf(address(token), _mix(seed));
    }

    function signExecuteOrReconfigure(uint256 seed) external {
        seed = _mix(seed);
        if (seed % 3 != 0) {
            Call[] memory calls = _calls(address(token), 0, abi.encodeCall(token.transfer, (stranger, seed % 3 - 1)));
            _sign(Kind.Execute, _mostly(BY_ALL), abi.encode(calls));
            return;
        }
        Terms memory terms = Terms({
            expiry: uint64(block.timestamp + (seed >> 32) % 40 days),
            arbitrationSecs: uint32((seed >> 64) % 30 days),
            timeoutBeneficiary: uint8((seed >> 96) % 2),
            arbiterFeeCapBps: uint16((seed >> 104) % 2000),
            termsHash: bytes32(seed)
        });
        _sign(Kind.Reconfigure, _mostly(BY_ALL), abi.encode(terms));
    }

    function signDispute() external {
        Call[] memory calls = _calls(address(policy), 0, abi.encodeCall(IEscrowPolicy.dispute, ()));
        uint256 signers = _agreed.timeoutBeneficiary == BUYER ? BY_SELLER : BY_BUYER;
        _sign(Kind.Dispute, _mostly(signers), abi.encode(calls));
    }

    function signCancel(uint256 signers) external {
        _sign(Kind.Cancel, 1 + _mix(signers) % BY_ALL, "");
    }

    /* WHAT MUST ALWAYS BE POSSIBLE; done and undone again */

    /// @notice What the escrow still holds when, past the last time-out, the beneficiary alone has taken all it can.
    function leftAfterTheLastTimeout() external returns (uint256 inEther, uint256 inTokens) {
        uint256 now_ = block.timestamp;
        uint256 last = uint256(_agreed.expiry) + _agreed.arbitrationSecs;
        if (now_ < last) vm.warp(last);
        (inEther, inTokens) = abi.decode(_undone(abi.encodeCall(this.takeAll, ())), (uint256, uint256));
        vm.warp(now_);
    }

    /// @notice How many decisions of two or three, of those that nobody entitled to it brought down, could not be
    /// carried out in their turn with money enough.
    function decisionsLost() external returns (uint256 lost) {
        uint256 epoch = wallet.epoch();
        uint256 due;
        for (uint256 i = _hoard.length; i != 0 && due < 3; --i) {
            Signed memory signed = _hoard[i - 1];
            if (signed.epoch != epoch || _consumers[signed.nonce] != 0 || !_isDecision(signed)) continue;
            uint256 next = wallet.nonce(uint192(signed.nonce >> 64));
            if (next > signed.nonce) ++lost;
            if (next != signed.nonce) continue;
            ++due;
            if (!abi.decode(_undone(abi.encodeCall(this.decide, (i - 1))), (bool))) ++lost;
        }
    }

    /// @dev For `_undone` alone.
    function takeAll() external {
        uint256 beneficiary = _agreed.timeoutBeneficiary;
        Transfer[] memory all = _transfers(_ownerOf(beneficiary), EVERYTHING);
        _try(_signPayout(1 << beneficiary, address(0), all));
        _try(_signPayout(1 << beneficiary, address(token), all));
        revert Undone(abi.encode(address(wallet).balance, token.balanceOf(address(wallet))));
    }

    /// @dev For `_undone` alone.
    function decide(uint256 index) external {
        _sendEther(1e30);
        token.mint(address(wallet), 1e30);
        (bool ok,) = _try(_actionOf(_hoard[index], _hoard[index].signers));
        revert Undone(abi.encode(ok));
    }

    /// @dev A call that reverts leaves nothing behind; snapshots do the same at ten times the cost.
    function _undone(bytes memory call) private returns (bytes memory) {
        // forge-lint: disable-next-line(unchecked-call)
        (, bytes memory answer) = address(this).call(call);
        vm.assertEq(bytes32(bytes4(answer)), bytes32(Undone.selector), "it came to its end");
        assembly ("memory-safe") {
            mstore(add(answer, 4), sub(mload(answer), 4))
            answer := add(answer, 4)
        }
        return abi.decode(answer, (bytes));
    }

    /* VIEWS */

    function escrow() external view returns (IWallet) {
        return wallet;
    }

    function escrowPolicy() external view returns (IEscrowPolicy) {
        return policy;
    }

    function etherSeen() external view returns (uint256) {
        return address(wallet).balance + buyer.balance + seller.balance + arbiter.balance + stranger.balance;
    }

    function tokensSeen() external view returns (uint256) {
        return token.balanceOf(address(wallet)) + token.balanceOf(buyer) + token.balanceOf(seller)
            + token.balanceOf(arbiter) + token.balanceOf(stranger);
    }

    /* INTERNAL */

    function _sendEther(uint256 amount) private {
        (bool ok,) = address(wallet).call{value: amount}("");
        vm.assertTrue(ok, "an escrow takes ether");
    }

    /// @dev Fuzzed numbers crowd at the edges of their types; these do not.
    function _mix(uint256 seed) private returns (uint256) {
        return uint256(keccak256(abi.encode(seed, ++_turn)));
    }

    function _mostly(uint256 signers) private returns (uint256) {
        uint256 seed = _mix(signers);
        return seed % 2 == 0 ? signers : 1 + (seed >> 8) % BY_ALL;
    }

    /// @dev Mostly to someone whom the signers may pay; often a fee, and often to the only signer, be it due or not.
    function _someTransfer(uint256 seed, uint256 balance, uint256 signers) private view returns (Transfer memory) {
        uint256 amount = (seed >> 8) % 3 == 0 ? EVERYTHING : (seed >> 16) % (balance / 4 + 1);
        uint256 kind = seed % 16;
        if (kind == 0) return Transfer(stranger, amount);
        if (kind == 1) return Transfer(_ownerOf((seed >> 128) % 3), amount);
        if (kind < 5) return Transfer(arbiter, (seed >> 16) % (balance * _agreed.arbiterFeeCapBps / 10_000 + 1));
        if (signers == BY_BUYER) return Transfer(kind < 8 ? buyer : seller, amount);
        if (signers == BY_SELLER) return Transfer(kind < 8 ? seller : buyer, amount);
        return Transfer(kind % 2 == 0 ? buyer : seller, amount);
    }

    function _signPayoutOf(address asset, uint256 seed) private {
        uint256 signers = 1 + _mix(seed) % BY_ALL;
        uint256 balance = _balanceOf(asset, address(wallet));
        Transfer[] memory transfers = new Transfer[](1 + seed % 3);
        for (uint256 i; i < transfers.length; ++i) {
            transfers[i] = _someTransfer(_mix(seed), balance, signers);
        }
        _sign(Kind.Payout, signers, abi.encode(asset, transfers));
    }

    function _sign(Kind kind, uint256 signers, bytes memory content) private {
        uint192 lane = _someLane(_mix(signers), signers);
        uint256 nonce = wallet.nonce(lane);
        // Now and then signed ahead of its turn.
        if (_mix(signers) % 8 == 0) ++nonce;
        _hoard.push(Signed(kind, signers, nonce, wallet.epoch(), content));
        if (_mix(signers) % 4 != 0) _submit(_hoard.length - 1, signers);
    }

    function _isDue(Signed memory signed) private view returns (bool) {
        return signed.epoch == wallet.epoch() && signed.nonce == wallet.nonce(uint192(signed.nonce >> 64));
    }

    /// @dev Mostly a lane that is open to the signers; the free lanes are few, so that they are fought for.
    function _someLane(uint256 seed, uint256 signers) private pure returns (uint192) {
        if (seed % 4 == 0) return uint192((seed >> 8) % 6);
        if (signers & (signers - 1) == 0) return _laneOf(signers);
        uint192[4] memory free = [uint192(0), 4, FREE_LANE, type(uint192).max];
        return free[(seed >> 8) % 4];
    }

    function _actionOf(Signed memory signed, uint256 signers) private view returns (bytes memory) {
        if (signed.kind == Kind.Payout) {
            (address asset, Transfer[] memory transfers) = abi.decode(signed.content, (address, Transfer[]));
            bytes memory signatures = _over(signed, Digests.ofPayout(asset, transfers, signed.nonce, LATER), signers);
            return abi.encodeCall(IWallet.payout, (asset, transfers, signed.nonce, LATER, signatures));
        }
        if (signed.kind == Kind.Reconfigure) {
            Config memory config = _escrowConfig(abi.decode(signed.content, (Terms)));
            bytes memory signatures = _over(signed, Digests.ofReconfigure(config, signed.nonce, LATER), signers);
            return abi.encodeCall(IWallet.reconfigure, (config, signed.nonce, LATER, signatures));
        }
        if (signed.kind == Kind.Cancel) {
            bytes memory signatures = _over(signed, Digests.ofCancel(signed.nonce, LATER), signers);
            return abi.encodeCall(IWallet.cancel, (signed.nonce, LATER, signatures));
        }
        Call[] memory calls = abi.decode(signed.content, (Call[]));
        bytes memory entries = _over(signed, Digests.ofExecute(calls, signed.nonce, LATER), signers);
        return abi.encodeCall(IWallet.execute, (calls, signed.nonce, LATER, entries));
    }

    function _over(Signed memory signed, bytes32 structHash, uint256 signers) private view returns (bytes memory) {
        return _signBy(Digests.toDigest(address(wallet), signed.epoch, structHash), signers);
    }

    function _submit(uint256 index, uint256 signers) private {
        Signed memory signed = _hoard[index];
        Holdings memory ethers = _held(address(0));
        Holdings memory tokens = _held(address(token));
        ++submitted;
        (bool ok,) = _try(_actionOf(signed, signers));
        if (!ok) return;
        ++executed;
        _judge(signed, signers, ethers, tokens);
    }

    /// @dev A payout of two or three, in a lane of theirs, that pays buyer and seller only, and exact amounts before
    /// everything left: what no lack of signatures or of money can make fail.
    function _isDecision(Signed memory signed) private view returns (bool) {
        if (signed.kind != Kind.Payout || signed.signers & (signed.signers - 1) == 0) return false;
        if (!EscrowRules.mayActIn(signed.signers, signed.nonce >> 64)) return false;
        (, Transfer[] memory transfers) = abi.decode(signed.content, (address, Transfer[]));
        for (uint256 i; i < transfers.length; ++i) {
            if (transfers[i].to != buyer && transfers[i].to != seller) return false;
            if (i != 0 && transfers[i - 1].amount == EVERYTHING && transfers[i].amount != EVERYTHING) return false;
        }
        return true;
    }
}
