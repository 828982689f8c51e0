//! Wallet files and wallets.

use crate::environment::{Environment, PAYEE};
use eyre::{OptionExt as _, Result, ensure};
use quorate_lab::{anvil::Chain, owners::owner, program::Program};
use std::fs;

fn owners() -> [String; 3] {
    [10, 11, 12].map(|number| owner(number).address().to_checksum(None))
}

/// A wallet is made without a chain, can be proposed to before it is there, and is deployed once.
#[tokio::test]
async fn a_wallet_is_made_offline_and_deployed_once() -> Result<()> {
    let environment = Environment::start().await?;
    let [a, b, c] = &owners();
    let create = ["wallet", "create", "--owner", a, "--owner", b, "--owner", c, "--threshold", "2"];
    let made = environment.json(&[&create[..], &["--out", "new.json"]].concat())?;
    environment.refuses(&[&create[..], &["--out", "new.json"]].concat(), 3, "exists already")?;

    let salt = made["salt"].as_str().unwrap_or_default();
    let predict = [&["wallet", "predict"], &create[2..], &["--salt", salt]].concat();
    assert_eq!(environment.json(&predict)?["address"], made["address"]);

    let propose = ["propose", "cancel", "--wallet", "new.json", "--sequence", "0"];
    environment.json(&[&propose[..], &["--out", "early.json"]].concat())?;
    assert_eq!(environment.dangers("early.json")?, ["walletNotDeployed"]);
    for number in [10, 12] {
        let key = environment.keystore(number)?;
        let accept = ["--accept", "walletNotDeployed"];
        environment.json(&[&["sign", "early.json", "--keystore", &key], &accept[..]].concat())?;
    }
    let key = environment.keystore(8)?;
    let submit = ["submit", "early.json", "--keystore", &key];
    environment.refuses(&submit, 6, "quorate wallet deploy")?;
    let deploy = ["wallet", "deploy", "new.json", "--keystore", &key];
    assert_eq!(environment.json(&deploy)?["already"], false);
    assert_eq!(environment.json(&deploy)?["already"], true);
    environment.submit("early.json")?;
    Ok(())
}

/// On a chain without the factory the way out is named, and works.
#[tokio::test]
async fn the_factory_is_deployed_where_it_is_missing() -> Result<()> {
    let environment = Environment::start().await?;
    let bare = Chain::start_live()?;
    let submitter = owner(8).address();
    let ether = alloy::primitives::U256::from(1_000_000_000_000_000_000_u64);
    bare.send(submitter, ether, Default::default()).await?;
    let program: Program = environment.program.clone().with("ETH_RPC_URL", bare.endpoint());
    let key = environment.keystore(8)?;
    let deploy = ["wallet", "deploy", "wallet.json", "--keystore", &key];
    let answer = program.run(environment.folder(), &deploy)?;
    ensure!(answer.code == 6 && answer.error().contains("--with-factory"), "{answer:?}");
    program.json(environment.folder(), &[&deploy[..], &["--with-factory"]].concat())?;
    let shown = program.json(environment.folder(), &["wallet", "show", "wallet.json"])?;
    assert_eq!(shown["provenance"], "factory");
    Ok(())
}

/// What is no wallet is not taken for one.
#[tokio::test]
async fn other_accounts_are_no_wallets() -> Result<()> {
    let environment = Environment::start().await?;
    let token = quorate_lab::tokens::USDC.address().to_checksum(None);
    let transfer = ["propose", "transfer", "--to", PAYEE, "--amount", "1", "--wallet"];
    environment.refuses(&[&transfer[..], &[&token]].concat(), 7, "is not a Quorate wallet")?;
    environment.refuses(&[&transfer[..], &[PAYEE]].concat(), 3, "name its wallet file")?;
    environment.refuses(&["wallet", "show", &token], 7, "is not a Quorate wallet")?;
    Ok(())
}

/// Every shell that clap knows gets completions, and is told where they go (case 26).
#[test]
fn completions_name_the_commands() -> Result<()> {
    let program = Program::at(env!("CARGO_BIN_EXE_quorate"));
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let answer = program.run(std::path::Path::new("."), &["completions", shell])?;
        ensure!(
            answer.code == 0 && answer.stdout.contains("combine"),
            "{shell}: {}",
            answer.stderr
        );
    }
    let answer = program.run(std::path::Path::new("."), &["completions", "tcsh"])?;
    ensure!(answer.code == 2, "{answer:?}");
    let help = program.run(std::path::Path::new("."), &["completions", "--help"])?.stdout;
    for place in [
        "~/.local/share/bash-completion/completions/quorate",
        "~/.config/elvish/lib/quorate.elv",
        "~/.config/fish/completions/quorate.fish",
        "$PROFILE",
        "$fpath",
    ] {
        ensure!(help.contains(place), "{place} is not in {help}");
    }
    Ok(())
}

/// Case 26: the program brings its manual, a page for each command, and writes it again over an older one.
#[test]
fn the_manual_is_written_into_a_folder() -> Result<()> {
    let program = Program::at(env!("CARGO_BIN_EXE_quorate"));
    let folder = tempfile::tempdir()?;
    for _ in 0..2 {
        let written = program.json(folder.path(), &["man", "share/man1"])?;
        let pages = written["pages"].as_array().ok_or_eyre("no pages")?;
        ensure!(pages.len() > 30 && pages[0] == "quorate.1", "{written}");
        for page in pages.iter().filter_map(|page| page.as_str()) {
            let text = fs::read_to_string(folder.path().join("share/man1").join(page))?;
            ensure!(text.contains(".SH NAME"), "{page}: {text}");
        }
        let there = fs::read_dir(folder.path().join("share/man1"))?.count();
        assert_eq!(there, pages.len());
    }
    fs::write(folder.path().join("file"), "")?;
    let refused = program.run(folder.path(), &["man", "file"])?;
    ensure!(refused.code == 3 && refused.error().contains("cannot make file"), "{refused:?}");
    Ok(())
}
