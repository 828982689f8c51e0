// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// @title Carries several calls in one transaction
/// @notice For executions of wallets, which need no trust in who submits them: each saves the 21,000 gas of a
/// transaction of its own, and what the parcels before it have warmed. Without owner, state or ether; one contract
/// serves everyone. The sender of the calls is this contract, so nobody should give it any right.
///
/// @dev Warning: a parcel changes no other's outcome by its gas, its revert or what it returns. By state it may, as two
/// transactions in that order could.
/// @dev Warning: `Undelivered` is a hint. What a parcel calls can call `deliver` itself, and so have one emitted for
/// any index. That an action took place is said by its wallet's `Executed` alone.
interface ICourier {
    /* EVENTS */

    /// @notice A call reverted; those of the other parcels stand.
    /// @param index The parcel's place, from 0.
    /// @param to What was called.
    /// @param reason What it returned, cut at 256 bytes.
    event Undelivered(uint256 indexed index, address indexed to, bytes reason);

    /* ERRORS */

    /// @notice The parcel at this index is cut off.
    error ParcelMalformed(uint256 index);

    /// @notice Only the last parcel may leave its gas open.
    error GasMissing(uint256 index);

    /// @notice The sender gave too little gas for the parcel at this index to get what it asks for.
    /// @param asked What the parcel asks for.
    /// @param left What was left right before the call.
    error GasTooLow(uint256 index, uint256 asked, uint256 left);

    /* FUNCTIONS */

    /// @notice Makes the calls in order, without ether; goes on where one reverts, and reverts as a whole only with the
    /// errors above.
    /// @param parcels `gas(4) ‖ to(20) ‖ length(3) ‖ data(length)`, repeated, nothing left over. Gas is what the
    /// call is given, exactly; 0, for the last parcel alone, is all that is left but what it takes to end.
    function deliver(bytes calldata parcels) external;
}
