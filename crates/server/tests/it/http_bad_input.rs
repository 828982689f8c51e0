//! What is handed in and is wrong: a clear problem, the right status, and nothing stored.

use crate::http_stage::{
    Answer, OPEN, Server, Stage, Wallet, now, proposal, signature, signature_by, until,
};
use alloy::{
    primitives::{Address, B256, Bytes, U256},
    signers::local::PrivateKeySigner,
    transports::http::reqwest::Method,
};
use eyre::{OptionExt as _, Result, ensure};
use quorate_api::{self as api, Page, ProblemCode, Proposal};
use quorate_core::{Action, Config, Nonce, Request};
use quorate_lab::owners::owner;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A relayer with a wallet that is there.
async fn stage() -> Result<(Stage, Server, Wallet)> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = stage.deployed(1).await?;
    let registered = server.register(&wallet).await?;
    ensure!(registered.status == 201, "{registered:?}");
    Ok((stage, server, wallet))
}

async fn ensure_nothing_stored(server: &Server, wallet: &Wallet) -> Result<()> {
    let path = format!("{}/proposals", wallet.path());
    let page: Page<Proposal> = server.get(&path).await?.read_as()?;
    ensure!(page.items.is_empty(), "{page:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_another_form_are_refused_with_what_is_wrong() -> Result<()> {
    let (_stage, server, wallet) = stage().await?;
    let path = format!("{}/proposals", wallet.path());
    let request = wallet.payment(5, 0);
    let good = proposal(&request, &signature(&request, 0)?);
    let changed = |pointer: &str, value: Value| {
        let mut body = good.clone();
        match body.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => {
                let (parent, key) = pointer.rsplit_once('/').unwrap_or(("", pointer));
                body.pointer_mut(parent).expect("it is there")[key] = value;
            }
        }
        body.to_string()
    };
    let text = good.to_string();
    let cases = [
        (text[..text.len() / 2].to_owned(), ProblemCode::MalformedJson, "EOF"),
        (String::new(), ProblemCode::MalformedJson, "EOF"),
        ("nonsense".to_owned(), ProblemCode::MalformedJson, "line 1"),
        (format!("{text}{text}"), ProblemCode::MalformedJson, "trailing"),
        ("[".repeat(100_000), ProblemCode::MalformedJson, "EOF"),
        (changed("/deadline", json!(1e300)), ProblemCode::InvalidBody, "u64"),
        ("{\"deadline\":1e999}".to_owned(), ProblemCode::MalformedJson, "out of range"),
        ("null".to_owned(), ProblemCode::InvalidBody, "NewProposal"),
        (changed("/epoch", json!("0")), ProblemCode::InvalidBody, "u32"),
        (changed("/epoch", json!(-1)), ProblemCode::InvalidBody, "u32"),
        (changed("/epoch", json!(0.5)), ProblemCode::InvalidBody, "a whole number"),
        (changed("/epoch", json!(4_294_967_296_u64)), ProblemCode::InvalidBody, "u32"),
        (changed("/nonce", json!(0)), ProblemCode::InvalidBody, "string"),
        (changed("/nonce", json!("1".repeat(79))), ProblemCode::InvalidBody, "256 bits"),
        (changed("/nonce", json!("-1")), ProblemCode::InvalidBody, "decimal"),
        (changed("/digest", json!("0x00")), ProblemCode::InvalidBody, "unknown field `digest`"),
        (changed("/action/gas", json!(1)), ProblemCode::InvalidBody, "unknown field `gas`"),
        (changed("/signature/x", json!(1)), ProblemCode::InvalidBody, "unknown field `x`"),
        (changed("/action", json!({"type": "mint"})), ProblemCode::InvalidBody, "mint"),
        (changed("/action/transfers/0", json!({})), ProblemCode::InvalidBody, "transfers"),
        (changed("/action/token", json!("0x00")), ProblemCode::InvalidBody, "not an address"),
        (changed("/signature/signature", json!("00")), ProblemCode::InvalidBody, "0x"),
        (changed("/signature/signature", json!("0x0")), ProblemCode::InvalidBody, "0x"),
    ];
    for (body, code, word) in cases {
        let refused = server.post_text(&path, &body).await?;
        let shown: String = body.chars().take(200).collect();
        assert_eq!(refused.code(), Some(code), "{shown}: {refused:?}");
        // What is missing deep inside is told by its line; its words are the parser's.
        let is_told = refused.detail().contains(word) || word == "transfers";
        assert!(is_told, "{shown}: {}", refused.detail());
    }
    ensure_nothing_stored(&server, &wallet).await?;
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_large_slow_cut_or_of_another_type_are_refused() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(&format!("{OPEN}[http.limits]\nbody_secs = 1\n")).await?;
    let wallet = stage.deployed(1).await?;
    server.register(&wallet).await?;
    let path = format!("{}/proposals", wallet.path());

    for size in [256 << 10, 1 << 20] {
        let large = json!({ "note": "x".repeat(size) });
        let refused = server.post(&path, &large).await?;
        assert_eq!(refused.code(), Some(ProblemCode::BodyTooLarge), "{size} {refused:?}");
    }
    for content_type in [None, Some("text/plain"), Some("application/jsonp"), Some("")] {
        let mut request = server.request(Method::POST, &path).body("{}");
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let refused = server.send(request).await?;
        assert_eq!(refused.code(), Some(ProblemCode::UnsupportedMediaType), "{refused:?}");
    }
    let charset = server.request(Method::POST, &path).body("{");
    let charset = charset.header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(server.send(charset).await?.code(), Some(ProblemCode::MalformedJson));

    // It says that more comes, which does not.
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{{"
    );
    let mut slow = TcpStream::connect(server.address).await?;
    slow.write_all(head.as_bytes()).await?;
    let mut answer = vec![0; 4_096];
    let length = tokio::time::timeout(Duration::from_secs(10), slow.read(&mut answer)).await??;
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    ensure!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("requestTimeout"), "{answer}");
    ensure_nothing_stored(&server, &wallet).await?;
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_methods_and_parameters_that_there_are_not_are_refused() -> Result<()> {
    let (_stage, server, wallet) = stage().await?;
    let digest = B256::repeat_byte(1);
    let stranger = Address::repeat_byte(9).to_checksum(None);
    let owner = wallet.address.to_checksum(None);
    let wrong_checksum = {
        let flip = |c: char| {
            if c == 'f' {
                'F'
            } else if c == 'F' {
                'f'
            } else {
                c
            }
        };
        owner.chars().map(flip).collect::<String>()
    };
    use ProblemCode::{InvalidParameter, NoSuchPath, UnknownProposal, UnknownWallet};
    for (path, code) in [
        ("/".to_owned(), NoSuchPath),
        ("/v1".to_owned(), NoSuchPath),
        ("/v2/wallets".to_owned(), NoSuchPath),
        ("/v1/wallets/".to_owned(), NoSuchPath),
        ("/v1/%00/\u{202e}".to_owned(), NoSuchPath),
        (format!("/v1/wallets/31337/{stranger}"), UnknownWallet),
        (format!("/v1/wallets/1/{owner}"), UnknownWallet),
        (format!("/v1/wallets/31337/{stranger}/proposals"), UnknownWallet),
        (format!("/v1/wallets/0x7a69/{owner}"), InvalidParameter),
        (format!("/v1/wallets/99999999999999999999/{owner}"), InvalidParameter),
        (format!("/v1/wallets/18446744073709551615/{owner}"), InvalidParameter),
        ("/v1/wallets/31337/0x00".to_owned(), InvalidParameter),
        ("/v1/wallets/31337/%FF".to_owned(), InvalidParameter),
        (format!("/v1/wallets/31337/{wrong_checksum}"), InvalidParameter),
        (format!("/v1/proposals/{digest}"), UnknownProposal),
        ("/v1/proposals/0x00".to_owned(), InvalidParameter),
        (format!("/v1/proposals/{digest}?wait=done"), InvalidParameter),
        (format!("/v1/proposals/{digest}?timeoutSecs=1"), InvalidParameter),
        (format!("/v1/proposals/{digest}?wait=final&timeoutSecs=61"), InvalidParameter),
        (format!("/v1/proposals/{digest}?wait=final&timeoutSecs=-1"), InvalidParameter),
        (format!("/v1/proposals/{digest}?x=1"), InvalidParameter),
        ("/v1/proposals?status=done".to_owned(), InvalidParameter),
        ("/v1/proposals?limit=0".to_owned(), InvalidParameter),
        ("/v1/proposals?limit=201".to_owned(), InvalidParameter),
        ("/v1/proposals?limit=1&limit=2".to_owned(), InvalidParameter),
        ("/v1/proposals?cursor=last".to_owned(), InvalidParameter),
        ("/v1/proposals?chainId=9223372036854775808".to_owned(), InvalidParameter),
        ("/v1/proposals?awaiting=me".to_owned(), InvalidParameter),
        ("/v1/wallets?cursor=1".to_owned(), InvalidParameter),
        ("/v1/events?after=-1".to_owned(), InvalidParameter),
        ("/v1/events?after=1000000".to_owned(), InvalidParameter),
    ] {
        let refused = server.get(&path).await?;
        assert_eq!(refused.code(), Some(code), "{path}: {refused:?}");
    }
    for (method, path, allowed) in [
        (Method::DELETE, "/v1/wallets", "GET,HEAD,POST"),
        (Method::PUT, "/livez", "GET,HEAD"),
        (Method::POST, "/v1/proposals", "GET,HEAD"),
        (Method::OPTIONS, "/v1/proposals", "GET,HEAD"),
    ] {
        let refused = server.send(server.request(method, path)).await?;
        assert_eq!(refused.code(), Some(ProblemCode::MethodNotAllowed), "{refused:?}");
        assert_eq!(refused.headers["allow"], allowed);
    }
    server.stop().await
}

/// `HEAD` says what `GET` would, without the body; a path with a slash too many is another one, and no redirect, which
/// would lose the body of a `POST`.
#[tokio::test(flavor = "multi_thread")]
async fn heads_are_those_of_the_whole_answer_and_paths_are_taken_to_the_letter() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let unknown = format!("/v1/proposals/{}", B256::ZERO);
    for path in ["/livez", "/metrics", "/openapi.json", "/v1/wallets", &unknown, "/no"] {
        let whole = server.get(path).await?;
        let head = server.send_unchecked(server.request(Method::HEAD, path)).await?;
        assert_eq!((head.status, &head.body), (whole.status, &json!("")), "{path}");
        for name in ["content-type", "cache-control", "vary", "x-content-type-options"] {
            assert_eq!(head.headers.get(name), whole.headers.get(name), "{path} {name}");
        }
    }
    for path in ["/livez/", "/v1/wallets/", "/V1/wallets", "//v1/wallets", "/v1/wallets/31337/"] {
        let refused = server.get(path).await?;
        assert_eq!(refused.code(), Some(ProblemCode::NoSuchPath), "{path} {refused:?}");
        assert!(!refused.headers.contains_key("location"), "{path}");
    }
    server.stop().await
}

