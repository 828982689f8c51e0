//! What other people's programs write: addresses, signatures, numbers, lists.

use crate::environment::{Environment, PAYEE};
use alloy::{
    primitives::{Address, B256, Bytes, U256, hex},
    signers::SignerSync as _,
    sol,
    sol_types::{SolCall as _, SolStruct as _, SolValue as _, eip712_domain},
};
use eyre::{OptionExt as _, Result, WrapErr as _, ensure};
use quorate_lab::{anvil::Chain, owners::owner, repository, tokens};
use serde_json::Value;
use std::fs;

/// Case 9: an address may name its chain, which has to be the wallet's.
#[tokio::test]
async fn an_address_may_name_its_chain() -> Result<()> {
    let environment = Environment::start().await?;
    let [here, other] = ["eip155:31337:", "eth:"].map(|name| format!("{name}{PAYEE}"));
    let rootstock = PAYEE.parse::<Address>()?.to_checksum(Some(30));
    let pay = ["propose", "transfer", "--wallet", "wallet.json", "--amount", "1", "--to"];
    environment.json(&[&pay[..], &[&here, "--out", "pay.json"]].concat())?;
    let shown = environment.json(&["show", "pay.json"])?;
    assert_eq!(shown["action"]["transfers"][0]["to"], PAYEE);
    let refused =
        |to: &str, reason: &str| environment.refuses(&[&pay[..], &[to]].concat(), 3, reason);
    refused(&other, "names chain 1 (EIP-3770), and this is chain 31337")?;
    refused(&other, &format!("write {PAYEE}"))?;
    refused(&rootstock, "has the checksum of chain 30 (EIP-1191), and this is chain 31337")?;
    refused(&format!("nochain:{PAYEE}"), "the name of a chain that is not known here")?;
    refused(&format!("ethereum:{PAYEE}@1"), "payment link (EIP-681)")?;

    // Everywhere an address is taken.
    let call = ["propose", "call", "--wallet", "wallet.json", "--to", PAYEE, "--sig"];
    let function = ["approve(address,uint256)", &other, "1"];
    environment.refuses(&[&call[..], &function].concat(), 3, "names chain 1 (EIP-3770)")?;
    let owners = ["propose", "owners", "--wallet", "wallet.json", "--add", &other];
    environment.refuses(&owners, 3, "--add: ")?;
    let approve = ["propose", "approve", "--wallet", "wallet.json", "--amount", "1", "--token"];
    environment.refuses(
        &[&approve[..], &[&rootstock, "--spender", PAYEE]].concat(),
        3,
        "--token: ",
    )?;
    environment.refuses(&["wallet", "show", "wallet.json", "--token", &other], 3, "--token: ")?;
    environment.refuses(&["wallet", "show", &other], 7, "the wallet is named for chain 1")?;
    let create = ["wallet", "create", "--threshold", "1", "--owner"];
    environment.refuses(&[&create[..], &[&other]].concat(), 3, "and this is chain 31337")?;
    let on_mainnet = ["--chain-id", "1", "--out", "main.json"];
    environment.json(&[&create[..], &[&other], &on_mainnet].concat())?;
    let key = environment.keystore(0)?;
    let signature = format!("0x{}", "11".repeat(65));
    let sign = ["sign", "pay.json", "--signature", &signature, "--owner", &other];
    environment.refuses(&sign, 3, "--owner: ")?;
    environment.json(&["sign", "pay.json", "--keystore", &key])?;

    // In files and in JSON it stands alone.
    let edited = environment.read("pay.json")?.replace(PAYEE, &other);
    environment.write("edited.json", &edited)?;
    environment.refuses(
        &["show", "edited.json"],
        3,
        &format!("write the address alone, {PAYEE}"),
    )?;
    let row = |to: &str| format!("id,to,amount,token\na,{to},2,ETH\n");
    let run = ["payout", "propose", "run.csv", "--wallet", "wallet.json", "--run"];
    environment.write("run.csv", &row(&rootstock))?;
    environment.refuses(&[&run[..], &["r"]].concat(), 3, "line 2, id \"a\": to: ")?;
    environment.write("run.csv", &row(&here))?;
    environment.json(&[&run[..], &["r"]].concat())?;
    Ok(())
}

