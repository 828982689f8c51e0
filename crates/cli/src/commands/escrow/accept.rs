//! `quorate escrow accept`.

use super::{
    render,
    scene::{Scene, Word},
};
use crate::{
    arguments::EscrowAccept, clock, failure::Cause, files, key::Key, output::Output,
    relayer_access::Relayer,
};
use alloy::primitives::{B256, keccak256};
use eyre::{Result, WrapErr as _};
use quorate_api::NewAcceptance;
use quorate_core::{OwnerSignature, request::Hashes};
use quorate_treasury::{
    EscrowFile,
    escrow::{Acceptance, Role, acceptance::Offer},
};
use serde_json::json;

pub(super) async fn run(arguments: EscrowAccept, output: Output) -> Result<()> {
    let path = &arguments.file;
    let mut scene = Scene::read(path, &arguments.access, &arguments.chain, output).await?;
    check_open(&scene)?;
    let deadline = clock::parse_deadline(&arguments.deadline, scene.now)?;
    let offer = scene.file.offer();
    if arguments.typed_data {
        let role = arguments.role.map_or(Role::Buyer, Role::from);
        output.raw(&format!("{:#}", offer.typed_data(role, deadline)));
        return Ok(());
    }
    if let Some(relayer) = &scene.relayer {
        // It has to serve the escrow, or the acceptance would not get there.
        relayer.wallet(scene.file.chain_id(), scene.file.wallet()).await?;
    }
    output.say(&render::sheet(&scene, output.now));
    let acceptance = match &arguments.signature {
        Some(bytes) => {
            let role = arguments.role.map_or(Role::Buyer, Role::from);
            let owner = scene.agreement().account(role);
            offer
                .read(role, owner, deadline, bytes)
                .map_err(|error| Cause::BadInput.error(error.to_string()))?
        }
        None => by_key(&arguments, &scene, deadline, output).await?,
    };
    check_holds(&scene, &acceptance).await?;
    let before = scene.file.to_json();
    let role = acceptance.role;
    scene.file.add(acceptance.clone())?;
    let is_new = before != scene.file.to_json();
    let text = scene.file.to_json();
    match &arguments.out {
        Some(out) if out != path => files::create(out, &text)?,
        _ => {
            // What the relayer had is kept too.
            if text.as_bytes() != files::read(path)? {
                files::replace(path, &text)?;
            }
        }
    }
    let file = arguments.out.as_ref().unwrap_or(path).display().to_string();
    output.say(&format!("\n{file}: the {role} accepts"));
    if let Some(relayer) = &scene.relayer {
        hand_in(relayer, &scene.file, output).await?;
        output.say(&format!("handed in at the relayer {}", relayer.name()));
    }
    let missing: Vec<_> = Role::ALL
        .into_iter()
        .filter(|&other| other != role && *scene.word(other) == Word::Missing)
        .map(Role::name)
        .collect();
    output.result(&json!({
        "file": file,
        "role": role.name(),
        "owner": acceptance.owner.to_checksum(None),
        "termsHash": acceptance.terms_hash,
        "deadline": acceptance.deadline,
        "kind": acceptance.kind(),
        "signature": acceptance.signature.to_bytes(),
        "digest": scene.file.offer().digest(role, acceptance.deadline),
        "added": is_new,
        "missing": missing,
        "handedIn": scene.relayer.is_some(),
    }));
    Ok(())
}

/// Refuses what can no longer be begun.
fn check_open(scene: &Scene) -> Result<()> {
    if let Some(epoch) = scene.ended() {
        return Err(Cause::BadInput.error(format!(
            "these terms ended: the wallet was reconfigured and is in epoch {epoch}, there is nothing to accept"
        )));
    }
    let expiry = scene.agreement().terms.expiry;
    if expiry <= scene.now {
        let expiry = clock::words(expiry, scene.now);
        return Err(Cause::BadInput.error(format!(
            "the expiry was {expiry}: nothing can be begun by these terms, open a new escrow"
        )));
    }
    Ok(())
}

