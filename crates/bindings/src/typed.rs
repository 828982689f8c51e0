//! What owners sign: EIP-712 structs, and the domain they are signed under.

use alloy::{
    primitives::{Address, B256, U256},
    sol,
    sol_types::{Eip712Domain, eip712_domain},
};

sol! {
    /// One call of an [`Execute`]: the contracts' struct `Call`, by a name that sorts behind `Execute`.
    #[derive(Debug, PartialEq, Eq)]
    struct WalletCall {
        /// The account called.
        address to;
        /// Wei sent along.
        uint256 value;
        /// Calldata.
        bytes data;
    }

    /// One payment of a [`Payout`].
    #[derive(Debug, PartialEq, Eq)]
    struct Transfer {
        /// The payee.
        address to;
        /// Wei, or the token's smallest units; 2^256-1 is everything left at that moment.
        uint256 amount;
    }

    /// Makes calls in order.
    #[derive(Debug, PartialEq, Eq)]
    struct Execute {
        /// The calls.
        WalletCall[] calls;
        /// The upper 192 bits of the nonce.
        uint192 lane;
        /// The lower 64 bits of the nonce.
        uint64 sequence;
        /// Unix seconds, inclusive.
        uint256 deadline;
    }

    /// Pays one token, or ether, to a list of payees.
    #[derive(Debug, PartialEq, Eq)]
    struct Payout {
        /// The token; zero is ether.
        address token;
        /// The payments.
        Transfer[] transfers;
        /// The upper 192 bits of the nonce.
        uint192 lane;
        /// The lower 64 bits of the nonce.
        uint64 sequence;
        /// Unix seconds, inclusive.
        uint256 deadline;
    }

    /// Replaces the whole configuration.
    #[derive(Debug, PartialEq, Eq)]
    struct Reconfigure {
        /// How many owners must sign.
        uint8 threshold;
        /// The owners, in the order that signatures index.
        address[] owners;
        /// The policy; zero is none.
        address policy;
        /// What the policy is told about this wallet.
        bytes policyData;
        /// The upper 192 bits of the nonce.
        uint192 lane;
        /// The lower 64 bits of the nonce.
        uint64 sequence;
        /// Unix seconds, inclusive.
        uint256 deadline;
    }

    /// Consumes a nonce and does nothing else.
    #[derive(Debug, PartialEq, Eq)]
    struct Cancel {
        /// The upper 192 bits of the nonce.
        uint192 lane;
        /// The lower 64 bits of the nonce.
        uint64 sequence;
        /// Unix seconds, inclusive.
        uint256 deadline;
    }

    /// A party accepts the terms of an escrow. Off chain only.
    #[derive(Debug, PartialEq, Eq)]
    struct Accept {
        /// The party: 0 buyer, 1 seller, 2 arbiter.
        uint8 role;
        /// keccak256 of the terms.
        bytes32 termsHash;
        /// Unix seconds, inclusive.
        uint256 deadline;
    }
}

/// The EIP-712 domain of `wallet` in an epoch (how often it was reconfigured).
///
/// Does not check that the wallet exists or is in that epoch.
pub const fn domain(chain_id: u64, wallet: Address, epoch: U256) -> Eip712Domain {
    eip712_domain! {
        name: "Quorate",
        version: "1",
        chain_id: chain_id,
        verifying_contract: wallet,
        salt: B256::new(epoch.to_be_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::sol_types::SolStruct;

    #[test]
    fn type_strings_are_the_ones_the_contracts_hash() {
        let strings = [
            Execute::eip712_encode_type(),
            Payout::eip712_encode_type(),
            Reconfigure::eip712_encode_type(),
            Cancel::eip712_encode_type(),
            Accept::eip712_encode_type(),
        ];
        assert_eq!(
            strings,
            [
                "Execute(WalletCall[] calls,uint192 lane,uint64 sequence,uint256 deadline)WalletCall(address to,uint256 value,bytes data)",
                "Payout(address token,Transfer[] transfers,uint192 lane,uint64 sequence,uint256 deadline)Transfer(address to,uint256 amount)",
                "Reconfigure(uint8 threshold,address[] owners,address policy,bytes policyData,uint192 lane,uint64 sequence,uint256 deadline)",
                "Cancel(uint192 lane,uint64 sequence,uint256 deadline)",
                "Accept(uint8 role,bytes32 termsHash,uint256 deadline)",
            ]
        );
    }

    /// Where an account nests what it signs (ERC-7739), a description begins with the type that is signed, and EIP-712
    /// sorts what it hashes: both are one only if the others sort behind.
    #[test]
    fn the_types_of_members_sort_behind_their_holder() {
        let strings = [
            Execute::eip712_encode_type(),
            Payout::eip712_encode_type(),
            Reconfigure::eip712_encode_type(),
            Cancel::eip712_encode_type(),
            Accept::eip712_encode_type(),
        ];
        for string in strings {
            let definitions = string.split_terminator(')');
            let names: Vec<_> = definitions.filter_map(|one| one.split('(').next()).collect();
            assert!(names.is_sorted(), "{names:?}");
        }
    }

    #[test]
    fn domain_has_the_epoch_as_salt() {
        let domain = domain(1, Address::ZERO, U256::from(7));
        assert_eq!(
            domain.encode_type(),
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
        );
        assert_eq!(domain.salt, Some(B256::with_last_byte(7)));
    }
}
