// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC1155Utils} from "@openzeppelin/contracts/token/ERC1155/utils/ERC1155Utils.sol";
import {ERC721Utils} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Utils.sol";
import {ERC1155} from "solady/tokens/ERC1155.sol";
import {ERC721} from "solady/tokens/ERC721.sol";

import {WalletTest} from "../support/WalletTest.sol";

// ERC-721 and ERC-1155
// ├── the wallet takes what is sent safely, singly or in batches, with data or without: Solady's tokens
// ├── and can send it on
// └── its hooks pass the check that OpenZeppelin's tokens make, whatever the arguments
//
// OpenZeppelin's tokens themselves need MCOPY, which the contracts are compiled without.
contract ReceiversTest is WalletTest {
    address private constant ALICE = address(0xA11CE);

    Nft private nft;
    Multi private multi;

    function setUp() public override {
        super.setUp();
        nft = new Nft();
        multi = new Multi();
    }

    /* TOKENS */

    function testFuzz_erc721_isTakenAndSentOn(uint256 id, bytes memory data, address payee) public {
        vm.assume(payee != address(0) && payee != address(wallet));
        nft.mint(ALICE, id);
        vm.prank(ALICE);
        nft.safeTransferFrom(ALICE, address(wallet), id, data);
        vm.assertEq(nft.ownerOf(id), address(wallet), "taken");
        _execute(_calls(address(nft), 0, abi.encodeCall(nft.transferFrom, (address(wallet), payee, id))));
        vm.assertEq(nft.ownerOf(id), payee, "sent on");
    }

    function test_erc721_isTaken_whenMintedSafely() public {
        nft.safeMint(address(wallet), 1);
        vm.assertEq(nft.ownerOf(1), address(wallet), "taken");
    }

    function testFuzz_erc1155_isTakenAndSentOn(uint256 id, uint256 amount, bytes memory data) public {
        multi.mint(ALICE, id, amount);
        vm.prank(ALICE);
        multi.safeTransferFrom(ALICE, address(wallet), id, amount, data);
        vm.assertEq(multi.balanceOf(address(wallet), id), amount, "taken");
        bytes memory send = abi.encodeCall(multi.safeTransferFrom, (address(wallet), address(0xB0B), id, amount, data));
        _execute(_calls(address(multi), 0, send));
        vm.assertEq(multi.balanceOf(address(0xB0B), id), amount, "sent on");
    }

    function testFuzz_erc1155_isTakenInBatches(uint128 id, uint256 amount, uint256 length, bytes memory data) public {
        uint256[] memory ids = new uint256[](length % 10);
        uint256[] memory amounts = new uint256[](ids.length);
        for (uint256 i; i < ids.length; ++i) {
            (ids[i], amounts[i]) = (id + i, amount);
            multi.mint(ALICE, ids[i], amount);
        }
        vm.prank(ALICE);
        multi.safeBatchTransferFrom(ALICE, address(wallet), ids, amounts, data);
        for (uint256 i; i < ids.length; ++i) {
            vm.assertEq(multi.balanceOf(address(wallet), ids[i]), amount, "taken");
        }
    }

    /* THE CHECK OF OPENZEPPELIN'S TOKENS */

    function testFuzz_onERC721Received_agrees(address operator, address from, uint256 id, bytes memory data) public {
        ERC721Utils.checkOnERC721Received(operator, from, address(wallet), id, data);
    }

    function testFuzz_onERC1155Received_agrees(
        address operator,
        address from,
        uint256 id,
        uint256 amount,
        bytes memory data
    ) public {
        ERC1155Utils.checkOnERC1155Received(operator, from, address(wallet), id, amount, data);
    }

    function testFuzz_onERC1155BatchReceived_agrees(
        address operator,
        address from,
        uint256[] memory ids,
        uint256[] memory amounts,
        bytes memory data
    ) public {
        ERC1155Utils.checkOnERC1155BatchReceived(operator, from, address(wallet), ids, amounts, data);
    }
}

/// @dev An ERC-721 that anyone may mint.
contract Nft is ERC721 {
    function mint(address to, uint256 id) external {
        _mint(to, id);
    }

    function safeMint(address to, uint256 id) external {
        _safeMint(to, id);
    }

    function name() public pure override returns (string memory) {
        return "Test";
    }

    function symbol() public pure override returns (string memory) {
        return "TEST";
    }

    function tokenURI(uint256) public pure override returns (string memory) {
        return "";
    }
}

/// @dev An ERC-1155 that anyone may mint.
contract Multi is ERC1155 {
    function mint(address to, uint256 id, uint256 amount) external {
        _mint(to, id, amount, "");
    }

    function uri(uint256) public pure override returns (string memory) {
        return "";
    }
}
