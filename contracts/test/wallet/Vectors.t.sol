// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Call, Config, IWallet, Transfer} from "../../src/IWallet.sol";
import {Agreeing} from "../support/Answering.sol";
import {Digests} from "../support/Digests.sol";
import {Signed, VectorTest} from "../support/VectorTest.sol";
import {SilentToken} from "../tokens/SilentToken.sol";

/// @dev What a vector of an action has besides `Signed`.
struct Order {
    uint256 nonce;
    uint256 lane;
    uint256 sequence;
    uint256 deadline;
    bytes32 domainSeparator;
    bytes32 structHash;
}

/// @dev As `abi.decode` sees the three kinds of content.
struct Calls {
    Call[] calls;
}

struct Payment {
    address token;
    Transfer[] transfers;
}

struct Acceptance {
    uint256 role;
    bytes32 termsHash;
    uint256 deadline;
    bytes32 domainSeparator;
    bytes32 structHash;
}

struct Lane {
    string run;
    uint256 batch;
    uint256 lane;
}

struct Lanes {
    Lane[] lanes;
}

// What viem says that owners sign, and what the wallet takes
// ├── each action: the wallet computes the same digest, and carries the action out with the signatures of the
// vector
// │   └── unless it is of the last sequence of a lane
// ├── each acceptance of terms: the same digest, in the wallet's domain
// └── each lane of a named payout
contract VectorsTest is VectorTest {
    string private constant FILE = "eip712.json";

    function test_actions_areThoseOfViem() public {
        uint256 count = _countOf(FILE, "actions");
        uint256[4] memory executed;
        for (uint256 i; i < count; ++i) {
            uint256 snapshot = vm.snapshotState();
            (uint256 kind, bool done) = this.checkAction(i);
            if (done) ++executed[kind];
            vm.revertToState(snapshot);
        }
        for (uint256 kind; kind < 4; ++kind) {
            vm.assertGe(executed[kind], 3, "each kind of action is carried out");
        }
    }

    function test_accepts_areThoseOfViem() public {
        uint256 count = _countOf(FILE, "accepts");
        for (uint256 i; i < count; ++i) {
            this.checkAccept(i);
        }
    }

    function test_lanes_areThoseOfViem() public view {
        string memory types = "Lanes(Lane[] lanes)Lane(string run,uint256 batch,uint256 lane)";
        Lane[] memory lanes = abi.decode(vm.parseJsonType(_file("lanes.json"), "$", types), (Lanes)).lanes;
        vm.assertGe(lanes.length, 3, "the file has lanes");
        for (uint256 i; i < lanes.length; ++i) {
            bytes32 hash = keccak256(abi.encode("quorate/payout", lanes[i].run, lanes[i].batch));
            vm.assertEq(lanes[i].lane, uint192(bytes24(hash)), lanes[i].run);
        }
    }

    /* ONE VECTOR, in a call of its own */

    function checkAction(uint256 place) external returns (uint256 kind, bool done) {
        string memory json = _file(FILE);
        string memory key = _at("actions", place);
        Signed memory vector = _signed(json, key);
        Order memory order = abi.decode(
            vm.parseJsonType(
                json,
                key,
                "Order(uint256 nonce,uint256 lane,uint256 sequence,uint256 deadline,bytes32 domainSeparator,bytes32 structHash)"
            ),
            (Order)
        );
        vm.assertEq(order.nonce, order.lane << 64 | order.sequence, vector.name);
        _assertSigned(vector);
        _place(vector);
        _setSequence(order);
        vm.warp(order.deadline < block.timestamp ? order.deadline : block.timestamp);
        vm.assertEq(wallet.nonce(uint192(order.lane)), order.nonce, vector.name);

        bytes32 structHash;
        bytes memory unsigned;
        (kind, structHash, unsigned) = _read(json, string.concat(key, ".action"), order, hex"800000");
        vm.assertEq(structHash, order.structHash, vector.name);
        vm.assertEq(Digests.domainSeparator(vector.wallet, vector.epoch), order.domainSeparator, vector.name);
        vm.assertEq(Digests.toDigest(vector.wallet, vector.epoch, structHash), vector.digest, vector.name);

        // The wallet's own word for the digest: an approval that the first owner never gave.
        bytes memory missing =
            abi.encodeWithSelector(IWallet.NotApproved.selector, vector.config.owners[0], vector.digest);
        _assertReverts(unsigned, missing, vector.name);

        (,, bytes memory signed) = _read(json, string.concat(key, ".action"), order, vector.signatures);
        done = order.sequence != type(uint64).max;
        if (!done) {
            _assertReverts(signed, abi.encodeWithSignature("Panic(uint256)", 0x11), vector.name);
            return (kind, done);
        }
        vm.expectEmit(true, false, false, true, vector.wallet);
        emit IWallet.Executed(vector.digest, order.nonce);
        (bool ok,) = vector.wallet.call(signed);
        vm.assertTrue(ok, vector.name);
        vm.assertEq(wallet.nonce(uint192(order.lane)), order.nonce + 1, vector.name);
    }

    function checkAccept(uint256 place) external {
        string memory json = _file(FILE);
        string memory key = _at("accepts", place);
        Signed memory vector = _signed(json, key);
        _assertSigned(vector);
        _place(vector);
        Acceptance memory terms = abi.decode(
            vm.parseJsonType(
                json,
                key,
                "Acceptance(uint256 role,bytes32 termsHash,uint256 deadline,bytes32 domainSeparator,bytes32 structHash)"
            ),
            (Acceptance)
        );
        bytes32 typehash = keccak256("Accept(uint8 role,bytes32 termsHash,uint256 deadline)");
        bytes32 structHash = keccak256(abi.encode(typehash, uint8(terms.role), terms.termsHash, terms.deadline));
        vm.assertEq(structHash, terms.structHash, vector.name);
        vm.assertEq(Digests.domainSeparator(vector.wallet, wallet.epoch()), terms.domainSeparator, vector.name);
        vm.assertEq(Digests.toDigest(vector.wallet, structHash), vector.digest, vector.name);
    }

    /* HELPERS */

    /// @dev The content of an action: its struct hash, written from EIP-712, and the call that submits it. Provides
    /// what carrying it out takes.
    function _read(string memory json, string memory key, Order memory order, bytes memory signatures)
        private
        returns (uint256 kind, bytes32 structHash, bytes memory data)
    {
        bytes32 name = keccak256(bytes(vm.parseJsonString(json, string.concat(key, ".type"))));
        if (name == keccak256("execute")) {
            (structHash, data) = _readExecute(json, key, order, signatures);
        } else if (name == keccak256("payout")) {
            (structHash, data) = _readPayout(json, key, order, signatures);
            kind = 1;
        } else if (name == keccak256("reconfigure")) {
            (structHash, data) = _readReconfigure(json, string.concat(key, ".config"), order, signatures);
            kind = 2;
        } else {
            vm.assertEq(name, keccak256("cancel"), "no other type of action");
            structHash = Digests.ofCancel(order.nonce, order.deadline);
            data = abi.encodeCall(IWallet.cancel, (order.nonce, order.deadline, signatures));
            kind = 3;
        }
    }

    function _readExecute(string memory json, string memory key, Order memory order, bytes memory signatures)
        private
        returns (bytes32, bytes memory)
    {
        string memory types = "Calls(Call[] calls)Call(address to,uint256 value,bytes data)";
        Call[] memory calls = abi.decode(vm.parseJsonType(json, key, types), (Calls)).calls;
        vm.deal(address(wallet), type(uint256).max);
        return (
            Digests.ofExecute(calls, order.nonce, order.deadline),
            abi.encodeCall(IWallet.execute, (calls, order.nonce, order.deadline, signatures))
        );
    }

    function _readPayout(string memory json, string memory key, Order memory order, bytes memory signatures)
        private
        returns (bytes32, bytes memory)
    {
        string memory types = "Payment(address token,Transfer[] transfers)Transfer(address to,uint256 amount)";
        Payment memory it = abi.decode(vm.parseJsonType(json, key, types), (Payment));
        _provide(it.token);
        return (
            Digests.ofPayout(it.token, it.transfers, order.nonce, order.deadline),
            abi.encodeCall(IWallet.payout, (it.token, it.transfers, order.nonce, order.deadline, signatures))
        );
    }

    function _readReconfigure(string memory json, string memory key, Order memory order, bytes memory signatures)
        private
        returns (bytes32, bytes memory)
    {
        Config memory config = abi.decode(vm.parseJsonType(json, key, CONFIG), (Config));
        if (config.policy != address(0)) vm.etch(config.policy, address(new Agreeing(address(0))).code);
        return (
            Digests.ofReconfigure(config, order.nonce, order.deadline),
            abi.encodeCall(IWallet.reconfigure, (config, order.nonce, order.deadline, signatures))
        );
    }

    /// @dev All the money there can be.
    function _provide(address token) private {
        if (token == address(0)) return vm.deal(address(wallet), type(uint256).max);
        if (token.code.length != 0) return;
        vm.etch(token, address(new SilentToken("", "", 0)).code);
        SilentToken(token).mint(address(wallet), type(uint256).max);
    }

    function _setSequence(Order memory order) private {
        bytes32 slot = order.lane == 0 ? bytes32(0) : keccak256(abi.encode(order.lane, 1));
        vm.store(address(wallet), slot, vm.load(address(wallet), slot) | bytes32(order.sequence));
    }

    function _assertReverts(bytes memory data, bytes memory reason, string memory name) private {
        (bool ok, bytes memory answer) = address(wallet).call(data);
        vm.assertFalse(ok, name);
        vm.assertEq(answer, reason, name);
    }
}
