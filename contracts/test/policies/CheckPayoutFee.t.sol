// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Transfer} from "../../src/IWallet.sol";
import {IEscrowPolicy, Terms} from "../../src/policies/IEscrowPolicy.sol";
import {EscrowRules} from "../support/EscrowRules.sol";
import {EscrowTest} from "../support/EscrowTest.sol";
import {TestToken} from "../tokens/TestToken.sol";

// checkPayout: what an arbiter that signed with one party may be paid
// ├── when the arbiter is paid "everything left": reverts FeeNotExact
// ├── when the payout names more than there is: reverts AmountAboveBalance
// ├── when the fee is above the capped share of what the payout moves: reverts FeeAboveCap
// │   (by one unit, behind "everything left", in many small payouts, in several transfers, by rounding)
// ├── when a product would not fit 256 bits: refuses
// └── otherwise, and whenever all three sign, agrees
contract CheckPayoutFeeTest is EscrowTest {
    /// @dev Up to here no product of the cap's comparison passes 256 bits.
    uint256 private constant LARGEST = type(uint256).max / 10_000;

    function testFuzz_payout_paysTheArbiter_upToTheCapAndNotOneUnitMore(
        uint256 party,
        bool isToken,
        uint16 feeCapBps,
        uint256 moved
    ) public {
        uint256 signers = BY_ARBITER | (1 << _bound(party, BUYER, SELLER));
        feeCapBps = _openWithCap(feeCapBps);
        moved = _bound(moved, 1, FUNDS);
        uint256 fee = moved * feeCapBps / 10_000;
        if (fee < moved) {
            bytes memory reason = abi.encodeWithSelector(IEscrowPolicy.FeeAboveCap.selector, fee + 1, moved, feeCapBps);
            _assertRefused(
                _signPayout(signers, _asset(isToken), _transfers(arbiter, fee + 1, seller, moved - fee - 1)), reason
            );
        }
        _submit(_signPayout(signers, _asset(isToken), _transfers(seller, moved - fee, arbiter, fee)));
        _assertPaid(_asset(isToken), 0, moved - fee, fee);
    }

    // An amount of 2^256-1 is "everything left", not a number to measure a fee against.
    function testFuzz_payout_measuresEverythingLeftAsWhatIsLeft(bool isToken, uint256 balance) public {
        balance = _bound(balance, 20, FUNDS);
        address asset = _hold(isToken, balance);
        uint256 fee = balance * FEE_CAP_BPS / 10_000;
        _assertRefused(
            _signPayout(BY_BUYER | BY_ARBITER, asset, _transfers(arbiter, fee + 1, buyer, EVERYTHING)),
            _feeAboveCap(fee + 1, balance)
        );
        _submit(_signPayout(BY_BUYER | BY_ARBITER, asset, _transfers(arbiter, fee, buyer, EVERYTHING)));
        _assertPaid(asset, balance - fee, 0, fee);
    }

    // A payee paid before the arbiter can pay in, after the policy measured what is left.
    function testFuzz_payout_reverts_whenTheArbiterIsPaidEverythingLeft(bool isToken, uint256 rest) public {
        rest = _bound(rest, 0, FUNDS);
        address asset = _asset(isToken);
        _assertRefused(
            _signPayout(BY_SELLER | BY_ARBITER, asset, _transfers(buyer, FUNDS - rest, arbiter, EVERYTHING)),
            abi.encodeWithSelector(IEscrowPolicy.FeeNotExact.selector, 1)
        );
        _assertRefused(
            _signPayout(BY_BUYER | BY_ARBITER, asset, _transfers(arbiter, EVERYTHING, buyer, EVERYTHING)),
            abi.encodeWithSelector(IEscrowPolicy.FeeNotExact.selector, 0)
        );
    }

    // The second "everything left" moves nothing, so it lends no weight to the fee.
    function test_payout_reverts_whenEverythingLeftIsNamedAgain() public {
        Transfer[] memory transfers = new Transfer[](4);
        transfers[0] = Transfer(buyer, FUNDS - 6 ether);
        transfers[1] = Transfer(arbiter, 6 ether);
        transfers[2] = Transfer(buyer, EVERYTHING);
        transfers[3] = Transfer(seller, EVERYTHING);
        _assertRefused(_signPayout(BY_BUYER | BY_ARBITER, address(token), transfers), _feeAboveCap(6 ether, FUNDS));
    }

    function test_payout_addsUpWhatTheArbiterGets_inSeveralTransfers() public {
        Transfer[] memory transfers = new Transfer[](3);
        transfers[0] = Transfer(arbiter, 3 ether);
        transfers[1] = Transfer(seller, FUNDS - 6 ether);
        transfers[2] = Transfer(arbiter, 3 ether);
        _assertRefused(_signPayout(BY_SELLER | BY_ARBITER, address(0), transfers), _feeAboveCap(6 ether, FUNDS));
    }

    function testFuzz_payout_reverts_whenItNamesMoreThanThereIs(bool isToken, uint256 before, uint256 amount) public {
        before = _bound(before, 0, FUNDS);
        amount = _bound(amount, FUNDS - before + 1, EVERYTHING - 1);
        Transfer[] memory transfers = new Transfer[](3);
        transfers[0] = Transfer(buyer, before);
        transfers[1] = Transfer(seller, amount);
        transfers[2] = Transfer(arbiter, 0);
        _assertRefused(
            _signPayout(BY_BUYER | BY_ARBITER, _asset(isToken), transfers),
            abi.encodeWithSelector(IEscrowPolicy.AmountAboveBalance.selector, 1, amount, FUNDS - before)
        );
    }

    // A cap of a tenth of a percent allows nothing below a thousand units, however often it is asked.
    function test_payout_reverts_whenRoundingWouldPayTheArbiter() public {
        Terms memory terms = _terms();
        terms.arbiterFeeCapBps = 10;
        _open(terms);
        for (uint256 moved = 1; moved < 1000; moved += 37) {
            bytes memory reason = abi.encodeWithSelector(IEscrowPolicy.FeeAboveCap.selector, 1, moved, 10);
            _assertRefused(
                _signPayout(BY_BUYER | BY_ARBITER, address(0), _transfers(buyer, moved - 1, arbiter, 1)), reason
            );
        }
        _submit(_signPayout(BY_BUYER | BY_ARBITER, address(0), _transfers(buyer, 999, arbiter, 1)));
        _assertPaid(address(0), 999, 0, 1);
    }

    function testFuzz_payout_keepsTheCapOverManySmallPayouts(uint16 feeCapBps, uint256 seed) public {
        feeCapBps = _openWithCap(feeCapBps);
        for (uint256 i; i < 16; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 fee = seed % 3;
            _try(_signPayout(BY_BUYER | BY_ARBITER, address(0), _transfers(arbiter, fee, buyer, (seed >> 128) % 40)));
        }
        vm.assertTrue(
            EscrowRules.isWithinCap(arbiter.balance, FUNDS - address(wallet).balance, feeCapBps), "within the cap"
        );
    }

    // The measure is what really happens where no cap applies: all three make the same payout first.
    function testFuzz_payout_isAllowedExactlyWhenWhatItMovesKeepsTheCap(
        uint256 seed,
        uint256 length,
        uint256 balance,
        bool isToken,
        uint16 feeCapBps
    ) public {
        feeCapBps = _openWithCap(feeCapBps);
        balance = _bound(balance, 0, LARGEST);
        address asset = _hold(isToken, balance);
        Transfer[] memory transfers = _randomPayout(seed, _bound(length, 1, 6), balance, feeCapBps);
        uint256 signers = BY_ARBITER | (seed % 2 == 0 ? BY_BUYER : BY_SELLER);

        uint256 snapshot = vm.snapshotState();
        (bool allowed,) = _try(_signPayout(BY_ALL, asset, transfers));
        uint256 fee = _balanceOf(asset, arbiter);
        uint256 moved = balance - _balanceOf(asset, address(wallet));
        vm.revertToState(snapshot);
        if (_names(transfers, arbiter)) {
            allowed = allowed && EscrowRules.isWithinCap(fee, moved, feeCapBps) && _isExact(transfers, arbiter);
        }

        (bool ok,) = _try(_signPayout(signers, asset, transfers));
        vm.assertTrue(ok == allowed, "as the cap says");
        vm.assertEq(_balanceOf(asset, arbiter), ok ? fee : 0, "what the arbiter has");
    }

    // Only a token of an absurd supply comes here; its escrow still has all exits that pay no fee.
    function testFuzz_payout_refusesRatherThanWraps(uint256 balance, uint256 fee) public {
        balance = _bound(balance, LARGEST + 1, EVERYTHING - 1);
        fee = _bound(fee, LARGEST + 1, balance);
        _openWithCap(10_000);
        _hold(true, balance);
        bytes memory overflow = abi.encodeWithSignature("Panic(uint256)", 0x11);
        _assertRefused(
            _signPayout(BY_BUYER | BY_ARBITER, address(token), _transfers(arbiter, fee, buyer, EVERYTHING)), overflow
        );
        _submit(_signPayout(BY_BUYER | BY_ARBITER, address(token), _transfers(buyer, EVERYTHING)));
        vm.assertEq(token.balanceOf(buyer), balance, "the way out without a fee");
    }

    function testFuzz_payout_hasNoCap_whenAllSign(uint256 fee) public {
        fee = _bound(fee, 0, FUNDS);
        _submit(_signPayout(BY_ALL, address(0), _transfers(arbiter, fee)));
        _assertPaid(address(0), 0, 0, fee);
    }

    function test_payout_reverts_whenTheTokenHasNoCode() public {
        _assertRefused(_signPayout(BY_BUYER | BY_ARBITER, stranger, _transfers(arbiter, 0)), "");
    }

    /* INTERNAL */

    function _openWithCap(uint16 seed) private returns (uint16 feeCapBps) {
        Terms memory terms = _terms();
        feeCapBps = terms.arbiterFeeCapBps = uint16(_bound(seed, 0, 10_000));
        _open(terms);
    }

    /// @dev Leaves the escrow this much, and nothing else, of the asset that is returned.
    function _hold(bool isToken, uint256 balance) private returns (address) {
        if (isToken) {
            token = new TestToken("Test", "TEST", 18);
            token.mint(address(wallet), balance);
        } else {
            vm.deal(address(wallet), balance);
        }
        return _asset(isToken);
    }

    /// @dev Amounts near the balance's and the cap's edges, in any order, to any of the three.
    function _randomPayout(uint256 seed, uint256 length, uint256 balance, uint256 feeCapBps)
        private
        pure
        returns (Transfer[] memory transfers)
    {
        transfers = new Transfer[](length);
        for (uint256 i; i < length; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 kind = (seed >> 8) % 4;
            uint256 amount = EVERYTHING;
            if (kind == 1) amount = (seed >> 16) % (balance / length + 1);
            if (kind == 2) amount = balance / 10_000 * feeCapBps + (seed >> 16) % 3;
            if (kind == 3) amount = (seed >> 16) % 20_000;
            transfers[i] = Transfer(_ownerOf(seed % 3), amount);
        }
    }

    /// @dev Whether this payee gets amounts, and never "everything left".
    function _isExact(Transfer[] memory transfers, address payee) private pure returns (bool) {
        for (uint256 i; i < transfers.length; ++i) {
            if (transfers[i].to == payee && transfers[i].amount == EVERYTHING) return false;
        }
        return true;
    }

    function _names(Transfer[] memory transfers, address payee) private pure returns (bool) {
        for (uint256 i; i < transfers.length; ++i) {
            if (transfers[i].to == payee) return true;
        }
        return false;
    }

    function _feeAboveCap(uint256 fee, uint256 moved) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IEscrowPolicy.FeeAboveCap.selector, fee, moved, FEE_CAP_BPS);
    }
}
