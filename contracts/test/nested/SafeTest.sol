// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ISafe, ISafeProxyFactory} from "./ISafe.sol";
import {NestedTest} from "./NestedTest.sol";

/// @title What tests with a Safe start from: the contracts of its npm package, proxies of them, and Safe's hashes
/// @notice The hashes are written from Safe's documented types; they share no code with its contracts.
abstract contract SafeTest is NestedTest {
    string internal constant SAFE_TX =
        "SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,uint256 gasPrice,address gasToken,address refundReceiver,uint256 nonce)";
    string internal constant SAFE_MESSAGE = "SafeMessage(bytes message)";

    address private _singleton;
    address private _handler;
    ISafeProxyFactory private _proxies;

    /// @dev Which Safe the tests run against.
    function _package() internal pure virtual returns (string memory);

    function setUp() public virtual override {
        super.setUp();
        _singleton = _deploySafe("Safe.sol/Safe.json");
        _handler = _deploySafe("handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json");
        _proxies = ISafeProxyFactory(_deploySafe("proxies/SafeProxyFactory.sol/SafeProxyFactory.json"));
    }

    function _deploySafe(string memory artifact) internal returns (address) {
        return _deploy(string.concat("node_modules/@safe-global/", _package(), "/build/artifacts/contracts/", artifact));
    }

    /* SAFES */

    function _createSafe(address[] memory owners, uint256 threshold) internal returns (ISafe) {
        return _createSafe(owners, threshold, _handler);
    }

    function _createSafe(address[] memory owners, uint256 threshold, address handler) internal returns (ISafe) {
        bytes memory initializer = abi.encodeCall(
            ISafe.setup, (owners, threshold, address(0), "", handler, address(0), 0, payable(address(0)))
        );
        return ISafe(_proxies.createProxyWithNonce(_singleton, initializer, 0));
    }

    /// @notice Executes without refund, gas limit or fee; operation 0 is a call, 1 a delegatecall.
    function _execSafe(
        ISafe safe,
        address to,
        uint256 value,
        bytes memory data,
        uint8 operation,
        bytes memory signatures
    ) internal {
        safe.execTransaction(to, value, data, operation, 0, 0, 0, address(0), payable(address(0)), signatures);
    }

    /* HASHES */

    function _safeSeparator(ISafe safe) internal view returns (bytes32) {
        return keccak256(
            abi.encode(keccak256("EIP712Domain(uint256 chainId,address verifyingContract)"), block.chainid, safe)
        );
    }

    function _safeDigest(ISafe safe, bytes32 structHash) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", _safeSeparator(safe), structHash));
    }

    function _safeTx(ISafe safe, address to, uint256 value, bytes memory data, uint8 operation)
        internal
        view
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                keccak256(bytes(SAFE_TX)),
                to,
                value,
                keccak256(data),
                operation,
                0,
                0,
                0,
                address(0),
                address(0),
                safe.nonce()
            )
        );
    }

    function _safeMessage(bytes32 hash) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(bytes(SAFE_MESSAGE)), keccak256(abi.encode(hash))));
    }

    /* SIGNATURES, which a Safe wants in the order of the owners' addresses */

    /// @notice `count` of the keys' accounts, by ascending address.
    function _sortedKeys(uint256 count) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](count);
        for (uint256 i; i < count; ++i) {
            uint256 key = _keyOf(100 + i);
            uint256 place = i;
            for (; place != 0 && vm.addr(keys[place - 1]) > vm.addr(key); --place) {
                keys[place] = keys[place - 1];
            }
            keys[place] = key;
        }
    }

    function _accounts(uint256[] memory keys) internal pure returns (address[] memory accounts) {
        accounts = new address[](keys.length);
        for (uint256 i; i < keys.length; ++i) {
            accounts[i] = vm.addr(keys[i]);
        }
    }

    /// @notice `r ‖ s ‖ v` of the first `count` keys.
    function _signForSafe(uint256[] memory keys, uint256 count, bytes32 digest)
        internal
        pure
        returns (bytes memory signatures)
    {
        for (uint256 i; i < count; ++i) {
            (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[i], digest);
            signatures = abi.encodePacked(signatures, r, s, v);
        }
    }
}
