//! Owners that are accounts of other people's software, deployed from their npm packages, and signing by their libraries.

use crate::{
    environment::{Environment, PAYEE},
    relayer_process::{Person, Stage},
};
use alloy::{
    hex,
    primitives::{Address, B256, Bytes, U256, address},
    providers::Provider as _,
    rpc::types::TransactionRequest,
    sol,
    sol_types::SolCall as _,
};
use eyre::{OptionExt as _, Result, WrapErr as _, ensure};
use quorate_core::Config;
use quorate_lab::{anvil::Chain, deploy, owners::owner, repository};
use serde_json::{Value, json};
use std::{
    io::Write as _,
    process::{Command, Stdio},
};

sol! {
    function swapOwner(address prevOwner, address oldOwner, address newOwner);
}

/// What is before the first owner of a Safe.
const SENTINEL: Address = address!("0x0000000000000000000000000000000000000001");

/// What an account answers that takes a signature.
const ACCEPTED: &str = "0x1626ba7e00000000000000000000000000000000000000000000000000000000";

/// Codes of dangers that the actions below have.
const ACCEPT: [&str; 6] =
    ["--accept", "unknownCalldata", "--accept", "dataToNoCode", "--accept", "thresholdChange"];

/// An account, and how its users sign.
struct Member {
    name: &'static str,
    kind: &'static str,
    address: Address,
    keys: Vec<u64>,
    /// The most that its answer takes, in gas, by docs/wallets.md.
    gas: u64,
}

/// What a library made.
struct Signed {
    signature: String,
    gas: u64,
    answer: String,
}

/// All of them on a chain.
struct Cast {
    endpoint: String,
    factory: Address,
    probe: Address,
    simple7702: Address,
    metamask: Address,
    delegate: Address,
    members: Vec<Member>,
}

fn key(number: u64) -> String {
    hex::encode_prefixed(owner(number).to_bytes())
}

