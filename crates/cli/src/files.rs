//! Reading and writing files: whole or not at all, and never over another file unasked.

use crate::{commands::is_escrow, failure::Cause};
use eyre::{Report, Result, WrapErr};
use quorate_core::{Proposal, WalletFile};
use quorate_treasury::EscrowFile;
use std::{
    fs,
    io::{ErrorKind, Write as _},
    path::Path,
};
use tempfile::NamedTempFile;

/// Reads a proposal file.
pub(crate) fn read_proposal(path: &Path) -> Result<Proposal> {
    Proposal::from_json(&read(path)?).wrap_err_with(|| path.display().to_string())
}

/// Reads a wallet file; or an escrow file, in which there is one.
pub(crate) fn read_wallet(path: &Path) -> Result<WalletFile> {
    let bytes = read(path)?;
    let wallet: Result<WalletFile> = if is_escrow(&bytes) {
        let file = EscrowFile::from_json(&bytes);
        file.map_err(Report::new).and_then(|file| Ok(file.wallet_file()?))
    } else {
        WalletFile::from_json(&bytes).map_err(Report::new)
    };
    wallet.wrap_err_with(|| path.display().to_string())
}

/// Reads a file that was given.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| {
        let reason = match error.kind() {
            ErrorKind::NotFound => "no such file".to_owned(),
            _ => error.to_string(),
        };
        Cause::BadInput.error(format!("cannot read {}: {reason}", path.display()))
    })
}

/// Refuses a file that exists already, before anything is done for which it is to be written.
pub(crate) fn check_free(path: &Path) -> Result<()> {
    if path.exists() { Err(exists(path)) } else { Ok(()) }
}

fn exists(path: &Path) -> eyre::Report {
    let path = path.display();
    Cause::BadInput
        .error(format!("{path} exists already: name another file with --out, or move it away"))
}

/// Writes a file that must not exist yet.
pub(crate) fn create(path: &Path, text: &str) -> Result<()> {
    let written = temporary(path, text)?.persist_noclobber(path);
    written.map_err(|error| match error.error.kind() {
        ErrorKind::AlreadyExists => exists(path),
        _ => cannot_write(path, &error.error),
    })?;
    Ok(())
}

/// Writes a file, in the place of the old one if there is one.
pub(crate) fn replace(path: &Path, text: &str) -> Result<()> {
    let written = temporary(path, text)?.persist(path);
    written.map_err(|error| cannot_write(path, &error.error))?;
    Ok(())
}

/// The text in a file beside `path`, durable, so that a crash leaves the old file or the new one.
fn temporary(path: &Path, text: &str) -> Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let write = || {
        let mut file = tempfile::Builder::new().permissions_like_others().tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    write().map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> eyre::Report {
    Cause::BadInput.error(format!("cannot write {}: {error}", path.display()))
}

/// Temporary files are private by default; these become files that owners pass on.
trait PermissionsLikeOthers {
    fn permissions_like_others(&mut self) -> &mut Self;
}

impl PermissionsLikeOthers for tempfile::Builder<'_, '_> {
    #[cfg(unix)]
    fn permissions_like_others(&mut self) -> &mut Self {
        use std::os::unix::fs::PermissionsExt as _;
        // The umask takes away what the user does not want to give.
        self.permissions(fs::Permissions::from_mode(0o666))
    }

    #[cfg(not(unix))]
    fn permissions_like_others(&mut self) -> &mut Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_never_written_over_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        create(&path, "one").unwrap();
        assert!(create(&path, "two").unwrap_err().to_string().contains("exists already"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        replace(&path, "three").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "three");
        // No temporary file is left behind.
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
