//! Who may read and register, and who is told apart from whom.

use crate::http_stage::{Answer, Server, Stage, Wallet};
use alloy::transports::http::reqwest::{Method, RequestBuilder};
use eyre::{Result, ensure};
use quorate_api::{Page, ProblemCode, Proposal, Wallet as Told};
use quorate_lab::owners::owner;
use quorate_server::{
    Database,
    check::{Aspect, Verdict, check},
    run::RunError,
    token,
};
use quorate_store::{NewToken, Storage as _, Store, TokenRight, TokenWallets, WalletKey};
use serde_json::json;
use std::collections::BTreeSet;

async fn store(stage: &Stage) -> Result<Store> {
    Ok(Database::File(stage.folder.path().join("relayer.db")).open().await?)
}

/// Makes a token, which is its name.
async fn make(store: &Store, name: &str, right: TokenRight, wallets: TokenWallets) -> Result<()> {
    let hash = token::hash(name);
    store.create_token(NewToken { name: name.to_owned(), hash, right, wallets }, 1).await?;
    Ok(())
}

fn with(request: RequestBuilder, token: &str) -> RequestBuilder {
    request.header("authorization", format!("Bearer {token}"))
}

async fn get(server: &Server, path: &str, token: &str) -> Result<Answer> {
    server.send(with(server.request(Method::GET, path), token)).await
}