/// Asks the script.
fn ask(mode: &str, question: &Value) -> Result<Value> {
    let folder = |name: &str| repository().join(name);
    let (contracts, wallets) = (folder("contracts"), folder("tests/node/wallets"));
    for (folder, package) in [(&contracts, "solady"), (&wallets, "@metamask/delegation-abis")] {
        let is_there = folder.join("node_modules").join(package).exists();
        ensure!(
            is_there,
            "nothing is installed: run `scripts/install contracts tests/node/wallets`"
        );
    }
    let script = folder("crates/cli/tests/it/real_accounts/accounts.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(contracts.canonicalize()?).arg(wallets.canonicalize()?).arg(mode);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().ok_or_eyre("no input")?.write_all(question.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{mode}: {error}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

impl Cast {
    async fn deploy(chain: &Chain) -> Result<Self> {
        Self::deploy_with(chain, false).await
    }

    /// Deploys all; of Solady's account, if `is_early`, only the factory.
    async fn deploy_with(chain: &Chain, is_early: bool) -> Result<Self> {
        let names = |numbers: &[u64]| -> Vec<Address> {
            numbers.iter().map(|number| owner(*number).address()).collect()
        };
        let keys = json!({
            "solady": names(&[20]),
            "openzeppelin": names(&[21]),
            "safe141": names(&[22]),
            "safe150": names(&[23, 24]),
        });
        let endpoint = chain.endpoint();
        let made = ask("deploy", &json!({ "rpc": endpoint, "keys": keys, "isEarly": is_early }))?;
        let at = |name: &str| -> Result<Address> {
            let address = made[name].as_str().ok_or_eyre("nothing was deployed")?;
            address.parse().wrap_err_with(|| format!("{name} at {address}"))
        };
        let member = |name, kind, address, keys: &[u64], gas| Member {
            name,
            kind,
            address,
            keys: keys.to_vec(),
            gas,
        };
        let inner = Config::new(1, names(&[28]), Address::ZERO, Bytes::new())?;
        let wallet = deploy::wallet(chain, &inner, B256::ZERO).await?;
        let (delegate, simple7702, metamask) =
            (at("openzeppelinDelegate")?, at("simple7702")?, at("metamask")?);
        for (number, code) in [(25, delegate), (26, simple7702), (27, metamask)] {
            deploy::delegate(chain, &owner(number), code).await?;
        }
        let account = |number| owner(number).address();
        let members = vec![
            member("Solady", "solady", at("solady")?, &[20], 22_000),
            member("OpenZeppelin", "erc7739", at("openzeppelin")?, &[21], 19_000),
            member("Safe 1.4.1, 1 of 1", "safe", at("safe141")?, &[22], 30_000),
            member("Safe 1.5.0, 2 of 2", "safe", at("safe150")?, &[23, 24], 40_000),
            member("EIP-7702 to OpenZeppelin", "erc7739", account(25), &[25], 19_000),
            member("EIP-7702 to Simple7702Account", "key", account(26), &[26], 11_000),
            member("EIP-7702 to MetaMask's delegator", "key", account(27), &[27], 20_000),
            member("Quorate, 1 of 1", "erc7739", wallet, &[28], 30_000),
        ];
        let (factory, probe) = (at("factory")?, at("probe")?);
        Ok(Self { endpoint, factory, probe, simple7702, metamask, delegate, members })
    }

    fn member(&self, name: &str) -> Result<&Member> {
        self.members.iter().find(|member| member.name.starts_with(name)).ok_or_eyre("no member")
    }

    /// What the members' libraries make of typed data.
    fn sign(&self, typed: &str, members: &[&Member]) -> Result<Vec<Signed>> {
        let question = |member: &&Member| {
            let keys: Vec<_> = member.keys.iter().map(|number| key(*number)).collect();
            let Member { kind, address, .. } = member;
            json!({ "kind": kind, "address": address, "keys": keys, "factory": self.factory })
        };
        let members: Vec<_> = members.iter().map(question).collect();
        let typed: Value = serde_json::from_str(typed)?;
        let question = json!({
            "rpc": self.endpoint, "typed": typed, "members": members, "probe": self.probe,
        });
        let answers = ask("sign", &question)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let signed = |answer: &Value| Signed {
            signature: text(&answer["signature"]),
            gas: answer["gas"].as_u64().unwrap_or(u64::MAX),
            answer: text(&answer["answer"]),
        };
        Ok(answers.as_array().ok_or_eyre("no answers")?.iter().map(signed).collect())
    }

    /// A funded wallet of all members and `more`, all of whom have to sign.
    async fn wallet(&self, chain: &Chain, more: &[Address]) -> Result<Address> {
        let owners = self.members.iter().map(|member| member.address).chain(more.iter().copied());
        let owners: Vec<_> = owners.collect();
        let threshold = u64::try_from(owners.len())?;
        let config = Config::new(threshold, owners, Address::ZERO, Bytes::new())?;
        let wallet = deploy::wallet(chain, &config, B256::ZERO).await?;
        chain.send(wallet, U256::from(10).pow(U256::from(19)), Bytes::new()).await?;
        Ok(wallet)
    }
}

/// The four actions, of which the last ends the epoch, and what proposes them.
fn actions() -> [(&'static str, Vec<&'static str>); 4] {
    let call = ["call", "--to", PAYEE, "--value", "0.5", "--data", "0x12345678"];
    [
        ("payout", vec!["transfer", "--to", PAYEE, "--amount", "1"]),
        ("execute", call.to_vec()),
        ("cancel", vec!["cancel", "--sequence", "2"]),
        ("reconfigure", vec!["owners", "--threshold", "2"]),
    ]
}

/// Case 49, and 46: every account signs every kind of action by its own library, nobody says whose each signature is, and the
/// wallet takes them all. What they answer takes no more gas than docs/wallets.md says.
#[tokio::test]
async fn accounts_of_others_sign_every_kind_of_action_in_files() -> Result<()> {
    let environment = Environment::start().await?;
    let cast = Cast::deploy(&environment.chain).await?;
    let wallet = cast.wallet(&environment.chain, &[]).await?.to_checksum(None);
    let members: Vec<_> = cast.members.iter().collect();
    let payer = environment.keystore(8)?;
    let mut dearer = Vec::new();
    for (name, action) in actions() {
        let file = format!("{name}.json");
        let common = ["--wallet", &wallet, "--out", &file];
        environment.json(&[&["propose"], &action[..], &common].concat())?;
        let typed = environment.run(&["show", &file, "--typed-data"])?.stdout;
        for (member, signed) in members.iter().zip(cast.sign(&typed, &members)?) {
            let what = format!("{} {name}", member.name);
            assert_eq!(signed.answer, ACCEPTED, "{what}");
            if signed.gas > member.gas {
                dearer.push(format!("{what} takes {} gas", signed.gas));
            }
            let sign = ["sign", &file, "--signature", &signed.signature];
            let added = environment.json(&[&sign[..], &ACCEPT].concat())?;
            assert_eq!(added["signer"], member.address.to_checksum(None), "{what}");
        }
        let submitted = environment.json(&["submit", &file, "--keystore", &payer])?;
        assert_eq!(submitted["status"], "executed", "{name}");
    }
    ensure!(dearer.is_empty(), "docs/wallets.md says less: {dearer:?}");
    Ok(())
}

/// Hands in what the members' libraries make of a proposal that the relayer has.
fn sign_at_relayer(
    cast: &Cast,
    person: &Person,
    digest: &str,
    members: &[&Member],
) -> Result<Vec<String>> {
    let typed = person.run(&["show", digest, "--typed-data"])?.stdout;
    let signed = cast.sign(&typed, members)?;
    for (member, Signed { signature, .. }) in members.iter().zip(&signed) {
        let account = member.address.to_checksum(None);
        let sign = ["sign", digest, "--signature", signature, "--owner", &account];
        let added = person.json(&[&sign[..], &ACCEPT].concat())?;
        ensure!(added["added"] == true, "{}: {added}", member.name);
    }
    Ok(signed.into_iter().map(|signed| signed.signature).collect())
}

/// A stage whose wallet is owned by all of them and by owner 0, who proposes.
async fn staged() -> Result<(Stage, Cast, Person)> {
    let stage = Stage::start().await?;
    let cast = Cast::deploy(&stage.chain).await?;
    let wallet = cast.wallet(&stage.chain, &[owner(0).address()]).await?.to_checksum(None);
    let person = stage.owner(0)?.with("QUORATE_WALLET", &wallet);
    person.json(&["wallet", "register", &wallet])?;
    Ok((stage, cast, person))
}

fn proposed(person: &Person, action: &[&str]) -> Result<String> {
    let answer = person.json(&[&["propose"], action, &ACCEPT].concat())?;
    Ok(answer["digest"].as_str().ok_or_eyre("no digest")?.to_owned())
}

/// The same over a relayer.
#[tokio::test(flavor = "multi_thread")]
async fn accounts_of_others_sign_every_kind_of_action_at_a_relayer() -> Result<()> {
    let (stage, cast, person) = staged().await?;
    let members: Vec<_> = cast.members.iter().collect();
    for (_, action) in actions() {
        let digest = proposed(&person, &action)?;
        sign_at_relayer(&cast, &person, &digest, &members)?;
        stage.mine_until_executed(&person, &[digest]).await?;
    }
    Ok(())
}

/// The Safe of an owner exchanges its own owner.
async fn swap_owner(chain: &Chain, safe: Address, old: u64, new: u64) -> Result<()> {
    let provider = chain.provider();
    let funds = json!([safe, "0xde0b6b3a7640000"]);
    let () = provider.raw_request("anvil_setBalance".into(), funds).await?;
    let () = provider.raw_request("anvil_impersonateAccount".into(), json!([safe])).await?;
    let [old, new] = [old, new].map(|number| owner(number).address());
    let input = swapOwnerCall { prevOwner: SENTINEL, oldOwner: old, newOwner: new }.abi_encode();
    let request = TransactionRequest::default().from(safe).to(safe).input(input.into());
    let receipt = provider.send_transaction(request).await?.get_receipt().await?;
    ensure!(receipt.status(), "the Safe keeps its owner");
    Ok(())
}

/// Case 43: an owner's Safe exchanges its owner after it signed, and an account leaves its delegation. Both are missing then,
/// nothing is paid for, and a new signature, or the old one once it holds again, heals it.
#[tokio::test(flavor = "multi_thread")]
async fn what_accounts_said_ends_when_their_own_owners_change() -> Result<()> {
    let (stage, cast, person) = staged().await?;
    let (safe, last) = (cast.member("Safe 1.4.1")?, cast.member("OpenZeppelin")?);
    let delegating = cast.member("EIP-7702 to OpenZeppelin")?;
    let digest = proposed(&person, &["transfer", "--to", PAYEE, "--amount", "1"])?;
    let early: Vec<_> = cast.members.iter().filter(|member| member.name != last.name).collect();
    let signed = sign_at_relayer(&cast, &person, &digest, &early)?;
    let place = early.iter().position(|member| member.name == delegating.name);
    let kept = place.and_then(|place| signed.get(place)).ok_or_eyre("it did not sign")?;

    swap_owner(&stage.chain, safe.address, 22, 29).await?;
    deploy::delegate(&stage.chain, &owner(25), Address::ZERO).await?;
    sign_at_relayer(&cast, &person, &digest, &[last])?;
    let names = [safe, delegating].map(|member| member.address.to_checksum(None));
    let is_told =
        |told: &Value| names.iter().all(|name| told["missing"].to_string().contains(name));
    let told = stage.until_proposal(&digest, is_told).await?;
    assert_eq!((&told["status"], &told["failures"]), (&"collecting".into(), &Value::Null));

    let renewed = Member { keys: vec![29], name: safe.name, kind: safe.kind, ..*safe };
    sign_at_relayer(&cast, &person, &digest, &[&renewed])?;
    let again = ["sign", &digest, "--signature", kept, "--owner", &names[1]];
    person.refuses(&again, 3, "no code on chain 31337 yet")?;
    deploy::delegate(&stage.chain, &owner(25), cast.delegate).await?;
    assert_eq!(person.json(&again)?["added"], true);
    stage.mine_until_executed(&person, &[digest]).await
}

/// Cases 47 and 48: what viem makes before an account is there is wrapped, refused for what is missing, and taken once the
/// account is deployed.
#[tokio::test]
async fn bytes_from_before_a_deployment_hold_after_it() -> Result<()> {
    let environment = Environment::start().await?;
    let cast = Cast::deploy_with(&environment.chain, true).await?;
    let solady = cast.member("Solady")?;
    let config = Config::new(1, vec![solady.address], Address::ZERO, Bytes::new())?;
    let wallet = deploy::wallet(&environment.chain, &config, B256::ZERO).await?;
    let wallet = wallet.to_checksum(None);
    let cancel = ["propose", "cancel", "--sequence", "0", "--wallet", &wallet];
    environment.json(&[&cancel[..], &["--out", "cancel.json"]].concat())?;
    let typed = environment.run(&["show", "cancel.json", "--typed-data"])?.stdout;
    let signed = cast.sign(&typed, &[solady])?.pop().ok_or_eyre("no signature")?;
    ensure!(signed.signature.ends_with(&"6492".repeat(16)), "{}", signed.signature);

    let account = solady.address.to_checksum(None);
    let sign = ["sign", "cancel.json", "--signature", &signed.signature, "--owner", &account];
    environment.refuses(&sign, 3, "no code on chain 31337 yet")?;
    let owner = owner(20).address();
    ask("found", &json!({ "rpc": cast.endpoint, "factory": cast.factory, "owner": owner }))?;
    assert_eq!(environment.json(&sign)?["added"], true);
    assert_eq!(environment.submit("cancel.json")?["status"], "executed");
    Ok(())
}

/// A key signs for its account before, while and after this delegates to real code, whichever comes first.
#[tokio::test]
async fn keys_sign_for_accounts_that_delegate_in_every_order() -> Result<()> {
    let environment = Environment::start().await?;
    let cast = Cast::deploy(&environment.chain).await?;
    let (zero, mut count) = (Address::ZERO, 0);
    for code in [cast.simple7702, cast.metamask, cast.delegate] {
        for (sign_as, send_as) in [(zero, code), (code, zero), (code, code)] {
            count += 1;
            let (file, lane) = (format!("{count}.json"), count.to_string());
            deploy::delegate(&environment.chain, &owner(3), sign_as).await?;
            environment.propose(&file, &["--lane", &lane])?;
            environment.sign(&file, &[0, 1, 3])?;
            deploy::delegate(&environment.chain, &owner(3), send_as).await?;
            assert_eq!(environment.submit(&file)?["status"], "executed", "{code}");
        }
    }
    Ok(())
}
