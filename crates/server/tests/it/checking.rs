//! What is found before the relayer starts.

use eyre::{Result, ensure};
use quorate_lab::{
    anvil::Chain,
    deploy,
    fixtures::world,
    keystore,
    op_like::{OpLike, OpRules},
    owners::owner,
    proxy::{Fault, Faults, Proxy, Refusal},
    strict::{Rules, Strict},
};
use quorate_server::{
    Config, Overrides, Report,
    check::{Aspect, Verdict, check},
    config::Listen,
};
use std::{fs, path::Path};
use tempfile::TempDir;

/// A folder with a key, and a configuration for these endpoints.
pub(crate) fn config(chain_id: u64, urls: &[String]) -> Result<(TempDir, Config)> {
    let folder = tempfile::tempdir()?;
    write_key(&folder.path().join("keys.env"))?;
    let text = format!(
        "store = \"relayer.db\"\n[http]\nlisten = \"off\"\n[[chains]]\nchain_id = {chain_id}\nrpc_urls = {urls:?}\n\
         poll_millis = 50\n[[chains.senders]]\nenv_file = \"keys.env\"\nvariable = \"KEY\"\n"
    );
    let config = Config::parse(&text, folder.path(), Overrides::default())?;
    Ok((folder, config))
}

pub(crate) fn write_key(file: &Path) -> Result<()> {
    keystore::write_env_file(file, &[("KEY".to_owned(), owner(world::SUBMITTER))])
}

fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a live chain keeps the machine's time")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn verdicts(report: &Report) -> Vec<(Aspect, Verdict)> {
    report.findings.iter().map(|finding| (finding.aspect, finding.verdict)).collect()
}

#[tokio::test]
async fn a_chain_is_ready_step_by_step() -> Result<()> {
    let chain = Chain::start_live()?;
    let dead = "http://127.0.0.1:1/hunter2hunter2".to_owned();
    let (_folder, config) = config(chain.id(), &[chain.endpoint(), dead])?;
    let empty = check(&config, now).await;
    let expected = [
        (Aspect::Endpoint, Verdict::Good),
        (Aspect::Clock, Verdict::Good),
        (Aspect::Factory, Verdict::NotYet),
        (Aspect::Simulation, Verdict::Good),
        (Aspect::Methods, Verdict::Good),
        (Aspect::Fees, Verdict::Good),
        (Aspect::Finality, Verdict::Good),
        // One that is dead stops nothing while another is there.
        (Aspect::Endpoint, Verdict::Warning),
        (Aspect::Sender, Verdict::NotYet),
    ];
    assert_eq!(verdicts(&empty), expected, "{empty:#?}");
    assert_eq!(empty.verdict(), Verdict::NotYet);
    assert!(!format!("{empty:?}").contains("hunter2"), "{empty:?}");
    let account = owner(world::SUBMITTER).address();
    assert_eq!(empty.findings[8].subject, account.to_checksum(None));

    deploy::canonical(&chain).await?;
    world::KEY_HOLDING.give(&chain, account).await?;
    let ready = check(&config, now).await;
    assert_eq!(ready.verdict(), Verdict::Warning, "{ready:#?}");
    let later = check(&config, || now() + 1_000).await;
    assert_eq!(verdicts(&later)[1], (Aspect::Clock, Verdict::Warning), "{later:#?}");
    let earlier = check(&config, || now() - 1_000).await;
    assert_eq!(earlier.verdict(), Verdict::Mismatch, "{earlier:#?}");
    Ok(())
}

/// What it takes besides gas, and what is final there.
#[tokio::test]
async fn what_kind_of_chain_it_is_is_told() -> Result<()> {
    let chain = Chain::start_live()?;
    let detail = async |endpoint: String, aspect: Aspect| -> Result<String> {
        let (_folder, config) = config(chain.id(), &[endpoint])?;
        let report = check(&config, now).await;
        let found = report.findings.into_iter().find(|finding| finding.aspect == aspect);
        Ok(found.map(|finding| finding.detail).unwrap_or_default())
    };
    let plain = detail(chain.endpoint(), Aspect::Fees).await?;
    ensure!(plain.contains("tip 1 gwei") && !plain.contains("OP chain"), "{plain}");
    let young = detail(chain.endpoint(), Aspect::Finality).await?;
    ensure!(young.contains("nothing true of `finalized`: final is"), "{young}");
    chain.mine(40).await?;
    let rules = OpRules { final_lag: Some(9), ..OpRules::default() };
    let op = OpLike::start(&chain.endpoint(), rules).await?;
    let fees = detail(op.endpoint(), Aspect::Fees).await?;
    ensure!(fees.contains("an OP chain: layer 1 and the operator take up to 0.000001"), "{fees}");
    let finality = detail(op.endpoint(), Aspect::Finality).await?;
    ensure!(finality.contains("now 9 blocks behind"), "{finality}");
    let rules = Rules { min_gas: 30_000, estimates_know: true, ..Rules::default() };
    let strict = Strict::start(&chain.endpoint(), rules).await?;
    let fees = detail(strict.endpoint(), Aspect::Fees).await?;
    ensure!(fees.contains("a plain transfer takes 30000 gas"), "{fees}");
    Ok(())
}

