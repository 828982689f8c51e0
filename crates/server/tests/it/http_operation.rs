//! What a relayer tells those who run it.

use crate::http_stage::{DESCRIPTION, OPEN, Stage, serve_text, until};
use alloy::{providers::Provider as _, transports::http::reqwest::Method};
use eyre::{Result, ensure};
use quorate_api::{ProblemCode, Readiness, readiness::DegradationCode};
use quorate_lab::proxy::{Fault, Faults, Proxy, Refusal};
use quorate_server::{http, run::RunError};
use serde_json::json;
use std::{env, fs, path::Path};

/// Where the description of the API is kept. `QUORATE_UPDATE=1` writes it anew.
#[test]
fn the_description_in_the_repository_is_that_of_the_code() -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if env::var_os("QUORATE_UPDATE").is_some() {
        fs::write(&file, http::description())?;
    }
    let kept = fs::read_to_string(&file)?;
    ensure!(kept == http::description(), "docs/openapi.json is old: run `just openapi`");
    assert_eq!(DESCRIPTION["openapi"], "3.1.0");
    Ok(())
}

/// Every operation says what it answers, and every problem with its code.
#[test]
fn every_operation_is_described_with_its_problems() {
    let paths = DESCRIPTION["paths"].as_object().expect("there are paths");
    let mut operations = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("an item has operations") {
            operations.push(format!("{} {path}", method.to_uppercase()));
            let answers = operation["responses"].as_object().expect("it answers");
            ensure_described(path, answers);
        }
    }
    operations.sort();
    assert_eq!(
        operations,
        [
            "GET /livez",
            "GET /metrics",
            "GET /readyz",
            "GET /v1/events",
            "GET /v1/proposals",
            "GET /v1/proposals/{digest}",
            "GET /v1/wallets",
            "GET /v1/wallets/{chainId}/{address}",
            "GET /v1/wallets/{chainId}/{address}/acceptances",
            "GET /v1/wallets/{chainId}/{address}/proposals",
            "POST /v1/proposals/{digest}/signatures",
            "POST /v1/wallets",
            "POST /v1/wallets/{chainId}/{address}/acceptances",
            "POST /v1/wallets/{chainId}/{address}/proposals",
        ]
    );
}

