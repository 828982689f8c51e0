//! The artifacts that are committed, which all other code is built on.

use eyre::{OptionExt, Result, WrapErr, ensure};
use quorate_lab::{
    repository,
    tools::{self, Tool},
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A source that changed without its artifact would be tested and reviewed, but not used.
#[test]
fn committed_artifacts_are_what_the_sources_compile_to() -> Result<()> {
    let differences = quorate_compile::generate(&repository())?.differences()?;
    ensure!(differences.is_empty(), "{differences:?}: run `cargo run -p quorate-compile`");
    Ok(())
}

/// The contract tests run what forge compiles, so it must be what is deployed.
#[test]
fn forge_makes_the_same_bytes() -> Result<()> {
    let out = forge_build()?;
    for entry in fs::read_dir(repository().join("contracts/artifacts"))? {
        let committed = entry?.path();
        let name = committed.file_name().ok_or_eyre("a file without a name")?;
        let built = find(&out, Path::new(name)).ok_or_eyre("forge did not build it");
        let same = built.and_then(|built| ensure_same_bytes(&committed, &built));
        same.wrap_err_with(|| committed.display().to_string())?;
    }
    Ok(())
}

/// Builds what is deployed, into a folder of its own.
fn forge_build() -> Result<PathBuf> {
    let contracts = repository().join("contracts").canonicalize()?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("forge");
    let out = folder.join("out");
    let output = Command::new(tools::find(Tool::Forge)?)
        .args(["build", "src"])
        .current_dir(&contracts)
        .env("FOUNDRY_SOLC", contracts.join("scripts/solc"))
        .env("FOUNDRY_OUT", &out)
        .env("FOUNDRY_CACHE_PATH", folder.join("cache"))
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(out)
}

/// Forge writes `<Source>.sol/<Contract>.json`.
fn find(out: &Path, name: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(out).ok()?.filter_map(Result::ok);
    folders.map(|folder| folder.path().join(name)).find(|path| path.exists())
}

fn ensure_same_bytes(committed: &Path, built: &Path) -> Result<()> {
    let [committed, built] = [read(committed)?, read(built)?];
    for code in ["/bytecode/object", "/deployedBytecode/object"] {
        let object = committed.pointer(code).and_then(Value::as_str).ok_or_eyre("no bytecode")?;
        ensure!(built.pointer(code).and_then(Value::as_str) == Some(object), "other {code}");
    }
    Ok(())
}

fn read(path: &Path) -> Result<Value> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}
