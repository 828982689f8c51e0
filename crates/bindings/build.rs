//! Turns `contracts/addresses.json` into constants, so that they cannot drift from the contracts.

use serde::Deserialize;
use std::{collections::BTreeMap, env, error::Error, fs, path::Path};

const TABLE: &str = "../../contracts/addresses.json";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Canonical {
    address: String,
    init_code_hash: String,
    runtime_code_hash: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={TABLE}");
    let table: BTreeMap<String, Canonical> = serde_json::from_str(&fs::read_to_string(TABLE)?)?;
    let constants: String = table.iter().map(|(name, entry)| constant(name, entry)).collect();
    fs::write(Path::new(&env::var("OUT_DIR")?).join("canonical.rs"), constants)?;
    Ok(())
}

fn constant(name: &str, canonical: &Canonical) -> String {
    let Canonical { address, init_code_hash, runtime_code_hash } = canonical;
    let constant = screaming_snake_case(name);
    format!(
        "/// Where `{name}` is on every chain.\n\
         pub const {constant}: Canonical = Canonical {{\n    \
             address: address!(\"{address}\"),\n    \
             init_code_hash: b256!(\"{init_code_hash}\"),\n    \
             runtime_code_hash: b256!(\"{runtime_code_hash}\"),\n\
         }};\n"
    )
}

fn screaming_snake_case(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.extend(letter.to_uppercase());
    }
    words
}
