// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @notice One recorded event.
struct Log {
    bytes32[] topics;
    bytes data;
    address emitter;
}

/// @notice One call, creation or look at an account, as forge records it; the fields behind `depth` are left out.
struct AccountAccess {
    uint256 forkId;
    uint256 chainId;
    uint8 kind; // 0 is a call
    address account;
    address accessor;
    bool initialized;
    uint256 oldBalance;
    uint256 newBalance;
    bytes deployedCode;
    uint256 value;
    bytes data;
    bool reverted;
    StorageAccess[] storageAccesses;
    uint64 depth;
}

struct StorageAccess {
    address account;
    bytes32 slot;
    bool isWrite;
    bytes32 previousValue;
    bytes32 newValue;
    bool reverted;
}

/// @notice What the last call used; where forge runs each call as a transaction of its own, all that a sender pays for.
struct Gas {
    uint64 gasLimit;
    uint64 gasTotalUsed;
    uint64 gasMemoryUsed;
    int64 gasRefunded;
    uint64 gasRemaining;
}

/// @notice The cheatcodes of forge that these tests use.
interface Vm {
    /* keys and signatures */
    function addr(uint256 privateKey) external pure returns (address);
    function sign(uint256 privateKey, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function signCompact(uint256 privateKey, bytes32 digest) external pure returns (bytes32 r, bytes32 vs);

    /* the state of the chain */
    function warp(uint256 timestamp) external;
    function chainId(uint256 id) external;
    function setEvmVersion(string calldata version) external;
    function deal(address account, uint256 balance) external;
    function etch(address account, bytes calldata code) external;
    function load(address account, bytes32 slot) external view returns (bytes32);
    function store(address account, bytes32 slot, bytes32 value) external;
    function record() external;
    function accesses(address account) external returns (bytes32[] memory reads, bytes32[] memory writes);
    function startStateDiffRecording() external;
    function stopAndReturnStateDiff() external returns (AccountAccess[] memory);
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
    function snapshotState() external returns (uint256 id);
    function revertToState(uint256 id) external returns (bool);
    function cool(address account) external;
    function lastCallGas() external view returns (Gas memory);

    /* callers and expectations */
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function expectRevert() external;
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata revertData) external;
    function expectPartialRevert(bytes4 selector) external;
    function expectEmit(bool topic1, bool topic2, bool topic3, bool data, address emitter) external;
    function expectCall(address callee, bytes calldata data) external;
    function expectCall(address callee, bytes calldata data, uint64 count) external;
    function mockCall(address callee, bytes calldata data, bytes calldata answer) external;
    function mockCallRevert(address callee, bytes calldata data, bytes calldata reason) external;
    function clearMockedCalls() external;
    function assume(bool condition) external pure;
    function skip(bool skipTest) external;
    function label(address account, string calldata name) external;

    /* files */
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function parseJsonUintArray(string calldata json, string calldata key) external pure returns (uint256[] memory);
    function parseJsonAddress(string calldata json, string calldata key) external pure returns (address);
    function parseJsonAddressArray(string calldata json, string calldata key) external pure returns (address[] memory);
    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
    function parseJsonType(string calldata json, string calldata key, string calldata typeDescription)
        external
        pure
        returns (bytes memory);
    function keyExistsJson(string calldata json, string calldata key) external view returns (bool);
    function toString(uint256 value) external pure returns (string memory);
    function toString(address value) external pure returns (string memory);
    function getCode(string calldata artifact) external view returns (bytes memory);
    function getDeployedCode(string calldata artifact) external view returns (bytes memory);

    /* assertions */
    function assertTrue(bool condition, string calldata claim) external pure;
    function assertFalse(bool condition, string calldata claim) external pure;
    function assertEq(uint256 left, uint256 right, string calldata claim) external pure;
    function assertEq(address left, address right, string calldata claim) external pure;
    function assertEq(bytes32 left, bytes32 right, string calldata claim) external pure;
    function assertEq(bytes calldata left, bytes calldata right, string calldata claim) external pure;
    function assertEq(string calldata left, string calldata right, string calldata claim) external pure;
    function assertEq(address[] calldata left, address[] calldata right, string calldata claim) external pure;
    function assertEq(uint256[] calldata left, uint256[] calldata right, string calldata claim) external pure;
    function assertNotEq(bytes32 left, bytes32 right, string calldata claim) external pure;
    function assertNotEq(address left, address right, string calldata claim) external pure;
    function assertLt(uint256 left, uint256 right, string calldata claim) external pure;
    function assertLe(uint256 left, uint256 right, string calldata claim) external pure;
    function assertGe(uint256 left, uint256 right, string calldata claim) external pure;
}