/// Cases 13 and 28: what an endpoint lacks is named, whatever the code; what nobody can do without is no mere warning, unless
/// another endpoint has it.
#[tokio::test]
async fn what_an_endpoint_lacks_is_named() -> Result<()> {
    let chain = Chain::start_live()?;
    deploy::canonical(&chain).await?;
    world::KEY_HOLDING.give(&chain, owner(world::SUBMITTER).address()).await?;
    let refuse =
        |method, refusal| Faults::none(1).with(Fault::Refuse(refusal), 1_000, Some(method));
    let lacking = |report: &Report, what: &str, verdict| {
        report.findings.iter().any(|found| found.verdict == verdict && found.detail.contains(what))
    };
    for (method, refusal) in [
        ("eth_simulateV1", Refusal::NOT_WHITELISTED),
        ("eth_getBlockReceipts", Refusal::NOT_SUPPORTED),
        ("eth_maxPriorityFeePerGas", Refusal::NO_SUCH_METHOD),
    ] {
        let faults = refuse(method, refusal).with(
            Fault::Refuse(Refusal::NOT_SUPPORTED),
            1_000,
            Some("eth_feeHistory"),
        );
        let proxy = Proxy::start(&chain.endpoint(), faults).await?;
        let (_folder, config) = config(chain.id(), &[proxy.endpoint()])?;
        let report = check(&config, now).await;
        assert!(lacking(&report, method, Verdict::Warning), "{report:#?}");
        assert_eq!(report.verdict(), Verdict::Warning, "{report:#?}");
    }
    for method in ["eth_getLogs", "eth_sendRawTransaction", "eth_call", "eth_getBalance"] {
        let proxy =
            Proxy::start(&chain.endpoint(), refuse(method, Refusal::NO_SUCH_METHOD)).await?;
        let (_folder, alone) = config(chain.id(), &[proxy.endpoint()])?;
        let report = check(&alone, now).await;
        assert!(lacking(&report, method, Verdict::Unreachable), "{method}: {report:#?}");
        let (_folder, both) = config(chain.id(), &[proxy.endpoint(), chain.endpoint()])?;
        let report = check(&both, now).await;
        assert_eq!(report.verdict(), Verdict::Warning, "{method}: {report:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn another_chain_and_nobody_at_all_are_told() -> Result<()> {
    let chain = Chain::start_live()?;
    let (_folder, other) = config(1, &[chain.endpoint()])?;
    let report = check(&other, now).await;
    assert_eq!(report.verdict(), Verdict::Mismatch);
    let detail = "serves chain 31337, not 1: give one of chain 1";
    assert_eq!(report.findings[0].detail, detail);

    let (folder, dead) = config(1, &["http://127.0.0.1:1".to_owned()])?;
    assert_eq!(check(&dead, now).await.verdict(), Verdict::Unreachable);
    fs::remove_file(folder.path().join("keys.env"))?;
    let report = check(&dead, now).await;
    assert_eq!(report.verdict(), Verdict::BadInput);
    assert!(report.findings[1].detail.contains("no such file"), "{report:#?}");
    Ok(())
}

#[tokio::test]
async fn an_address_that_is_taken_is_told() -> Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let (_folder, mut config) = config(1, &["http://127.0.0.1:1".to_owned()])?;
    config.http.listen = Listen::At(taken.local_addr()?);
    let found = check(&config, now).await;
    let last = found.findings.last().expect("something was looked at");
    assert_eq!((last.chain_id, last.aspect, last.verdict), (None, Aspect::Http, Verdict::Warning));
    drop(taken);
    let found = check(&config, now).await;
    assert_eq!(found.findings.last().map(|last| last.verdict), Some(Verdict::Good));
    Ok(())
}
