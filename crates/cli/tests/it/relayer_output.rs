//! What is printed of a relayer, and how its options are refused.

use crate::{
    environment::{Environment, PAYEE},
    fake_relayer::{FakeRelayer, Fault},
    guide::matches,
};
use eyre::{Result, ensure};
use quorate_lab::{owners::owner, program::Program};
use std::path::Path;

struct Stage {
    environment: Environment,
    relayer: FakeRelayer,
    program: Program,
}

impl Stage {
    async fn start() -> Result<Self> {
        let environment = Environment::start().await?;
        let relayer = FakeRelayer::start(&environment).await?;
        environment.keystore(2)?;
        let program = environment
            .program
            .clone()
            .with("QUORATE_RELAYER", relayer.url())
            .with("QUORATE_WALLET", "wallet.json")
            .with("ETH_KEYSTORE", "key-2");
        Ok(Self { environment, relayer, program })
    }

    /// Runs a command, which must end like this and print this.
    fn prints(&self, arguments: &[&str], code: i32, expected: &str) -> Result<()> {
        let answer = self.program.run(self.environment.folder(), arguments)?;
        let command = arguments.join(" ");
        ensure!(answer.code == code, "quorate {command}: {answer:?}");
        let printed = format!("{}{}", answer.stdout, answer.stderr);
        ensure!(
            matches(expected, &printed),
            "quorate {command}\n--- expected ---\n{expected}\n--- printed ---\n{printed}"
        );
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_an_owner_is_listed_with_what_to_sign() -> Result<()> {
    let stage = Stage::start().await?;
    let me = owner(2).address().to_checksum(None);
    let expected = "\
2 proposals waiting for ME, at the relayer 127.0.0.1:…

DIGEST
  does      pays 1.5 ETH to PAYEE
  wallet    0x36EB1C76ceE0b9704361C5A9dea2a9226427819e on chain 31337
  signed    1 of 3; collecting
  deadline  … UTC, in … days…
  sure      your endpoint shows the same

0x…
  does      pays 1.25 ETH to PAYEE
…";
    let digest = stage.relayer.digest.to_string();
    let expected = expected.replace("ME", &me).replace("PAYEE", PAYEE).replace("DIGEST", &digest);
    stage.prints(&["list", "--owner", &me], 0, &expected)?;
    let nobody = owner(9).address().to_checksum(None);
    let nothing = format!("nothing waiting for {nobody}, at the relayer 127.0.0.1:…");
    stage.prints(&["list", "--owner", &nobody], 0, &nothing)?;
    stage.prints(&["list", "--status", "executed"], 0, "nothing of the wallet, at the relayer …")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_of_a_relayer_is_shown_and_signed_as_one_of_a_file() -> Result<()> {
    let stage = Stage::start().await?;
    let digest = stage.relayer.digest.to_string();
    let me = owner(2).address().to_checksum(None);
    stage.prints(&["show", &digest], 0, &shown(&digest))?;
    let signed = format!(
        "{}\n\n{digest} signed by {me}\nat the relayer 127.0.0.1:…: 2 of 3 needed, collecting",
        shown(&digest)
    );
    stage.prints(
        &["sign", &digest, "--out", "file.json"],
        0,
        &format!("{signed}\nfile.json written"),
    )?;
    // The file alone shows the same, but for the signature and the relayer.
    let file = stage.program.run(stage.environment.folder(), &["show", "file.json"])?.stdout;
    let both = shown(&digest);
    let (of_file, _) = both.split_once("  status ").unwrap_or_default();
    ensure!(matches(&format!("{of_file}…"), &file), "{file}");
    stage.prints(
        &["watch", &digest, "--timeout", "1"],
        6,
        &format!(
            "\
{digest}  pays 1.5 ETH to {PAYEE}
{}…  collecting, 1 of 3 signatures
error: not done after 1 second: {digest} is collecting, 1 of 3 signatures",
            &digest[..10]
        ),
    )
}

fn shown(digest: &str) -> String {
    format!(
        "\
Proposal: a payment in ETH
  wallet       0x36EB1C76ceE0b9704361C5A9dea2a9226427819e
               on chain 31337, 3 of 5 owners, made by the Quorate factory
  pays           1  {PAYEE}  1.5 ETH
  total        1.5 ETH in 1 payment
  lane         0
  sequence     0 (the next of the lane)
  epoch        0
  deadline     … UTC, in … days…
  status       collecting
  signed       1 of 3 needed
               0xf5FFf8C15d1d49104CB2d1659b4529320435A1Ec  by its key
  not signed   0x6AF8a3B28B7406BD1715757993526Fd8ef135Ad1
               0x95899ADDe6f9b8c70A8798149E10A836E602D272
               0xbDd5be88E86FEC9177A3150E35C9a0D83BbBc72F
               0x367734C9Bb9FBcbb31b2C1107278CDAe5ae748A5
  domain hash  0x…
  struct hash  0x…
  digest       {digest}
  words        …
               (the first 66 bits of the digest)

At the relayer 127.0.0.1:…
  status   collecting
  sure     your endpoint shows the same
  changed  1970-01-01 00:00:00 UTC, … ago"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_in_is_reviewed_and_told_with_its_digest() -> Result<()> {
    let stage = Stage::start().await?;
    let me = owner(2).address().to_checksum(None);
    let rows = format!("id,to,amount,token,note\na,{PAYEE},1,ETH,\nb,{PAYEE},2,ETH,\n");
    stage.environment.write("run.csv", &rows)?;
    let run = ["payout", "propose", "run.csv", "--run", "r", "--batch-size", "1"];
    stage.prints(
        &run,
        0,
        "\
Payout run r: 2 payments in 2 batches
  total      3 ETH in 2 payments
  wallet     0x36EB1C76ceE0b9704361C5A9dea2a9226427819e on chain 31337
…

Proposal: a payment in ETH
…

Proposal: a payment in ETH
…

Handed to the relayer 127.0.0.1:…
  batch 0  new: 1 payment, 1 ETH, 1 of 3 signatures
           0x…
  batch 1  new: 1 payment, 2 ETH, 1 of 3 signatures
           0x…
warning: line 3, id \"b\": …",
    )?;
    let pay = ["propose", "transfer", "--to", PAYEE, "--amount", "2", "--note", "a\u{1b}[2Jb"];
    stage.prints(&pay, 4, "…--accept hiddenText")?;
    let pay = [&pay[..], &["--accept", "hiddenText"]].concat();
    stage.prints(
        &pay,
        0,
        &format!(
            "\
Proposal: a payment in ETH
…
  sequence     1 (the lane is at 0: others go first)
…
  note         \"a\\u{{1b}}[2Jb\"
               (the proposer's words: nobody signs them)
…

0x… proposed by {me}
at the relayer 127.0.0.1:…: 1 of 3 needed, collecting"
        ),
    )?;
    stage.prints(
        &["wallet", "register", "wallet.json"],
        0,
        "\
The relayer 127.0.0.1:… serves wallet 0x36EB1C76ceE0b9704361C5A9dea2a9226427819e
  chain      31337
  threshold  3 of 5
…
  origin     the address proves the owners",
    )
}

/// What a relayer wrote cannot move the cursor.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_wrote_is_spelled_out() -> Result<()> {
    let stage = Stage::start().await?;
    let digest = stage.relayer.digest.to_string();
    stage.relayer.set(Fault {
        proposal: Some(|proposal| proposal.note = Some("rent\u{1b}[2J\u{202e}".to_owned())),
        ..Fault::default()
    });
    for command in [&["show", &digest][..], &["list"]] {
        let printed = stage.program.run(stage.environment.folder(), command)?.stdout;
        ensure!(
            printed.contains(r"rent\u{1b}[2J\u{202e}") && !printed.contains('\u{1b}'),
            "{printed}"
        );
    }
    stage.relayer.set(Fault {
        reply: Some(|| {
            let detail = "no\u{1b}[2J\u{202e}";
            let problem =
                quorate_api::Problem::new(quorate_api::ProblemCode::Forbidden, "\u{7}", detail);
            quorate_lab::http::Reply::Json(403, serde_json::json!(problem))
        }),
        ..Fault::default()
    });
    stage.prints(
        &["show", &digest],
        3,
        r"error: the relayer at 127.0.0.1:… refused: no\u{1b}[2J\u{202e} (forbidden)",
    )
}

#[test]
fn relayers_that_cannot_be_asked_are_refused_unasked() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("token"), "hunter2\n")?;
    std::fs::write(folder.path().join("bad"), "hunter2 hunter2\n")?;
    let program = Program::at(env!("CARGO_BIN_EXE_quorate"));
    let digest = format!("0x{}", "12".repeat(32));
    let far = "http://relayer.example";
    let show = |more: &[&str], code, reason: &str| {
        let answer = program.run(folder.path(), &[&["show", &digest], more].concat())?;
        ensure!(answer.code == code && answer.error().contains(reason), "{more:?}: {answer:?}");
        ensure!(!format!("{answer:?}").contains("hunter2"), "{answer:?}");
        Ok(())
    };
    show(&[], 2, "is a digest: give --relayer URL, or set QUORATE_RELAYER")?;
    show(&["--relayer", "relayer.example"], 3, "it is not of the form https://host")?;
    show(&["--relayer", "ftp://relayer.example"], 3, "must begin with http:// or https://")?;
    show(&["--relayer", "https://me:hunter2@relayer.example"], 3, "it names a user")?;
    show(&["--relayer", "https://relayer.example/?key=hunter2"], 3, "without ? and #")?;
    show(&["--relayer", far, "--relayer-token-file", "token"], 3, "give an https URL")?;
    show(&["--relayer", far, "--relayer-token-file", "bad"], 3, "a token is one word")?;
    show(&["--relayer", far, "--relayer-token-file", "none"], 3, "no such file")?;
    show(&["--relayer", "http://127.0.0.1:1"], 5, "127.0.0.1:1 cannot be reached")?;
    let with_token = program.clone().with("QUORATE_RELAYER_TOKEN", "hunter2");
    let answer = with_token.run(folder.path(), &["list", "--relayer", far])?;
    ensure!(answer.code == 3 && answer.error().contains("readable on the way"), "{answer:?}");
    ensure!(!format!("{answer:?}").contains("hunter2"), "{answer:?}");
    for (command, reason) in [
        (&["list"][..], "no relayer"),
        (&["watch", &digest], "no relayer"),
        (&["list", "--relayer", "http://127.0.0.1:1"], "give --owner, or --wallet"),
        (&["watch", "--relayer", "http://127.0.0.1:1"], "give digests, --owner, or --wallet"),
        (&["sign", &digest], "is a digest"),
        (&["wallet", "register", PAYEE], "no relayer"),
        (&["wallet", "register", PAYEE, "--relayer", "http://127.0.0.1:1"], "give --chain-id"),
    ] {
        let answer = program.run(folder.path(), command)?;
        ensure!(answer.code == 2 && answer.error().contains(reason), "{command:?}: {answer:?}");
    }
    Ok(())
}

/// The token is sent, and to nobody's eyes.
#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_sent_and_not_shown() -> Result<()> {
    let stage = Stage::start().await?;
    let digest = stage.relayer.digest.to_string();
    stage.environment.write("token", "hunter2\n")?;
    let show = ["show", &digest, "--relayer-token-file", "token"];
    let answer = stage.program.run(stage.environment.folder(), &show)?;
    ensure!(answer.code == 0 && !format!("{answer:?}").contains("hunter2"), "{answer:?}");
    ensure!(stage.relayer.tokens().iter().all(|token| token == "Bearer hunter2"));
    let with_token = stage.program.clone().with("QUORATE_RELAYER_TOKEN", "from-environment");
    with_token.json(stage.environment.folder(), &["list"])?;
    ensure!(stage.relayer.tokens().last().is_some_and(|token| token == "Bearer from-environment"));
    Ok(())
}

#[test]
fn the_help_says_what_is_asked_and_what_is_not_believed() -> Result<()> {
    let program = Program::at(env!("CARGO_BIN_EXE_quorate"));
    for (command, parts) in [
        (
            &["list"][..],
            &[
                "List what waits for an owner's signature, or the proposals of a wallet, at a relayer",
                "Usage: quorate list [OPTIONS]",
                "Relayer:\n      --relayer <URL>",
                "[env: QUORATE_RELAYER]",
                "QUORATE_RELAYER_TOKEN",
            ][..],
        ),
        (
            &["watch"],
            &[
                "Usage: quorate watch [OPTIONS] [DIGEST]...",
                "0 if they were executed, 1 if one never can be",
                "[default: final]",
            ],
        ),
        (&["show"], &["Usage: quorate show [OPTIONS] <FILE|DIGEST>", "Relayer:"]),
        (&["sign"], &["Usage: quorate sign [OPTIONS] <FILE|DIGEST>", "becomes a proposal there"]),
        (
            &["propose", "cancel"],
            &[
                "Usage: quorate propose cancel [OPTIONS] --wallet <ADDRESS|FILE> [FILE|DIGEST]",
                "Key:",
            ],
        ),
        (&["payout", "propose"], &["goes on where it was", "Relayer:", "Key:"]),
        (&["wallet", "register"], &["Usage: quorate wallet register [OPTIONS] <WALLET>"]),
    ] {
        let answer = program.run(Path::new("."), &[command, &["--help"]].concat())?;
        // Lines end where the terminal does.
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in parts {
            let is_there = words(&answer.stdout).contains(&words(part));
            ensure!(answer.code == 0 && is_there, "{command:?}: {part} is not in {answer:?}");
        }
    }
    Ok(())
}
