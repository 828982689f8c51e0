//! Whose a signature is that was made elsewhere.

use crate::{chain_access::on_chain, failure::Cause, review::Facts};
use alloy::primitives::{Address, Bytes};
use eyre::Result;
use quorate_chain::{Chain, Refusal};
use quorate_core::{
    Config, OwnerSignature, Proposal,
    address::Written,
    signature::{EcdsaSignature, unwrap},
};

/// A signature that was handed in, and whose it is said to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signer<'a> {
    pub(super) bytes: &'a Bytes,
    pub(super) named: Option<&'a Written>,
}

impl Signer<'_> {
    /// The owner: the one that was named; else the one whose key made it; else the one that is a contract and takes it.
    pub(super) async fn find(
        self,
        proposal: &Proposal,
        seen: Option<(&Chain, &Facts)>,
    ) -> Result<Address> {
        if let Some(named) = self.named {
            return on_chain("--owner", named, proposal.request().chain_id);
        }
        let config = seen.and_then(|(_, facts)| facts.state.config.as_ref());
        let config = config.or(proposal.proven_config());
        let recovered = unwrap(self.bytes)
            .and_then(|(inner, _)| EcdsaSignature::from_bytes(&inner))
            .and_then(|signature| signature.recover(&proposal.digest()));
        match (&recovered, config) {
            (Ok(recovered), None) => return Ok(*recovered),
            (Ok(recovered), Some(config)) if config.index_of(*recovered).is_some() => {
                return Ok(*recovered);
            }
            _ => {}
        }
        let by_key = match recovered {
            Ok(recovered) => format!(
                "over this digest it is that of {}, which is not an owner: another key signed, or something else was signed",
                recovered.to_checksum(None)
            ),
            Err(error) => error.to_string(),
        };
        let Some(((chain, _), config)) = seen.zip(config) else {
            return Err(Cause::BadInput.error(format!(
                "{by_key}; if a contract made it, as a Safe does, name that with --owner, or give --rpc-url to have the owners asked"
            )));
        };
        self.taken_by(config, proposal, chain, &by_key).await
    }

    /// The one owner with code that takes it.
    async fn taken_by(
        self,
        config: &Config,
        proposal: &Proposal,
        chain: &Chain,
        by_key: &str,
    ) -> Result<Address> {
        let (mut contracts, mut takers) = (0, Vec::new());
        for &owner in config.owners() {
            let signature = OwnerSignature::Contract(self.bytes.clone());
            match chain.judge(proposal.request(), owner, &signature).await? {
                Ok(_) => takers.push(owner),
                Err(Refusal::NoCode { .. }) => continue,
                Err(_) => {}
            }
            contracts += 1;
        }
        match (&takers[..], contracts) {
            (&[owner], _) => Ok(owner),
            ([], 0) => Err(Cause::BadInput.error(format!("{by_key}; no owner is a contract"))),
            ([], _) => Err(Cause::BadInput.error(format!(
                "{by_key}; no owner that is a contract takes it either: --owner names one, and why it does not"
            ))),
            (takers, _) => {
                let takers: Vec<_> = takers.iter().map(|owner| owner.to_checksum(None)).collect();
                Err(Cause::BadInput.error(format!(
                    "{} take it: say whose it is with --owner",
                    takers.join(" and ")
                )))
            }
        }
    }
}