/// Case 10: a signature as it is copied, and as other programs end it.
#[tokio::test]
async fn a_signature_is_taken_as_it_is_copied() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("proposal.json", &[])?;
    let signature = |number: u64| -> Result<String> {
        let name = format!("by-{number}.json");
        let key = environment.keystore(number)?;
        environment.json(&["sign", "proposal.json", "--keystore", &key, "--out", &name])?;
        let file: Value = serde_json::from_str(&environment.read(&name)?)?;
        fs::remove_file(environment.path(&name))?;
        let signature = file["signatures"][0]["signature"].as_str().ok_or_eyre("no signature")?;
        Ok(signature.trim_start_matches("0x").to_owned())
    };
    let (plain, short) = (signature(0)?, signature(1)?);
    let (rs, v) = short.split_at(128);
    let short = format!("{rs}{}", if v == "1b" { "0" } else { "1" });
    for (text, number) in
        [(format!(" 0X{}\r\n", plain.to_uppercase()), 0), (format!("{short}\n"), 1)]
    {
        let signed = environment.json(&["sign", "proposal.json", "--signature", &text])?;
        assert_eq!(signed["signer"], owner(number).address().to_checksum(None));
        assert_eq!(signed["added"], true);
    }
    let refused = |text: &str, reason: &str| {
        environment.refuses(&["sign", "proposal.json", "--signature", text], 3, reason)
    };
    refused(&plain[..127], "has 127 hexadecimal digits, an odd number")?;
    refused("0xhello", "\"h\" is none")
}

/// Case 11: a token that does not tell its decimals, in a list and in a single payment.
#[tokio::test]
async fn decimals_can_be_given_where_a_token_tells_none() -> Result<()> {
    let environment = Environment::start().await?;
    // It answers everything with nothing: PUSH0 PUSH0 RETURN, and takes all transfers.
    let silent = environment.chain.deploy(hex!("6003600c60003960036000f35f5ff3").into()).await?;
    let silent = silent.to_checksum(None);
    let usdc = tokens::USDC.address().to_checksum(None);
    let list = format!("id,to,amount,token\na,{PAYEE},1.5,{silent}\nb,{PAYEE},2,{usdc}\n");
    environment.write("run.csv", &list)?;
    let run = ["payout", "propose", "run.csv", "--wallet", "wallet.json", "--run", "r"];
    let way_out = format!("give them with --decimals {silent}=NUMBER");
    environment.refuses(&run, 3, &way_out)?;
    let given = format!("{silent}=3");
    let with = [&run[..], &["--decimals", &given]].concat();
    environment.refuses(&with, 4, "read with 3, as --decimals says")?;
    for (token, reason) in [(&*usdc, "says that it has 6"), (PAYEE, "does not pay")] {
        let wrong = format!("{token}=18");
        environment.refuses(&[&with[..], &["--decimals", &wrong]].concat(), 3, reason)?;
    }
    let told = environment.run(&[&with[..], &["--accept", "unreadableDecimals"]].concat())?;
    ensure!(told.code == 0, "{told:?}");
    let head = told.stdout.split("Written to").next().unwrap_or_default();
    ensure!(head.contains("unreadableDecimals") && head.contains("1.5 token 0x"), "{head}");
    let file = environment.read("r/r.0.json")?;
    ensure!(file.contains("\"amount\": \"1500\""), "{file}");

    let pay = ["propose", "transfer", "--wallet", "wallet.json", "--to", PAYEE, "--amount", "1.5"];
    let pay = [&pay[..], &["--token", &silent]].concat();
    environment.refuses(&pay, 3, "give them with --decimals NUMBER")?;
    let given = ["--decimals", "2", "--lane", "9", "--out", "pay.json"];
    let paid = environment.json(&[&pay[..], &given].concat())?;
    assert_eq!(paid["review"]["action"]["transfers"][0]["amount"], "150");
    assert_eq!(environment.dangers("pay.json")?, ["unreadableDecimals"]);
    Ok(())
}

