//! Transactions that an endpoint says it refused, and mined; and chains that lack what others have.

use crate::environment::{Environment, PAYEE};
use alloy::{primitives::Bytes, providers::Provider as _};
use eyre::{Result, ensure};
use quorate_bindings::canonical;
use quorate_lab::{
    anvil::Chain,
    fixtures::world,
    http::{Asked, Reply, Server},
    owners::owner,
};
use serde_json::{Value, json};
use tokio::{runtime::Handle, task::block_in_place};

/// What is answered to a transaction that was sent.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// It was taken, and mined; the answer is that it failed, as Hardhat's.
    MinedAndFailed,
    /// It was not taken: it was run, and failed.
    Failed,
    /// It was not taken.
    Refused,
    /// It was not taken if it has no chain id.
    Protected,
    /// All is well, but for the gas that things are said to take.
    Gas(u64),
}

impl Answer {
    const fn is_mined_and_failed(self) -> bool {
        matches!(self, Self::MinedAndFailed)
    }

    const fn gas(self) -> Option<u64> {
        match self {
            Self::Gas(gas) => Some(gas),
            _ => None,
        }
    }
}

/// An endpoint before an anvil, which says something else of what is sent, and estimates as if nothing failed.
async fn endpoint(chain: &Chain, answer: Answer) -> Result<Server> {
    let provider = chain.provider().clone();
    Server::start(move |asked: &Asked| {
        let (id, method) = (asked.body["id"].clone(), asked.body["method"].clone());
        let params = asked.body["params"].clone();
        let error = |code: i64, message: &str, data: Value| {
            let error = json!({ "code": code, "message": message, "data": data });
            Reply::Json(200, json!({ "jsonrpc": "2.0", "id": id, "error": error }))
        };
        let failed =
            || error(3, "VM Exception while processing transaction: reverted", json!("0x"));
        let method = method.as_str().unwrap_or_default().to_owned();
        if method == "eth_sendRawTransaction" {
            match answer {
                Answer::MinedAndFailed => {}
                Answer::Failed => return failed(),
                Answer::Refused => return error(-32_000, "transaction underpriced", Value::Null),
                Answer::Protected if asked.text.contains("\"0xf8") => {
                    let reason = "only replay-protected (EIP-155) transactions allowed over RPC";
                    return error(-32_000, reason, Value::Null);
                }
                Answer::Protected | Answer::Gas(_) => {}
            }
        }
        let forward = provider.raw_request::<Value, Value>(method.clone().into(), params);
        match block_in_place(|| Handle::current().block_on(forward)) {
            Ok(_) if method == "eth_sendRawTransaction" && answer.is_mined_and_failed() => failed(),
            Ok(_) if method == "eth_estimateGas" && answer.gas().is_some() => {
                let gas = format!("{:#x}", answer.gas().unwrap_or_default());
                Reply::Json(200, json!({ "jsonrpc": "2.0", "id": id, "result": gas }))
            }
            Ok(result) => Reply::Json(200, json!({ "jsonrpc": "2.0", "id": id, "result": result })),
            // It was fine when it was estimated.
            Err(_) if method == "eth_estimateGas" => {
                Reply::Json(200, json!({ "jsonrpc": "2.0", "id": id, "result": "0x30d40" }))
            }
            Err(sent) => match sent.as_error_resp() {
                Some(payload) => error(payload.code, &payload.message, json!(payload.data)),
                None => Reply::Lose,
            },
        }
    })
    .await
}

