// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config, IWallet} from "../../src/IWallet.sol";
import {ConfigRules} from "../support/ConfigRules.sol";
import {Digests} from "../support/Digests.sol";
import {Runtime} from "../support/Runtime.sol";

// reconfigure
// ├── the rules of a configuration: see ConfigRules
// └── when the wallet is an owner: OwnerInvalid, with its index
contract ReconfigureRulesTest is ConfigRules {
    function testFuzz_rules_refuse_whenTheWalletOwnsItself(uint256 count, uint256 place) public {
        count = _bound(count, 1, 100);
        Config memory config = _configOfStrangers(count, place);
        place = place % count;
        config.owners[place] = address(wallet);
        _assertRefused(config, abi.encodeWithSelector(IWallet.OwnerInvalid.selector, place, address(wallet)));
    }

    function test_rules_accept_whenAnotherWalletIsAnOwner() public {
        Config memory config = _config(1, 2);
        config.owners[1] = address(_create(1, 1));
        _reconfigure(config);
        vm.assertTrue(wallet.isOwner(config.owners[1]), "an owner");
    }

    function _encode(Config memory config) internal view override returns (address, bytes memory) {
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofReconfigure(config, 0, LATER));
        return (address(wallet), abi.encodeCall(IWallet.reconfigure, (config, 0, LATER, _sign(digest, 2))));
    }

    function _assertTaken(Config memory config, bytes memory) internal view override {
        vm.assertEq(abi.encode(wallet.config()), abi.encode(config), "the configuration");
        address pointer = address(uint160(uint256(vm.load(address(wallet), 0)) >> 64));
        vm.assertEq(pointer.code, bytes.concat(hex"00", Runtime.blobOf(config)), "STOP and the blob, byte for byte");
    }

    function _asker() internal view override returns (address) {
        return address(wallet);
    }
}