/// Cases 6 and 7: rows that end early, and columns without a name.
#[tokio::test]
async fn a_list_is_read_as_programs_write_it() -> Result<()> {
    let environment = Environment::start().await?;
    let run = ["payout", "propose", "run.csv", "--wallet", "wallet.json", "--run"];
    let rows = format!("inv-1,{PAYEE},0.25,ETH,hosting\r\ninv-2,{PAYEE},0.5,ETH\r\n");
    environment.write("run.csv", &format!("id,to,amount,token,note\r\n{rows}"))?;
    let told = environment.json(&[&run[..], &["rows"]].concat())?;
    assert_eq!(told["totals"][0]["amount"], "750000000000000000");
    let rows = format!("inv-1,{PAYEE},0.25,ETH,hosting,\ninv-2,{PAYEE},0.5,ETH,,\n");
    environment.write("run.csv", &format!("id,to,amount,token,note,\n{rows}"))?;
    let told = environment.json(&[&run[..], &["columns"]].concat())?;
    assert_eq!(told["totals"][0]["count"], 2);
    Ok(())
}

/// Case 27: whole numbers with a point, in the files that people pass on.
#[tokio::test]
async fn a_file_with_whole_numbers_with_a_point_is_read() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("proposal.json", &[])?;
    let text = environment.read("proposal.json")?;
    let digest = environment.json(&["show", "proposal.json"])?["digest"].clone();
    let pointed = text
        .replace("\"epoch\": 0", "\"epoch\": 0.0")
        .replace("\"chainId\": 31337", "\"chainId\": 31337.0");
    ensure!(pointed.matches(".0").count() == 2, "{pointed}");
    environment.write("pointed.json", &pointed)?;
    assert_eq!(environment.json(&["show", "pointed.json"])?["digest"], digest);
    environment.write("half.json", &text.replace("\"epoch\": 0", "\"epoch\": 0.5"))?;
    environment.refuses(&["show", "half.json"], 3, "`0.5`, expected a whole number")
}

/// Case 34: an escrow in which a dispute is worth nothing is not made; one that is there says both facts.
#[tokio::test]
async fn an_escrow_without_arbitration_is_refused() -> Result<()> {
    let environment = Environment::start().await?;
    let data = |arbitration_secs: u32| {
        let parts = [
            &4_000_000_000_u64.to_be_bytes()[..],
            &arbitration_secs.to_be_bytes(),
            &[1],
            &500_u16.to_be_bytes(),
            &[7; 32],
        ];
        hex::encode_prefixed(parts.concat())
    };
    let policy = quorate_bindings::canonical::ESCROW_POLICY.address.to_checksum(None);
    let owners: Vec<_> = (0..3).map(|number| owner(number).address().to_checksum(None)).collect();
    let owners = owners.join(",");
    let create = ["wallet", "create", "--threshold", "1", "--owners", &owners, "--policy", &policy];
    let create = [&create[..], &["--out", "escrow.json", "--policy-data"]].concat();
    let none = data(0);
    environment.refuses(&[&create[..], &[&none]].concat(), 3, "a dispute is worth nothing")?;
    let week = data(604_800);
    let told = environment.run(&[&create[..], &[&week]].concat())?;
    ensure!(told.code == 0, "{told:?}");
    for part in ["gives the arbiter 7 days more", "all three together may do anything", "5.00 %"] {
        ensure!(told.stdout.contains(part), "{part} is not in {told:?}");
    }
    let change = ["propose", "owners", "--wallet", "escrow.json", "--policy-data", &none];
    environment.refuses(&change, 3, "a dispute is worth nothing")?;

    // One that somebody made with other means.
    let proposal = [
        "propose",
        "owners",
        "--wallet",
        "escrow.json",
        "--policy-data",
        &data(60),
        "--out",
        "change.json",
    ];
    environment.json(&proposal)?;
    let text = environment.read("change.json")?;
    environment.write("worthless.json", &text.replace(&data(60), &none))?;
    let shown = environment.run(&["show", "worthless.json"])?.stdout;
    ensure!(shown.contains("NO TIME FOR THE ARBITER"), "{shown}");
    ensure!(shown.contains("dispute after that time too"), "{shown}");
    ensure!(environment.dangers("worthless.json")?.contains(&"policyChange".to_owned()));
    Ok(())
}

