// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IWallet, Transfer} from "../../src/IWallet.sol";
import {CourierTest} from "../support/CourierTest.sol";
import {Digests} from "../support/Digests.sol";
import {TestToken} from "../tokens/TestToken.sol";

/// @title What an execution costs when it is carried with others
/// @notice Wallets of 2-of-3, each of which pays its own payee; each call is a transaction of its own, under osaka
/// rules. Everything is done three times and the third counts: payees hold a balance, nonces are not zero. The figures
/// stand in docs/contracts.md.
/// forge-config: default.isolate = true
contract CourierGasTest is CourierTest {
    TestToken private token;
    IWallet[] private wallets;

    function setUp() public override {
        super.setUp();
        vm.setEvmVersion("osaka");
        token = TestToken(_deployToken());
        for (uint256 i; i < 20; ++i) {
            wallets.push(IWallet(factory.create(_config(2, 3), keccak256(abi.encode(i)))));
            vm.deal(address(wallets[i]), 100 ether);
            token.mint(address(wallets[i]), 1e12);
        }
    }

    function test_ether_ofTenWallets() public {
        vm.assertLe(_carry(address(0), 10, false), 35_600, "each of ten");
    }

    function test_ether_ofTwentyWallets() public {
        vm.assertLe(_carry(address(0), 20, false), 34_400, "each of twenty");
    }

    function test_tokens_ofTenWallets() public {
        vm.assertLe(_carry(address(token), 10, false), 39_600, "each of ten");
    }

    function test_ether_tenOfOneWallet() public {
        vm.assertLe(_carry(address(0), 10, true), 29_050, "each of ten");
    }

    /// @return What one of `count` executions costs.
    function _carry(address asset, uint256 count, bool isOneWallet) private returns (uint256) {
        for (uint256 n; n < 3; ++n) {
            Parcel[] memory parcels = new Parcel[](count);
            for (uint256 i; i < count; ++i) {
                parcels[i] = Parcel(100_000, address(wallets[isOneWallet ? 0 : i]), _signed(asset, i, isOneWallet));
            }
            courier.deliver(_pack(parcels));
        }
        return vm.lastCallGas().gasTotalUsed / count;
    }

    /// @dev One wallet's are the next of one lane, one after another.
    function _signed(address asset, uint256 i, bool isOneWallet) private returns (bytes memory) {
        wallet = wallets[isOneWallet ? 0 : i];
        uint256 amount = asset == address(0) ? 137_512_345_678_901_234 : 1_250_370_000;
        Transfer[] memory transfers = _transfers(address(uint160(uint256(keccak256(abi.encode(i))))), amount + i);
        uint256 nonce = wallet.nonce(0) + (isOneWallet ? i : 0);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofPayout(asset, transfers, nonce, LATER));
        return abi.encodeCall(IWallet.payout, (asset, transfers, nonce, LATER, _sign(digest, 2)));
    }
}
