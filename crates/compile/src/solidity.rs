//! Runs the compiler over one folder of the Foundry project.

use crate::foundry::Profile;
use alloy::{json_abi::JsonAbi, primitives::Bytes};
use eyre::{OptionExt, Result, WrapErr, ensure};
use foundry_compilers::{
    AggregatedCompilerOutput, Project, ProjectBuilder, ProjectPathsConfig,
    artifacts::{
        Contract, Offsets,
        ast::{Node, NodeType},
    },
    solc::{Solc, SolcCompiler, SolcLanguage, SolcSettings},
    utils::sol_source_files,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A contract or an interface, compiled.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) name: String,
    pub(crate) abi: JsonAbi,
    /// The init code; empty for an interface.
    pub(crate) bytecode: Bytes,
    /// The runtime code, with zeros where immutables go; empty for an interface.
    pub(crate) deployed_bytecode: Bytes,
    /// Where each immutable variable stands in the runtime code, by its name in the source.
    pub(crate) immutables: BTreeMap<String, Vec<Offsets>>,
}

/// The compiler and the settings of a Foundry project.
#[derive(Debug)]
pub(crate) struct Compiler {
    contracts: PathBuf,
    project: Project<SolcCompiler>,
}

impl Compiler {
    /// Sets up the project in the folder `contracts`.
    pub(crate) fn new(contracts: &Path) -> Result<Self> {
        let contracts = contracts.canonicalize().wrap_err("no such folder")?;
        let profile = Profile::read(&contracts)?;
        let solc = Solc::new(contracts.join(&profile.solc))
            .wrap_err("the Solidity compiler does not run: is Node 20.19 or newer installed?")?;
        let paths = ProjectPathsConfig::builder()
            .sources(contracts.join("src"))
            .lib(contracts.join("node_modules"))
            .remappings(profile.remappings()?)
            .build_with_root::<SolcLanguage>(&contracts);
        let settings = SolcSettings { settings: profile.settings()?, ..SolcSettings::default() };
        let project = ProjectBuilder::<SolcCompiler>::default()
            .paths(paths)
            .settings(settings)
            .ephemeral()
            .no_artifacts()
            .build(SolcCompiler::Specific(solc))?;
        Ok(Self { contracts, project })
    }

    /// Compiles what stands under `folder`, in the order of the names.
    ///
    /// Leaves out libraries and abstract contracts: nothing outside Solidity can use one.
    pub(crate) fn compile(&self, folder: &str) -> Result<Vec<Compiled>> {
        let folder = self.contracts.join(folder);
        let output = self.project.compile_files(sol_source_files(&folder))?;
        ensure!(!output.has_compiler_errors(), "{output}");
        let output = output.into_output();

        let mut compiled = Vec::new();
        for (path, name) in definitions(&output, &folder) {
            let context = format!("{} in {}", name, path.display());
            compiled.push(compile_one(&output, path, name).wrap_err(context)?);
        }
        compiled.sort_by(|a, b| a.name.cmp(&b.name));
        for pair in compiled.windows(2) {
            ensure!(pair[0].name != pair[1].name, "two contracts are named {}", pair[0].name);
        }
        Ok(compiled)
    }
}

type Output = AggregatedCompilerOutput<SolcCompiler>;

/// The names of the contracts and interfaces defined under `folder`, each with its source file.
fn definitions<'a>(
    output: &'a Output,
    folder: &'a Path,
) -> impl Iterator<Item = (&'a Path, String)> {
    let sources = output.sources.sources().filter(move |(path, _)| path.starts_with(folder));
    sources.flat_map(|(path, source)| {
        let nodes = source.ast.iter().flat_map(|ast| &ast.nodes);
        nodes.filter(|node| is_deployable_or_interface(node)).filter_map(move |node| {
            let name = node.attribute::<String>("name")?;
            Some((path.as_path(), name))
        })
    })
}

fn is_deployable_or_interface(node: &Node) -> bool {
    node.node_type == NodeType::ContractDefinition
        && node.attribute::<String>("contractKind").is_some_and(|kind| kind != "library")
        && node.attribute::<bool>("abstract") == Some(false)
}

fn compile_one(output: &Output, path: &Path, name: String) -> Result<Compiled> {
    let contract = find_contract(output, path, &name).ok_or_eyre("the compiler left it out")?;
    let abi = contract.abi.clone().ok_or_eyre("no ABI")?;
    let evm = contract.evm.as_ref().ok_or_eyre("no bytecode")?;
    let deployed = evm.deployed_bytecode.as_ref().ok_or_eyre("no runtime code")?;
    let linked = "the code refers to a library that is not linked";
    let bytecode = evm.bytecode.as_ref().and_then(|code| code.object.as_bytes());
    let runtime = deployed.bytecode.as_ref().and_then(|code| code.object.as_bytes());
    let immutables = deployed.immutable_references.iter().map(|(id, places)| {
        let name = variable_name(output, id).ok_or_eyre("an immutable without a name")?;
        Ok((name, places.clone()))
    });
    Ok(Compiled {
        abi,
        bytecode: bytecode.ok_or_eyre(linked)?.clone(),
        deployed_bytecode: runtime.ok_or_eyre(linked)?.clone(),
        immutables: immutables.collect::<Result<_>>()?,
        name,
    })
}

fn find_contract<'a>(output: &'a Output, path: &Path, name: &str) -> Option<&'a Contract> {
    let versions = output.contracts.as_ref().get(path)?.get(name)?;
    versions.first().map(|version| &version.contract)
}

/// The name of the state variable with this node id in the syntax tree.
fn variable_name(output: &Output, id: &str) -> Option<String> {
    let id = id.parse().ok();
    let trees = output.sources.sources().filter_map(|(_, source)| source.ast.as_ref());
    let variables = trees.flat_map(|ast| &ast.nodes).flat_map(|contract| &contract.nodes);
    variables.into_iter().find(|node| node.id == id)?.attribute("name")
}
