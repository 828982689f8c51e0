//! `quorate combine`.

use crate::{arguments::Combine, files, output::Output};
use eyre::{Result, WrapErr};
use serde_json::json;

pub(crate) fn run(arguments: &Combine, output: Output) -> Result<()> {
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
