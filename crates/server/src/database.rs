//! Where a store is.

use quorate_store::{OpenError, Options, Store};
use std::{
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};
use thiserror::Error;

/// What every SQLite file begins with.
const SQLITE_HEADER: &[u8] = b"SQLite format 3\0";

/// The address of a store: a file, or a server. Its `Debug` does not show a server's URL, which may hold a
/// password.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL server.
    Server(String),
}

/// Why a store that should be there is not opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExistingError {
    /// There is no such file, or nothing in it.
    #[error("there is no store at {}: name the one that the relayer keeps", file.display())]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// The file is something else.
    #[error("{} is no SQLite database", file.display())]
    NotADatabase {
        /// The file.
        file: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's words.
        reason: String,
    },
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl Database {
    /// Reads a file name, `sqlite:FILE`, or `postgres://USER@HOST/DATABASE`. A file name counts from `folder`.
    /// Does not look whether there is anything.
    ///
    /// `None` if it is none of them.
    pub fn parse(url: &str, folder: &Path) -> Option<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Some(Self::Server(url.to_owned()));
        }
        let path = match url.strip_prefix("sqlite:") {
            Some(path) => path.strip_prefix("//").unwrap_or(path),
            None if url.contains("://") => return None,
            None => url,
        };
        let is_file = !path.is_empty() && path != ":memory:" && !path.contains('?');
        is_file.then(|| Self::File(folder.join(path)))
    }

    /// Opens it, and makes what is missing.
    ///
    /// # Errors
    ///
    /// Those of [`Store::open`].
    pub async fn open(&self) -> Result<Store, OpenError> {
        Store::open(&self.url()?, Options::default()).await
    }

    fn url(&self) -> Result<String, OpenError> {
        match self {
            Self::File(file) => match file.to_str() {
                Some(file) => Ok(format!("sqlite:{file}")),
                None => Err(OpenError::Url { detail: "the file's name is no text".to_owned() }),
            },
            Self::Server(url) => Ok(url.clone()),
        }
    }

    /// Opens a store that is there, to read it. Changes nothing.
    ///
    /// # Errors
    ///
    /// If there is none, and those of [`Store::open_read_only`].
    pub async fn open_read_only(&self) -> Result<Store, ExistingError> {
        if let Self::File(file) = self {
            check_is_database(file)?;
        }
        Ok(Store::open_read_only(&self.url()?, Options::default()).await?)
    }

    /// Opens a store that is there, and makes no new file. Brings its tables up to date.
    ///
    /// On a server, makes the tables in an empty database.
    ///
    /// # Errors
    ///
    /// If there is none, and those of [`Store::open`].
    pub async fn open_existing(&self) -> Result<Store, ExistingError> {
        if let Self::File(file) = self {
            check_is_database(file)?;
        }
        Ok(self.open().await?)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
            Self::Server(_) => f.debug_tuple("Server").finish_non_exhaustive(),
        }
    }
}

fn check_is_database(file: &Path) -> Result<(), ExistingError> {
    let mut header = Vec::new();
    let read = fs::File::open(file)
        .and_then(|opened| opened.take(SQLITE_HEADER.len() as u64).read_to_end(&mut header));
    match read {
        Ok(0) => Err(ExistingError::Missing { file: file.to_owned() }),
        Ok(_) if header == SQLITE_HEADER => Ok(()),
        Ok(_) => Err(ExistingError::NotADatabase { file: file.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(ExistingError::Missing { file: file.to_owned() })
        }
        Err(error) => {
            Err(ExistingError::Unreadable { file: file.to_owned(), reason: error.to_string() })
        }
    }
}
