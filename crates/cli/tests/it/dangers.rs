//! What owners are told before they sign.

use crate::environment::{Environment, PAYEE};
use alloy::primitives::{Address, U256};
use eyre::{Result, ensure};
use quorate_lab::tokens;

/// A danger stops a signature where nobody is there to answer, until its code is accepted.
#[tokio::test]
async fn a_danger_has_to_be_accepted_by_its_code() -> Result<()> {
    let environment = Environment::start().await?;
    let token = tokens::USDC.address().to_checksum(None);
    let max = U256::MAX.to_string();
    let approve = ["propose", "call", "--wallet", "wallet.json", "--to", &token];
    let sig = ["--sig", "approve(address,uint256)", PAYEE, &max, "--out", "proposal.json"];
    environment.json(&[&approve[..], &sig].concat())?;
    assert_eq!(environment.dangers("proposal.json")?, ["unlimitedApproval"]);

    let key = environment.keystore(0)?;
    let sign = ["sign", "proposal.json", "--keystore", &key];
    environment.refuses(&sign, 4, "--accept unlimitedApproval")?;
    let accept = |code| [&sign[..], &["--accept", code]].concat();
    environment.refuses(&accept("ownerChange"), 4, "--accept unlimitedApproval")?;
    environment.refuses(&accept("unlimited"), 2, "the codes are")?;
    environment.json(&accept("unlimitedApproval"))?;

    let check = ["show", "proposal.json", "--check"];
    environment.refuses(&check, 4, "without limit")?;
    let shown = environment.run(&["show", "proposal.json"])?;
    ensure!(shown.code == 0 && shown.stdout.contains("everything, without limit, of tUSDC"));
    Ok(())
}

/// Amounts of a token are in its units, with its symbol, in calls too.
#[tokio::test]
async fn amounts_are_shown_in_the_tokens_units() -> Result<()> {
    let environment = Environment::start().await?;
    let token = tokens::USDC.address().to_checksum(None);
    let pay = ["propose", "transfer", "--wallet", "wallet.json", "--token", &token, "--to", PAYEE];
    environment.json(&[&pay[..], &["--amount", "1234.5", "--out", "pay.json"]].concat())?;
    let shown = environment.run(&["show", "pay.json"])?.stdout;
    let named = format!("tUSDC ({}…{})", &token[..6], &token[38..]);
    let (headline, total) = (format!("a payment in {named}"), format!("1,234.5 {named}"));
    for part in
        [&*headline, &total, PAYEE, &token, "6 decimals", "in 1 payment", "sequence", "epoch"]
    {
        ensure!(shown.contains(part), "{part} is not in {shown}");
    }
    let approve = ["propose", "approve", "--wallet", "wallet.json", "--token", &token];
    let more = ["--spender", PAYEE, "--amount", "7.25", "--out", "approve.json"];
    environment.json(&[&approve[..], &more].concat())?;
    let shown = environment.run(&["show", "approve.json"])?.stdout;
    ensure!(shown.contains(&format!("amount: 7.25 {named}")), "{shown}");
    Ok(())
}

/// Without a chain nothing is checked, and that has to be accepted too.
#[tokio::test]
async fn signing_without_a_chain_is_a_danger() -> Result<()> {
    let environment = Environment::start().await?;
    environment.propose("proposal.json", &[])?;
    let offline = environment.program.clone().with("ETH_RPC_URL", "");
    let key = environment.keystore(0)?;
    let sign = ["sign", "proposal.json", "--keystore", &key];
    let answer = offline.run(environment.folder(), &sign)?;
    ensure!(answer.code == 4 && answer.error().contains("--accept offline"), "{answer:?}");
    let accepted = [&sign[..], &["--accept", "offline"]].concat();
    let signed = offline.json(environment.folder(), &accepted)?;
    assert_eq!(signed["review"]["threshold"], 3);
    Ok(())
}

