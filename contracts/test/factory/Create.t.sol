// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IPolicy} from "../../src/IPolicy.sol";
import {Config, IWallet} from "../../src/IWallet.sol";
import {IWalletFactory} from "../../src/IWalletFactory.sol";
import {Agreeing, Writing} from "../support/Answering.sol";
import {ConfigRules} from "../support/ConfigRules.sol";
import {Runtime} from "../support/Runtime.sol";
import {Log} from "../support/Vm.sol";
import {WalletTest} from "../support/WalletTest.sol";

// create
// ├── the rules of a configuration: see ConfigRules
// ├── when sent value: reverts
// ├── when the wallet exists, whoever made it: returns it, emits nothing, asks nobody
// ├── when there is too little gas: reverts, with CreationFailed where CREATE2 failed, and there is no wallet
// └── otherwise
//     ├── makes the wallet at the address of EIP-1014, which no caller and no block changes
//     ├── its code is the program and the configuration, byte for byte
//     ├── emits WalletCreated
//     └── leaves ether there that was sent before
contract CreateRulesTest is ConfigRules {
    function _encode(Config memory config) internal view override returns (address, bytes memory) {
        return (address(factory), abi.encodeCall(IWalletFactory.create, (config, bytes32(0))));
    }

    function _assertTaken(Config memory config, bytes memory answer) internal view override {
        IWallet created = IWallet(abi.decode(answer, (address)));
        vm.assertEq(abi.encode(created.config()), abi.encode(config), "the configuration");
        vm.assertEq(address(created).code, Runtime.codeOf(factory.implementation(), config), "the code, byte for byte");
    }

    function _asker() internal view override returns (address) {
        return address(factory);
    }
}

