// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Call, Config, IWallet, Transfer} from "../../../src/IWallet.sol";
import {Digests} from "../../support/Digests.sol";

/// @notice The properties of a wallet, in the order and with the numbers (from 1) of INVARIANTS.md.
enum Property {
    Consent,
    Nonce,
    Configuration,
    Value,
    Epoch,
    Policy,
    Inertness,
    Liveness
}

enum Kind {
    Execute,
    Payout,
    Reconfigure,
    Cancel
}

/// @notice What owners sign; the fields of the other kinds are empty.
struct Action {
    Kind kind;
    address token;
    Transfer[] transfers;
    Call[] calls;
    Config config;
    uint256 nonce;
    uint256 deadline;
}

enum Form {
    Ecdsa,
    Contract,
    Approval
}

/// @notice One entry of a packed list, before it is packed.
/// @param index The owner index that it names.
/// @param by Whose key makes the signature, honestly or not.
/// @param over The digest that is signed.
struct Vote {
    Form form;
    uint8 index;
    address by;
    bytes32 over;
}

/// @notice What is done to the packed bytes in the end.
enum Damage {
    None,
    Truncated,
    Trailing,
    Flipped
}

/// @notice An attempt to act.
struct Submission {
    IWallet wallet;
    Action action;
    Vote[] votes;
    Damage damage;
}

/// @notice What an action is made to look like on chain.
library Actions {
    function digestOf(Action memory action, IWallet wallet, uint256 epoch) internal view returns (bytes32) {
        return Digests.toDigest(address(wallet), epoch, structHashOf(action));
    }

    function structHashOf(Action memory action) internal pure returns (bytes32) {
        (uint256 nonce, uint256 deadline) = (action.nonce, action.deadline);
        if (action.kind == Kind.Execute) return Digests.ofExecute(action.calls, nonce, deadline);
        if (action.kind == Kind.Payout) return Digests.ofPayout(action.token, action.transfers, nonce, deadline);
        if (action.kind == Kind.Reconfigure) return Digests.ofReconfigure(action.config, nonce, deadline);
        return Digests.ofCancel(nonce, deadline);
    }

    function encode(Action memory action, bytes memory signatures) internal pure returns (bytes memory) {
        (uint256 nonce, uint256 deadline) = (action.nonce, action.deadline);
        if (action.kind == Kind.Execute) {
            return abi.encodeCall(IWallet.execute, (action.calls, nonce, deadline, signatures));
        }
        if (action.kind == Kind.Payout) {
            return abi.encodeCall(IWallet.payout, (action.token, action.transfers, nonce, deadline, signatures));
        }
        if (action.kind == Kind.Reconfigure) {
            return abi.encodeCall(IWallet.reconfigure, (action.config, nonce, deadline, signatures));
        }
        return abi.encodeCall(IWallet.cancel, (nonce, deadline, signatures));
    }
}
