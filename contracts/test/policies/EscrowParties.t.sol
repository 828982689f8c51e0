// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {Digests} from "../support/Digests.sol";
import {EscrowTest} from "../support/EscrowTest.sol";

// A party that cannot sign by ECDSA has the same rights
// ├── a contract, by ERC-1271: alone in its lane, and together with others
// └── an owner that approved on chain
contract EscrowPartiesTest is EscrowTest {
    IWallet private _treasury;

    /// @dev The buyer is a wallet of two, of the owners 10 and 11.
    function setUp() public override {
        super.setUp();
        Config memory config = _config(2, 2);
        (config.owners[0], config.owners[1]) = (_ownerOf(10), _ownerOf(11));
        _treasury = _create(config);
        config = _escrowConfig(_terms());
        config.owners[BUYER] = address(_treasury);
        wallet = _create(config);
        vm.deal(address(wallet), FUNDS);
    }

    function test_payout_paysTheSeller_whenTheBuyerIsAWalletAndSigns() public {
        Transfer[] memory transfers = _transfers(seller, 60 ether);
        uint256 nonce = wallet.nonce(1);
        bytes memory signatures = _treasurySigns(_digestOf(transfers, nonce));
        wallet.payout(address(0), transfers, nonce, LATER, signatures);
        _assertPaid(address(0), 0, 60 ether, 0);
    }

    function test_payout_splits_whenTheBuyerIsAWalletAndSignsWithTheArbiter() public {
        Transfer[] memory transfers = _transfers(seller, 60 ether, address(_treasury), EVERYTHING);
        uint256 nonce = wallet.nonce(FREE_LANE);
        bytes32 digest = _digestOf(transfers, nonce);
        bytes memory signatures = bytes.concat(_treasurySigns(digest), _entry(ARBITER, _keyOf(ARBITER), digest));
        wallet.payout(address(0), transfers, nonce, LATER, signatures);
        vm.assertEq(address(_treasury).balance, 40 ether, "what the buyer has");
    }

    function test_payout_splits_whenTheSellerApprovedOnChain() public {
        Transfer[] memory transfers = _transfers(seller, 60 ether, address(_treasury), EVERYTHING);
        uint256 nonce = wallet.nonce(FREE_LANE);
        bytes32 digest = _digestOf(transfers, nonce);
        vm.prank(seller);
        wallet.approve(digest);
        bytes memory signatures = bytes.concat(_contractEntry(SELLER, ""), _entry(ARBITER, _keyOf(ARBITER), digest));
        wallet.payout(address(0), transfers, nonce, LATER, signatures);
        _assertPaid(address(0), 0, 60 ether, 0);
    }

    function test_payout_isNotForTheSubmitterToTake_whenItIsTheBuyer() public {
        Transfer[] memory transfers = _transfers(address(_treasury), EVERYTHING);
        uint256 nonce = wallet.nonce(1);
        bytes memory signatures = _treasurySigns(_digestOf(transfers, nonce));
        vm.prank(address(_treasury));
        vm.expectRevert(_refusal(_payeeNotAllowed(0, address(_treasury), BY_BUYER, _terms().expiry)));
        wallet.payout(address(0), transfers, nonce, LATER, signatures);
    }

    function _digestOf(Transfer[] memory transfers, uint256 nonce) private view returns (bytes32) {
        return Digests.toDigest(address(wallet), Digests.ofPayout(address(0), transfers, nonce, LATER));
    }

    /// @dev The buyer's entry: its owners sign the escrow's digest nested as ERC-7739 says.
    function _treasurySigns(bytes32 digest) private view returns (bytes memory) {
        bytes32 structHash = keccak256(abi.encode(keccak256("PersonalSign(bytes prefixed)"), digest));
        bytes32 nested = Digests.toDigest(address(_treasury), structHash);
        return _contractEntry(BUYER, bytes.concat(_entry(0, _keyOf(10), nested), _entry(1, _keyOf(11), nested)));
    }
}