/// The order is that in which they are examined; each is wrong in one thing alone.
#[tokio::test(flavor = "multi_thread")]
async fn proposals_that_no_wallet_could_execute_are_refused() -> Result<()> {
    let (stage, server, wallet) = stage().await?;
    let good = wallet.payment(5, 0);
    let itself = Config::new(1, vec![wallet.address], Address::ZERO, Bytes::new())?;
    let day = 86_400;
    let lane_1 = Nonce::from_u256((U256::from(1) << 64) | U256::from(257));
    let cases: Vec<(Request, ProblemCode)> = vec![
        (Request { deadline: now() - 1, ..good.clone() }, ProblemCode::DeadlinePast),
        (Request { deadline: 0, ..good.clone() }, ProblemCode::DeadlinePast),
        (Request { deadline: now() + 91 * day, ..good.clone() }, ProblemCode::DeadlineTooFar),
        (Request { deadline: u64::MAX, ..good.clone() }, ProblemCode::DeadlineTooFar),
        (Request { epoch: 1, ..good.clone() }, ProblemCode::WrongEpoch),
        (wallet.payment(5, 257), ProblemCode::SequenceTooFar),
        (wallet.payment(5, u64::MAX), ProblemCode::SequenceTooFar),
        (Request { nonce: lane_1, ..good.clone() }, ProblemCode::SequenceTooFar),
        (wallet.request(Action::Reconfigure { config: itself }, 0), ProblemCode::InvalidAction),
    ];
    for (request, code) in cases {
        let refused = server.propose(&request, 0).await?;
        assert_eq!(refused.code(), Some(code), "{request:?}: {refused:?}");
    }
    let mut noted = proposal(&good, &signature(&good, 0)?);
    noted["note"] = json!("é".repeat(1_025));
    let refused = server.post(&format!("{}/proposals", wallet.path()), &noted).await?;
    assert_eq!(refused.code(), Some(ProblemCode::NoteTooLong), "{refused:?}");

    // By the later of the clock and the head's time.
    let soon = Request { deadline: now() + 1_000, ..good.clone() };
    stage.chain.mine_at(now() + 2_000).await?;
    until("the new head", || async {
        let told: api::Wallet = server.get(&wallet.path()).await?.read_as()?;
        Ok(told.head.filter(|head| head.timestamp > soon.deadline))
    })
    .await?;
    let refused = server.propose(&soon, 0).await?;
    assert_eq!(refused.code(), Some(ProblemCode::DeadlinePast), "{refused:?}");
    ensure_nothing_stored(&server, &wallet).await?;
    assert_eq!(server.propose(&good, 0).await?.status, 201);
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_that_was_consumed_is_not_proposed_again() -> Result<()> {
    let (_stage, server, wallet) = stage().await?;
    let first = wallet.payment(5, 0);
    server.propose(&first, 0).await?;
    server.sign(&first, 1).await?;
    let done = server.proposal(&first, "?wait=executed&timeoutSecs=60").await?;
    ensure!(done.execution.is_some(), "{done:?}");
    let refused = server.propose(&wallet.payment(6, 0), 0).await?;
    assert_eq!(refused.code(), Some(ProblemCode::NonceUsed), "{refused:?}");
    assert!(refused.detail().contains("the next is 1"), "{refused:?}");
    assert_eq!(server.propose(&wallet.payment(6, 1), 0).await?.status, 201);
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_that_are_forged_altered_or_of_strangers_are_refused() -> Result<()> {
    let (_stage, server, wallet) = stage().await?;
    let request = wallet.payment(5, 0);
    let other = wallet.payment(6, 0);
    let path = format!("{}/proposals", wallet.path());
    let good = signature(&request, 0)?;
    let with = |bytes: String| json!({ "owner": good["owner"], "signature": bytes });
    let hex = good["signature"].as_str().ok_or_eyre("it is text")?.to_owned();
    let stranger = PrivateKeySigner::from_bytes(&B256::repeat_byte(7))?;
    let contract = Bytes::from(vec![1; 8_193]);

    let cases = [
        (signature_by(&request, &stranger)?, ProblemCode::NotOwner, "no owner"),
        (signature(&other, 0)?, ProblemCode::InvalidSignature, "recovers to"),
        (
            json!({ "owner": owner(1).address().to_checksum(None), "signature": hex }),
            ProblemCode::InvalidSignature,
            "recovers to",
        ),
        (with(high_s(&hex)?), ProblemCode::InvalidSignature, "high s"),
        (with(format!("{}ff", &hex[..130])), ProblemCode::InvalidSignature, "ends with 255"),
        (with("0x00".to_owned()), ProblemCode::InvalidSignature, "no code"),
        (with(format!("0x{}", "00".repeat(65))), ProblemCode::InvalidSignature, "no signature"),
        (with(contract.to_string()), ProblemCode::InvalidSignature, "8193 bytes"),
        (with("0x".to_owned()), ProblemCode::NotApproved, "did not approve"),
    ];
    for (signature, code, word) in &cases {
        let refused = server.post(&path, &proposal(&request, signature)).await?;
        check(&refused, *code, word)?;
    }
    ensure_nothing_stored(&server, &wallet).await?;

    // The same, once the proposal is there.
    assert_eq!(server.propose(&request, 2).await?.status, 201);
    let path = format!("/v1/proposals/{}/signatures", request.digest());
    for (signature, code, word) in &cases {
        check(&server.post(&path, signature).await?, *code, word)?;
    }
    assert_eq!(server.proposal(&request, "").await?.signatures.len(), 1);
    // Compact or not, it is the same signature.
    assert_eq!(server.post(&path, &good).await?.status, 201);
    let compact = compact(&hex)?;
    assert_eq!(server.post(&path, &with(compact)).await?.status, 200);
    server.stop().await
}

fn check(refused: &Answer, code: ProblemCode, word: &str) -> Result<()> {
    ensure!(refused.code() == Some(code), "{word}: {refused:?}");
    ensure!(refused.detail().contains(word), "{word}: {refused:?}");
    Ok(())
}

/// The other form of a signature (EIP-2).
fn high_s(hex: &str) -> Result<String> {
    const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let mut bytes = hex.parse::<Bytes>()?.to_vec();
    let s = U256::from_be_slice(&bytes[32..64]);
    let other = U256::from_str_radix(ORDER, 16)? - s;
    bytes[32..64].copy_from_slice(&other.to_be_bytes::<32>());
    bytes[64] = 55 - bytes[64];
    Ok(Bytes::from(bytes).to_string())
}

/// The form of EIP-2098.
fn compact(hex: &str) -> Result<String> {
    let bytes = hex.parse::<Bytes>()?;
    let signature = quorate_core::signature::EcdsaSignature::from_bytes(&bytes)?;
    Ok(Bytes::copy_from_slice(signature.compact()).to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_owner_alone_cannot_fill_the_store() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(&format!("{OPEN}[http.limits]\nopen_proposals = 3\n")).await?;
    let wallet = stage.deployed(1).await?;
    server.register(&wallet).await?;
    let path = format!("{}/proposals", wallet.path());
    let posts = (0..10).map(|sequence| {
        let (server, request) = (&server, wallet.payment(5, sequence));
        async move { server.propose(&request, 0).await }
    });
    let answers = futures_util::future::try_join_all(posts).await?;
    let stored = answers.iter().filter(|answer| answer.status == 201).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 201).collect();
    assert_eq!((stored, refused.len()), (3, 7), "{answers:#?}");
    assert!(refused.iter().all(|answer| answer.code() == Some(ProblemCode::TooManyOpen)));
    // Another owner has its own share.
    assert_eq!(server.propose(&wallet.payment(5, 20), 1).await?.status, 201);
    let page: Page<Proposal> = server.get(&path).await?.read_as()?;
    assert_eq!(page.items.len(), 4);
    server.stop().await
}
