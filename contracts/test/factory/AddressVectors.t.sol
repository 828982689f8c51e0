// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Config} from "../../src/IWallet.sol";
import {IWalletFactory} from "../../src/IWalletFactory.sol";
import {Agreeing} from "../support/Answering.sol";
import {VectorTest} from "../support/VectorTest.sol";

struct Made {
    string name;
    address deployer;
    address factory;
    address implementation;
    Config config;
    bytes32 salt;
    bytes code;
    bytes32 initCodeHash;
    address wallet;
}

// What viem says a factory at a known address makes
// └── each wallet: the same address, before and after it is made, and the same code
contract AddressVectorsTest is VectorTest {
    string private constant FILE = "addresses.json";

    function test_wallets_areWhereViemSays() public {
        uint256 count = _countOf(FILE, "wallets");
        for (uint256 i; i < count; ++i) {
            this.checkWallet(i);
        }
        vm.assertGe(count, 3, "the file has wallets");
    }

    /// @dev One vector, in a call of its own.
    function checkWallet(uint256 place) external {
        bytes memory parsed = vm.parseJsonType(
            _file(FILE),
            _at("wallets", place),
            string.concat(
                "Made(string name,address deployer,address factory,address implementation,Config config,bytes32 salt,bytes code,bytes32 initCodeHash,address wallet)",
                CONFIG
            )
        );
        Made memory made = abi.decode(parsed, (Made));
        IWalletFactory known = IWalletFactory(made.factory);
        if (made.factory.code.length == 0) {
            vm.prank(made.deployer);
            vm.assertEq(_deploy("WalletFactory.sol:WalletFactory"), made.factory, made.name);
        }
        vm.assertEq(known.implementation(), made.implementation, made.name);
        if (made.config.policy != address(0)) vm.etch(made.config.policy, address(new Agreeing(address(0))).code);

        vm.assertEq(known.addressOf(made.config, made.salt), made.wallet, made.name);
        vm.assertEq(known.create(made.config, made.salt), made.wallet, made.name);
        vm.assertEq(made.wallet.code, made.code, made.name);
        bytes32 hash = keccak256(abi.encodePacked(hex"ff", made.factory, made.salt, made.initCodeHash));
        vm.assertEq(made.wallet, address(uint160(uint256(hash))), made.name);
    }
}
