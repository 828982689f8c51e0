// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {TestToken} from "../tokens/TestToken.sol";

/// @notice Tells payees of what they get before it returns, as ERC-777 does.
contract HookedToken is TestToken {
    constructor() TestToken("Hooked", "HOOK", 18) {}

    function transfer(address to, uint256 amount) public override returns (bool ok) {
        ok = super.transfer(to, amount);
        // forge-lint: disable-next-line(unchecked-call)
        (bool heard,) = to.call(abi.encodeWithSignature("tokensReceived(uint256)", amount));
        heard;
    }
}

/// @notice Keeps a hundredth of what is paid.
contract TaxedToken is TestToken {
    constructor() TestToken("Taxed", "TAX", 18) {}

    function transfer(address to, uint256 amount) public override returns (bool) {
        _burn(msg.sender, amount / 100);
        return super.transfer(to, amount - amount / 100);
    }
}
