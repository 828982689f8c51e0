//! `quorate escrow list`.

use super::{
    render,
    scene::{Scene, is_escrow},
};
use crate::{
    arguments::EscrowList,
    chain_access::on_chain,
    clock,
    failure::Cause,
    files,
    output::{Output, Sheet},
    relayer_access::Relayer,
};
use eyre::Result;
use quorate_treasury::escrow::{Agreement, Role};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// How many files of a folder are looked at.
const MOST_FILES: usize = 1_000;

pub(super) async fn run(arguments: EscrowList, output: Output) -> Result<()> {
    let mut rows = Vec::new();
    let mut known = BTreeSet::new();
    let is_named = !arguments.files.is_empty();
    let files = if is_named { arguments.files.clone() } else { here()? };
    for path in files {
        let scene = Scene::read(&path, &arguments.access, &arguments.chain, output).await;
        match scene {
            Ok(scene) => {
                known.insert((scene.file.chain_id(), scene.file.wallet()));
                rows.push(row(&path, &scene, output));
            }
            Err(error) if is_named => return Err(error),
            Err(error) => output.warn(&format!("{}: {error:#}", path.display())),
        }
    }
    if let Some(owner) = &arguments.owner {
        let relayer = Relayer::named(&arguments.access, output)?;
        let chain_id = owner.chain_id();
        let owner = match chain_id {
            Some(id) => on_chain("--owner", owner, id)?,
            None => owner.anywhere(),
        };
        let listed = relayer.client.wallets(Some(owner), chain_id);
        for verified in output.during("asking the relayer", listed).await?.items {
            let wallet = verified.wallet();
            let key = (wallet.chain_id, wallet.address);
            let Some(agreement) = Agreement::of(wallet.address, &wallet.config) else { continue };
            if !known.insert(key) {
                continue;
            }
            rows.push(at_relayer(&agreement, wallet.chain_id, owner, &relayer, output));
        }
    } else if rows.is_empty() {
        output.say("no escrow files here: name them, or give --relayer and --owner");
    }
    output.result(&json!({ "escrows": rows }));
    Ok(())
}

/// The escrow files of the present folder.
fn here() -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(".")
        .map_err(|error| Cause::BadInput.error(format!("cannot read this folder: {error}")))?;
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths.truncate(MOST_FILES);
    paths.retain(|path| files::read(path).is_ok_and(|bytes| is_escrow(&bytes)));
    Ok(paths
        .into_iter()
        .map(|path| path.strip_prefix(".").map(Path::to_owned).unwrap_or(path))
        .collect())
}

fn row(path: &Path, scene: &Scene, output: Output) -> Value {
    let mut sheet = Sheet::default();
    sheet.title(&path.display().to_string());
    sheet.row("escrow", &scene.file.wallet().to_checksum(None));
    sheet.row("agreed", &scene.amount(scene.file.amount()));
    if let Some(seen) = &scene.seen {
        sheet.row("there", &scene.amount(seen.held));
    }
    sheet.row("stands", &render::headline(scene));
    let terms = scene.agreement().terms;
    let timeout = clock::words_here(terms.timeout(scene.disputed()), scene.now);
    sheet.row("time-out", &format!("{timeout}, for the {}", terms.beneficiary));
    output.say(&format!("{}\n", sheet.finish()));
    let mut json = render::json(scene);
    json["file"] = json!(path.display().to_string());
    json
}

/// One of which the file is not here: only what its address commits to is known.
fn at_relayer(
    agreement: &Agreement,
    chain_id: u64,
    owner: alloy::primitives::Address,
    relayer: &Relayer,
    output: Output,
) -> Value {
    let role = agreement.role_of(owner).map_or("", Role::name);
    let wallet = agreement.wallet.to_checksum(None);
    let mut sheet = Sheet::default();
    sheet.title(&format!("{wallet} at the relayer {}", relayer.name()));
    sheet.row("you", &format!("the {role}"));
    let expiry = clock::words_here(agreement.terms.expiry, output.now);
    sheet.row("expiry", &format!("{expiry}, for the {}", agreement.terms.beneficiary));
    sheet.row("file", "not here: ask another party for it, the terms are in it");
    output.say(&format!("{}\n", sheet.finish()));
    json!({
        "file": Value::Null,
        "wallet": wallet,
        "chainId": chain_id,
        "role": role,
        "expiry": agreement.terms.expiry,
        "termsHash": agreement.terms.terms_hash,
        "beneficiary": agreement.terms.beneficiary.to_string(),
    })
}