/// Case 29: what an endpoint says it refused is looked for. If it is on chain, that is what is said, with exit code 1.
#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_answers_an_error_and_is_mined_failed_on_chain() -> Result<()> {
    let environment = Environment::start().await?;
    // A payee that takes nothing: PUSH0 PUSH0 REVERT.
    let payee = environment
        .chain
        .deploy(Bytes::from_static(&alloy::primitives::hex!("6003600c60003960036000f35f5ffd")));
    let payee = payee.await?.to_checksum(None);
    let pay = ["propose", "transfer", "--wallet", "wallet.json", "--to", &payee, "--amount", "1"];
    environment.json(&[&pay[..], &["--out", "pay.json"]].concat())?;
    environment.sign("pay.json", &[0, 1, 2])?;
    let key = environment.keystore(8)?;
    let submit = ["submit", "pay.json", "--keystore", &key];
    for (answer, code, part) in [
        (Answer::MinedAndFailed, 1, "failed in block"),
        (Answer::Failed, 1, "is not on chain"),
        (Answer::Refused, 5, "is not on chain"),
    ] {
        let server = endpoint(&environment.chain, answer).await?;
        let program = environment.program.clone().with("ETH_RPC_URL", server.url());
        let said = program.run(environment.folder(), &submit)?;
        ensure!(said.code == code && said.error().contains(part), "{answer:?}: {said:?}");
        let is_refused = said.error().contains("refused");
        ensure!(is_refused == matches!(answer, Answer::Refused), "{answer:?}: {said:?}");
    }
    // And what went through is said to be executed, whatever was answered.
    environment.propose("fine.json", &[])?;
    environment.sign("fine.json", &[0, 1, 2])?;
    let server = endpoint(&environment.chain, Answer::MinedAndFailed).await?;
    let program = environment.program.clone().with("ETH_RPC_URL", server.url());
    let done = program.json(environment.folder(), &["submit", "fine.json", "--keystore", &key])?;
    assert_eq!(done["status"], "executed");
    let create = ["wallet", "create", "--threshold", "1", "--owner", PAYEE, "--out", "new.json"];
    environment.json(&create)?;
    let deploy = ["wallet", "deploy", "new.json", "--keystore", &key];
    assert_eq!(program.json(environment.folder(), &deploy)?["already"], false);
    Ok(())
}

/// A chain with nothing on it, and an account with ether.
async fn empty(environment: &Environment) -> Result<Chain> {
    let chain = Chain::start_live()?;
    world::KEY_HOLDING.give(&chain, owner(8).address()).await?;
    let nothing = (canonical::DEPLOYER, "0x");
    chain.provider().raw_request::<_, Value>("anvil_setCode".into(), nothing).await?;
    environment.keystore(8)?;
    Ok(chain)
}

/// Case 30: where the deployment proxy is missing too, it is said how to put it there, and that is done where it is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn the_deployment_proxy_can_be_put_on_a_chain() -> Result<()> {
    let environment = Environment::start().await?;
    let chain = empty(&environment).await?;
    let program = environment.program.clone().with("ETH_RPC_URL", chain.endpoint());
    let deploy = ["wallet", "deploy", "wallet.json", "--keystore", "key-8"];
    let run = |more: &[&str]| program.run(environment.folder(), &[&deploy[..], more].concat());
    for more in [&[][..], &["--with-factory"]] {
        let refused = run(more)?;
        let way_out = "with --with-factory --with-proxy, the proxy for 0.01 ETH";
        ensure!(refused.code == 6 && refused.error().contains(way_out), "{refused:?}");
    }
    // By the rules of the next fork its gas does not suffice, and nothing is paid for it.
    let with_proxy = [&deploy[..], &["--with-factory", "--with-proxy"]].concat();
    let dear = endpoint(&chain, Answer::Gas(314_525)).await?;
    let dear = environment.program.clone().with("ETH_RPC_URL", dear.url());
    let refused = dear.run(environment.folder(), &with_proxy)?;
    ensure!(refused.code == 1 && refused.error().contains("needs 314525"), "{refused:?}");
    let sender = alloy::primitives::address!("3fab184622dc19b6109349b94811493bf2a45362");
    assert_eq!(chain.balance(sender).await?, alloy::primitives::U256::ZERO);
    // Some endpoints take nothing that is good on every chain.
    let strict = endpoint(&chain, Answer::Protected).await?;
    let strict = environment.program.clone().with("ETH_RPC_URL", strict.url());
    let refused = strict.run(environment.folder(), &with_proxy)?;
    ensure!(refused.code == 5 && refused.error().contains("without a chain id"), "{refused:?}");
    let third = run(&["--with-factory", "--with-proxy"])?;
    ensure!(third.code == 0, "{third:?}");
    for part in ["deployment proxy 0x4e59", "factory 0x", "wallet 0x"] {
        ensure!(third.stdout.contains(part), "{third:?}");
    }
    // Whoever has used its transaction up can do no more.
    let nothing = (canonical::DEPLOYER, "0x");
    chain.provider().raw_request::<_, Value>("anvil_setCode".into(), nothing).await?;
    let factory = (canonical::WALLET_FACTORY.address, "0x");
    chain.provider().raw_request::<_, Value>("anvil_setCode".into(), factory).await?;
    let wallet = world::treasury().address();
    chain.provider().raw_request::<_, Value>("anvil_setCode".into(), (wallet, "0x")).await?;
    let last = run(&["--with-factory", "--with-proxy"])?;
    ensure!(last.code == 1 && last.error().contains("was used up there"), "{last:?}");
    Ok(())
}
