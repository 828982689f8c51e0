//! Finding Foundry's programs. None is required to be installed: npm brings them all.

use crate::repository;
use eyre::{Result, WrapErr, ensure};
use std::{
    env, fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest Foundry that knows the osaka rules, as major and minor.
const OLDEST: (u32, u32) = (1, 5);

/// A program of Foundry's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// The local chain.
    Anvil,
    /// The contract builder and test runner.
    Forge,
    /// The command line for chains and keys.
    Cast,
}

impl Tool {
    const fn name(self) -> &'static str {
        match self {
            Self::Anvil => "anvil",
            Self::Forge => "forge",
            Self::Cast => "cast",
        }
    }

    /// An absolute path here is used as it is.
    const fn variable(self) -> &'static str {
        match self {
            Self::Anvil => "QUORATE_ANVIL",
            Self::Forge => "QUORATE_FORGE",
            Self::Cast => "QUORATE_CAST",
        }
    }

    /// The folder whose npm packages bring the program, from the repository's root.
    const fn npm_folder(self) -> &'static str {
        match self {
            Self::Anvil => ".",
            Self::Forge | Self::Cast => "contracts",
        }
    }
}

/// The native program: the one that the environment variable names, else the first on PATH that is
/// new enough, else npm's.
///
/// Never npm's wrapper script: killing that one leaves the program behind.
///
/// # Errors
///
/// If there is none; the message says what to run.
pub fn find(tool: Tool) -> Result<PathBuf> {
    if let Some(path) = env::var_os(tool.variable()).map(PathBuf::from) {
        ensure!(is_native(&path), "{}={}: no native program", tool.variable(), path.display());
        return Ok(path);
    }
    let file = format!("{}{}", tool.name(), env::consts::EXE_SUFFIX);
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path = env::split_paths(&path).map(|folder| folder.join(&file));
    if let Some(found) = on_path.into_iter().find(|path| is_native(path) && is_new_enough(path)) {
        return Ok(found);
    }
    find_pinned(tool)
        .wrap_err_with(|| format!("no {}; {} can name one", tool.name(), tool.variable()))
}

/// npm's native program, for output that depends on the version.
///
/// # Errors
///
/// If it is not installed; the message says what to run.
pub fn find_pinned(tool: Tool) -> Result<PathBuf> {
    let npm = npm_path(tool, &format!("{}{}", tool.name(), env::consts::EXE_SUFFIX));
    ensure!(
        is_native(&npm),
        "{} is not installed by npm: run `npm install --prefix {}`",
        tool.name(),
        tool.npm_folder()
    );
    Ok(npm)
}

/// Where npm puts the native program for this platform.
fn npm_path(tool: Tool, file: &str) -> PathBuf {
    let system = match env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    };
    let processor = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let package = format!("node_modules/@foundry-rs/{}-{system}-{processor}/bin", tool.name());
    repository().join(tool.npm_folder()).join(package).join(file)
}

/// Whether this is a program and not a script, by its first two bytes.
fn is_native(path: &Path) -> bool {
    let mut start = [0; 2];
    fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok())
        && start != *b"#!"
}

fn is_new_enough(path: &Path) -> bool {
    version(path).is_ok_and(|version| version >= OLDEST)
}

/// Major and minor of what `--version` answers, as in `forge Version: 1.7.1-stable`.
fn version(path: &Path) -> Result<(u32, u32)> {
    let output = Command::new(path).arg("--version").output()?;
    let text = String::from_utf8(output.stdout)?;
    parse_version(&text).wrap_err_with(|| format!("{} --version: {text}", path.display()))
}

fn parse_version(text: &str) -> Result<(u32, u32)> {
    let number = |part: Option<&str>| part.unwrap_or_default().parse::<u32>();
    let version = text.split_once("Version: ").map_or("", |(_, rest)| rest);
    let mut parts = version.split('.');
    Ok((number(parts.next())?, number(parts.next())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_version_foundry_prints() {
        assert_eq!(parse_version("anvil Version: 1.7.1-stable\nCommit SHA: 4").unwrap(), (1, 7));
        assert!(parse_version("forge 0.2.0 (4e04bd8)").is_err());
    }
}
