//! Whoever runs a relayer, and gives commands in its folder.

use crate::guide::matches;
use eyre::{Result, ensure};
use quorate_lab::program::{Answer, Program};
use serde_json::Value;
use std::path::Path;

pub(crate) struct Operator<'a> {
    pub(crate) program: Program,
    pub(crate) folder: &'a Path,
}

impl Operator<'_> {
    /// Runs `quorate relayer`, whatever comes of it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Answer> {
        self.program.run(self.folder, &with_config(arguments))
    }

    /// Runs it with `--json`; it must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Result<Value> {
        self.program.json(self.folder, &with_config(arguments))
    }

    /// Runs it; it must succeed and print this.
    pub(crate) fn prints(&self, arguments: &[&str], expected: &str) -> Result<()> {
        let answer = self.run(arguments)?;
        let command = arguments.join(" ");
        ensure!(answer.code == 0 && answer.stderr.is_empty(), "{command}: {answer:?}");
        let printed = answer.stdout;
        ensure!(
            matches(expected, &printed),
            "{command}\n--- expected ---\n{expected}\n--- printed ---\n{printed}"
        );
        Ok(())
    }

    /// Runs it, which must refuse with this code and say `reason`, and print nothing else.
    pub(crate) fn refuses(&self, arguments: &[&str], code: i32, reason: &str) -> Result<()> {
        let answer = self.run(arguments)?;
        let command = arguments.join(" ");
        ensure!(answer.code == code && answer.stdout.is_empty(), "{command}: {answer:?}");
        ensure!(answer.stderr.contains(reason), "{command}: not {reason}: {answer:?}");
        Ok(())
    }
}

fn with_config<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["relayer", "--config", "relayer.toml"], arguments].concat()
}
