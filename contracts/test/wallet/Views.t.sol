// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {Config, IWallet} from "../../src/IWallet.sol";
import {Agreeing} from "../support/Answering.sol";
import {Digests} from "../support/Digests.sol";
import {WalletTest} from "../support/WalletTest.sol";

// config, getOwners, getThreshold, isOwner
// ├── before any reconfiguration: what the wallet was created with
// └── after one, or several: the last
// epoch: the number of reconfigurations, and of no other action
// nonce: the lane's bits, and the number of actions that went through in that lane
// approved: whether that account approved that digest, owner or not
// eip712Domain: the five fields that digests are made of
// supportsInterface: the five that a wallet has
contract ViewsTest is WalletTest {
    /* THE CONFIGURATION */

    function testFuzz_config_isWhatTheWalletWasCreatedWith(uint256 count, uint256 seed, bytes memory data) public {
        Config memory config = _anyConfig(count, seed, data);
        wallet = _create(config);
        _assertConfig(config);
        vm.assertEq(wallet.epoch(), 0, "no epoch has ended");
    }

    function testFuzz_config_isTheLast_whenReconfigured(uint256 count, uint256 seed, bytes memory data) public {
        Config memory between = _config(1, 2);
        between.policyData = new bytes(300);
        _reconfigure(between);
        _assertConfig(between);
        Config memory config = _anyConfig(count, seed, data);
        _reconfigure(config);
        _assertConfig(config);
        vm.assertEq(wallet.epoch(), 2, "two epochs have ended");
    }

    function testFuzz_isOwner_isFalse_forAnyoneElse(address account) public view {
        for (uint256 i; i < 3; ++i) {
            vm.assume(account != _ownerOf(i));
        }
        vm.assertFalse(wallet.isOwner(account), "not an owner");
    }

    // The bytes behind the last owner are policyData, and must not be taken for another.
    function test_isOwner_isFalse_forAnAccountInThePolicyData() public {
        Config memory config = _config(1, 1);
        config.policyData = abi.encodePacked(_ownerOf(1));
        wallet = _create(config);
        vm.assertFalse(wallet.isOwner(_ownerOf(1)), "not an owner");
        vm.assertFalse(wallet.isOwner(address(0)), "nor is zero");
    }

    function test_isOwner_isFalse_forAnOwnerWhoWasRemoved() public {
        _reconfigure(_config(1, 2));
        vm.assertTrue(wallet.isOwner(_ownerOf(1)), "stayed");
        vm.assertFalse(wallet.isOwner(_ownerOf(2)), "removed");
    }

    /* EPOCH AND NONCES */

    function test_epoch_countsReconfigurationsOnly() public {
        _cancel();
        _execute(_calls(address(1), 0, ""));
        _payout(address(0), _transfers(address(1), 0));
        vm.assertEq(wallet.epoch(), 0, "no other action ends an epoch");
        for (uint256 i = 1; i <= 3; ++i) {
            _reconfigure(_config(2, 3));
            vm.assertEq(wallet.epoch(), i, "even to the same configuration");
        }
    }

    function testFuzz_nonce_beginsAtSequenceZero(uint192 lane) public view {
        vm.assertEq(wallet.nonce(lane), uint256(lane) << 64, "the lane's bits alone");
    }

    function test_nonce_countsEveryActionOfLaneZero() public {
        _cancel();
        _execute(_calls(address(1), 0, ""));
        _payout(address(0), _transfers(address(1), 0));
        _reconfigure(_config(2, 3));
        vm.assertEq(wallet.nonce(0), 4, "one of each");
    }

    function testFuzz_nonce_survivesAReconfiguration(uint192 lane) public {
        _cancelIn(lane);
        _cancelIn(lane);
        uint256 before = wallet.nonce(lane);
        vm.assertEq(before, uint256(lane) << 64 | 2, "two are consumed");
        _reconfigure(_config(1, 1));
        vm.assertEq(wallet.nonce(lane), lane == 0 ? 3 : before, "and stay consumed");
    }

    /* APPROVALS */

    function testFuzz_approved_isTheOwnersOwnWordOnly(bytes32 digest, bytes32 other, address stranger) public {
        vm.assume(other != digest && stranger != _ownerOf(1));
        vm.assertFalse(wallet.approved(digest, _ownerOf(1)), "not before");
        vm.prank(_ownerOf(1));
        wallet.approve(digest);
        vm.assertTrue(wallet.approved(digest, _ownerOf(1)), "afterwards");
        vm.assertFalse(wallet.approved(other, _ownerOf(1)), "no other digest");
        vm.assertFalse(wallet.approved(digest, stranger), "nobody else's");
    }

    function test_approved_staysTrue_whenTheOwnerIsRemoved() public {
        vm.prank(_ownerOf(2));
        wallet.approve("digest");
        _reconfigure(_config(1, 2));
        vm.assertTrue(wallet.approved("digest", _ownerOf(2)), "a record of the past");
    }

    /* STANDARDS */

    function testFuzz_eip712Domain_namesTheFieldsOfEveryDigest(uint64 chainId, uint8 epochs) public {
        chainId = uint64(_bound(chainId, 1, type(uint64).max));
        vm.chainId(chainId);
        epochs = epochs % 3;
        for (uint256 i; i < epochs; ++i) {
            _reconfigure(_config(2, 3));
        }
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chain,
            address verifier,
            bytes32 salt,
            uint256[] memory extensions
        ) = IERC5267(address(wallet)).eip712Domain();
        vm.assertEq(bytes32(fields), bytes32(bytes1(0x1f)), "all five fields are in use");
        vm.assertEq(name, "Quorate", "name");
        vm.assertEq(version, "1", "version");
        vm.assertEq(chain, chainId, "the chain's id, read live");
        vm.assertEq(verifier, address(wallet), "the wallet");
        vm.assertEq(uint256(salt), epochs, "the epoch");
        vm.assertEq(extensions.length, 0, "no extensions");
    }

    function testFuzz_supportsInterface_isTrueForTheFiveOnly(bytes4 id) public view {
        IERC165 target = IERC165(address(wallet));
        vm.assertTrue(target.supportsInterface(0x01ffc9a7), "ERC-165");
        vm.assertTrue(target.supportsInterface(0x150b7a02), "ERC-721 receiver");
        vm.assertTrue(target.supportsInterface(0x4e2312e0), "ERC-1155 receiver");
        vm.assertTrue(target.supportsInterface(0x1626ba7e), "ERC-1271");
        vm.assertTrue(target.supportsInterface(0x84b0196e), "ERC-5267");
        vm.assertFalse(target.supportsInterface(0xffffffff), "ERC-165 asks for this refusal");
        vm.assume(id != 0x01ffc9a7 && id != 0x150b7a02 && id != 0x4e2312e0 && id != 0x1626ba7e && id != 0x84b0196e);
        vm.assertFalse(target.supportsInterface(id), "nothing else");
    }

    function test_supportsInterface_staysWithinTheGasOfErc165() public view {
        vm.assertTrue(IERC165(address(wallet)).supportsInterface{gas: 30_000}(0x84b0196e), "30,000");
    }

    /* HELPERS */

    /// @dev The first owner has a key, so that the wallet can act.
    function _anyConfig(uint256 count, uint256 seed, bytes memory data) private returns (Config memory config) {
        config = _configOfStrangers(_bound(count, 1, 100), seed);
        config.owners[0] = _ownerOf(0);
        config.policyData = data;
        if (seed & 1 != 0) config.policy = address(new Agreeing(address(0)));
    }

    function _assertConfig(Config memory config) private view {
        vm.assertEq(abi.encode(wallet.config()), abi.encode(config), "config");
        vm.assertEq(wallet.getOwners(), config.owners, "getOwners");
        vm.assertEq(wallet.getThreshold(), config.threshold, "getThreshold");
        for (uint256 i; i < config.owners.length; ++i) {
            vm.assertTrue(wallet.isOwner(config.owners[i]), "isOwner");
        }
        vm.assertFalse(wallet.isOwner(config.policy), "the policy is no owner");
    }

    function _cancelIn(uint192 lane) private {
        uint256 nonce = wallet.nonce(lane);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(nonce, LATER));
        wallet.cancel(nonce, LATER, _sign(digest, 2));
    }
}
