//! The generated files: comparing them with what is on disk, and writing them.

use eyre::{Result, WrapErr};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// The text of every generated file, by its path from the repository's root.
#[derive(Debug)]
pub struct Files {
    root: PathBuf,
    texts: BTreeMap<PathBuf, String>,
    /// Folders in which a JSON file that is not generated is stale.
    folders: BTreeSet<PathBuf>,
}

/// How a file on disk differs from what the sources compile to. Shown as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The file is not there.
    Missing(PathBuf),
    /// The file has another text.
    Changed(PathBuf),
    /// No source makes this file any more.
    Stale(PathBuf),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "{} is missing", path.display()),
            Self::Changed(path) => {
                write!(f, "{} is not what the sources compile to", path.display())
            }
            Self::Stale(path) => write!(f, "{} has no source any more", path.display()),
        }
    }
}

impl Files {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), texts: BTreeMap::new(), folders: BTreeSet::new() }
    }

    pub(crate) fn add(&mut self, path: impl Into<PathBuf>, text: String) {
        self.texts.insert(path.into(), text);
    }

    /// Adds files by name, and takes the folder over: other JSON files in it are stale.
    pub(crate) fn add_folder(&mut self, folder: &str, files: Vec<(String, String)>) {
        let folder = PathBuf::from(folder);
        for (name, text) in files {
            self.add(folder.join(name), text);
        }
        self.folders.insert(folder);
    }

    /// The text of every file, by its path from the repository's root.
    pub fn texts(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.texts.iter().map(|(path, text)| (path.as_path(), text.as_str()))
    }

    /// How the files on disk differ. Writes nothing.
    ///
    /// # Errors
    ///
    /// If a file or folder that is there cannot be read.
    pub fn differences(&self) -> Result<Vec<Difference>> {
        let mut differences = Vec::new();
        for (path, text) in &self.texts {
            match fs::read(self.root.join(path)) {
                Ok(found) if found == text.as_bytes() => {}
                Ok(_) => differences.push(Difference::Changed(path.clone())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    differences.push(Difference::Missing(path.clone()));
                }
                Err(error) => {
                    return Err(error).wrap_err_with(|| format!("cannot read {}", path.display()));
                }
            }
        }
        differences.extend(self.stale()?.into_iter().map(Difference::Stale));
        Ok(differences)
    }

    /// Brings the disk in line and returns what differed. A file is replaced whole or not at all.
    ///
    /// # Errors
    ///
    /// If a file cannot be written or removed; those before it stay written.
    pub fn write(&self) -> Result<Vec<Difference>> {
        let differences = self.differences()?;
        for difference in &differences {
            match difference {
                Difference::Missing(path) | Difference::Changed(path) => self.replace(path)?,
                Difference::Stale(path) => fs::remove_file(self.root.join(path))
                    .wrap_err_with(|| format!("cannot remove {}", path.display()))?,
            }
        }
        Ok(differences)
    }

    fn stale(&self) -> Result<Vec<PathBuf>> {
        let mut stale = Vec::new();
        for folder in self.folders.iter().filter(|folder| self.root.join(folder).exists()) {
            for entry in fs::read_dir(self.root.join(folder))? {
                let path = folder.join(entry?.file_name());
                if path.extension().is_some_and(|end| end == "json")
                    && !self.texts.contains_key(&path)
                {
                    stale.push(path);
                }
            }
        }
        stale.sort();
        Ok(stale)
    }

    fn replace(&self, path: &Path) -> Result<()> {
        let target = self.root.join(path);
        let unfinished = target.with_extension("unfinished");
        let replace = || -> io::Result<()> {
            fs::create_dir_all(target.parent().expect("a path from the root has a folder"))?;
            fs::write(&unfinished, &self.texts[path])?;
            fs::rename(&unfinished, &target)
        };
        replace().wrap_err_with(|| format!("cannot write {}", path.display()))
    }
}
