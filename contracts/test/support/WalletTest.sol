// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {IWalletFactory} from "../../src/IWalletFactory.sol";
import {Digests} from "./Digests.sol";
import {Vm} from "./Vm.sol";

/// @title What every test of a wallet starts from: a factory, owners with keys, and signing
/// @notice Owner i has the key `keyOf(i)`. The wallet of `setUp` is 2-of-3, in epoch 0, with no policy.
abstract contract WalletTest {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @dev A deadline that no test reaches.
    uint256 internal constant LATER = 4_000_000_000;

    IWalletFactory internal factory;
    IWallet internal wallet;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        factory = IWalletFactory(_deploy("WalletFactory.sol:WalletFactory"));
        wallet = _create(2, 3);
    }

    /// @dev By artifact rather than by `new`, so that tests are compiled without the contracts, and in a fraction of
    /// the time.
    function _deploy(string memory artifact) internal returns (address deployed) {
        bytes memory code = vm.getCode(artifact);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        vm.assertTrue(deployed != address(0), artifact);
    }

    /// @notice The token of the fixtures, compiled as the contracts are: where gas is measured.
    function _deployToken() internal returns (address deployed) {
        bytes memory code =
            vm.parseJsonBytes(vm.readFile("../anvil-fixtures/artifacts/TestToken.json"), ".bytecode.object");
        code = bytes.concat(code, abi.encode("Test", "TEST", uint8(6)));
        assembly ("memory-safe") {
            deployed := create(0, add(code, 0x20), mload(code))
        }
        vm.assertTrue(deployed != address(0), "the token");
    }

    /* WALLETS */

    function _keyOf(uint256 index) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("owner", index)));
    }

    function _ownerOf(uint256 index) internal pure returns (address) {
        return vm.addr(_keyOf(index));
    }

    function _config(uint256 threshold, uint256 count) internal pure returns (Config memory config) {
        config.threshold = uint8(threshold);
        config.owners = new address[](count);
        for (uint256 i; i < count; ++i) {
            config.owners[i] = _ownerOf(i);
        }
    }

    /// @notice As many distinct accounts, without keys: where no owner signs, they save most of a test's time.
    function _accounts(uint256 count) internal pure returns (address[] memory accounts) {
        accounts = new address[](count);
        for (uint256 i; i < count; ++i) {
            accounts[i] = address(uint160(0x10000 + i));
        }
    }

    /// @notice A 1-of-`count` configuration of owners whose keys nobody has, for where nobody signs: keys are slow.
    function _configOfStrangers(uint256 count, uint256 seed) internal pure returns (Config memory config) {
        config.threshold = 1;
        config.owners = new address[](count);
        for (uint256 i; i < count; ++i) {
            config.owners[i] = address(uint160(uint256(keccak256(abi.encode("stranger", seed, i)))));
        }
    }

    function _create(uint256 threshold, uint256 count) internal returns (IWallet) {
        return _create(_config(threshold, count));
    }

    function _create(Config memory config) internal returns (IWallet) {
        return IWallet(factory.create(config, bytes32(0)));
    }

    /* SIGNING */

    /// @notice One ECDSA entry of a packed list.
    function _entry(uint256 index, uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (bytes32 r, bytes32 vs) = vm.signCompact(key, digest);
        return abi.encodePacked(uint8(index), r, vs);
    }

    /// @notice One ERC-1271 entry of a packed list; without a signature, one of an owner that approved on chain.
    function _contractEntry(uint256 index, bytes memory signature) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(0x80 | index), uint16(signature.length), signature);
    }

    /// @notice The list of the owners 0 to count-1, each with its own key.
    function _sign(bytes32 digest, uint256 count) internal pure returns (bytes memory signatures) {
        for (uint256 i; i < count; ++i) {
            signatures = bytes.concat(signatures, _entry(i, _keyOf(i), digest));
        }
    }

    /// @notice The list of the owners whose bits are set.
    function _signBy(bytes32 digest, uint256 signers) internal pure returns (bytes memory signatures) {
        for (uint256 i; signers >> i != 0; ++i) {
            if ((signers >> i) & 1 != 0) signatures = bytes.concat(signatures, _entry(i, _keyOf(i), digest));
        }
    }

    /// @notice What authorises an action of the wallet: the list of the first owners up to the threshold.
    function _authorize(bytes32 structHash) internal view returns (bytes memory) {
        return _sign(Digests.toDigest(address(wallet), structHash), wallet.getThreshold());
    }

    /* ACTIONS, signed by the first owners up to the threshold, in the next nonce of lane 0 */

    function _execute(Call[] memory calls) internal {
        uint256 nonce = wallet.nonce(0);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofExecute(calls, nonce, LATER));
        bytes memory signatures = _sign(digest, wallet.getThreshold());
        wallet.execute(calls, nonce, LATER, signatures);
    }

    function _payout(address token, Transfer[] memory transfers) internal {
        uint256 nonce = wallet.nonce(0);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofPayout(token, transfers, nonce, LATER));
        bytes memory signatures = _sign(digest, wallet.getThreshold());
        wallet.payout(token, transfers, nonce, LATER, signatures);
    }

    function _reconfigure(Config memory config) internal {
        uint256 nonce = wallet.nonce(0);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofReconfigure(config, nonce, LATER));
        bytes memory signatures = _sign(digest, wallet.getThreshold());
        wallet.reconfigure(config, nonce, LATER, signatures);
    }

    function _cancel() internal {
        uint256 nonce = wallet.nonce(0);
        bytes32 digest = Digests.toDigest(address(wallet), Digests.ofCancel(nonce, LATER));
        bytes memory signatures = _sign(digest, wallet.getThreshold());
        wallet.cancel(nonce, LATER, signatures);
    }

    /* LISTS */

    function _calls(address to, uint256 value, bytes memory data) internal pure returns (Call[] memory calls) {
        calls = new Call[](1);
        calls[0] = Call(to, value, data);
    }

    function _transfers(address to, uint256 amount) internal pure returns (Transfer[] memory transfers) {
        transfers = new Transfer[](1);
        transfers[0] = Transfer(to, amount);
    }

    function _transfers(address to0, uint256 amount0, address to1, uint256 amount1)
        internal
        pure
        returns (Transfer[] memory transfers)
    {
        transfers = new Transfer[](2);
        transfers[0] = Transfer(to0, amount0);
        transfers[1] = Transfer(to1, amount1);
    }

    function _bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + value % (high - low + 1);
    }
}
