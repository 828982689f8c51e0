//! How much is taken, from whom, and how it ends.

use crate::http_stage::{LONG, OPEN, Stage, until};
use alloy::transports::http::reqwest::Method;
use eyre::{Result, ensure};
use quorate_api::{ProblemCode, Proposal};
use quorate_core::status::StatusWord;
use quorate_server::{Database, run::RunError};
use quorate_store::Storage as _;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_too_often_is_told_when_to_come_back() -> Result<()> {
    let stage = Stage::new().await?;
    let limits = "[http.limits]\nrequests_per_second = 1\nburst = 5\n";
    let server = stage.serve(&format!("{OPEN}{limits}")).await?;
    let mut statuses = Vec::new();
    for _ in 0..10 {
        let answer = server.send(server.request(Method::GET, "/v1/wallets")).await?;
        if answer.status == 429 {
            assert_eq!(answer.code(), Some(ProblemCode::RateLimited));
            assert!(answer.headers["retry-after"].parse::<u64>()? >= 1, "{answer:?}");
        }
        statuses.push(answer.status);
    }
    assert!(statuses[5..].iter().filter(|status| **status == 429).count() >= 4, "{statuses:?}");
    // Whoever watches over it is not kept from that.
    assert_eq!(server.get("/livez").await?.status, 204);
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_do_not_get_on_are_ended_and_keep_nobody_out() -> Result<()> {
    let stage = Stage::new().await?;
    let limits = "[http.limits]\nconnections = 4\nheader_secs = 1\n";
    let server = stage.serve(&format!("{OPEN}{limits}")).await?;
    let mut slow = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(server.address).await?;
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: loc").await?;
        slow.push(stream);
    }
    // There is a place again once they were waited for long enough.
    assert_eq!(server.get("/livez").await?.status, 204);
    for mut stream in slow {
        let mut rest = Vec::new();
        timeout(LONG, stream.read_to_end(&mut rest)).await??;
        ensure!(!rest.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&rest));
    }
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_elsewhere_is_not_answered_on_loopback() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let request = server.request(Method::GET, "/v1/wallets").header("host", "evil.example");
    let refused = server.send(request).await?;
    assert_eq!(refused.code(), Some(ProblemCode::WrongHost), "{refused:?}");
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn long_polls_are_answered_when_it_stops_and_what_was_taken_is_stored() -> Result<()> {
    let stage = Stage::new().await?;
    let mut server = stage.serve(OPEN).await?;
    let wallet = stage.deployed(1).await?;
    server.register(&wallet).await?;
    let request = wallet.payment(5, 0);
    server.propose(&request, 0).await?;
    let path = format!("/v1/proposals/{}?wait=final&timeoutSecs=60", request.digest());
    let polling = server.request(Method::GET, &path).send();
    let polling = tokio::spawn(polling);
    until("a long poll", || async {
        let text = server.get("/metrics").await?.body.to_string();
        Ok(text.contains("quorate_http_long_polls 1").then_some(()))
    })
    .await?;
    let posts: Vec<_> = (1..20)
        .map(|sequence| {
            let next = wallet.payment(5, sequence);
            let body = crate::http_stage::proposal(&next, &crate::http_stage::signature(&next, 0)?);
            let post = server.request(Method::POST, &format!("{}/proposals", wallet.path()));
            let post = post.header("content-type", "application/json").body(body.to_string());
            Ok((next.digest(), tokio::spawn(post.send())))
        })
        .collect::<Result<_>>()?;
    server.begin_to_stop();

    let answer = timeout(LONG, polling).await???;
    assert_eq!(answer.status(), 200);
    let told: Proposal = serde_json::from_slice(&answer.bytes().await?)?;
    assert_eq!(told.status, StatusWord::Collecting);
    let mut accepted = Vec::new();
    for (digest, post) in posts {
        // Those that came too late found nobody, or were refused.
        if let Ok(answer) = timeout(LONG, post).await??
            && answer.status() == 201
        {
            accepted.push(digest);
        }
    }
    assert!(matches!(server.ended().await?, Ok(())));
    let store = Database::File(stage.folder.path().join("relayer.db")).open_existing().await?;
    for digest in accepted {
        ensure!(store.find_proposal(digest).await?.is_some(), "{digest} was taken and is lost");
    }
    store.close().await;
    Ok(())
}

/// A second process on the same store waits for the lease, and serves meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_the_lease_serves_all_the_same() -> Result<()> {
    let stage = Stage::new().await?;
    let leading = stage.serve(OPEN).await?;
    let wallet = stage.deployed(1).await?;
    leading.register(&wallet).await?;
    until("a lease", || async {
        let ready = leading.get("/readyz").await?;
        Ok((ready.body["chains"][0]["leading"] == true).then_some(()))
    })
    .await?;
    let other = stage.serve(OPEN).await?;
    let request = wallet.payment(5, 0);
    assert_eq!(other.propose(&request, 0).await?.status, 201);
    let ready = other.get("/readyz").await?;
    assert_eq!(ready.status, 200, "{ready:?}");
    assert_eq!(ready.body["chains"][0]["degraded"][0]["code"], "follower", "{ready:?}");
    // Each is told what the other stored.
    let waiting = other.proposal(&request, "?wait=executed&timeoutSecs=60");
    let signing = async {
        assert_eq!(leading.sign(&request, 1).await?.status, 201);
        Ok(())
    };
    let (executed, ()) = tokio::try_join!(waiting, signing)?;
    assert_eq!(executed.status, StatusWord::Executed, "{executed:?}");
    leading.stop().await?;
    other.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_ends_it_with_a_clear_word() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let config = quorate_server::config::HttpConfig {
        listen: quorate_server::config::Listen::At(server.address),
        ..Default::default()
    };
    let error = quorate_server::http::Bound::take(&config).await.map(|_| ()).unwrap_err();
    let error = RunError::from(error).to_string();
    assert!(error.starts_with(&format!("cannot listen on {}: ", server.address)), "{error}");
    timeout(Duration::from_secs(60), server.stop()).await?
}

/// Neither bytes that are no HTTP nor requests that are cut anywhere do more than end their own connection.
#[tokio::test(flavor = "multi_thread")]
async fn garbage_on_the_wire_harms_nobody() -> Result<()> {
    let stage = Stage::new().await?;
    let server =
        stage.serve(&format!("{OPEN}[http.limits]\nheader_secs = 1\nbody_secs = 1\n")).await?;
    let wallet = stage.wallet(1)?;
    let whole = String::from(
        "POST /v1/wallets HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n5\r\n{\"cha\r\n0\r\n\r\n",
    );
    let mut random = StdRng::seed_from_u64(1);
    let mut sent = Vec::new();
    for number in 0..300_usize {
        let mut bytes = whole.clone().into_bytes();
        match number % 3 {
            0 => bytes.truncate(random.gen_range(0..whole.len())),
            1 => {
                for _ in 0..5 {
                    let place = random.gen_range(0..whole.len());
                    bytes[place] = random.r#gen();
                }
            }
            _ => bytes = (0..random.gen_range(1..2_000)).map(|_| random.r#gen()).collect(),
        }
        let address = server.address;
        sent.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            // It may hang up before it has read everything.
            let _ = stream.write_all(&bytes).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            Ok::<_, std::io::Error>(answer)
        }));
    }
    for answer in sent {
        let answer = String::from_utf8_lossy(&timeout(LONG, answer).await???).into_owned();
        let is_refusal = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        ensure!(is_refusal, "{answer}");
    }
    assert_eq!(server.register(&wallet).await?.status, 201);
    server.stop().await
}
