//! `quorate audit`.

use crate::{
    arguments::{StoreOptions, Verify},
    failure::Cause,
    output::{Output, Sheet},
};
use eyre::Result;
use quorate_server::Database;
use quorate_store::{AuditFault, AuditReport, Storage as _, Store};
use serde_json::{Value, json};
use std::path::Path;

pub(crate) async fn verify(arguments: &Verify, output: Output) -> Result<()> {
    let store = open(&arguments.store).await?;
    let report = output.during("examining the log", store.verify_audit(arguments.head)).await;
    store.close().await;
    match report? {
        AuditReport::Whole { rows, head } => {
            let mut sheet = Sheet::default();
            sheet.title("The audit log is as it was written");
            sheet.row("rows", &rows.to_string());
            sheet.row("head", &head.to_string());
            output.say(&sheet.finish());
            output.result(&json!({ "whole": true, "rows": rows, "head": head }));
            Ok(())
        }
        AuditReport::Broken { sequence, fault } => {
            let mut result = details(fault);
            result["whole"] = false.into();
            result["sequence"] = sequence.into();
            output.result(&result);
            let words = words(fault);
            Err(Cause::Mismatch.error(format!("row {sequence} of the audit log {words}")))
        }
    }
}

pub(crate) async fn head(arguments: &StoreOptions, output: Output) -> Result<()> {
    let store = open(arguments).await?;
    let head = store.audit_head().await;
    store.close().await;
    let head = head?;
    output.say(&head.to_string());
    output.result(&json!({ "head": head }));
    Ok(())
}

async fn open(options: &StoreOptions) -> Result<Store> {
    Ok(database(&options.store)?.open_read_only().await?)
}

/// The store that a URL names, which is not repeated: it may hold a password.
pub(super) fn database(url: &str) -> Result<Database> {
    Database::parse(url, Path::new("")).ok_or_else(|| {
        Cause::BadInput.error("--store: give a file, sqlite:FILE or postgres://USER@HOST/DATABASE")
    })
}

fn words(fault: AuditFault) -> String {
    match fault {
        AuditFault::Changed => "was changed".to_owned(),
        AuditFault::Missing => "is missing, and later ones are there".to_owned(),
        AuditFault::Moved { found_at } => {
            format!("is another: the one that was written there stands at {found_at}")
        }
        AuditFault::Cut { written } => {
            format!("is missing, and all behind it: {written} were written")
        }
        AuditFault::HeadMissing { expected } => {
            format!(
                "is where it ends, and none has the hash {expected}: its end was cut off or written anew"
            )
        }
    }
}

fn details(fault: AuditFault) -> Value {
    match fault {
        AuditFault::Changed => json!({ "fault": "changed" }),
        AuditFault::Missing => json!({ "fault": "missing" }),
        AuditFault::Moved { found_at } => json!({ "fault": "moved", "foundAt": found_at }),
        AuditFault::Cut { written } => json!({ "fault": "cut", "written": written }),
        AuditFault::HeadMissing { expected } => {
            json!({ "fault": "headMissing", "expected": expected })
        }
    }
}
