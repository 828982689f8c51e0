// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {IEscrowPolicy, Terms} from "../../src/policies/IEscrowPolicy.sol";
import {TestToken} from "../tokens/TestToken.sol";
import {SigningTest} from "./SigningTest.sol";

/// @title What every test of an escrow starts from
/// @notice `wallet` is an escrow of the owners 0 (buyer), 1 (seller) and 2 (arbiter) that holds `FUNDS` wei and as many
/// units of `token`. Its beneficiary is the seller, its expiry 30 days ahead, its arbitration 14 days.
abstract contract EscrowTest is SigningTest {
    uint256 internal constant BUYER = 0;
    uint256 internal constant SELLER = 1;
    uint256 internal constant ARBITER = 2;

    uint256 internal constant BY_BUYER = 1;
    uint256 internal constant BY_SELLER = 2;
    uint256 internal constant BY_ARBITER = 4;
    uint256 internal constant BY_ALL = 7;

    uint256 internal constant EVERYTHING = type(uint256).max;
    uint256 internal constant FUNDS = 100 ether;
    uint16 internal constant FEE_CAP_BPS = 500;

    /// @dev Any lane but 1, 2 and 3 is one for two or three signers.
    uint192 internal constant FREE_LANE = 77;

    IEscrowPolicy internal policy;
    TestToken internal token;
    address internal buyer = _ownerOf(BUYER);
    address internal seller = _ownerOf(SELLER);
    address internal arbiter = _ownerOf(ARBITER);
    address internal stranger = address(0xdecaf);

    function setUp() public virtual override {
        super.setUp();
        policy = IEscrowPolicy(_deploy("EscrowPolicy.sol:EscrowPolicy"));
        token = new TestToken("Test", "TEST", 18);
        _open(_terms());
    }

    /* ESCROWS */

    function _terms() internal view returns (Terms memory) {
        return Terms({
            expiry: uint64(block.timestamp + 30 days),
            arbitrationSecs: 14 days,
            timeoutBeneficiary: uint8(SELLER),
            arbiterFeeCapBps: FEE_CAP_BPS,
            termsHash: keccak256("a bicycle, blue")
        });
    }

    function _policyData(Terms memory terms) internal pure returns (bytes memory) {
        return abi.encodePacked(
            terms.expiry, terms.arbitrationSecs, terms.timeoutBeneficiary, terms.arbiterFeeCapBps, terms.termsHash
        );
    }

    function _escrowConfig(Terms memory terms) internal view returns (Config memory config) {
        config = _config(1, 3);
        config.policy = address(policy);
        config.policyData = _policyData(terms);
    }

    /// @notice Makes `wallet` a new escrow with these terms, and funds it.
    function _open(Terms memory terms) internal {
        wallet = _create(_escrowConfig(terms));
        vm.deal(address(wallet), FUNDS);
        token.mint(address(wallet), FUNDS - token.balanceOf(address(wallet)));
    }

    /// @notice As `_open`, with the usual terms but for who may take all at the time-out.
    function _openFor(uint256 beneficiary) internal returns (Terms memory terms) {
        terms = _terms();
        terms.timeoutBeneficiary = uint8(beneficiary);
        _open(terms);
    }

    /* SIGNING */

    /// @notice The own lane of one signer, or a lane for two and three.
    function _laneOf(uint256 signers) internal pure returns (uint192) {
        if (signers == BY_BUYER) return 1;
        if (signers == BY_SELLER) return 2;
        if (signers == BY_ARBITER) return 3;
        return FREE_LANE;
    }

    function _signPayout(uint256 signers, address asset, Transfer[] memory transfers)
        internal
        view
        returns (bytes memory)
    {
        return _signPayout(signers, _laneOf(signers), asset, transfers);
    }

    function _signDispute(uint256 signers, uint192 lane) internal view returns (bytes memory) {
        return _signExecute(signers, lane, _calls(address(policy), 0, abi.encodeCall(IEscrowPolicy.dispute, ())));
    }

    /* REFUSALS */

    function _assertRefused(bytes memory action, bytes memory reason) internal {
        _assertFails(action, _refusal(reason));
    }

    function _refusal(bytes memory reason) internal view returns (bytes memory) {
        return abi.encodeWithSelector(IWallet.PolicyRefused.selector, policy, reason);
    }

    /* REASONS of the policy */

    function _laneNotAllowed(uint256 lane, uint256 signers) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IEscrowPolicy.LaneNotAllowed.selector, lane, signers);
    }

    function _needsAllParties(uint256 signers) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IEscrowPolicy.NeedsAllParties.selector, signers);
    }

    function _payeeNotAllowed(uint256 index, address payee, uint256 signers, uint256 timeout)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(IEscrowPolicy.PayeeNotAllowed.selector, index, payee, signers, timeout);
    }

    /* BALANCES */

    /// @notice Ether or the token, as a fuzzed choice.
    function _asset(bool isToken) internal view returns (address) {
        return isToken ? address(token) : address(0);
    }

    function _balanceOf(address asset, address account) internal view returns (uint256) {
        return asset == address(0) ? account.balance : TestToken(asset).balanceOf(account);
    }

    function _assertPaid(address asset, uint256 toBuyer, uint256 toSeller, uint256 toArbiter) internal view {
        vm.assertEq(_balanceOf(asset, buyer), toBuyer, "what the buyer has");
        vm.assertEq(_balanceOf(asset, seller), toSeller, "what the seller has");
        vm.assertEq(_balanceOf(asset, arbiter), toArbiter, "what the arbiter has");
    }
}
