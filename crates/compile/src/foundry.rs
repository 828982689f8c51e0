//! The part of `foundry.toml` that decides the bytes the compiler makes.

use eyre::{Result, WrapErr, eyre};
use foundry_compilers::artifacts::{
    BytecodeHash, EvmVersion, Optimizer, Settings, SettingsMetadata,
    output_selection::OutputSelection, remappings::Remapping,
};
use serde::Deserialize;
use std::{fs, path::Path};

/// The default profile.
///
/// A key that stands in the file and not here has no say in the bytecode (fuzzing, formatting).
#[derive(Debug, Deserialize)]
pub(crate) struct Profile {
    /// The compiler, relative to the folder of `foundry.toml`.
    pub(crate) solc: String,
    remappings: Vec<String>,
    evm_version: String,
    via_ir: bool,
    optimizer: bool,
    optimizer_runs: usize,
    bytecode_hash: String,
    cbor_metadata: bool,
}

#[derive(Deserialize)]
struct FoundryToml {
    profile: Profiles,
}

#[derive(Deserialize)]
struct Profiles {
    default: Profile,
}

impl Profile {
    /// Reads the default profile of the Foundry project in `contracts`.
    pub(crate) fn read(contracts: &Path) -> Result<Self> {
        let path = contracts.join("foundry.toml");
        let text = fs::read_to_string(&path)
            .wrap_err_with(|| format!("cannot read {}", path.display()))?;
        let file: FoundryToml =
            toml::from_str(&text).wrap_err_with(|| format!("cannot use {}", path.display()))?;
        Ok(file.profile.default)
    }

    /// The compiler settings, as forge derives them from the same file.
    ///
    /// Asks for the syntax tree too: it says what is an interface or a library, and the names of
    /// immutables.
    pub(crate) fn settings(&self) -> Result<Settings> {
        let evm_version: EvmVersion =
            self.evm_version.parse().map_err(|error| eyre!("evm_version: {error}"))?;
        let bytecode_hash: BytecodeHash =
            self.bytecode_hash.parse().map_err(|error| eyre!("bytecode_hash: {error}"))?;
        let settings = Settings {
            optimizer: Optimizer {
                enabled: Some(self.optimizer),
                runs: Some(self.optimizer_runs),
                details: None,
            },
            metadata: Some(SettingsMetadata::new(bytecode_hash, self.cbor_metadata)),
            output_selection: OutputSelection::default_output_selection(),
            evm_version: Some(evm_version),
            via_ir: Some(self.via_ir),
            ..Settings::default()
        };
        Ok(settings.with_ast())
    }

    /// The import remappings.
    pub(crate) fn remappings(&self) -> Result<Vec<Remapping>> {
        let parse = |text: &String| text.parse().wrap_err_with(|| format!("remapping {text}"));
        self.remappings.iter().map(parse).collect()
    }
}
