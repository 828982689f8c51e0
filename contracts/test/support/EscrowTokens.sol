// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {TestToken} from "../tokens/TestToken.sol";

/// @notice A token whose issuer can block an account, as that of USDC can.
contract BlockListToken is TestToken {
    error Blocked(address account);

    mapping(address account => bool) private _blocked;

    constructor() TestToken("Blocking", "BLK", 6) {}

    function setBlocked(address account, bool isBlocked) external {
        _blocked[account] = isBlocked;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (_blocked[from]) revert Blocked(from);
        if (_blocked[to]) revert Blocked(to);
        super._update(from, to, amount);
    }
}

/// @notice A token that answers false where others revert, and moves nothing then.
contract FalseToken is TestToken {
    bool public isStopped;

    constructor() TestToken("False", "FALSE", 18) {}

    function setStopped(bool stopped) external {
        isStopped = stopped;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (isStopped) return false;
        return super.transfer(to, amount);
    }
}

/// @notice A token that moves on a signature, of a contract too (ERC-1271), as Permit2 and several tokens do.
contract SignatureToken is TestToken {
    bytes32 public constant TRANSFER_TYPEHASH =
        keccak256("TransferBySignature(address from,address to,uint256 amount)");
    bytes32 public immutable SEPARATOR =
        keccak256(abi.encode(keccak256("EIP712Domain(string name)"), keccak256("Signed")));

    error NotSigned(address from);

    constructor() TestToken("Signed", "SIG", 18) {}

    function contentsHash(address from, address to, uint256 amount) public pure returns (bytes32) {
        return keccak256(abi.encode(TRANSFER_TYPEHASH, from, to, amount));
    }

    function transferBySignature(address from, address to, uint256 amount, bytes calldata signature) external {
        bytes32 hash = keccak256(abi.encodePacked(hex"1901", SEPARATOR, contentsHash(from, to, amount)));
        bytes4 answer = IERC1271(from).isValidSignature(hash, signature);
        if (answer != IERC1271.isValidSignature.selector) revert NotSigned(from);
        _transfer(from, to, amount);
    }
}
