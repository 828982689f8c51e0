// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {Call, Config, IWallet, Transfer} from "../../../src/IWallet.sol";
import {Action, Actions, Damage, Form, Kind, Property, Submission, Vote} from "./Types.sol";

/// @notice What an account does when it is called or paid.
enum Nature {
    Plain,
    Token,
    Refuser,
    Accomplice
}

/// @title What must happen to every wallet, account and balance, in plain Solidity
/// @notice Written from the rules in IWallet's documentation; shares no code with src/ and asks no wallet anything.
/// An attempt that must fail reverts here too, which takes back what it did so far just as the chain does.
contract WalletModel {
    /// @notice The action must not go through, or this property is broken.
    error MustFail(Property property);

    mapping(IWallet wallet => Config) private _configs;
    mapping(IWallet wallet => uint256) public epochOf;
    mapping(IWallet wallet => mapping(uint192 lane => uint64)) public next;
    mapping(bytes32 digest => mapping(address owner => bool)) public approvedBy;

    /// @notice Balances; asset zero is ether.
    mapping(address asset => mapping(address account => uint256)) public balanceOf;

    mapping(address account => Nature) public natureOf;

    /// @notice Policies and contracts as owners that do not say the word of consent.
    mapping(address account => bool) public unwilling;

    /// @notice Contracts as owners.
    mapping(address account => bool) public isContractOwner;

    /// @notice Encoded `Submission`s that accomplices make when they get the chance.
    mapping(address accomplice => bytes) private _plots;

    /// @notice The epoch that a digest was made in; 0 also for one never made.
    mapping(bytes32 digest => uint256) public madeIn;

    /* WHAT THE HANDLER DOES */

    function setConfig(IWallet wallet, Config calldata config) external {
        _configs[wallet] = config;
    }

    function setNature(address account, Nature nature) external {
        natureOf[account] = nature;
    }

    function setContractOwner(address account) external {
        isContractOwner[account] = true;
    }

    function setUnwilling(address account, bool unwilling_) external {
        unwilling[account] = unwilling_;
    }

    function plot(address accomplice, Submission calldata submission) external {
        _plots[accomplice] = abi.encode(submission);
    }

    function credit(address asset, address account, uint256 amount) external {
        balanceOf[asset][account] += amount;
    }

    /// @notice The digest of an action in the present epoch.
    function make(IWallet wallet, Action calldata action) external returns (bytes32 digest) {
        digest = Actions.digestOf(action, wallet, epochOf[wallet]);
        madeIn[digest] = epochOf[wallet];
    }

    function approve(IWallet wallet, bytes32 digest, address account) external {
        if (!isOwner(wallet, account)) revert MustFail(Property.Consent);
        approvedBy[digest][account] = true;
    }

    function configOf(IWallet wallet) external view returns (Config memory) {
        return _configs[wallet];
    }

    function isOwner(IWallet wallet, address account) public view returns (bool) {
        address[] memory owners = _configs[wallet].owners;
        for (uint256 i; i < owners.length; ++i) {
            if (owners[i] == account) return true;
        }
        return false;
    }

    /* THE RULES */

    /// @notice Does what the submission does, or reverts with `MustFail`.
    function submit(Submission memory submission) public {
        (IWallet wallet, Action memory action) = (submission.wallet, submission.action);
        if (block.timestamp > action.deadline) revert MustFail(Property.Consent);
        uint192 lane = uint192(action.nonce >> 64);
        if (action.nonce != (uint256(lane) << 64 | next[wallet][lane])) revert MustFail(Property.Nonce);

        uint256 epoch = epochOf[wallet];
        if (submission.damage != Damage.None) revert MustFail(Property.Consent);
        _judge(wallet, Actions.digestOf(action, wallet, epoch), submission.votes);

        ++next[wallet][lane];
        address policy = _configs[wallet].policy;
        if (policy != address(0)) {
            _strike(policy);
            if (unwilling[policy]) revert MustFail(Property.Policy);
            if (epochOf[wallet] != epoch) revert MustFail(Property.Epoch);
        }
        if (action.kind == Kind.Execute) _execute(wallet, action.calls);
        else if (action.kind == Kind.Payout) _payout(wallet, action.token, action.transfers);
        else if (action.kind == Kind.Reconfigure) _reconfigure(wallet, action.config);
    }

    /// @dev Every vote counts once, for the owner it names, who must have given it for this digest.
    function _judge(IWallet wallet, bytes32 digest, Vote[] memory votes) private view {
        Config memory config = _configs[wallet];
        uint256 free;
        for (uint256 i; i < votes.length; ++i) {
            Vote memory vote = votes[i];
            if (vote.index < free || vote.index >= config.owners.length) revert MustFail(Property.Consent);
            free = vote.index + uint256(1);
            address owner = config.owners[vote.index];
            // An approval is looked up by the present digest, whatever it was given for.
            bool given = vote.form == Form.Approval ? approvedBy[digest][owner] : vote.over == digest;
            if (!given) revert MustFail(madeIn[vote.over] < epochOf[wallet] ? Property.Epoch : Property.Consent);
            if (vote.form == Form.Approval) continue;
            if (vote.by != owner || isContractOwner[owner] != (vote.form == Form.Contract) || unwilling[owner]) {
                revert MustFail(Property.Consent);
            }
        }
        if (votes.length < config.threshold) revert MustFail(Property.Consent);
    }

    function _execute(IWallet wallet, Call[] memory calls) private {
        for (uint256 i; i < calls.length; ++i) {
            Call memory call = calls[i];
            Nature nature = natureOf[call.to];
            if (nature == Nature.Refuser) revert MustFail(Property.Value);
            if (nature == Nature.Token) {
                // The only call that is made on a token; it takes no ether.
                if (call.value != 0) revert MustFail(Property.Value);
                (address to, uint256 amount) = abi.decode(_withoutSelector(call.data), (address, uint256));
                _move(call.to, address(wallet), to, amount);
            } else {
                _move(address(0), address(wallet), call.to, call.value);
                _strike(call.to);
            }
        }
    }

    function _payout(IWallet wallet, address token, Transfer[] memory transfers) private {
        if (token != address(0) && natureOf[token] != Nature.Token) revert MustFail(Property.Value);
        for (uint256 i; i < transfers.length; ++i) {
            (address to, uint256 amount) = (transfers[i].to, transfers[i].amount);
            if (amount == type(uint256).max) amount = balanceOf[token][address(wallet)];
            if (token == address(0) && natureOf[to] == Nature.Refuser) revert MustFail(Property.Value);
            _move(token, address(wallet), to, amount);
            if (token == address(0)) _strike(to);
        }
    }

    function _reconfigure(IWallet wallet, Config memory config) private {
        if (!isValid(config, address(wallet))) revert MustFail(Property.Configuration);
        if (unwilling[config.policy]) revert MustFail(Property.Policy);
        _configs[wallet] = config;
        ++epochOf[wallet];
    }

    /// @notice The rules of a configuration.
    function isValid(Config memory config, address wallet) public pure returns (bool) {
        uint256 count = config.owners.length;
        if (count > 100 || config.threshold == 0 || config.threshold > count) return false;
        if (config.policyData.length > 4096) return false;
        for (uint256 i; i < count; ++i) {
            if (config.owners[i] == address(0) || config.owners[i] == wallet) return false;
            for (uint256 j; j < i; ++j) {
                if (config.owners[i] == config.owners[j]) return false;
            }
        }
        return true;
    }

    function _move(address asset, address from, address to, uint256 amount) private {
        if (amount > balanceOf[asset][from]) revert MustFail(Property.Value);
        balanceOf[asset][from] -= amount;
        balanceOf[asset][to] += amount;
    }

    /// @dev What an accomplice does at its chance; where that must fail, it fails alone.
    function _strike(address accomplice) private {
        bytes memory encoded = _plots[accomplice];
        if (encoded.length == 0) return;
        delete _plots[accomplice];
        try this.submit(abi.decode(encoded, (Submission))) {}
        catch (bytes memory reason) {
            require(bytes4(reason) == MustFail.selector, "the model itself failed");
        }
    }

    function _withoutSelector(bytes memory data) private pure returns (bytes memory result) {
        result = new bytes(data.length - 4);
        for (uint256 i; i < result.length; ++i) {
            result[i] = data[i + 4];
        }
    }
}
