//! The proposal files that lie around: people who pass files on keep them together.

use quorate_core::Proposal;
use std::{
    collections::BTreeSet,
    fs::{self, DirEntry},
    path::{Path, PathBuf},
};

/// How many entries of folders are looked at.
const MOST_ENTRIES: usize = 10_000;

/// How many bytes of files are read.
const MOST_BYTES: u64 = 64 << 20;

/// The largest file that can be a proposal.
const LARGEST: u64 = 4 << 20;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    pub(super) proposals: Vec<(PathBuf, Proposal)>,
    /// Whether there was more than is looked at.
    pub(super) has_more: bool,
    entries: usize,
    bytes: u64,
    seen: BTreeSet<PathBuf>,
}

impl Neighbours {
    /// The proposals in files of these folders, and of the folders in them, whose name ends in `.json`. What is no proposal,
    /// or cannot be read, is passed over, and links are not followed.
    pub(super) fn of(folders: &[PathBuf]) -> Self {
        let mut this = Self::default();
        for folder in folders {
            for inner in this.look(folder) {
                this.look(&inner);
            }
        }
        this
    }

    /// Reads a folder's files, and returns the folders in it.
    fn look(&mut self, folder: &Path) -> Vec<PathBuf> {
        let Ok(resolved) = folder.canonicalize() else { return Vec::new() };
        if !self.seen.insert(resolved) {
            return Vec::new();
        }
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let mut entries: Vec<_> = entries
            .flatten()
            .take(MOST_ENTRIES.saturating_sub(self.entries).saturating_add(1))
            .collect();
        self.entries += entries.len();
        if self.entries > MOST_ENTRIES {
            self.has_more = true;
            entries.pop();
        }
        entries.sort_by_key(DirEntry::file_name);
        let mut folders = Vec::new();
        for entry in entries {
            let path = plain(&entry.path());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() => self.read(path, &entry),
                _ => {}
            }
        }
        folders
    }

    fn read(&mut self, path: PathBuf, entry: &DirEntry) {
        if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("json")) {
            return;
        }
        let length = entry.metadata().map_or(u64::MAX, |metadata| metadata.len());
        if length > LARGEST {
            return;
        }
        if self.bytes + length > MOST_BYTES {
            self.has_more = true;
            return;
        }
        self.bytes += length;
        let proposal = fs::read(&path).ok().and_then(|json| Proposal::from_json(&json).ok());
        self.proposals.extend(proposal.map(|proposal| (path, proposal)));
    }
}

/// Without `./` in front.
fn plain(path: &Path) -> PathBuf {
    path.strip_prefix(".").unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::Address;
    use quorate_core::{Action, Nonce, Request};

    fn proposal(deadline: u64) -> String {
        let (wallet, nonce) = (Address::with_last_byte(1), Nonce::default());
        let action = Action::Cancel {};
        let request = Request { chain_id: 1, wallet, epoch: 0, action, nonce, deadline };
        Proposal::new(request, None, None).unwrap().to_json()
    }

    #[test]
    fn proposals_are_found_here_and_one_folder_below() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("run/deep")).unwrap();
        for (name, text) in [
            ("a.json", proposal(1)),
            ("run/b.JSON", proposal(2)),
            ("run/deep/c.json", proposal(3)),
            ("d.txt", proposal(4)),
            ("e.json", "{}".to_owned()),
        ] {
            fs::write(at(name), text).unwrap();
        }
        let twice = [folder.path().to_owned(), at("run"), at("nowhere")];
        let found = Neighbours::of(&twice);
        let deadlines: Vec<_> =
            found.proposals.iter().map(|(_, proposal)| proposal.request().deadline).collect();
        assert_eq!((deadlines, found.has_more), (vec![1, 2], false));
        let inner = Neighbours::of(&twice[1..]);
        assert_eq!(inner.proposals.len(), 2);
    }

    #[test]
    fn more_than_is_looked_at_is_said() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.json"), proposal(1)).unwrap();
        let full = |entries, bytes| Neighbours { entries, bytes, ..Neighbours::default() };
        for mut neighbours in [full(MOST_ENTRIES, 0), full(0, MOST_BYTES)] {
            neighbours.look(folder.path());
            assert!(neighbours.has_more && neighbours.proposals.is_empty());
        }
    }
}
