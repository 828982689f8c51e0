//! A Python with the packages that tests need, for what others wrote in it.

use crate::repository;
use eyre::{Result, WrapErr as _, ensure};
use std::{env, path::PathBuf, process::Command};

/// The program, with what `tests/python/requirements.txt` lists. `None` where there is none and none can be made: the
/// test is skipped, which CI does not accept.
///
/// # Errors
///
/// If there is none and there has to be one.
pub fn find() -> Result<Option<PathBuf>> {
    let script = repository().join("scripts/python");
    let output = Command::new(&script)
        .output()
        .wrap_err_with(|| format!("cannot run {}", script.display()))?;
    if output.status.success() {
        return Ok(Some(String::from_utf8(output.stdout)?.trim_end().into()));
    }
    let why = String::from_utf8_lossy(&output.stderr);
    let is_required =
        ["CI", "QUORATE_REQUIRE_PYTHON"].iter().any(|name| env::var_os(name).is_some());
    ensure!(!is_required, "no Python for the tests: {why}");
    skip(why.trim_end());
    Ok(None)
}

#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn skip(why: &str) {
    eprintln!("skipped: {why}");
}
