//! `quorate combine`.

use super::escrow;
use crate::{arguments::Combine, files, output::Output};
use eyre::{Result, WrapErr};
use quorate_treasury::escrow::Role;
use serde_json::json;
use std::path::PathBuf;

pub(crate) fn run(arguments: &Combine, output: Output) -> Result<()> {
    let is_escrow = |path: &PathBuf| files::read(path).is_ok_and(|json| escrow::is_escrow(&json));
    if arguments.files.first().is_some_and(is_escrow) {
        return of_escrow(arguments, output);
    }
    let mut combined = None;
    for file in &arguments.files {
        let proposal = files::read_proposal(file)?;
        combined = Some(match combined {
            None => proposal,
            Some(so_far) => quorate_core::Proposal::combine(&so_far, &proposal)
                .wrap_err_with(|| file.display().to_string())?,
        });
    }
    let Some(proposal) = combined else { return Ok(()) };
    let text = proposal.to_json();
    if arguments.files.contains(&arguments.out) {
        files::replace(&arguments.out, &text)?;
    } else {
        files::create(&arguments.out, &text)?;
    }
    let signers: Vec<_> = proposal.signatures().keys().map(|a| a.to_checksum(None)).collect();
    let (path, digest) = (arguments.out.display().to_string(), proposal.digest());
    output.say(&format!(
        "{path}: {} signed proposal {digest}",
        match signers.len() {
            1 => "1 owner".to_owned(),
            count => format!("{count} owners"),
        }
    ));
    output.result(&json!({ "file": path, "digest": digest, "signers": signers }));
    Ok(())
}

/// Escrow files, whose acceptances are put into one.
fn of_escrow(arguments: &Combine, output: Output) -> Result<()> {
    let Some(file) = escrow::combine(&arguments.files)? else { return Ok(()) };
    let text = file.to_json();
    if arguments.files.contains(&arguments.out) {
        files::replace(&arguments.out, &text)?;
    } else {
        files::create(&arguments.out, &text)?;
    }
    let accepted = Role::ALL.into_iter().filter(|&role| file.acceptances(role).next().is_some());
    let accepted: Vec<_> = accepted.map(Role::name).collect();
    let (path, wallet) = (arguments.out.display().to_string(), file.wallet().to_checksum(None));
    let who = if accepted.is_empty() { "nobody".to_owned() } else { accepted.join(", ") };
    output.say(&format!("{path}: escrow {wallet}, accepted by {who}"));
    output.result(&json!({ "file": path, "wallet": wallet, "accepted": accepted }));
    Ok(())
}
