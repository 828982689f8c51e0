//! The files in `anvil-fixtures` that come from here: a chain with everything deployed, who is on it, and
//! payout files. The vectors come from viem.

mod accounts;
mod payouts;
mod state;
pub mod world;

use crate::{anvil::Chain, repository};
use eyre::{Result, WrapErr};
use std::{fs, path::PathBuf};

/// Where the files are, from the repository's root.
pub const FOLDER: &str = "anvil-fixtures";

const STATE: &str = "state.json";

/// A file of the fixtures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixture {
    /// Its name from [`FOLDER`], with `/` between folders.
    pub name: String,
    /// What is in it.
    pub contents: Vec<u8>,
}

impl Fixture {
    fn new(name: impl Into<String>, contents: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), contents: contents.into() }
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        repository().join(FOLDER).join(&self.name)
    }

    /// Whether the committed file is the same, byte for byte.
    pub fn is_current(&self) -> bool {
        fs::read(self.path()).is_ok_and(|contents| contents == self.contents)
    }

    /// Writes it to its place.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn write(&self) -> Result<()> {
        let path = self.path();
        fs::create_dir_all(path.parent().expect("a file in a folder"))?;
        fs::write(&path, &self.contents)
            .wrap_err_with(|| format!("cannot write {}", path.display()))
    }
}

/// Starts an anvil with the committed state; its time goes on from [`world::STATE_SECS`].
///
/// # Errors
///
/// If no anvil is installed, or it does not take the file.
pub fn load() -> Result<Chain> {
    Chain::load(&repository().join(FOLDER).join(STATE), world::STATE_SECS)
}

/// Makes all files anew, on a chain of its own: the same bytes on every run. Writes none.
///
/// # Errors
///
/// If there is no anvil, or it refuses something.
pub async fn make() -> Result<Vec<Fixture>> {
    let chain = world::build().await?;
    let mut fixtures = vec![
        Fixture::new(STATE, state::canonical(&chain).await?),
        Fixture::new("accounts.json", accounts::json()?),
        Fixture::new("wallets/treasury.json", world::treasury().to_json()),
        Fixture::new("wallets/escrow.json", world::escrow().to_json()),
        Fixture::new("wallets/escrow-terms.txt", world::ESCROW_TERMS),
    ];
    fixtures.extend(payouts::all()?);
    Ok(fixtures)
}
