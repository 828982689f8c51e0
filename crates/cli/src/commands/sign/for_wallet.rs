//! Signing for a wallet that is an owner, as one of its owners, or of theirs.

use super::{Signed, check_owner, confirm};
use crate::{chain_access::on_chain, failure::Cause, key::Key, output::Output, review::Facts};
use alloy::primitives::{Address, Bytes};
use eyre::Result;
use quorate_chain::Chain;
use quorate_core::{
    Proposal,
    address::Written,
    nested::{Nested, Signatory},
    proposal::Part,
};

/// The wallets that lead to the key, if one that is not the key's own account is named.
pub(super) async fn path(
    named: &[Written],
    key: &Key,
    proposal: &Proposal,
    seen: Option<(&Chain, &Facts)>,
) -> Result<Option<Vec<Signatory>>> {
    let chain_id = proposal.request().chain_id;
    let named = named.iter().map(|written| on_chain("--owner", written, chain_id));
    let named = named.collect::<Result<Vec<Address>>>()?;
    let Some(&first) = named.first().filter(|_| named != [key.address()]) else { return Ok(None) };
    let Some((chain, facts)) = seen else {
        return Err(Cause::BadInput.error(format!(
            "what is signed for {} depends on its epoch, which only the chain tells: give --rpc-url",
            first.to_checksum(None)
        )));
    };
    check_owner(first, proposal, Some(facts))?;
    let account = key.address();
    let paths = chain.paths_to(first, account).await?;
    let is_named = |path: &&Vec<Signatory>| {
        path.iter().map(|signatory| signatory.wallet).eq(named.iter().copied())
    };
    let mut fitting: Vec<_> = paths.iter().filter(is_named).cloned().collect();
    if fitting.is_empty() && named.len() == 1 {
        // One is enough where one way leads on from it.
        fitting.clone_from(&paths);
    }
    let (name, by) = (first.to_checksum(None), account.to_checksum(None));
    match fitting.len() {
        1 => Ok(fitting.pop()),
        0 if paths.is_empty() => Err(Cause::BadInput.error(format!(
            "{by} is no owner of {name}, nor of a Quorate wallet that is one, up to three deep: another kind of contract signs in its own program, and `--signature` hands that in"
        ))),
        _ => {
            let ways: Vec<_> = if fitting.is_empty() { &paths } else { &fitting }
                .iter()
                .map(|path| options(path))
                .collect();
            Err(Cause::BadInput.error(format!(
                "{} ways lead from {name} to {by}: give one of {}",
                ways.len(),
                ways.join(" or ")
            )))
        }
    }
}

fn options(path: &[Signatory]) -> String {
    let option = |signatory: &Signatory| format!("--owner {}", signatory.wallet.to_checksum(None));
    path.iter().map(option).collect::<Vec<_>>().join(" ")
}

/// Signs for the wallets of a path, and adds the part; once enough of them signed, the signature of the first wallet too.
pub(super) async fn sign(
    path: &[Signatory],
    key: &Key,
    proposal: &mut Proposal,
    seen: Option<(&Chain, &Facts)>,
    output: Output,
) -> Result<Signed> {
    let Some(((chain, facts), first)) = seen.zip(path.first()) else {
        return Err(Cause::BadInput.error("nobody is signed for"));
    };
    let (wallet, account) = (first.wallet, key.address());
    let names: Vec<_> = path.iter().rev().map(|s| s.wallet.to_checksum(None)).collect();
    let question =
        format!("Sign this as {}, for {}?", account.to_checksum(None), names.join(", for "));
    let wallets: Vec<_> = path.iter().map(|signatory| signatory.wallet).collect();
    let nested = Nested::new(proposal.request(), path);
    let is_there = proposal.parts().iter().any(|part| {
        let holds = quorate_core::OwnerSignature::of(account, &nested.digest(), &part.signature);
        part.path == wallets
            && part.owner == account
            && holds.is_ok_and(|signature| signature.kind() == quorate_core::signature::Kind::Ecdsa)
    });
    let mut is_new = false;
    if !is_there {
        confirm(&question, output)?;
        let signature = Bytes::from(key.sign_nested(&nested, output).await?.to_bytes());
        is_new = proposal.add_part(Part { path: wallets, owner: account, signature })?;
    }
    let verified = chain.verify(proposal, &facts.state).await?;
    if let Some(signature) = verified.valid.get(&wallet) {
        let bytes = signature.to_bytes();
        is_new |= proposal.add(wallet, signature.clone())?;
        return Ok(Signed { owner: wallet, bytes, is_new, lacks: None });
    }
    let branch = verified.branches.iter().find(|branch| branch.wallet == wallet);
    let lacks = branch.map(|b| (b.signed.len(), b.threshold.unwrap_or(0)));
    if let Some((count, threshold)) = lacks.filter(|(count, most)| count >= &usize::from(*most)) {
        let reason = verified.rejected.iter().find(|rejected| rejected.owner == wallet);
        let reason = reason.map(|r| r.reason.to_string()).unwrap_or_default();
        return Err(Cause::BadInput.error(format!(
            "{count} of the {threshold} that have to sign for {} did, and it does not take that: {reason}",
            wallet.to_checksum(None)
        )));
    }
    Ok(Signed { owner: wallet, bytes: Bytes::new(), is_new, lacks })
}
