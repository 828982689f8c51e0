// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Call, Config, IWallet, Transfer} from "../../../src/IWallet.sol";
import {IWalletFactory} from "../../../src/IWalletFactory.sol";
import {Vm} from "../../support/Vm.sol";
import {SilentToken} from "../../tokens/SilentToken.sol";
import {TestToken} from "../../tokens/TestToken.sol";
import {AccomplicePayee, CatchAll, ContractOwner, Mood, MoodyPolicy, Refuser} from "./Actors.sol";
import {Ledger} from "./Ledger.sol";
import {Action, Kind} from "./Types.sol";
import {Nature, WalletModel} from "./WalletModel.sol";

/// @title The accounts, tokens and wallets of a campaign, and dice
/// @notice Six accounts with keys and two contracts take turns as owners of all wallets, so that signatures for one
/// wallet come from owners of another.
abstract contract World {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint256 internal constant LANES = 6;
    address internal constant CODELESS = address(0xc0de1e55);

    WalletModel public immutable model = new WalletModel();
    Ledger public immutable ledger = new Ledger();
    IWallet public immutable implementation;

    IWallet[] public wallets;
    address[] public accounts;
    address[3] public assets;

    address[] internal _pool;
    mapping(address account => uint256) internal _keys;
    MoodyPolicy[2] internal _policies;
    address internal immutable _catchAll = address(new CatchAll());
    address internal immutable _accomplice = address(new AccomplicePayee());

    /// @dev Kept here and set anew before each step, since forge does not promise to carry them from call to call.
    uint256 internal _chainId = 1;
    uint256 internal _time = 1_800_000_000;

    bool internal immutable _withPolicies;

    uint256 private _dice;

    constructor(IWalletFactory factory, bool withPolicies) {
        _withPolicies = withPolicies;
        _resume();
        implementation = IWallet(factory.implementation());
        for (uint256 i; i < 6; ++i) {
            _addKey(i);
        }
        // An account whose owner gave it code still signs with its key.
        vm.etch(_pool[5], hex"00");
        for (uint256 i = 10; i < 12; ++i) {
            address owner = address(new ContractOwner(vm.addr(_keyOf(i))));
            _pool.push(owner);
            _keys[owner] = _keyOf(i);
            model.setContractOwner(owner);
        }
        assets[1] = address(new TestToken("Test", "TST", 18));
        assets[2] = address(new SilentToken("Silent", "SLT", 6));
        model.setNature(assets[1], Nature.Token);
        model.setNature(assets[2], Nature.Token);
        (_policies[0], _policies[1]) = (new MoodyPolicy(), new MoodyPolicy());
        model.setUnwilling(_catchAll, true);
        model.setUnwilling(CODELESS, true);

        address refuser = address(new Refuser());
        model.setNature(refuser, Nature.Refuser);
        model.setNature(_accomplice, Nature.Accomplice);
        accounts = [address(0xa11ce), address(0xb0b), address(0xca401), _accomplice, refuser];

        _open(factory, 1, 0, 1, address(0));
        _open(factory, 2, 0, 3, address(0));
        _open(factory, 3, 1, 5, address(0));
        _open(factory, 2, 5, 3, address(0));
        _open(factory, 2, 1, 3, withPolicies ? address(_policies[0]) : address(0));
        _open(factory, 1, 3, 4, withPolicies ? address(_policies[1]) : address(0));
    }

    function walletCount() external view returns (uint256) {
        return wallets.length;
    }

    function accountCount() external view returns (uint256) {
        return accounts.length;
    }

    /// @notice The lanes that actions use: 0 to 2, and some as a payout run would name them.
    function laneAt(uint256 index) public pure returns (uint192) {
        return index < 3 ? uint192(index) : uint192(uint256(keccak256(abi.encode("lane", index))) >> 64);
    }

    /* SETTING UP */

    function _keyOf(uint256 index) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("owner", index)));
    }

    function _addKey(uint256 index) private {
        address account = vm.addr(_keyOf(index));
        _pool.push(account);
        _keys[account] = _keyOf(index);
    }

    function _open(IWalletFactory factory, uint8 threshold, uint256 first, uint256 count, address policy) private {
        Config memory config = Config(threshold, new address[](count), policy, "");
        for (uint256 i; i < count; ++i) {
            config.owners[i] = _pool[first + i];
        }
        IWallet wallet = IWallet(factory.create(config, bytes32(0)));
        wallets.push(wallet);
        accounts.push(address(wallet));
        model.setConfig(wallet, config);
        ledger.open(wallet, config);
        for (uint256 i; i < assets.length; ++i) {
            _fund(wallet, assets[i], 1000 ether);
        }
    }

    /// @dev Ether comes as from a sender with no gas to spare.
    function _fund(IWallet wallet, address asset, uint256 amount) internal {
        if (asset == address(0)) {
            vm.deal(address(this), amount);
            payable(address(wallet)).transfer(amount);
        } else {
            TestToken(asset).mint(address(wallet), amount);
        }
        model.credit(asset, address(wallet), amount);
    }

    function _resume() internal {
        vm.chainId(_chainId);
        vm.warp(_time);
    }

    /* DICE */

    /// @dev Every choice of a step follows from its seed.
    modifier step(uint256 seed) {
        _dice = uint256(keccak256(abi.encode(seed, _withPolicies)));
        _resume();
        _;
    }

    /// @return 0 to sides - 1.
    function _roll(uint256 sides) internal returns (uint256) {
        _dice = uint256(keccak256(abi.encode(_dice)));
        return _dice % sides;
    }

    function _chance(uint256 percent) internal returns (bool) {
        return _roll(100) < percent;
    }

    /* WHAT TO DO NEXT */

    function _dealWallet() internal returns (IWallet) {
        return wallets[_roll(wallets.length)];
    }

    /// @notice An action at the next nonce of some lane, mostly one that can succeed.
    function _dealAction(IWallet wallet, Kind kind) internal returns (Action memory action) {
        action.kind = kind;
        action.nonce = _nextIn(wallet, laneAt(_chance(50) ? 0 : _roll(LANES - 1)));
        action.deadline = _time + _roll(60 days);
        if (kind == Kind.Execute) {
            action.calls = new Call[](_roll(4));
            for (uint256 i; i < action.calls.length; ++i) {
                action.calls[i] = _dealCall(wallet);
            }
        } else if (kind == Kind.Payout) {
            action.token = _chance(95) ? assets[_roll(3)] : CODELESS;
            action.transfers = new Transfer[](_roll(4));
            for (uint256 i; i < action.transfers.length; ++i) {
                uint256 amount = _chance(15) ? type(uint256).max : _dealAmount(action.token, wallet);
                action.transfers[i] = Transfer(_dealPayee(), amount);
            }
        } else if (kind == Kind.Reconfigure) {
            action.config = _dealConfig(wallet);
        }
    }

    function _nextIn(IWallet wallet, uint192 lane) internal view returns (uint256) {
        return uint256(lane) << 64 | model.next(wallet, lane);
    }

    function _dealCall(IWallet wallet) private returns (Call memory) {
        address asset = assets[_roll(3)];
        uint256 amount = _dealAmount(asset, wallet);
        if (asset == address(0)) {
            address to = _dealPayee();
            // A wallet takes ether with no data only.
            bool mute = address(to).code.length != 0 && model.natureOf(to) == Nature.Plain;
            return Call(to, amount, mute ? bytes("") : abi.encode(_roll(1000)));
        }
        return Call(asset, 0, abi.encodeCall(IERC20.transfer, (_dealPayee(), amount)));
    }

    /// @dev A payee that takes no ether, the last before the wallets, comes up rarely.
    function _dealPayee() private returns (address) {
        if (_chance(25)) return _accomplice;
        uint256 index = _roll(accounts.length);
        return index == 4 && _chance(70) ? accounts[0] : accounts[index];
    }

    function _dealAmount(address asset, IWallet wallet) private returns (uint256) {
        uint256 left = model.balanceOf(asset, address(wallet));
        return _chance(95) ? _roll(left / 4 + 1) : left + _roll(1 ether);
    }

    function _dealConfig(IWallet wallet) private returns (Config memory config) {
        config.owners = new address[](_chance(99) ? 1 + _roll(6) : 101);
        uint256 offset = _roll(_pool.length);
        for (uint256 i; i < config.owners.length; ++i) {
            config.owners[i] = i < _pool.length ? _pool[(offset + 3 * i) % _pool.length] : address(uint160(i));
        }
        config.threshold = uint8(1 + _roll(config.owners.length));
        uint256 lot = _roll(20);
        if (lot < 8 && _withPolicies) config.policy = address(_policies[lot % 2]);
        else if (lot == 8) config.policy = _catchAll;
        else if (lot == 9) config.policy = CODELESS;
        config.policyData = new bytes(_chance(98) ? _roll(64) : 4097);

        lot = _roll(40);
        uint256 last = config.owners.length - 1;
        if (lot == 0) config.threshold = 0;
        else if (lot == 1) config.threshold = uint8(config.owners.length + 1);
        else if (lot == 2) config.owners[last] = address(0);
        else if (lot == 3) config.owners[last] = address(wallet);
        else if (lot == 4 && last != 0) config.owners[last] = config.owners[0];
        else if (lot == 5) config.owners = new address[](0);
    }

    function _dealMood() internal returns (Mood) {
        return _chance(60) ? Mood.Agree : Mood(1 + _roll(4));
    }
}