async fn by_key(
    arguments: &EscrowAccept,
    scene: &Scene,
    deadline: u64,
    output: Output,
) -> Result<Acceptance> {
    let key = Key::open(&arguments.key, output).await?;
    let owner = key.address();
    let role = role_of(scene, owner, arguments.role.map(Role::from))?;
    let offer = scene.file.offer();
    if output.is_interactive()
        && !output
            .confirm(&format!("Accept these terms as the {role}, {}?", owner.to_checksum(None)))
    {
        return Err(Cause::DangerNotAccepted.error("not accepted"));
    }
    let hashes = hashes_of(&offer, role, deadline);
    let typed_data = offer.typed_data(role, deadline);
    let signature = OwnerSignature::Ecdsa(key.sign_typed(typed_data, hashes, output).await?);
    Ok(Acceptance { deadline, role, owner, terms_hash: offer.terms_hash, signature })
}

/// The role of an account, which has to be the one that is named.
pub(super) fn role_of(
    scene: &Scene,
    account: alloy::primitives::Address,
    named: Option<Role>,
) -> Result<Role> {
    let (agreement, name) = (scene.agreement(), account.to_checksum(None));
    match (agreement.role_of(account), named) {
        (None, _) => Err(Cause::BadInput.error(format!(
            "{name} is neither the buyer nor the seller nor the arbiter of this escrow: another key is needed"
        ))),
        (Some(role), Some(named)) if role != named => Err(Cause::BadInput.error(format!(
            "{name} is the {role}, not the {named}: it acts as itself alone"
        ))),
        (Some(role), _) => Ok(role),
    }
}

fn hashes_of(offer: &Offer, role: Role, deadline: u64) -> Hashes {
    let [domain_separator, struct_hash] = offer.hashes(role, deadline);
    let digest = keccak256([&[0x19, 0x01], &domain_separator[..], &struct_hash[..]].concat());
    Hashes { domain_separator, struct_hash, digest }
}

/// A signature that is not by a key counts only if the chain says so, where one can be asked.
async fn check_holds(scene: &Scene, acceptance: &Acceptance) -> Result<()> {
    acceptance
        .check(&scene.file.offer(), &scene.agreement().owners)
        .map_err(|error| Cause::BadInput.error(error.to_string()))?;
    let (role, owner) = (acceptance.role, acceptance.owner);
    let digest: B256 = scene.file.offer().digest(role, acceptance.deadline);
    let Some(seen) = &scene.seen else { return Ok(()) };
    let holds = match &acceptance.signature {
        OwnerSignature::Ecdsa(_) => true,
        OwnerSignature::Contract(bytes) => {
            seen.chain.contract_accepts(scene.file.wallet(), owner, digest, bytes).await?.is_ok()
        }
        OwnerSignature::Approved => {
            seen.state.deployed && seen.chain.approved(scene.file.wallet(), digest, owner).await?
        }
    };
    if holds {
        return Ok(());
    }
    let owner = owner.to_checksum(None);
    Err(Cause::BadInput.error(match acceptance.signature {
        OwnerSignature::Approved => {
            format!("the {role} {owner} did not approve {digest} on the escrow")
        }
        _ => format!(
            "that is no acceptance by the {role} {owner} with this deadline: neither its key made it nor does a contract there take it; it may be for another chain, escrow or deadline"
        ),
    }))
}

/// Hands in all that the file has: the relayer keeps the newest of each.
async fn hand_in(relayer: &Relayer, file: &EscrowFile, output: Output) -> Result<()> {
    for role in Role::ALL {
        let Some(acceptance) = file.acceptances(role).next() else { continue };
        let new = NewAcceptance {
            role: role.index(),
            owner: acceptance.owner,
            terms_hash: acceptance.terms_hash,
            deadline: acceptance.deadline,
            signature: acceptance.signature.to_bytes(),
        };
        let asked = relayer.client.accept(file.chain_id(), file.wallet(), &new);
        output
            .during("handing it in", asked)
            .await
            .wrap_err_with(|| format!("the acceptance of the {role}"))?;
    }
    Ok(())
}
