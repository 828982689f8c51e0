//! The canonical deployments: the same on every chain that runs EVM bytecode as it is.

use alloy::primitives::{Address, B256, address, b256};

/// The deterministic deployment proxy, through which anyone can deploy the contracts: it takes
/// `salt ‖ init code` as calldata.
pub const DEPLOYER: Address = address!("0x4e59b44847b379578588920cA78FbF26c0B4956C");

/// The salt of every canonical deployment.
pub const SALT: B256 = B256::ZERO;

/// Where a contract is, once deployed, and how to recognise it. Says nothing about a certain chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canonical {
    /// The address.
    pub address: Address,
    /// keccak256 of the init code.
    pub init_code_hash: B256,
    /// keccak256 of the code at the address (EXTCODEHASH).
    pub runtime_code_hash: B256,
}

include!(concat!(env!("OUT_DIR"), "/canonical.rs"));
