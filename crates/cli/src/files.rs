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

/// Refuses a folder that has something in it.
pub(crate) fn check_folder_free(folder: &Path) -> Result<()> {
    let is_empty = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if folder.exists() && !is_empty {
        let folder = folder.display();
        return Err(Cause::BadInput.error(format!(
            "{folder} exists already: name another folder with --out, or move it away"
        )));
    }
    Ok(())
}

/// Writes files into a folder that must not exist yet, or be empty: all of them, or none.
pub(crate) fn create_folder(folder: &Path, files: Vec<(String, String)>) -> Result<()> {
    check_folder_free(folder)?;
    let parent = match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let write = || {
        fs::create_dir_all(parent)?;
        let made = tempfile::Builder::new().prefix(".quorate-").tempdir_in(parent)?;
        for (name, text) in files {
            let mut file = fs::File::create_new(made.path().join(name))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
        }
        open_to_others(made.path())?;
        fs::rename(made.path(), folder)?;
        // What it named is the folder now.
        drop(made.keep());
        Ok(())
    };
    write().map_err(|error| cannot_write(folder, &error))
}

#[cfg(unix)]
fn open_to_others(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn open_to_others(_: &Path) -> std::io::Result<()> {
    Ok(())
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

    #[test]
    fn a_folder_is_written_whole_and_not_into_another() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new/run");
        let files = vec![("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())];
        create_folder(&folder, files.clone()).unwrap();
        assert_eq!(fs::read_to_string(folder.join("b")).unwrap(), "2");
        assert!(create_folder(&folder, files).is_err());
        assert_eq!(fs::read_dir(parent.path().join("new")).unwrap().count(), 1);
    }
}
