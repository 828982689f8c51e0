// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC1155Receiver} from "@openzeppelin/contracts/interfaces/IERC1155Receiver.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/interfaces/IERC721Receiver.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

import {IWallet} from "../../src/IWallet.sol";

/// @notice The functions of a wallet. `Inert.t.sol` compares the list with the code.
library Functions {
    uint256 internal constant COUNT = 19;

    function all() internal pure returns (bytes4[] memory known) {
        known = new bytes4[](COUNT);
        known[0] = IWallet.execute.selector;
        known[1] = IWallet.payout.selector;
        known[2] = IWallet.reconfigure.selector;
        known[3] = IWallet.cancel.selector;
        known[4] = IWallet.approve.selector;
        known[5] = IWallet.approved.selector;
        known[6] = 0x1626ba7e; // isValidSignature(bytes32,bytes)
        known[7] = 0x20c13b0b; // isValidSignature(bytes,bytes)
        known[8] = IWallet.config.selector;
        known[9] = IWallet.epoch.selector;
        known[10] = IWallet.getOwners.selector;
        known[11] = IWallet.getThreshold.selector;
        known[12] = IWallet.isOwner.selector;
        known[13] = IWallet.nonce.selector;
        known[14] = IERC5267.eip712Domain.selector;
        known[15] = IERC165.supportsInterface.selector;
        known[16] = IERC721Receiver.onERC721Received.selector;
        known[17] = IERC1155Receiver.onERC1155Received.selector;
        known[18] = IERC1155Receiver.onERC1155BatchReceived.selector;
    }
}
