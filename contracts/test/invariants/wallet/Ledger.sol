// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Config, IWallet} from "../../../src/IWallet.sol";
import {Log} from "../../support/Vm.sol";
import {Accomplice} from "./Actors.sol";
import {Property} from "./Types.sol";

/// @notice What a digest stands for.
struct Issue {
    IWallet wallet;
    uint256 nonce;
    uint256 epoch;
    uint256 chainId;
}

/// @title Who consented to what, and whether what the wallets announce is covered by it
/// @notice Knows the configurations from creation and `Reconfigured` events alone, and predicts nothing: it holds every
/// `Executed` event against the consents that were truly given.
contract Ledger {
    mapping(bytes32 digest => Issue) private _issues;
    mapping(bytes32 digest => mapping(address account => bool)) public consented;

    mapping(IWallet wallet => Config) private _configs;
    mapping(IWallet wallet => uint256) public epochOf;
    mapping(IWallet wallet => mapping(uint256 lane => uint256)) public executedIn;

    /// @notice The first breach of each property, in words.
    mapping(Property property => string) public breachOf;

    function open(IWallet wallet, Config calldata config) external {
        _configs[wallet] = config;
    }

    function issue(bytes32 digest, Issue calldata issued) external {
        _issues[digest] = issued;
    }

    function consent(bytes32 digest, address account) external {
        consented[digest][account] = true;
    }

    function breach(Property property, string memory what) public {
        if (bytes(breachOf[property]).length == 0) breachOf[property] = what;
    }

    /// @notice Reads the events of one transaction that went through; returns how many actions it carried.
    function audit(Log[] calldata logs) external returns (uint256 actions) {
        bool[] memory takenBack = _takenBack(logs);
        for (uint256 i; i < logs.length; ++i) {
            Log calldata log = logs[i];
            IWallet wallet = IWallet(log.emitter);
            if (takenBack[i] || _configs[wallet].threshold == 0) continue;
            if (log.topics[0] == IWallet.Executed.selector) {
                ++actions;
                _auditExecuted(wallet, log.topics[1], abi.decode(log.data, (uint256)));
            } else if (log.topics[0] == IWallet.Reconfigured.selector) {
                _configs[wallet] = abi.decode(log.data, (Config));
                ++epochOf[wallet];
            }
        }
    }

    /// @dev forge records the events of calls that failed, too.
    function _takenBack(Log[] calldata logs) private pure returns (bool[] memory result) {
        result = new bool[](logs.length);
        uint256[] memory open_ = new uint256[](logs.length);
        uint256 depth;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] == Accomplice.Striking.selector) {
                open_[depth++] = i;
            } else if (logs[i].topics[0] == Accomplice.Struck.selector) {
                uint256 first = open_[--depth];
                if (abi.decode(logs[i].data, (bool))) continue;
                for (uint256 j = first; j < i; ++j) {
                    result[j] = true;
                }
            }
        }
    }

    function _auditExecuted(IWallet wallet, bytes32 digest, uint256 nonce) private {
        Issue memory issued = _issues[digest];
        if (address(issued.wallet) != address(wallet) || issued.nonce != nonce || issued.chainId != block.chainid) {
            breach(Property.Consent, "an action went through that was not signed for this wallet, nonce and chain");
        }
        if (issued.epoch != epochOf[wallet]) {
            breach(Property.Epoch, "an action went through that was signed before a reconfiguration");
        }
        Config memory config = _configs[wallet];
        uint256 signers;
        for (uint256 i; i < config.owners.length; ++i) {
            if (consented[digest][config.owners[i]]) ++signers;
        }
        if (signers < config.threshold) breach(Property.Consent, "an action went through with too few owners");

        uint256 lane = nonce >> 64;
        if (uint64(nonce) != executedIn[wallet][lane]) {
            breach(Property.Nonce, "a nonce was consumed twice or out of order");
        }
        ++executedIn[wallet][lane];
    }
}
