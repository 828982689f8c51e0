// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LibBit} from "solady/utils/LibBit.sol";

import {Context, IPolicy} from "../IPolicy.sol";
import {Call, Config, IWallet, Transfer} from "../IWallet.sol";
import {ITreasuryPolicy, Rules} from "./ITreasuryPolicy.sol";
import {Header, RulesLib} from "./RulesLib.sol";

/// @title Rules for a treasury
/// @notice What it allows stands at `ITreasuryPolicy`.
contract TreasuryPolicy is ITreasuryPolicy {
    using RulesLib for bytes;

    /// @dev How many signed: fewer than admin, admin but not override, override.
    enum Tier {
        Petty,
        Admin,
        Override
    }

    /// @dev What was spent of a token, and until when that counts. A payment within limit and list reads and writes
    /// this word and no other: a freeze, which is rare, marks the windows of all limits instead.
    /// @param word The amount (128 bits), the end above it (127 bits), and in the highest bit the mark: whether a
    /// freeze took effect since the last payment.
    struct Window {
        uint256 word;
    }

    /// @dev What is known of a digest, in the epoch that it names.
    /// @param freezes How many freezes there had been when it was queued: a later one voids it.
    /// @param vetoers Bitmap of owners, by index.
    struct Entry {
        uint32 epoch;
        uint48 queuedAt;
        uint32 freezes;
        uint128 vetoers;
    }

    /// @dev What is known of a wallet's freezes, in the epoch that it names.
    /// @param count How many there were.
    /// @param votes Those that no freeze used up.
    /// @param voters Bitmap of owners, by index, who voted in this epoch.
    struct Freeze {
        uint32 epoch;
        uint48 until;
        uint32 count;
        uint8 votes;
        uint128 voters;
    }

    uint256 private constant FREEZE_SECS = 30 days;

    uint256 private constant MARK = 1 << 255;

    /// @dev Calldata of a `veto` of no digests, and of what takes one word.
    uint256 private constant VETO_LENGTH = 100;
    uint256 private constant ONE_WORD_LENGTH = 36;

    mapping(address wallet => mapping(address token => Window)) private _windows;
    mapping(address wallet => mapping(bytes32 digest => Entry)) private _entries;
    mapping(address wallet => Freeze) private _freezes;

    /* WALLETS AND OWNERS */

    /// @inheritdoc ITreasuryPolicy
    function queue(bytes32 digest) external {
        Header header = RulesLib.headerIn(_configOf(msg.sender).policyData);
        uint256 epoch = IWallet(msg.sender).epoch();
        Entry memory entry = _entryOf(msg.sender, digest, epoch);
        uint256 freezes = _freezeOf(msg.sender, epoch).count;
        if (entry.queuedAt != 0 && entry.freezes == freezes) revert AlreadyQueued(digest);
        entry.queuedAt = uint48(block.timestamp);
        entry.freezes = uint32(freezes);
        _entries[msg.sender][digest] = entry;
        emit Queued(msg.sender, digest, block.timestamp + header.delaySecs());
    }

    /// @inheritdoc ITreasuryPolicy
    function veto(address wallet, bytes32[] calldata digests) external {
        (uint256 bit,,) = _vetoer(wallet);
        uint256 epoch = IWallet(wallet).epoch();
        for (uint256 i; i < digests.length; ++i) {
            Entry memory entry = _entryOf(wallet, digests[i], epoch);
            if (entry.vetoers & bit != 0) continue;
            entry.vetoers |= uint128(bit);
            _entries[wallet][digests[i]] = entry;
            emit Vetoed(wallet, digests[i], msg.sender, LibBit.popCount(entry.vetoers));
        }
    }

    /// @inheritdoc ITreasuryPolicy
    function freeze(address wallet) external {
        (uint256 bit, uint256 needed, bytes memory rules) = _vetoer(wallet);
        Freeze memory freeze_ = _freezeOf(wallet, IWallet(wallet).epoch());
        if (freeze_.voters & bit != 0) revert AlreadyFrozen(wallet, msg.sender);
        freeze_.voters |= uint128(bit);
        uint256 count = uint256(freeze_.votes) + 1;
        if (count < needed) {
            freeze_.votes = uint8(count);
        } else {
            freeze_.votes = 0;
            freeze_.until = uint48(block.timestamp + FREEZE_SECS);
            ++freeze_.count;
            _markWindows(wallet, rules);
        }
        _freezes[wallet] = freeze_;
        emit Frozen(wallet, msg.sender, count, _untilOf(freeze_));
    }

    /// @inheritdoc ITreasuryPolicy
    function unfreeze() external {
        Freeze memory freeze_ = _freezeOf(msg.sender, IWallet(msg.sender).epoch());
        if (_untilOf(freeze_) == 0) revert NotFrozen(msg.sender);
        _freezes[msg.sender].until = 0;
        emit Unfrozen(msg.sender);
    }

    /* VIEWS */

    /// @inheritdoc ITreasuryPolicy
    function rulesOf(address wallet) external view returns (Rules memory) {
        return RulesLib.decode(_configOf(wallet).policyData);
    }

    /// @inheritdoc ITreasuryPolicy
    function spent(address wallet, address token) external view returns (uint256 amount, uint256 windowEnd) {
        (amount, windowEnd) = _unpack(_windows[wallet][token].word);
        if (block.timestamp >= windowEnd) return (0, 0);
    }

    /// @inheritdoc ITreasuryPolicy
    function queuedAt(address wallet, bytes32 digest) external view returns (uint256) {
        uint256 epoch = IWallet(wallet).epoch();
        Entry memory entry = _entryOf(wallet, digest, epoch);
        return entry.freezes == _freezeOf(wallet, epoch).count ? entry.queuedAt : 0;
    }

    /// @inheritdoc ITreasuryPolicy
    function vetoes(address wallet, bytes32 digest) external view returns (uint256) {
        return LibBit.popCount(_entryOf(wallet, digest, IWallet(wallet).epoch()).vetoers);
    }

    /// @inheritdoc ITreasuryPolicy
    function hasVetoed(address wallet, bytes32 digest, address owner) external view returns (bool) {
        return _entryOf(wallet, digest, IWallet(wallet).epoch()).vetoers & _bitOf(wallet, owner) != 0;
    }

    /// @inheritdoc ITreasuryPolicy
    function frozenUntil(address wallet) external view returns (uint256) {
        return _untilOf(_freezeOf(wallet, IWallet(wallet).epoch()));
    }

    /// @inheritdoc ITreasuryPolicy
    function freezeVotes(address wallet) external view returns (uint256) {
        return _freezeOf(wallet, IWallet(wallet).epoch()).votes;
    }

    /// @inheritdoc ITreasuryPolicy
    function hasFrozen(address wallet, address owner) external view returns (bool) {
        return _freezeOf(wallet, IWallet(wallet).epoch()).voters & _bitOf(wallet, owner) != 0;
    }

    /* HOOKS */

    /// @inheritdoc IPolicy
    function checkConfig(Config calldata config) external view returns (bytes4) {
        if (config.policy != address(this)) revert PolicyMismatch(config.policy, address(this));
        config.policyData.requireValid(config.threshold, config.owners.length);
        return IPolicy.checkConfig.selector;
    }

    /// @inheritdoc IPolicy
    function checkExecute(Call[] calldata calls, Context calldata context) external view returns (bytes4) {
        (Tier tier, Header header,) = _tierOf(context);
        if (tier != Tier.Override) _requireNotFrozen();
        bool isOwn = _requireOwnCalls(calls, tier, header, context.signers);
        if (!isOwn) _requireWaited(tier, header, context);
        return IPolicy.checkExecute.selector;
    }

    /// @inheritdoc IPolicy
    function checkPayout(address token, Transfer[] calldata transfers, Context calldata context)
        external
        returns (bytes4)
    {
        (Tier tier, Header header, bytes calldata rules) = _tierOf(context);
        if (tier == Tier.Override || _spend(token, transfers, rules, header, tier == Tier.Petty)) {
            return IPolicy.checkPayout.selector;
        }
        _requireNotFrozen();
        _requireWaited(tier, header, context);
        return IPolicy.checkPayout.selector;
    }

    /// @inheritdoc IPolicy
    function checkReconfigure(Config calldata, Context calldata context) external view returns (bytes4) {
        (Tier tier, Header header,) = _tierOf(context);
        if (tier != Tier.Override) _requireNotFrozen();
        _requireWaited(tier, header, context);
        return IPolicy.checkReconfigure.selector;
    }

    /// @inheritdoc IPolicy
    function checkCancel(Context calldata context) external view returns (bytes4) {
        (Tier tier,,) = _tierOf(context);
        if (tier == Tier.Petty) _requireNotFrozen();
        return IPolicy.checkCancel.selector;
    }

    /// @inheritdoc IPolicy
    function checkMessage(address, bytes32, uint256 signers, Config calldata config) external pure returns (bytes4) {
        Header header = RulesLib.headerOf(config.policyData);
        uint256 needed = header.delaySecs() == 0 ? header.admin() : header.overriding();
        uint256 count = LibBit.popCount(signers);
        if (count < needed) revert SignersMissing(count, needed);
        return IPolicy.checkMessage.selector;
    }

    /* INTERNAL: TIERS */

    /// @dev Also refuses a lane that is not the tier's.
    function _tierOf(Context calldata context) private pure returns (Tier tier, Header header, bytes calldata rules) {
        rules = context.config.policyData;
        header = RulesLib.headerOf(rules);
        uint256 count = LibBit.popCount(context.signers);
        if (count >= header.overriding()) return (Tier.Override, header, rules);
        if (count >= header.admin()) tier = Tier.Admin;
        uint256 nonce = context.nonce;
        bool isAllowed = nonce >> 255 == 1 || (tier == Tier.Admin && nonce >> 254 == 0);
        if (!isAllowed) revert LaneClosed(nonce >> 64, count);
    }

    function _requireNotFrozen() private view {
        Freeze storage freeze_ = _freezes[msg.sender];
        uint256 until = freeze_.until;
        // The epoch is asked for only where it matters.
        if (block.timestamp < until && freeze_.epoch == IWallet(msg.sender).epoch()) revert WalletFrozen(until);
    }

    /// @dev Whether the action may be done now by so many: they override, or they are admin signers and it waited.
    function _requireWaited(Tier tier, Header header, Context calldata context) private view {
        if (tier == Tier.Override) return;
        if (tier == Tier.Petty) revert SignersMissing(LibBit.popCount(context.signers), header.admin());
        uint256 delay = header.delaySecs();
        if (delay == 0) return;
        bytes32 digest = context.digest;
        uint256 epoch = IWallet(msg.sender).epoch();
        Entry memory entry = _entryOf(msg.sender, digest, epoch);
        if (entry.queuedAt == 0 || entry.freezes != _freezeOf(msg.sender, epoch).count) revert NotQueued(digest);
        if (block.timestamp < entry.queuedAt + delay) revert DelayNotOver(entry.queuedAt + delay, block.timestamp);
        uint256 count = LibBit.popCount(entry.vetoers);
        if (count >= header.veto()) revert VetoStands(digest, count);
    }

    /* INTERNAL: CALLS TO THIS CONTRACT */

    /// @dev Whether the calls are to this contract; reverts if some are that may not be made, or not by so many.
    function _requireOwnCalls(Call[] calldata calls, Tier tier, Header header, uint256 signers)
        private
        view
        returns (bool isOwn)
    {
        for (uint256 i; i < calls.length; ++i) {
            if (calls[i].to == address(this)) isOwn = true;
        }
        if (!isOwn) return false;
        bool isAlone = calls.length == 1;
        for (uint256 i; i < calls.length; ++i) {
            Call calldata call = calls[i];
            if (call.to != address(this) || call.value != 0) revert CallNotAllowed(i);
            bytes4 selector = call.data.length < 4 ? bytes4(0) : bytes4(call.data);
            uint256 needed = header.admin();
            bool isAllowed;
            if (selector == this.queue.selector) {
                isAllowed = call.data.length == ONE_WORD_LENGTH;
            } else if (selector == this.freeze.selector) {
                isAllowed = isAlone && call.data.length == ONE_WORD_LENGTH && _isAddress(call.data);
            } else if (selector == this.veto.selector) {
                isAllowed = isAlone && _isVeto(call.data);
            } else if (selector == this.unfreeze.selector) {
                isAllowed = isAlone && call.data.length == 4;
                needed = header.overriding();
            }
            if (!isAllowed) revert CallNotAllowed(i);
            if (tier == Tier.Petty || (tier == Tier.Admin && needed != header.admin())) {
                revert SignersMissing(LibBit.popCount(signers), needed);
            }
        }
    }

    /// @dev Whether the first argument is an address, with nothing in the bits above.
    function _isAddress(bytes calldata data) private pure returns (bool) {
        return uint256(bytes32(data[4:36])) >> 160 == 0;
    }

    /// @dev Whether this is the one encoding of a `veto`.
    function _isVeto(bytes calldata data) private pure returns (bool) {
        if (data.length < VETO_LENGTH || !_isAddress(data) || uint256(bytes32(data[36:68])) != 0x40) return false;
        uint256 count = uint256(bytes32(data[68:100]));
        return count <= data.length && data.length == VETO_LENGTH + 32 * count;
    }

    /* INTERNAL: PETTY PAYMENTS */

    /// @dev Notes what a payout spends, if it is within limit and list; else changes nothing.
    /// @param isPetty Whether it has to be: then what is not reverts, and says why.
    function _spend(address token, Transfer[] calldata transfers, bytes calldata rules, Header header, bool isPetty)
        private
        returns (bool)
    {
        (uint256 limit, uint256 periodSecs) = rules.findLimit(header.limitCount(), token);
        if (limit == 0) {
            if (isPetty) revert LimitMissing(token);
            return false;
        }
        (bool isPayable, uint256 total) = _totalOf(transfers, rules, header, isPetty);
        if (!isPayable) return false;

        Window storage window = _windows[msg.sender][token];
        uint256 word = window.word;
        if (word & MARK != 0) _requireNotFrozen();
        (uint256 before, uint256 end) = _unpack(word);
        unchecked {
            if (block.timestamp >= end) {
                before = 0;
                // A period is at least an hour: no division by zero.
                end = (block.timestamp / periodSecs + 1) * periodSecs;
            }
            // `before` may be above a limit that was lowered since.
            if (total > limit || before > limit - total) {
                if (isPetty) revert LimitExceeded(token, before, total, limit);
                return false;
            }
            window.word = (end << 128) | (before + total);
        }
        return true;
    }

    function _unpack(uint256 word) private pure returns (uint256 amount, uint256 end) {
        amount = uint128(word);
        end = (word & ~MARK) >> 128;
    }

    /// @dev Whether every amount is exact and every payee listed, and what all transfers move; the largest number if it
    /// does not fit.
    function _totalOf(Transfer[] calldata transfers, bytes calldata rules, Header header, bool isPetty)
        private
        pure
        returns (bool isPayable, uint256 total)
    {
        (uint256 start, uint256 count) = rules.payeesOf(header.limitCount());
        unchecked {
            for (uint256 i; i < transfers.length; ++i) {
                Transfer calldata transfer = transfers[i];
                uint256 amount = transfer.amount;
                if (amount == type(uint256).max) {
                    if (isPetty) revert AmountNotExact(i);
                    return (false, 0);
                }
                if (count != 0 && !rules.isListed(start, count, transfer.to)) {
                    if (isPetty) revert PayeeNotListed(i, transfer.to);
                    return (false, 0);
                }
                total += amount;
                if (total < amount) total = type(uint256).max;
            }
        }
        return (true, total);
    }

    /* INTERNAL: STATE */

    /// @dev The configuration of a wallet whose policy this is.
    function _configOf(address wallet) private view returns (Config memory config) {
        config = IWallet(wallet).config();
        if (config.policy != address(this)) revert PolicyMismatch(config.policy, address(this));
    }

    /// @dev The caller as an owner who may veto: its bit, and how many it takes.
    function _vetoer(address wallet) private view returns (uint256 bit, uint256 needed, bytes memory rules) {
        Config memory config = _configOf(wallet);
        bit = _bitOf(config.owners, msg.sender);
        if (bit == 0) revert NotOwner(wallet, msg.sender);
        rules = config.policyData;
        needed = RulesLib.headerIn(rules).veto();
        if (needed == 0) revert VetoNotAllowed(wallet);
    }

    /// @dev Has the next payment of each limit look at the freeze.
    function _markWindows(address wallet, bytes memory rules) private {
        mapping(address token => Window) storage windows = _windows[wallet];
        uint256 count = RulesLib.headerIn(rules).limitCount();
        for (uint256 i; i < count; ++i) {
            windows[RulesLib.tokenIn(rules, i)].word |= MARK;
        }
    }

    function _bitOf(address wallet, address owner) private view returns (uint256) {
        return _bitOf(IWallet(wallet).getOwners(), owner);
    }

    /// @dev Zero for who is no owner.
    function _bitOf(address[] memory owners, address owner) private pure returns (uint256) {
        for (uint256 i; i < owners.length; ++i) {
            if (owners[i] == owner) return 1 << i;
        }
        return 0;
    }

    /// @dev Empty where what is stored is of another epoch.
    function _entryOf(address wallet, bytes32 digest, uint256 epoch) private view returns (Entry memory entry) {
        entry = _entries[wallet][digest];
        if (entry.epoch != epoch) entry = Entry({epoch: uint32(epoch), queuedAt: 0, freezes: 0, vetoers: 0});
    }

    /// @dev Empty where what is stored is of another epoch.
    function _freezeOf(address wallet, uint256 epoch) private view returns (Freeze memory freeze_) {
        freeze_ = _freezes[wallet];
        if (freeze_.epoch != epoch) {
            freeze_ = Freeze({epoch: uint32(epoch), until: 0, count: 0, votes: 0, voters: 0});
        }
    }

    /// @dev Zero where it ended.
    function _untilOf(Freeze memory freeze_) private view returns (uint256) {
        return block.timestamp < freeze_.until ? freeze_.until : 0;
    }
}
