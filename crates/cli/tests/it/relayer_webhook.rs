//! `quorate relayer webhook`: what a receiver was told, and telling it again.

use crate::{
    operator::Operator,
    relayer::{CONFIG, prepare},
    relayer_process::Stage,
};
use eyre::{Result, bail, ensure};
use quorate_lab::{
    http::{Asked, Reply, Server},
    keystore::write_private,
};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn section(url: &str, secret_file: &Path) -> String {
    let secret_file = secret_file.display();
    format!(
        "[[webhooks]]\nname = \"books\"\nurl = \"{url}\"\nsecret_file = \"{secret_file}\"\n\
         allow_private = true\n"
    )
}

/// A relayer that tells a receiver, which answers with a status that can be changed.
struct Told {
    stage: Stage,
    receiver: Server,
    status: Arc<AtomicU16>,
    _secret: TempDir,
}

impl Told {
    async fn start(status: u16) -> Result<Self> {
        let status = Arc::new(AtomicU16::new(status));
        let answered = status.clone();
        let answer = move |_: &Asked| Reply::Json(answered.load(Ordering::Relaxed), Value::Null);
        let receiver = Server::start(answer).await?;
        let secret = tempfile::tempdir()?;
        let file = secret.path().join("books.secret");
        write_private(&file, SECRET)?;
        let stage = Stage::start_with(&section(&receiver.url(), &file)).await?;
        let this = Self { stage, receiver, status, _secret: secret };
        // It is told what happens from then on.
        this.until("it is known", |operator| {
            let list = operator.json(&["webhook", "list"])?;
            Ok(list["webhooks"][0]["name"] == "books")
        })
        .await?;
        Ok(this)
    }