contract CreateTest is WalletTest {
    function testFuzz_create_makesTheWalletWhereEip1014Says(bytes32 salt, bytes memory policyData) public {
        Config memory config = _config(2, 3);
        config.policyData = policyData;
        bytes memory code = Runtime.codeOf(factory.implementation(), config);
        address created = factory.create(config, salt);
        vm.assertEq(
            created, Runtime.addressOf(address(factory), salt, Runtime.initCodeOf(code)), "the address of EIP-1014"
        );
        vm.assertEq(created.code, code, "the program and the configuration");
    }

    function testFuzz_create_emitsWalletCreated(bytes32 salt) public {
        Config memory config = _config(3, 5);
        config.policyData = "terms";
        address predicted = factory.addressOf(config, salt);
        vm.expectEmit(true, false, false, true, address(factory));
        emit IWalletFactory.WalletCreated(predicted, config, salt);
        factory.create(config, salt);
    }

    function test_create_emitsOneEventAndNoOther() public {
        vm.recordLogs();
        factory.create(_config(1, 1), "new");
        Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 1, "one event");
        vm.assertEq(logs[0].topics[0], IWalletFactory.WalletCreated.selector, "WalletCreated");
    }

    function testFuzz_create_makesTheSameWallet_whoeverCallsAndWhenever(address caller, uint32 time) public {
        Config memory config = _config(2, 3);
        address predicted = factory.addressOf(config, "same");
        vm.warp(time);
        vm.prank(caller);
        vm.assertEq(factory.create(config, "same"), predicted, "the same wallet");
    }

    function testFuzz_create_makesAnotherWallet_whenAnythingDiffers(bytes32 salt, uint256 which) public {
        Config memory config = _config(2, 3);
        config.policy = address(new Agreeing(address(0)));
        config.policyData = "terms";
        address first = factory.create(config, salt);
        which = which % 6;
        if (which == 0) config.threshold = 3;
        if (which == 1) (config.owners[0], config.owners[1]) = (config.owners[1], config.owners[0]);
        if (which == 2) config.owners[2] = _ownerOf(9);
        if (which == 3) config.policy = address(new Agreeing(address(0)));
        if (which == 4) config.policyData = "term";
        if (which == 5) salt = ~salt;
        vm.assertNotEq(factory.create(config, salt), first, "another wallet");
    }

    // What the last owner's bytes and the first of policyData are together must not matter.
    function test_create_makesAnotherWallet_whenAnOwnerMovesIntoThePolicyData() public {
        Config memory short = _config(1, 2);
        short.policyData = abi.encodePacked(_ownerOf(2));
        vm.assertNotEq(factory.create(short, ""), factory.create(_config(1, 3), ""), "another wallet");
    }

    /* AN EXISTING WALLET */

    function testFuzz_create_returnsTheWallet_whenItExists(address first, address second) public {
        Config memory config = _config(2, 3);
        vm.prank(first);
        address created = factory.create(config, "front-run");
        vm.recordLogs();
        vm.prank(second);
        vm.assertEq(factory.create(config, "front-run"), created, "the same wallet");
        vm.assertEq(vm.getRecordedLogs().length, 0, "no event");
    }

    function test_create_returnsTheWallet_whenItWasReconfigured() public {
        address before = address(wallet);
        _reconfigure(_config(1, 1));
        vm.assertEq(factory.create(_config(2, 3), bytes32(0)), before, "the same wallet");
        vm.assertEq(wallet.getThreshold(), 1, "and its present configuration");
    }

    function test_create_asksNobody_whenTheWalletExists() public {
        Config memory config = _config(2, 3);
        config.policy = address(new Agreeing(address(0)));
        address created = factory.create(config, "policy");
        vm.mockCallRevert(config.policy, abi.encodeWithSelector(IPolicy.checkConfig.selector), "changed its mind");
        vm.assertEq(factory.create(config, "policy"), created, "the same wallet");
    }

    function test_create_returnsTheWalletCheaply_whenItExists() public {
        Config memory config = _config(2, 3);
        factory.create{gas: 60_000}(config, bytes32(0));
    }

    /* VALUE */

    function test_create_reverts_whenSentValue() public {
        bytes memory data = abi.encodeCall(IWalletFactory.create, (_config(2, 3), "value"));
        vm.deal(address(this), 1);
        (bool ok,) = address(factory).call{value: 1}(data);
        vm.assertFalse(ok, "no value with create");
        (ok,) = address(factory).call{value: 1}("");
        vm.assertFalse(ok, "no plain ether either");
    }

    function test_create_leavesEtherThatWasSentBefore() public {
        address predicted = factory.addressOf(_config(2, 3), "paid first");
        vm.deal(predicted, 5 ether);
        vm.assertEq(factory.create(_config(2, 3), "paid first"), predicted, "the wallet");
        vm.assertEq(predicted.balance, 5 ether, "has its ether");
    }

    /* GAS */

    function testFuzz_create_makesAWholeWalletOrNone_whateverTheGas(uint256 gas_) public {
        Config memory config = _largest();
        bytes memory data = abi.encodeCall(IWalletFactory.create, (config, "gas"));
        address predicted = factory.addressOf(config, "gas");
        (bool ok,) = address(factory).call{gas: _bound(gas_, 0, 1_600_000)}(data);
        if (ok) vm.assertEq(predicted.code, Runtime.codeOf(factory.implementation(), config), "a whole wallet");
        else vm.assertEq(predicted.code, "", "no wallet");
        vm.assertEq(factory.create(config, "gas"), predicted, "and it can be made now");
    }

    function test_create_reverts_whenCreate2RunsOutOfGas() public {
        Config memory config = _largest();
        address predicted = factory.addressOf(config, "gas");
        vm.expectRevert(abi.encodeWithSelector(IWalletFactory.CreationFailed.selector, predicted));
        factory.create{gas: 1_000_000}(config, "gas");
    }

    function _largest() private returns (Config memory config) {
        config = _configOfStrangers(100, 1);
        config.policy = address(new Agreeing(address(0)));
        config.policyData = new bytes(4096);
    }

    /* POLICY */

    function test_create_refusesAPolicyThatWrites() public {
        Config memory config = _config(2, 3);
        config.policy = address(new Writing());
        vm.expectRevert(abi.encodeWithSelector(IWallet.PolicyRefused.selector, config.policy, ""));
        // Writing in a static call takes all the gas that the call was given.
        factory.create{gas: 1_000_000}(config, "writes");
    }

    function test_create_refusesPrecompilesAsPolicies() public {
        Config memory config = _config(2, 3);
        for (uint160 i = 1; i < 10; ++i) {
            config.policy = address(i);
            vm.expectPartialRevert(IWallet.PolicyRefused.selector);
            factory.create{gas: 1_000_000}(config, "precompile");
        }
    }
}
