//! `quorate relayer webhook`: what a receiver was told, and telling it again.

use crate::{
    operator::Operator,
    relayer::{CONFIG, prepare},
    relayer_process::Stage,
};
use alloy::primitives::{Address, B256, Bytes, U256};
use eyre::{Result, bail, ensure};
use quorate_api::RegisterWallet;
use quorate_core::Config;
use quorate_lab::{
    http::{Asked, Reply, Server},
    keystore::write_private,
};
use serde_json::{Value, json};
use sqlx::Connection as _;
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
    let expected = json!({
        "name": "books",
        "enabled": true,
        "heldUntil": null,
        "sequence": 1,
        "pending": 0,
        "failing": 0,
    });
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

/// Case 17: one webhook and two, fast and slow, and every wallet that is registered is told.
#[tokio::test(flavor = "multi_thread")]
async fn each_wallet_that_is_registered_is_told_to_each_webhook() -> Result<()> {
    const WALLETS: u64 = 40;
    for pauses in [&[0_u64][..], &[0, 40]] {
        let mut receivers = Vec::new();
        for &pause in pauses {
            let pause = Duration::from_millis(pause);
            let answer =
                move |_: &Asked| Reply::Later(pause, Box::new(Reply::Json(204, Value::Null)));
            receivers.push(Server::start(answer).await?);
        }
        let secret = tempfile::tempdir()?;
        let file = secret.path().join("books.secret");
        write_private(&file, SECRET)?;
        let sections = (0..).zip(&receivers).map(|(number, receiver)| {
            let name = format!("name = \"books{number}\"");
            section(&receiver.url(), &file).replace("name = \"books\"", &name)
        });
        let stage = Stage::start_with(&sections.collect::<String>()).await?;
        let client = quorate_api::Client::new(&stage.relayer.url(), None, Default::default())?;
        // One after the other at first, so that each may be committed beside anything, and then at once.
        for number in 0..WALLETS / 2 {
            register(client.clone(), number).await?;
        }
        let mut tasks = tokio::task::JoinSet::new();
        for number in WALLETS / 2..WALLETS {
            tasks.spawn(register(client.clone(), number));
        }
        while let Some(registered) = tasks.join_next().await {
            registered??;
        }
        for (number, receiver) in (0..).zip(&receivers) {
            let told = || {
                let asked = receiver.asked();
                let told = asked.iter().filter_map(|asked| asked.body["data"]["sequence"].as_u64());
                told.collect::<std::collections::BTreeSet<_>>()
            };
            for _ in 0..400 {
                if told().len() as u64 == WALLETS {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let told = told();
            ensure!(told.into_iter().eq(1..=WALLETS), "webhook {number} of {}", receivers.len());
        }
    }
    Ok(())
}

async fn register(client: quorate_api::Client, number: u64) -> Result<()> {
    let owners = vec![Address::with_last_byte(1)];
    let config = Config::new(1, owners, Address::ZERO, Bytes::new())?;
    let salt = B256::from(U256::from(number));
    client.register_wallet(&RegisterWallet::Made { chain_id: 31_337, config, salt }).await?;
    Ok(())
}

/// Case 17: what an earlier version went past is told at the first start of this one, once.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_version_left_out_is_told_at_the_first_start() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (store, secret) = (folder.path().join("old.db"), folder.path().join("hooks.secret"));
    fs::write(&store, "")?;
    write_private(&secret, SECRET)?;
    sqlx::any::install_default_drivers();
    let mut old = sqlx::AnyConnection::connect(&format!("sqlite://{}", store.display())).await?;
    sqlx::raw_sql(include_str!("../../../store/tests/it/old/sqlite.sql")).execute(&mut old).await?;
    old.close().await?;
    let receiver = Server::start(|_| Reply::Json(204, Value::Null)).await?;
    let sections = ["hook0", "hook1"].map(|name| {
        let name = format!("name = \"{name}\"");
        section(&receiver.url(), &secret).replace("name = \"books\"", &name)
    });
    let store = store.display().to_string();
    let mut stage = Stage::start_on(&store, &sections.concat()).await?;
    let told = || {
        let mut ids: Vec<_> =
            receiver.asked().into_iter().map(|asked| asked.headers["webhook-id"].clone()).collect();
        ids.sort();
        ids
    };
    let until = async |expected: &[&str]| {
        for _ in 0..300 {
            if told().len() >= expected.len() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(told(), expected);
    };
    let left_out = ["hook0.13", "hook0.5", "hook1.4", "hook1.8"];
    until(&left_out).await;
    // And not again at the next.
    stage.relayer.kill()?;
    stage.relayer.begin()?;
    let client = quorate_api::Client::new(&stage.relayer.url(), None, Default::default())?;
    register(client, 1_000).await?;
    until(&["hook0.13", "hook0.17", "hook0.5", "hook1.17", "hook1.4", "hook1.8"]).await;
    Ok(())
}
