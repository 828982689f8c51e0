//! Safes, deployed from their npm packages and used as the Safe app uses them on mainnet.

use super::{
    quorate::inner_call,
    wallet::{Kind, Roster, Wallet},
    work::Payment,
};
use crate::{anvil::Chain, repository};
use alloy::{
    primitives::{Address, B256, Bytes, U256},
    signers::SignerSync,
    sol,
    sol_types::{Eip712Domain, SolCall, SolStruct, eip712_domain},
};
use eyre::{Result, WrapErr};
use serde::Deserialize;
use std::fs;

sol! {
    function setup(
        address[] owners, uint256 threshold, address to, bytes data, address fallbackHandler,
        address paymentToken, uint256 payment, address paymentReceiver
    );
    function createProxyWithNonce(address singleton, bytes initializer, uint256 saltNonce);
    function execTransaction(
        address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas,
        uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures
    );
    function swapOwner(address prevOwner, address oldOwner, address newOwner);
    function multiSend(bytes transactions);

    struct SafeTx {
        address to;
        uint256 value;
        bytes data;
        uint8 operation;
        uint256 safeTxGas;
        uint256 baseGas;
        uint256 gasPrice;
        address gasToken;
        address refundReceiver;
        uint256 nonce;
    }
}

const CALL: u8 = 0;
const DELEGATECALL: u8 = 1;

/// A release of the Safe contracts.
#[derive(Debug)]
pub(super) struct Release {
    name: &'static str,
    package: &'static str,
}

pub(super) const V1_4_1: Release = Release { name: "Safe 1.4.1", package: "safe-contracts" };
pub(super) const V1_5_0: Release = Release { name: "Safe 1.5.0", package: "safe-smart-account" };

/// Safes of one release, on one chain.
#[derive(Debug)]
pub(super) struct Safe {
    name: &'static str,
    chain_id: u64,
    singleton: Address,
    factory: Address,
    fallback_handler: Address,
    multi_send: Address,
}

impl Safe {
    /// Deploys the singleton for mainnet (not `SafeL2`) and what belongs to it.
    pub(super) async fn deploy(chain: &Chain, release: &Release) -> Result<Self> {
        let deploy = async |artifact| chain.deploy(bytecode(release, artifact)?).await;
        Ok(Self {
            name: release.name,
            chain_id: chain.id(),
            singleton: deploy("Safe.sol/Safe").await?,
            factory: deploy("proxies/SafeProxyFactory.sol/SafeProxyFactory").await?,
            fallback_handler: deploy(
                "handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler",
            )
            .await?,
            multi_send: deploy("libraries/MultiSendCallOnly.sol/MultiSendCallOnly").await?,
        })
    }

    /// Signs by the order of the addresses, as a Safe wants it, and wraps the call.
    fn exec_transaction(
        &self,
        wallet: &Wallet,
        to: Address,
        value: U256,
        data: Bytes,
        operation: u8,
    ) -> Result<Bytes> {
        let signed = SafeTx {
            to,
            value,
            data,
            operation,
            safeTxGas: U256::ZERO,
            baseGas: U256::ZERO,
            gasPrice: U256::ZERO,
            gasToken: Address::ZERO,
            refundReceiver: Address::ZERO,
            nonce: U256::from(wallet.nonce),
        };
        let digest = signed.eip712_signing_hash(&self.domain(wallet.address));
        let call = execTransactionCall {
            to: signed.to,
            value: signed.value,
            data: signed.data,
            operation: signed.operation,
            safeTxGas: signed.safeTxGas,
            baseGas: signed.baseGas,
            gasPrice: signed.gasPrice,
            gasToken: signed.gasToken,
            refundReceiver: signed.refundReceiver,
            signatures: signatures(&wallet.roster, &digest)?,
        };
        Ok(call.abi_encode().into())
    }

    const fn domain(&self, safe: Address) -> Eip712Domain {
        eip712_domain! { chain_id: self.chain_id, verifying_contract: safe, }
    }
}

impl Kind for Safe {
    fn name(&self) -> &'static str {
        self.name
    }

    fn create(&self, roster: &Roster, salt: U256) -> (Address, Bytes) {
        let setup = setupCall {
            owners: roster.addresses(),
            threshold: U256::from(roster.threshold),
            to: Address::ZERO,
            data: Bytes::new(),
            fallbackHandler: self.fallback_handler,
            paymentToken: Address::ZERO,
            payment: U256::ZERO,
            paymentReceiver: Address::ZERO,
        };
        let call = createProxyWithNonceCall {
            singleton: self.singleton,
            initializer: setup.abi_encode().into(),
            saltNonce: salt,
        };
        (self.factory, call.abi_encode().into())
    }

    fn pay(&self, wallet: &Wallet, token: Option<Address>, payments: &[Payment]) -> Result<Bytes> {
        if let [payment] = payments {
            let (to, value, data) = inner_call(token, payment);
            return self.exec_transaction(wallet, to, value, data, CALL);
        }
        let mut transactions = Vec::new();
        for payment in payments {
            let (to, value, data) = inner_call(token, payment);
            transactions.push(CALL);
            transactions.extend_from_slice(to.as_slice());
            transactions.extend_from_slice(&value.to_be_bytes::<32>());
            transactions.extend_from_slice(&U256::from(data.len()).to_be_bytes::<32>());
            transactions.extend_from_slice(&data);
        }
        let batch = multiSendCall { transactions: transactions.into() }.abi_encode();
        self.exec_transaction(wallet, self.multi_send, U256::ZERO, batch.into(), DELEGATECALL)
    }

    fn change_owners(&self, wallet: &Wallet, roster: &Roster) -> Result<Bytes> {
        let (old, new) = (wallet.roster.addresses(), roster.addresses());
        let last = old.len() - 1;
        let swap =
            swapOwnerCall { prevOwner: old[last - 1], oldOwner: old[last], newOwner: new[last] };
        let data = swap.abi_encode().into();
        self.exec_transaction(wallet, wallet.address, U256::ZERO, data, CALL)
    }
}

/// `r ‖ s ‖ v` of each signer.
fn signatures(roster: &Roster, digest: &B256) -> Result<Bytes> {
    let mut signers: Vec<_> = roster.signers().iter().collect();
    signers.sort_by_key(|signer| signer.address());
    let mut signatures = Vec::new();
    for signer in signers {
        signatures.extend_from_slice(&signer.sign_hash_sync(digest)?.as_bytes());
    }
    Ok(signatures.into())
}

fn bytecode(release: &Release, artifact: &str) -> Result<Bytes> {
    #[derive(Deserialize)]
    struct Artifact {
        bytecode: Bytes,
    }

    let folder = repository().join("contracts/node_modules/@safe-global").join(release.package);
    let path = folder.join(format!("build/artifacts/contracts/{artifact}.json"));
    let text = fs::read_to_string(&path).wrap_err_with(|| {
        format!("no {}: run `npm install --prefix contracts` ({artifact})", release.name)
    })?;
    let artifact: Artifact =
        serde_json::from_str(&text).wrap_err_with(|| format!("cannot use {}", path.display()))?;
    Ok(artifact.bytecode)
}