    fn operator(&self) -> Operator<'_> {
        self.stage.relayer.operator()
    }

    fn answer(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// How often the receiver was told of the first event.
    fn times(&self) -> usize {
        let asked = self.receiver.asked();
        asked.iter().filter(|asked| asked.headers["webhook-id"] == "books.1").count()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Operator<'_>) -> Result<bool>) -> Result<()> {
        for _ in 0..300 {
            if is_so(&self.operator())? {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!(
            "not within the time: {what}: {:?}",
            self.operator().run(&["webhook", "list", "books"])
        )
    }

    async fn until_delivered(&self) -> Result<()> {
        self.until("it is delivered", |operator| {
            let list = operator.json(&["webhook", "list", "books"])?;
            Ok(list["deliveries"][0]["state"] == "delivered")
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_receiver_refused_is_listed_told_again_and_received() -> Result<()> {
    let told = Told::start(500).await?;
    let operator = told.operator();
    told.stage.register()?;
    told.until("it failed", |operator| {
        let list = operator.json(&["webhook", "list", "books", "--failing"])?;
        Ok(list["deliveries"][0]["failures"].as_u64() > Some(0))
    })
    .await?;
    operator.prints(
        &["webhook", "list", "books", "--failing"],
        "  1  walletRegistered    to be told …; … tr…; status 500",
    )?;
    operator.prints(
        &["webhook", "list"],
        "\
books
  state    is told what happens
  seen     events up to 1
  to tell  1 event, of which 1 failed",
    )?;
    let redeliver = ["webhook", "redeliver", "books", "--from", "1"];
    operator.refuses(
        &["webhook", "redeliver", "books", "--from", "2"],
        3,
        "books was told of no event from 2 on",
    )?;
    operator.refuses(
        &["webhook", "redeliver", "books", "--from", "7", "--to", "9"],
        3,
        "books was told of no event from 7 to 9",
    )?;

    told.answer(204);
    operator.prints(&redeliver, "books is to be told 1 event")?;
    told.until_delivered().await?;
    operator.prints(&["webhook", "list", "books", "--failing"], "nothing")?;
    operator.prints(
        &["webhook", "list", "books"],
        "  1  walletRegistered    delivered; … tries; status 204",
    )?;
    let list = operator.json(&["webhook", "list", "books"])?;
    let delivery = &list["deliveries"][0];
    let fixed = ["sequence", "kind", "failures", "outcome"].map(|field| delivery[field].clone());
    assert_eq!(fixed, [json!(1), json!("walletRegistered"), json!(0), json!("status 204")]);
    ensure!(delivery["triedAt"].is_u64() && delivery["deliveredAt"].is_u64(), "{list}");
    assert_eq!(list["nextBefore"], Value::Null);
    operator.prints(&["webhook", "list", "books", "--before", "1"], "nothing")?;

    // What it has it is told again as the same event.
    let before = told.times();
    let again = operator.json(&[&redeliver[..], &["--to", "1"]].concat())?;
    assert_eq!(again, json!({ "name": "books", "from": 1, "to": 1, "pending": 1 }));
    told.until("it is told again", |_| Ok(told.times() > before)).await?;
    told.until_delivered().await?;
    let webhook = &operator.json(&["webhook", "list"])?["webhooks"][0];
    let expected =
        json!({ "name": "books", "enabled": true, "sequence": 1, "pending": 0, "failing": 0 });
    assert_eq!(*webhook, expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_said_it_was_gone_is_told_again_once_it_is_enabled() -> Result<()> {
    let told = Told::start(410).await?;
    let operator = told.operator();
    operator.prints(&["webhook", "enable", "books"], "books is told what happens, as before")?;
    told.stage.register()?;
    told.until("it is gone", |operator| {
        Ok(operator.json(&["webhook", "list"])?["webhooks"][0]["enabled"] == false)
    })
    .await?;
    operator.prints(
        &["webhook", "list"],
        "\
books
  state    said that it is gone: quorate relayer webhook enable books
  seen     events up to 1
  to tell  1 event, of which 1 failed",
    )?;
    operator.prints(
        &["webhook", "redeliver", "books", "--from", "1"],
        "books is to be told 1 event, but it said that it is gone: quorate relayer webhook enable books",
    )?;
    assert_eq!(told.times(), 1);

    told.answer(200);
    let enabled = operator.json(&["webhook", "enable", "books"])?;
    assert_eq!(enabled, json!({ "name": "books", "enabled": true, "changed": true }));
    told.until_delivered().await?;
    assert_eq!(told.times(), 2);
    Ok(())
}

#[test]
fn webhooks_and_events_that_cannot_be_meant_are_refused() -> Result<()> {
    let (folder, program) = prepare("")?;
    let operator = Operator { program, folder: folder.path() };
    let redeliver = ["webhook", "redeliver", "books", "--from", "1"];
    for command in [&["webhook", "list"][..], &redeliver, &["webhook", "enable", "books"]] {
        operator.refuses(command, 3, "there is no store at ")?;
    }
    operator.json(&["token", "create", "page", "--right", "read"])?;
    operator.prints(&["webhook", "list"], "no webhook was told anything yet")?;
    let not_one = "books is not a webhook of the configuration: there is none, add";
    for command in [&["webhook", "list", "books"][..], &redeliver, &["webhook", "enable", "books"]]
    {
        operator.refuses(command, 3, not_one)?;
    }

    let section = section("https://books.example/", Path::new("books.secret"));
    fs::write(folder.path().join("relayer.toml"), format!("{CONFIG}{section}"))?;
    operator.prints(&["webhook", "list", "books"], "nothing")?;
    for command in [&redeliver[..], &["webhook", "enable", "books"]] {
        operator.refuses(command, 3, "books was told nothing yet")?;
    }
    for (arguments, code, reason) in [
        (&["list", "book"][..], 3, "is not a webhook of the configuration: give one of books"),
        (&["redeliver", "book", "--from", "1"], 3, "give one of books"),
        (&["enable", "book"], 3, "give one of books"),
        (&["enable"], 2, "NAME"),
        (&["redeliver", "books"], 2, "--from"),
        (&["redeliver", "books", "--from", "first"], 3, "--from"),
        (&["redeliver", "books", "--from", "-1"], 2, "-1"),
        (&["redeliver", "books", "--from", "3", "--to", "2"], 3, "--to 2 is before --from 3"),
        (&["list", "books", "--before", "x"], 3, "--before"),
        (&["list", "--failing"], 2, "NAME"),
        (&["list", "--before", "1"], 2, "NAME"),
    ] {
        operator.refuses(&[&["webhook"], arguments].concat(), code, reason)?;
    }
    Ok(())
}
