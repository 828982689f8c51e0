// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicy} from "../../src/IPolicy.sol";
import {Config} from "../../src/IWallet.sol";
import {IWalletFactory} from "../../src/IWalletFactory.sol";
import {Agreeing} from "../support/Answering.sol";
import {ConfigRules} from "../support/ConfigRules.sol";
import {Runtime} from "../support/Runtime.sol";
import {WalletTest} from "../support/WalletTest.sol";

// addressOf
// ├── the rules of a configuration, the policy's too: see ConfigRules
// ├── when sent value: reverts
// ├── before the wallet exists: what `create` will return
// └── when the wallet exists: the same, and asks nobody
contract AddressOfRulesTest is ConfigRules {
    function _encode(Config memory config) internal view override returns (address, bytes memory) {
        return (address(factory), abi.encodeCall(IWalletFactory.addressOf, (config, bytes32("rules"))));
    }

    function _assertTaken(Config memory config, bytes memory answer) internal view override {
        bytes memory initCode = Runtime.initCodeOf(Runtime.codeOf(factory.implementation(), config));
        address expected = Runtime.addressOf(address(factory), "rules", initCode);
        vm.assertEq(answer, abi.encode(expected), "the address of EIP-1014");
    }

    function _asker() internal view override returns (address) {
        return address(factory);
    }
}

contract AddressOfTest is WalletTest {
    function testFuzz_addressOf_isWhatCreateReturns(uint256 count, uint256 threshold, bytes32 salt, bytes memory data)
        public
    {
        count = _bound(count, 1, 20);
        Config memory config = _config(_bound(threshold, 1, count), count);
        config.policyData = data;
        address predicted = factory.addressOf(config, salt);
        vm.assertEq(predicted.code, "", "nothing is there yet");
        vm.assertEq(factory.create(config, salt), predicted, "what create makes");
        vm.assertEq(factory.addressOf(config, salt), predicted, "the same afterwards");
    }

    function test_addressOf_asksNobody_whenTheWalletExists() public {
        Config memory config = _config(2, 3);
        config.policy = address(new Agreeing(address(0)));
        address created = factory.create(config, "policy");
        vm.mockCallRevert(config.policy, abi.encodeWithSelector(IPolicy.checkConfig.selector), "changed its mind");
        vm.assertEq(factory.addressOf(config, "policy"), created, "the same wallet");
    }

    function test_addressOf_reverts_whenSentValue() public {
        vm.deal(address(this), 1);
        (bool ok,) = address(factory).call{value: 1}(abi.encodeCall(IWalletFactory.addressOf, (_config(2, 3), "")));
        vm.assertFalse(ok, "no value");
    }

    function test_implementation_isAContractOfTheFactorys() public view {
        // CREATE: keccak256(rlp([creator, nonce 1]))
        address expected = address(uint160(uint256(keccak256(abi.encodePacked(hex"d694", address(factory), hex"01")))));
        vm.assertEq(factory.implementation(), expected, "what the constructor made");
        vm.assertEq(
            factory.implementation().code.length, vm.getDeployedCode("Wallet.sol:Wallet").length, "the wallet's code"
        );
    }
}