/// Whoever names a token or writes a note cannot move the cursor or reorder what is read.
#[tokio::test]
async fn hostile_text_is_spelled_out() -> Result<()> {
    let environment = Environment::start().await?;
    let evil = tokens::Token {
        name: "evil",
        symbol: "USD\u{202e}C\u{1b}[2J",
        decimals: 6,
        is_silent: false,
    };
    evil.deploy(&environment.chain).await?;
    let token = evil.address().to_checksum(None);
    let pay = ["propose", "transfer", "--wallet", "wallet.json", "--token", &token, "--to", PAYEE];
    let note = ["--amount", "1", "--note", "a\u{1b}[31m\u{2066}b", "--out", "pay.json"];
    environment.json(&[&pay[..], &note].concat())?;
    let shown = environment.run(&["show", "pay.json"])?.stdout;
    ensure!(!shown.contains(['\u{1b}', '\u{202e}', '\u{2066}']), "{shown:?}");
    ensure!(shown.contains(r"USD\u{202e}C\u{1b}[2J") && shown.contains(r"a\u{1b}[31m\u{2066}b"));
    assert_eq!(environment.dangers("pay.json")?, ["hiddenText"]);
    Ok(())
}

/// Data to an account without code does nothing, and what is not understood is said to be.
#[tokio::test]
async fn data_that_does_nothing_or_is_not_understood_is_named() -> Result<()> {
    let environment = Environment::start().await?;
    let nobody = Address::repeat_byte(0x77).to_checksum(None);
    let call = ["propose", "call", "--wallet", "wallet.json", "--to", &nobody];
    environment.json(&[&call[..], &["--data", "0xdeadbeef01", "--out", "call.json"]].concat())?;
    assert_eq!(environment.dangers("call.json")?, ["unknownCalldata", "dataToNoCode"]);
    let far = ["--deadline", "91d"];
    environment.propose("far.json", &far)?;
    assert_eq!(environment.dangers("far.json")?, ["deadlineFar"]);
    environment.propose("near.json", &["--deadline", "30m"])?;
    assert_eq!(environment.dangers("near.json")?, ["deadlineNear"]);
    Ok(())
}

/// A token that says of itself what it likes.
fn token(symbol: &'static str) -> tokens::Token {
    tokens::Token { name: "any", symbol, decimals: 6, is_silent: false }
}

/// Case 2: what a token says of itself never stands alone, and what reads as ether, or as another of the list, is a danger.
#[tokio::test]
async fn a_symbol_is_never_believed() -> Result<()> {
    let environment = Environment::start().await?;
    let [ether, other] = [token("\u{415}TH"), token("tUSD\u{421}")];
    for token in [ether, other] {
        token.deploy(&environment.chain).await?;
    }
    let [ether, other, usdc] =
        [ether, other, tokens::USDC].map(|token| token.address().to_checksum(None));
    let pay = ["propose", "transfer", "--wallet", "wallet.json", "--to", PAYEE, "--amount", "5"];
    environment.json(&[&pay[..], &["--token", &ether, "--out", "pay.json"]].concat())?;
    assert_eq!(environment.dangers("pay.json")?, ["symbolLike"]);
    let shown = environment.run(&["show", "pay.json"])?.stdout;
    let short = format!("({}…{})", &ether[..6], &ether[38..]);
    let said: Vec<_> = shown.lines().filter(|line| line.contains("\u{415}TH")).collect();
    ensure!(said.len() >= 4, "{shown}");
    for line in said {
        let is_below_address = line.contains("calls itself") || line.contains("reads as ether");
        let is_with_address = line.contains(&short) || is_below_address;
        ensure!(is_with_address, "{line} in {shown}");
    }
    let key = environment.keystore(0)?;
    environment.refuses(&["sign", "pay.json", "--keystore", &key], 4, "--accept symbolLike")?;

    // Of ether nothing else is said.
    environment.json(&[&pay[..], &["--out", "ether.json"]].concat())?;
    let shown = environment.run(&["show", "ether.json"])?.stdout;
    ensure!(shown.contains("a payment in ETH\n") && shown.contains("total        5 ETH in 1"));

    // A run that pays both: each batch alone looks innocent.
    let row = |token: &str| format!("p-{token},{PAYEE},1,{token}\n");
    let list = format!("id,to,amount,token\n{}{}", row(&usdc), row(&other));
    environment.write("run.csv", &list)?;
    let run = ["payout", "propose", "run.csv", "--run", "r", "--wallet", "wallet.json"];
    environment.refuses(&run, 4, "--accept symbolLike")?;
    let told = environment.run(&[&run[..], &["--accept", "symbolLike"]].concat())?;
    ensure!(told.code == 0, "{told:?}");
    for line in told.stdout.lines().filter(|line| line.contains("tUSD")) {
        ensure!(
            line.contains("(0x") || line.contains("calls itself") || line.contains("reads as"),
            "{line}"
        );
    }
    let shown = ["wallet", "show", "wallet.json", "--token", &usdc, "--token", &other];
    let shown = environment.run(&shown)?.stdout;
    ensure!(shown.contains(&format!("0 tUSD\u{421} ({other})")), "{shown}");
    ensure!(shown.contains("symbolLike"), "{shown}");
    Ok(())
}

