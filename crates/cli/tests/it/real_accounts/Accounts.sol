// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC7739} from "@openzeppelin/contracts/utils/cryptography/signers/draft-ERC7739.sol";
import {SignerECDSA} from "@openzeppelin/contracts/utils/cryptography/signers/SignerECDSA.sol";
import {SignerEIP7702} from "@openzeppelin/contracts/utils/cryptography/signers/SignerEIP7702.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ERC4337} from "solady/src/accounts/ERC4337.sol";
import {LibClone} from "solady/src/utils/LibClone.sol";

/// Solady's account with a name.
contract SoladyAccount is ERC4337 {
    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("SoladyAccount", "1");
    }
}

/// What viem's `toSoladySmartAccount` asks a factory.
contract SoladyFactory {
    address immutable implementation = address(new SoladyAccount());

    function createAccount(address owner, bytes32 salt) external returns (address account) {
        (, account) = LibClone.createDeterministicERC1967(implementation, salt);
        SoladyAccount(payable(account)).initialize(owner);
    }

    function getAddress(bytes32 salt) external view returns (address) {
        return LibClone.predictDeterministicAddressERC1967(implementation, salt, address(this));
    }
}

/// OpenZeppelin's signer with a key of its own.
contract OpenZeppelinAccount is ERC7739, SignerECDSA {
    constructor(address signer) EIP712("OpenZeppelinAccount", "1") SignerECDSA(signer) {}
}

/// OpenZeppelin's signer for an account that delegates.
contract OpenZeppelinDelegate is ERC7739, SignerEIP7702 {
    constructor() EIP712("OpenZeppelinDelegate", "1") {}

    receive() external payable {}
}

/// What a question costs whoever asks it, the owner being cold.
contract Probe {
    function cost(address owner, bytes32 hash, bytes calldata signature) external view returns (uint256 gas, bytes memory answer) {
        bytes memory question = abi.encodeWithSignature("isValidSignature(bytes32,bytes)", hash, signature);
        gas = gasleft();
        (, answer) = owner.staticcall(question);
        gas -= gasleft();
    }
}