async fn register(server: &Server, wallet: &Wallet, token: &str) -> Result<Answer> {
    let Wallet { chain_id, config, salt, .. } = wallet;
    let body = json!({ "chainId": chain_id, "config": config, "salt": salt }).to_string();
    let request = server.request(Method::POST, "/v1/wallets").body(body);
    server.send(with(request, token).header("content-type", "application/json")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_what_it_is_for_and_nothing_else() -> Result<()> {
    let stage = Stage::new().await?;
    let (ours, theirs) = (stage.wallet(1)?, stage.wallet(2)?);
    let some = WalletKey { chain_id: ours.chain_id, address: ours.address };
    let some = TokenWallets::These(BTreeSet::from([some]));
    let store = store(&stage).await?;
    make(&store, "reads-all", TokenRight::Read, TokenWallets::All).await?;
    make(&store, "reads-some", TokenRight::Read, some.clone()).await?;
    make(&store, "operates", TokenRight::Operator, TokenWallets::All).await?;
    make(&store, "operates-some", TokenRight::Operator, some).await?;
    make(&store, "revoked", TokenRight::Operator, TokenWallets::All).await?;
    store.revoke_token("revoked".to_owned(), 2).await?;
    let server = stage.serve("open_reading = false\n").await?;

    let refused = server.register(&ours).await?;
    assert_eq!(refused.code(), Some(ProblemCode::Unauthorized), "{refused:?}");
    assert_eq!(refused.headers["www-authenticate"], "Bearer");
    for (token, wallet, code) in [
        ("unknown", &ours, Some(ProblemCode::Unauthorized)),
        ("revoked", &ours, Some(ProblemCode::Unauthorized)),
        ("reads-all", &ours, Some(ProblemCode::Forbidden)),
        ("operates-some", &theirs, Some(ProblemCode::Forbidden)),
        ("operates-some", &ours, None),
        ("operates", &theirs, None),
    ] {
        let answer = register(&server, wallet, token).await?;
        assert_eq!(answer.code(), code, "{token}: {answer:?}");
    }

    // A signature of an owner is all the right that proposing and signing need.
    let (our_request, their_request) = (ours.payment(5, 0), theirs.payment(6, 0));
    for request in [&our_request, &their_request] {
        assert_eq!(server.propose(request, 0).await?.status, 201);
    }
    for by in [1, 2] {
        assert_eq!(server.sign(&our_request, by).await?.status, 201);
    }

    let digest = |request: &quorate_core::Request| format!("/v1/proposals/{}", request.digest());
    let readable = [
        (ours.path(), true),
        (theirs.path(), false),
        (format!("{}/proposals", ours.path()), true),
        (format!("{}/proposals", theirs.path()), false),
        (digest(&our_request), true),
        (digest(&their_request), false),
        ("/v1/wallets".to_owned(), true),
        ("/v1/proposals".to_owned(), true),
        ("/metrics".to_owned(), false),
    ];
    for (path, is_within) in readable {
        assert_eq!(server.get(&path).await?.code(), Some(ProblemCode::Unauthorized), "{path}");
        for token in ["reads-all", "operates"] {
            assert_eq!(get(&server, &path, token).await?.status, 200, "{path} {token}");
        }
        let answer = get(&server, &path, "reads-some").await?;
        assert_eq!(answer.status, if is_within { 200 } else { 403 }, "{path}: {answer:?}");
        let refused = get(&server, &path, "revoked").await?;
        assert_eq!(refused.code(), Some(ProblemCode::Unauthorized), "{path}");
    }
    assert_eq!(server.get("/v1/events").await?.code(), Some(ProblemCode::Unauthorized));

    // Lists leave out what is not within reach.
    let all: Page<Told> = get(&server, "/v1/wallets", "reads-all").await?.read_as()?;
    let some: Page<Told> = get(&server, "/v1/wallets", "reads-some").await?.read_as()?;
    assert_eq!((all.items.len(), some.items.len()), (2, 1));
    assert_eq!(some.items[0].address, ours.address);
    let awaiting = format!("/v1/proposals?awaiting={}", owner(2).address());
    let all: Page<Proposal> = get(&server, &awaiting, "reads-all").await?.read_as()?;
    let some: Page<Proposal> = get(&server, &awaiting, "reads-some").await?.read_as()?;
    assert_eq!((all.items.len(), some.items.len()), (1, 0), "ours waits for nobody");
    let events = with(server.request(Method::GET, "/v1/events?after=0"), "reads-some");
    let mut response = events.send().await?;
    let mut text = String::new();
    while !text.contains("event: signed") {
        let chunk = response.chunk().await?.unwrap_or_default();
        ensure!(!chunk.is_empty(), "{text}");
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    ensure!(!text.contains(&theirs.address.to_checksum(None)), "{text}");
    for path in ["/livez", "/readyz", "/openapi.json"] {
        assert!(server.get(path).await?.status < 300, "{path}");
    }
    store.close().await;
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_can_reach_needs_a_token_to_begin_with() -> Result<()> {
    let stage = Stage::new().await?;
    let refused = stage.serve("behind_tls_proxy = true\n").await?.ended().await?;
    assert!(matches!(refused, Err(RunError::NoToken)), "{refused:?}");

    let (_folder, mut config) = crate::checking::config(1, &["http://127.0.0.1:1".to_owned()])?;
    config.store = Database::File(stage.folder.path().join("relayer.db"));
    config.http.listen = "127.0.0.1:0".parse()?;
    config.http.behind_tls_proxy = true;
    let verdict = |report: &quorate_server::Report| {
        let last = report.findings.last().expect("something was looked at");
        (last.aspect, last.subject.clone(), last.verdict)
    };
    let found = check(&config, crate::http_stage::now).await;
    assert_eq!(verdict(&found), (Aspect::Http, "tokens".to_owned(), Verdict::NotYet));

    let store = store(&stage).await?;
    make(&store, "reads", TokenRight::Read, TokenWallets::All).await?;
    store.close().await;
    let found = check(&config, crate::http_stage::now).await;
    assert_eq!(verdict(&found), (Aspect::Http, "tokens".to_owned(), Verdict::Good));

    let limits = "behind_tls_proxy = true\n[http.limits]\nrequests_per_second = 1\nburst = 3\n";
    let server = stage.serve(limits).await?;
    assert_eq!(server.get("/v1/wallets").await?.code(), Some(ProblemCode::Unauthorized));
    // Each client has its own share, by the word of the proxy alone; any name may lead here.
    let ask = |forwarded: &'static str| {
        let request = with(server.request(Method::GET, "/v1/wallets"), "reads");
        let request =
            request.header("x-forwarded-for", forwarded).header("host", "quorate.example");
        server.send(request)
    };
    for _ in 0..3 {
        assert_eq!(ask("6.6.6.6, 1.2.3.4").await?.status, 200);
    }
    assert_eq!(ask("7.7.7.7, 1.2.3.4").await?.code(), Some(ProblemCode::RateLimited));
    assert_eq!(ask("1.2.3.4, 5.6.7.8").await?.status, 200);
    server.stop().await
}