/// Case 3: without limit at every width, in words too.
#[tokio::test]
async fn an_allowance_of_a_narrow_token_is_without_limit_too() -> Result<()> {
    let environment = Environment::start().await?;
    let token = tokens::USDC.address().to_checksum(None);
    let call = ["propose", "call", "--wallet", "wallet.json", "--to", &token, "--sig"];
    for bits in [96_usize, 128, 160, 255] {
        let amount = (U256::MAX >> (256 - bits)).to_string();
        let name = format!("{bits}.json");
        let approve = ["approve(address,uint256)", PAYEE, &amount, "--out", &name];
        environment.json(&[&call[..], &approve].concat())?;
        assert_eq!(environment.dangers(&name)?, ["unlimitedApproval"]);
        let shown = environment.run(&["show", &name])?.stdout;
        let words = format!("amount: 2^{bits}-1 smallest units of tUSDC (");
        ensure!(shown.contains(&words) && shown.contains(": without limit"), "{shown}");
    }
    Ok(())
}

/// Case 4: the largest number is no allowance in a transfer, nor everything left.
#[tokio::test]
async fn a_transfer_of_the_largest_number_is_said_to_be_one() -> Result<()> {
    let environment = Environment::start().await?;
    let token = tokens::USDC.address().to_checksum(None);
    let (max, wallet) = (U256::MAX.to_string(), environment.wallet()?);
    let call = ["propose", "call", "--wallet", "wallet.json", "--to", &token, "--sig"];
    let from = ["transferFrom(address,address,uint256)", &wallet, PAYEE, &max];
    for (name, function) in
        [("to.json", &["transfer(address,uint256)", PAYEE, &max][..]), ("from.json", &from)]
    {
        environment.json(&[&call[..], function, &["--out", name]].concat())?;
        let shown = environment.run(&["show", name])?.stdout;
        ensure!(shown.contains("amount: 2^256-1 smallest units of tUSDC ("), "{shown}");
        ensure!(!shown.contains("limit") && !shown.contains("everything"), "{shown}");
        assert_eq!(environment.dangers(name)?, [""; 0]);
    }
    Ok(())
}

/// Case 5: symbols that are padded, or long, do not fill the lines.
#[tokio::test]
async fn a_symbol_is_trimmed_and_short() -> Result<()> {
    let environment = Environment::start().await?;
    let pay = ["propose", "transfer", "--wallet", "wallet.json", "--to", PAYEE, "--amount", "5"];
    let long = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for (symbol, shown_as) in [
        ("MKR\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "MKR ("),
        (" MKR2\t\n", "MKR2 ("),
        (long, "\"0123456789abcdef0123456…\" ("),
    ] {
        let token = token(symbol);
        token.deploy(&environment.chain).await?;
        let address = token.address().to_checksum(None);
        let name = format!("{address}.json");
        environment.json(&[&pay[..], &["--token", &address, "--out", &name]].concat())?;
        let shown = environment.run(&["show", &name])?.stdout;
        ensure!(shown.contains(&format!("5 {shown_as}")), "{shown}");
        ensure!(!shown.contains("\\u{"), "{shown}");
        let lines = shown.lines().take_while(|line| !line.contains("domain hash"));
        let widest = lines.map(|line| line.chars().count()).max();
        ensure!(widest.is_some_and(|widest| widest <= 80), "{widest:?} in {shown}");
    }
    Ok(())
}
