// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Context} from "../../src/IPolicy.sol";
import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {ITreasuryPolicy, Limit, Rules} from "../../src/policies/ITreasuryPolicy.sol";
import {TestToken} from "../tokens/TestToken.sol";
import {Digests} from "./Digests.sol";
import {SigningTest} from "./SigningTest.sol";
import {TreasuryRules} from "./TreasuryRules.sol";

/// @title What every test of a treasury starts from
/// @notice `wallet` has seven owners, of whom 2 are petty signers, 3 admin and 5 override; 2 veto, within two days. In
/// a week petty signers pay 10 ether, in a day 1,000 units of `token`; to anyone. It holds more than that of both.
abstract contract TreasuryTest is SigningTest {
    /* SIGNERS; the owners 5 and 6 sign nothing, and veto */

    uint256 internal constant BY_PETTY = 0x03;
    uint256 internal constant BY_ADMIN = 0x07;
    uint256 internal constant BY_ALL_BUT_ONE_OVERRIDE = 0x0f;
    uint256 internal constant BY_OVERRIDE = 0x1f;
    uint256 internal constant BY_ALL = 0x7f;

    uint256 internal constant OWNERS = 7;

    /* LANES, one of each kind */

    uint192 internal constant OPEN_LANE = 1 << 191;
    uint192 internal constant ADMIN_LANE = 5;
    uint192 internal constant OVERRIDE_LANE = 1 << 190;

    uint256 internal constant EVERYTHING = type(uint256).max;
    uint256 internal constant FUNDS = 1_000_000 ether;
    uint128 internal constant ETHER_LIMIT = 10 ether;
    uint128 internal constant TOKEN_LIMIT = 1_000 ether;
    uint32 internal constant WEEK = 7 days;
    uint32 internal constant DAY = 1 days;
    uint32 internal constant DELAY = 2 days;
    uint256 internal constant FREEZE = 30 days;

    ITreasuryPolicy internal policy;
    TestToken internal token;
    address internal payee = address(0xa11ce);
    address internal stranger = address(0xdecaf);

    function setUp() public virtual override {
        super.setUp();
        policy = ITreasuryPolicy(_deploy("TreasuryPolicy.sol:TreasuryPolicy"));
        token = new TestToken("Test", "TEST", 18);
        _open(_rules());
        // In the middle of both windows.
        vm.warp(WEEK * 2_980 + 3 days + 12 hours);
    }

    /* TREASURIES */

    function _rules() internal view returns (Rules memory rules) {
        rules.admin = 3;
        rules.overriding = 5;
        rules.veto = 2;
        rules.delaySecs = DELAY;
        rules.limits = new Limit[](2);
        rules.limits[0] = Limit(address(0), ETHER_LIMIT, WEEK);
        rules.limits[1] = Limit(address(token), TOKEN_LIMIT, DAY);
        rules.payees = new address[](0);
    }

    /// @notice As `_rules`, without delay and veto.
    function _rulesWithoutDelay() internal view returns (Rules memory rules) {
        rules = _rules();
        rules.delaySecs = 0;
        rules.veto = 0;
    }

    /// @notice As `_rules`, with a list of these payees.
    function _rulesWithPayees(address[] memory payees) internal view returns (Rules memory rules) {
        rules = _rules();
        rules.payees = payees;
    }

    function _treasuryConfig(Rules memory rules) internal view returns (Config memory config) {
        config = _config(2, OWNERS);
        config.policy = address(policy);
        config.policyData = TreasuryRules.encode(rules);
    }

    /// @notice Makes `wallet` a treasury with these rules, and funds it.
    function _open(Rules memory rules) internal {
        wallet = _create(_treasuryConfig(rules));
        vm.deal(address(wallet), FUNDS);
        token.mint(address(wallet), FUNDS - token.balanceOf(address(wallet)));
    }

    /* DIGESTS, in the next nonce of the lane and the present epoch */

    function _digestOfExecute(uint192 lane, Call[] memory calls) internal view returns (bytes32) {
        return Digests.toDigest(address(wallet), Digests.ofExecute(calls, wallet.nonce(lane), LATER));
    }

    function _digestOfPayout(uint192 lane, address asset, Transfer[] memory transfers) internal view returns (bytes32) {
        return Digests.toDigest(address(wallet), Digests.ofPayout(asset, transfers, wallet.nonce(lane), LATER));
    }

    function _digestOfReconfigure(uint192 lane, Config memory config) internal view returns (bytes32) {
        return Digests.toDigest(address(wallet), Digests.ofReconfigure(config, wallet.nonce(lane), LATER));
    }

    /* QUEUES, VETOES AND FREEZES */

    function _queueCalls(bytes32 digest) internal view returns (Call[] memory) {
        return _calls(address(policy), 0, abi.encodeCall(ITreasuryPolicy.queue, (digest)));
    }

    /// @notice Queues by admin signers, in a lane that nothing else uses.
    function _queue(bytes32 digest) internal {
        _submit(_signExecute(BY_ADMIN, uint192(uint160(uint256(digest))), _queueCalls(digest)));
    }

    function _veto(uint256 owner, bytes32 digest) internal {
        vm.prank(_ownerOf(owner));
        policy.veto(address(wallet), _digests(digest));
    }

    function _freezeBy(uint256 owner) internal {
        vm.prank(_ownerOf(owner));
        policy.freeze(address(wallet));
    }

    /// @notice By the owners 5 and 6.
    function _freeze() internal {
        _freezeBy(5);
        _freezeBy(6);
    }

    function _digests(bytes32 digest) internal pure returns (bytes32[] memory digests) {
        digests = new bytes32[](1);
        digests[0] = digest;
    }

    /* THE POLICY'S HOOKS, asked by the wallet without an action */

    function _context(uint256 signers, uint192 lane) internal view returns (Context memory) {
        return Context({
            digest: keccak256("no action"),
            nonce: uint256(lane) << 64,
            deadline: LATER,
            signers: signers,
            config: wallet.config()
        });
    }

    function _ask(bytes memory question) internal returns (bool ok, bytes memory answer) {
        vm.prank(address(wallet));
        return address(policy).call(question);
    }

    /// @notice The bits of the first `count` owners.
    function _first(uint256 count) internal pure returns (uint256) {
        return (1 << count) - 1;
    }

    /* REASONS */

    function _assertRefused(bytes memory action, bytes memory reason) internal {
        _assertFails(action, _refusal(reason));
    }

    function _refusal(bytes memory reason) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IWallet.PolicyRefused.selector, policy, reason);
    }

    function _callFailure(bytes memory reason) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IWallet.CallFailed.selector, 0, reason);
    }

    function _laneClosed(uint192 lane, uint256 count) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ITreasuryPolicy.LaneClosed.selector, lane, count);
    }

    function _signersMissing(uint256 count, uint256 needed) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ITreasuryPolicy.SignersMissing.selector, count, needed);
    }

    function _notQueued(bytes32 digest) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ITreasuryPolicy.NotQueued.selector, digest);
    }

    function _frozen(uint256 until) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ITreasuryPolicy.WalletFrozen.selector, until);
    }

    function _limitExceeded(address asset, uint256 spent, uint256 total, uint256 amount)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(ITreasuryPolicy.LimitExceeded.selector, asset, spent, total, amount);
    }

    /* BALANCES */

    /// @notice Ether or the token, as a fuzzed choice.
    function _asset(bool isToken) internal view returns (address) {
        return isToken ? address(token) : address(0);
    }

    function _limitOf(bool isToken) internal pure returns (uint256) {
        return isToken ? TOKEN_LIMIT : ETHER_LIMIT;
    }

    function _periodOf(bool isToken) internal pure returns (uint256) {
        return isToken ? DAY : WEEK;
    }

    function _balanceOf(address asset, address account) internal view returns (uint256) {
        return asset == address(0) ? account.balance : TestToken(asset).balanceOf(account);
    }

    function _spent(address asset) internal view returns (uint256 amount) {
        (amount,) = policy.spent(address(wallet), asset);
    }
}