fn ensure_described(path: &str, answers: &serde_json::Map<String, serde_json::Value>) {
    assert!(answers.keys().any(|status| status.starts_with('2')), "{path}");
    for (status, answer) in answers.iter().filter(|(status, _)| !status.starts_with('2')) {
        let is_readiness = path == "/readyz" && status == "503";
        let description = answer["description"].as_str().unwrap_or_default();
        assert!(is_readiness || description.starts_with("A problem: `"), "{path} {status}");
        let schema = &answer["content"]["application/problem+json"]["schema"]["$ref"];
        assert!(is_readiness || schema == "#/components/schemas/Problem", "{path} {status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_whether_it_is_ready_and_what_is_wrong() -> Result<()> {
    let stage = Stage::new().await?;
    let proxy = Proxy::start(&stage.chain.endpoint(), Faults::none(1)).await?;
    let server = stage.serve_at(&proxy.endpoint(), OPEN).await?;
    let readiness = || async {
        let answer = server.send(server.request(Method::GET, "/readyz")).await?;
        Ok::<_, eyre::Report>((answer.status, serde_json::from_value::<Readiness>(answer.body)?))
    };
    let codes = |ready: &Readiness| -> Vec<DegradationCode> {
        ready.chains[0].degraded.iter().map(|degradation| degradation.code).collect()
    };
    let good = until("a relayer that leads", || async {
        let (_, ready) = readiness().await?;
        Ok(codes(&ready).is_empty().then_some(ready))
    });
    let good = good.await?;
    assert!(good.ready && good.chains[0].leading && good.chains[0].head.is_some(), "{good:?}");

    let store = quorate_server::Database::File(stage.folder.path().join("relayer.db"));
    let store = store.open_existing().await?;
    quorate_store::Storage::set_paused(&store, stage.chain.id(), true, 1).await?;
    store.close().await;
    let sender = quorate_lab::owners::owner(quorate_lab::fixtures::world::SUBMITTER).address();
    let provider = stage.chain.provider();
    let () = provider.raw_request("anvil_setBalance".into(), (sender, "0x1")).await?;
    stage.chain.mine(1).await?;
    let expected = [DegradationCode::Paused, DegradationCode::SenderBalance];
    let degraded = until("a paused relayer", || async {
        let (status, ready) = readiness().await?;
        Ok((codes(&ready) == expected).then_some((status, ready)))
    });
    let (status, degraded) = degraded.await?;
    assert!(status == 200 && degraded.ready, "{degraded:?}");

    proxy.set_faults(Faults::none(1).with(Fault::LoseRequest, 1_000, None));
    let (status, down) = until("a chain out of reach", || async {
        let (status, ready) = readiness().await?;
        Ok((!ready.ready).then_some((status, ready)))
    })
    .await?;
    assert_eq!(status, 503);
    assert!(codes(&down).contains(&DegradationCode::Unreachable), "{down:?}");
    // What needs no chain is served.
    assert_eq!(server.get("/v1/wallets").await?.status, 200);
    let wallet = json!({ "chainId": stage.chain.id(), "address": sender.to_checksum(None) });
    let refused = server.post("/v1/wallets", &wallet).await?;
    assert_eq!(refused.code(), Some(ProblemCode::ChainUnreachable), "{refused:?}");
    server.stop().await
}

/// Cases 13 and 28: an endpoint that refuses what can be done without is served, and named.
#[tokio::test(flavor = "multi_thread")]
async fn it_names_what_endpoints_lack_and_does_without() -> Result<()> {
    let stage = Stage::new().await?;
    let refuse = Fault::Refuse(Refusal::NOT_WHITELISTED);
    let faults = ["eth_simulateV1", "eth_getBlockReceipts", "eth_feeHistory"]
        .into_iter()
        .fold(Faults::none(1), |faults, method| faults.with(refuse, 1_000, Some(method)));
    let proxy = Proxy::start(&stage.chain.endpoint(), faults).await?;
    let server = stage.serve_at(&proxy.endpoint(), OPEN).await?;
    let wallet = stage.deployed(1).await?;
    server.register(&wallet).await?;
    let request = wallet.payment(5, 0);
    server.propose(&request, 0).await?;
    server.sign(&request, 1).await?;
    server.proposal(&request, "?wait=executed&timeoutSecs=60").await?;
    let answer = server.send(server.request(Method::GET, "/readyz")).await?;
    let ready: Readiness = serde_json::from_value(answer.body)?;
    let lacks = ready.chains[0].degraded.iter().filter(|why| why.code == DegradationCode::Lacks);
    let lacks: Vec<_> = lacks.map(|why| why.detail.as_str()).collect();
    for method in ["eth_simulateV1: nothing is pipelined", "eth_feeHistory"] {
        ensure!(lacks.iter().any(|detail| detail.contains(method)), "{lacks:?}");
    }
    ensure!(answer.status == 200 && ready.ready);
    server.stop().await
}

/// What the engine has come to is told, not what its endpoint knows; and what nobody does that nothing goes without.
#[tokio::test(flavor = "multi_thread")]
async fn its_place_is_the_engines_and_not_the_endpoints() -> Result<()> {
    let stage = Stage::new().await?;
    let proxy = Proxy::start(&stage.chain.endpoint(), Faults::none(1)).await?;
    let server = stage.serve_at(&proxy.endpoint(), OPEN).await?;
    let readiness = || async {
        let answer = server.send(server.request(Method::GET, "/readyz")).await?;
        Ok::<_, eyre::Report>(serde_json::from_value::<Readiness>(answer.body)?)
    };
    let height =
        || async { Ok::<_, eyre::Report>(stage.chain.provider().get_block_number().await?) };
    stage.chain.mine(1).await?;
    let at = height().await?;
    until("the engine's head", || async {
        Ok((readiness().await?.chains[0].head == Some(at)).then_some(()))
    })
    .await?;
    let refuse = Fault::Refuse(Refusal::NO_SUCH_METHOD);
    proxy.set_faults(Faults::none(1).with(refuse, 1_000, Some("eth_getLogs")));
    stage.chain.mine(5).await?;
    let asked = || proxy.calls().get("eth_getLogs").copied().unwrap_or_default();
    let before = asked();
    until("the engine to ask in vain", || async { Ok((asked() > before + 3).then_some(())) })
        .await?;
    let behind = readiness().await?;
    assert_eq!((behind.chains[0].head, height().await?), (Some(at), at + 5), "{behind:?}");
    let metrics = server.get("/metrics").await?.body.as_str().unwrap_or_default().to_owned();
    ensure!(
        metrics.contains(&format!("quorate_head_number{{chain=\"31337\"}} {at}.0")),
        "{metrics}"
    );
    proxy.set_faults(Faults::none(1));
    until("the engine to catch up", || async {
        Ok((readiness().await?.chains[0].head == Some(at + 5)).then_some(()))
    })
    .await?;
    server.stop().await
}

/// An endpoint that never gives events is no endpoint: that is said, and is not ready.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_ready_without_what_it_cannot_do_without() -> Result<()> {
    let stage = Stage::new().await?;
    let refuse = Fault::Refuse(Refusal::NOT_WHITELISTED);
    let faults = Faults::none(1).with(refuse, 1_000, Some("eth_getLogs"));
    let proxy = Proxy::start(&stage.chain.endpoint(), faults).await?;
    let server = stage.serve_at(&proxy.endpoint(), OPEN).await?;
    until("a word of it", || async {
        let answer = server.send(server.request(Method::GET, "/readyz")).await?;
        let ready: Readiness = serde_json::from_value(answer.body)?;
        let is_named = ready.chains[0]
            .degraded
            .iter()
            .any(|why| why.code == DegradationCode::Needs && why.detail.contains("eth_getLogs"));
        Ok((answer.status == 503 && is_named && !ready.ready).then_some(()))
    })
    .await?;
    server.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_everything_that_alarms_are_made_of() -> Result<()> {
    let stage = Stage::new().await?;
    let server = stage.serve(OPEN).await?;
    let wallet = stage.deployed(1).await?;
    server.register(&wallet).await?;
    let request = wallet.payment(5, 0);
    server.propose(&request, 0).await?;
    server.sign(&request, 1).await?;
    server.proposal(&request, "?wait=executed&timeoutSecs=60").await?;
    server.get("/made/up/by/a/client").await?;
    let text = until("metrics", || async {
        let answer = server.get("/metrics").await?;
        ensure!(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8");
        let text = answer.body.as_str().unwrap_or_default().to_owned();
        let is_all = text.contains("quorate_proposals{chain=\"31337\",status=\"executed\"} 1");
        Ok(is_all.then_some(text))
    })
    .await?;
    for line in [
        "quorate_http_requests_total{route=\"/v1/wallets\",method=\"POST\",status=\"201\"} 1\n",
        "quorate_http_requests_total{route=\"unknown\",method=\"GET\",status=\"404\"} 1\n",
        "quorate_http_request_seconds_bucket{",
        "quorate_head_number{chain=\"31337\"} ",
        "quorate_head_age_seconds{chain=\"31337\"} ",
        "quorate_ready_oldest_seconds{chain=\"31337\"} 0.0\n",
        "quorate_attempts_in_flight{chain=\"31337\"} 0.0\n",
        "quorate_attempts_unknown{chain=\"31337\"} 0.0\n",
        "quorate_leading{chain=\"31337\"} 1.0\n",
        "quorate_paused{chain=\"31337\"} 0.0\n",
        "quorate_spend_limit_ether{chain=\"31337\"} 2.0\n",
        "quorate_spend_today_ether{chain=\"31337\"} 0.0",
        "quorate_sender_balance_ether{chain=\"31337\",sender=\"0x",
        "quorate_store_up 1.0\n",
        "quorate_store_waiting ",
        "quorate_http_streams 0.0\n",
        "quorate_audit_head_info{hash=\"0x",
    ] {
        ensure!(text.contains(line), "{line} is missing in\n{text}");
    }
    ensure!(!text.contains("made/up"), "{text}");
    server.stop().await
}

/// The process says so while it has nothing yet, and ends on what waiting does not mend.
#[tokio::test(flavor = "multi_thread")]
async fn it_lives_before_the_store_is_open() -> Result<()> {
    let stage = Stage::new().await?;
    // A server that is not there may come.
    let text = format!(
        "store = \"postgres://quorate@127.0.0.1:1/quorate\"\n[[chains]]\nchain_id = 31337\n\
         rpc_urls = [\"{}\"]\n[[chains.senders]]\nenv_file = \"keys.env\"\nvariable = \"KEY\"\n\
         [http]\nlisten = \"127.0.0.1:0\"\n",
        stage.chain.endpoint()
    );
    let server = serve_text(&text, stage.folder.path()).await?;
    let ask = |path: &str| server.send(server.request(Method::GET, path));
    assert_eq!(ask("/livez").await?.status, 204);
    let refused = ask("/v1/wallets").await?;
    assert_eq!(refused.code(), Some(ProblemCode::StoreUnavailable), "{refused:?}");
    let ready = ask("/readyz").await?;
    assert_eq!((ready.status, &ready.body["degraded"][0]["code"]), (503, &json!("store")));
    assert!(ask("/metrics").await?.body.to_string().contains("quorate_store_up 0"));
    server.stop().await?;

    fs::write(stage.folder.path().join("relayer.db"), "no database at all".repeat(100))?;
    let server = stage.serve(OPEN).await?;
    let ended = server.ended().await?;
    assert!(matches!(ended, Err(RunError::Store(_))), "{ended:?}");
    Ok(())
}