sol! {
    function setup(
        address[] owners, uint256 threshold, address to, bytes data, address fallbackHandler,
        address paymentToken, uint256 payment, address paymentReceiver
    );
    function createProxyWithNonce(address singleton, bytes initializer, uint256 saltNonce)
        returns (address proxy);

    struct SafeMessage {
        bytes message;
    }
}

/// A Safe of one owner, from its npm package.
pub(crate) async fn safe(chain: &Chain, holder: Address) -> Result<Address> {
    let deploy = async |artifact: &str| {
        let folder = repository().join("contracts/node_modules/@safe-global/safe-contracts");
        let path = folder.join(format!("build/artifacts/contracts/{artifact}.json"));
        let text = fs::read_to_string(&path).wrap_err("run `npm ci --prefix contracts`")?;
        let artifact: Value = serde_json::from_str(&text)?;
        let code = artifact["bytecode"].as_str().ok_or_eyre("no bytecode")?;
        chain.deploy(code.parse()?).await
    };
    let singleton = deploy("Safe.sol/Safe").await?;
    let factory = deploy("proxies/SafeProxyFactory.sol/SafeProxyFactory").await?;
    let handler =
        deploy("handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler").await?;
    let setup = setupCall {
        owners: vec![holder],
        threshold: U256::ONE,
        to: Address::ZERO,
        data: Bytes::new(),
        fallbackHandler: handler,
        paymentToken: Address::ZERO,
        payment: U256::ZERO,
        paymentReceiver: Address::ZERO,
    };
    let create = createProxyWithNonceCall {
        singleton,
        initializer: setup.abi_encode().into(),
        saltNonce: U256::ZERO,
    };
    let input = Bytes::from(create.abi_encode());
    let proxy =
        createProxyWithNonceCall::abi_decode_returns(&chain.call(factory, input.clone()).await?)?;
    chain.send(factory, U256::ZERO, input).await?;
    Ok(proxy)
}

/// Case 46: 65 bytes that a Safe takes need no `--owner`: the owners that are contracts are asked.
#[tokio::test]
async fn a_safes_signature_is_found_to_be_the_safes() -> Result<()> {
    let environment = Environment::start().await?;
    let holder = owner(30);
    let safe = safe(&environment.chain, holder.address()).await?;
    let (shown, key) = (safe.to_checksum(None), owner(0).address().to_checksum(None));
    let create = ["wallet", "create", "--threshold", "2", "--owner", &key, "--owner", &shown];
    environment.json(&[&create[..], &["--out", "mixed.json"]].concat())?;
    let payer = environment.keystore(8)?;
    environment.json(&["wallet", "deploy", "mixed.json", "--keystore", &payer])?;
    let cancel = ["propose", "cancel", "--wallet", "mixed.json", "--sequence", "0", "--out"];
    environment.json(&[&cancel[..], &["cancel.json"]].concat())?;
    let digest = environment.json(&["show", "cancel.json"])?["digest"].clone();
    let digest: B256 = digest.as_str().ok_or_eyre("no digest")?.parse()?;

    let message = SafeMessage { message: digest.abi_encode().into() };
    let domain = eip712_domain! { chain_id: environment.chain.id(), verifying_contract: safe, };
    let hash = message.eip712_signing_hash(&domain);
    let by_safe = hex::encode_prefixed(holder.sign_hash_sync(&hash)?.as_bytes());
    let sign = ["sign", "cancel.json", "--signature"];

    let offline = environment.program.clone().with("ETH_RPC_URL", "");
    let refused = [&sign[..], &[&by_safe, "--accept", "offline"]].concat();
    let answer = offline.run(environment.folder(), &refused)?;
    ensure!(answer.code == 3 && answer.error().contains("name that with --owner"), "{answer:?}");
    let stranger = hex::encode_prefixed(owner(31).sign_hash_sync(&hash)?.as_bytes());
    environment.refuses(
        &[&sign[..], &[&stranger]].concat(),
        3,
        "no owner that is a contract takes it either",
    )?;

    let signed = environment.json(&[&sign[..], &[&by_safe]].concat())?;
    assert_eq!((&signed["signer"], &signed["added"]), (&shown.as_str().into(), &true.into()));
    environment.sign("cancel.json", &[0])?;
    assert_eq!(environment.submit("cancel.json")?["status"], "executed");
    Ok(())
}
