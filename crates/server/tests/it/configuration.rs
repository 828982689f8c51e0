//! The file of an operator: what it says, and what is refused, in which words.

use alloy::primitives::U256;
use eyre::{OptionExt as _, Report, Result, bail, ensure};
use quorate_bindings::canonical::WALLET_FACTORY;
use quorate_lab::repository;
use quorate_relayer::Settings;
use quorate_server::{
    Config, Database, Overrides, Sender,
    config::{HttpConfig, HttpLimits, Listen, ListenError},
};
use quorate_store::EventKind;
use std::{fs, path::Path, time::Duration};

/// Stands in the examples wherever a secret could be.
const SECRET: &str = "hunter2hunter2";

const LEAST: &str = r#"
store = "relayer.db"
[[chains]]
chain_id = 31337
rpc_urls = ["http://127.0.0.1:8545/v3/hunter2hunter2"]
[[chains.senders]]
env_file = "keys.env"
variable = "KEY"
"#;

fn parse(text: &str) -> Result<Config, String> {
    parse_with(text, Overrides::default())
}

fn parse_with(text: &str, overrides: Overrides) -> Result<Config, String> {
    Config::parse(text, Path::new("/etc/quorate"), overrides).map_err(|fault| fault.to_string())
}

fn variables(variables: &[(&str, &str)]) -> Overrides {
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    Overrides::from_variables(variables)
}

#[test]
fn the_least_that_is_needed_has_sensible_defaults() -> Result<(), String> {
    let config = parse(LEAST)?;
    assert_eq!(config.store, Database::File("/etc/quorate/relayer.db".into()));
    assert_eq!(config.lease, Duration::from_secs(10));
    let [chain] = &config.chains[..] else { panic!("{config:?}") };
    let expected = Settings {
        final_secs: 30,
        bump_after_secs: 6,
        rebroadcast_secs: 6,
        ..Settings::new(31_337, WALLET_FACTORY.address)
    };
    assert_eq!(chain.settings, expected);
    assert_eq!(chain.poll, Duration::from_secs(1));
    let sender = Sender::EnvFile { file: "/etc/quorate/keys.env".into(), variable: "KEY".into() };
    assert_eq!(chain.senders, [sender]);
    assert_eq!(chain.limits.max_fee_per_gas, 200_000_000_000);
    assert!(chain.limits.per_transaction < chain.limits.per_wallet_and_day);
    assert!(chain.limits.per_wallet_and_day < chain.limits.per_day);
    Ok(())
}

/// The TOML in a page of the documentation.
fn blocks(page: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(page)?;
    let blocks = text.split("```toml\n").skip(1);
    let whole = |block: &str| Some(block.split_once("```")?.0.to_owned());
    blocks.map(|block| whole(block).ok_or_eyre("a block does not end")).collect()
}

/// A part of a configuration is taken with what is needed besides.
#[test]
fn what_the_documentation_shows_of_a_configuration_is_taken() -> Result<()> {
    let mut count = 0;
    for entry in fs::read_dir(repository().join("docs"))? {
        let page = entry?.path();
        if page.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        for block in blocks(&page)? {
            let table: toml::Table = toml::from_str(&block)?;
            let rest = if table.contains_key("chains") { "" } else { LEAST };
            let config = parse(&format!("{rest}{block}"));
            ensure!(config.is_ok(), "{}: {config:?}\n{block}", page.display());
            let unknown = parse(&format!("{rest}{block}\nunknown = 1\n"));
            ensure!(
                unknown.as_ref().is_err_and(|fault| fault.contains(".unknown is not known")),
                "{}: {unknown:?}",
                page.display()
            );
            count += 1;
        }
    }
    ensure!(count >= 3, "only {count} blocks");
    Ok(())
}

#[test]
fn the_defaults_in_the_documentation_are_the_defaults() -> Result<()> {
    let blocks = blocks(&repository().join("docs/relayer.md"))?;
    let config = parse(blocks.first().ok_or_eyre("no block")?).map_err(Report::msg)?;
    let defaults = parse(LEAST).map_err(Report::msg)?;
    assert_eq!(config.chains[0].limits, defaults.chains[0].limits);
    assert_eq!(config.lease, defaults.lease);
    assert_eq!(config.http, defaults.http);
    Ok(())
}

#[test]
fn webhooks_in_the_documentation_are_of_kinds_that_there_are() -> Result<()> {
    let page = repository().join("docs/webhooks.md");
    let block = blocks(&page)?.join("\n");
    let config = parse(&format!("{LEAST}{block}")).map_err(Report::msg)?;
    let [webhook] = &config.webhooks[..] else { bail!("{config:?}") };
    assert_eq!(webhook.name, "books");
    let text = fs::read_to_string(page)?;
    for kind in EventKind::all() {
        ensure!(text.contains(&format!("`{}`", kind.word())), "{} is not told of", kind.word());
    }
    Ok(())
}

#[test]
fn webhooks_that_cannot_be_meant_are_refused() -> Result<()> {
    let good = "[[webhooks]]\nname = \"books\"\nurl = \"https://books.example/hunter2hunter2\"\n\
                secret_file = \"books.secret\"\nevents = [\"status\"]\n";
    ensure!(parse(&format!("{LEAST}{good}")).is_ok());
    let long = format!("name = \"{}\"", "x".repeat(65));
    for (was, is, reason) in [
        ("name = \"books\"", "", "webhooks[0].name"),
        ("name = \"books\"", "name = \"\"", "webhooks[0].name is empty"),
        ("name = \"books\"", "name = \"my books\"", "give letters, digits, - and _"),
        ("name = \"books\"", &long, "at most 64 of them"),
        ("https://books.example", "books.example", "give an http or https URL"),
        ("https://books.example", "ftp://books.example", "give an http or https URL"),
        ("secret_file = \"books.secret\"", "", "name a private file with whsec_"),
        ("[\"status\"]", "[\"stats\"]", "webhooks[0].events[0]"),
        ("[\"status\"]", "[]", "webhooks[0].events is []: name some kinds"),
        ("[\"status\"]", "\"status\"", "webhooks[0].events"),
    ] {
        let fault = parse(&format!("{LEAST}{}", good.replace(was, is)));
        ensure!(fault.as_ref().is_err_and(|fault| fault.contains(reason)), "{is}: {fault:?}");
        ensure!(!format!("{fault:?}").contains(SECRET), "{fault:?}");
    }
    let twice = parse(&format!("{LEAST}{good}{good}"));
    ensure!(twice.as_ref().is_err_and(|fault| fault.contains("webhooks[1].name")), "{twice:?}");
    Ok(())
}

#[test]
fn everything_can_be_said() -> Result<(), String> {
    let config = parse(
        r#"
        store = "postgres://relayer:hunter2hunter2@db/quorate"
        lease_secs = 20
        [[chains]]
        chain_id = 1
        rpc_urls = ["https://one.example", "https://other.example/key"]
        poll_millis = 500
        final_depth = 64
        final_secs = 65
        block_secs = 2
        bump_after_blocks = 5
        bump_after_secs = 13
        rebroadcast_blocks = 6
        resend_secs = 7
        rpc_down_secs = 8
        reply_secs = 9
        max_open_per_sender = 10
        gas_margin_percent = 11
        max_failures = 12
        [chains.limits]
        per_day = "1.5 ether"
        per_wallet_and_day = "300000 gwei"
        per_transaction = "77 wei"
        sender_floor = "0 wei"
        max_fee_per_gas = "0.5 gwei"
        [[chains.senders]]
        keystore = "/keys/one.json"
        password_file = "one.password"
        [[chains]]
        chain_id = 10
        rpc_urls = ["http://localhost:1"]
        [[chains.senders]]
        env_file = "keys.env"
        variable = "KEY"
        "#,
    )?;
    assert!(matches!(config.store, Database::Server(_)));
    assert_eq!(config.lease, Duration::from_secs(20));
    let chain = &config.chains[0];
    let expected = Settings {
        final_depth: 64,
        final_secs: 65,
        history: 128,
        block_secs: 2,
        is_block_time_given: true,
        bump_after_blocks: 5,
        bump_after_secs: 13,
        rebroadcast_blocks: 6,
        resend_secs: 7,
        rpc_down_secs: 8,
        reply_secs: 9,
        max_open_per_sender: 10,
        gas_margin_percent: 11,
        max_failures: 12,
        ..Settings::new(1, WALLET_FACTORY.address)
    };
    assert_eq!(chain.settings, expected);
    assert_eq!(chain.poll, Duration::from_millis(500));
    let limits = &chain.limits;
    assert_eq!(limits.per_day, U256::from(1_500_000_000_000_000_000_u64));
    assert_eq!(limits.per_wallet_and_day, U256::from(300_000_000_000_000_u64));
    assert_eq!(limits.per_transaction, U256::from(77));
    assert_eq!((limits.sender_floor, limits.max_fee_per_gas), (U256::ZERO, 500_000_000));
    let file = "/keys/one.json".into();
    let password_file = "/etc/quorate/one.password".into();
    assert_eq!(chain.senders, [Sender::Keystore { file, password_file }]);
    assert_eq!(config.chains[1].settings.chain_id, 10);
    Ok(())
}

/// Whoever counts in blocks means blocks; where nothing is said, fast chains count more of them.
#[test]
fn times_follow_the_chain_where_nothing_is_said() -> Result<(), String> {
    let of = |settings: &str| {
        let text = LEAST.replace("chain_id = 31337", &format!("chain_id = 31337\n{settings}"));
        Ok::<_, String>(parse(&text)?.chains.remove(0).settings)
    };
    let defaults = of("")?;
    assert_eq!((defaults.final_depth, defaults.final_secs), (12, 30));
    assert_eq!((defaults.bump_after_blocks, defaults.bump_after_secs), (3, 6));
    assert_eq!((defaults.rebroadcast_blocks, defaults.rebroadcast_secs), (3, 6));
    assert!(!defaults.is_block_time_given);
    let in_blocks =
        of("final_depth = 4\nbump_after_blocks = 2\nrebroadcast_blocks = 5\nblock_secs = 1")?;
    assert_eq!((in_blocks.final_depth, in_blocks.final_secs), (4, 0));
    assert_eq!((in_blocks.bump_after_blocks, in_blocks.bump_after_secs), (2, 0));
    assert_eq!((in_blocks.rebroadcast_blocks, in_blocks.rebroadcast_secs), (5, 0));
    assert!(in_blocks.is_block_time_given);
    Ok(())
}

/// Each with what is put in the place of what, and what is said.
#[test]
fn what_is_wrong_is_named_with_its_key_and_value_and_the_way_out() {
    const CHAIN: &str = "chain_id = 31337";
    const SENDER: &str = "env_file = \"keys.env\"\nvariable = \"KEY\"";
    const STORE: &str = "store = \"relayer.db\"";
    const URLS: &str = "rpc_urls = [\"http://127.0.0.1:8545/v3/hunter2hunter2\"]";
    const LIMITS: &str = "chain_id = 31337\nlimits = ";
    for (part, becomes, said) in [
        (STORE, "", "store is missing: give a file"),
        (STORE, "store = 7", "store is a number: give a text"),
        (STORE, "store = \"\"", "store is empty: "),
        (STORE, "store = \"mysql://me:hunter2hunter2@h/d\"", "store cannot be used (it is not"),
        (STORE, "store = \":memory:\"", "store cannot be used"),
        (STORE, "store = \"a\"\nlease_secs = 1", "lease_secs is 1: give a number from 2 to 600"),
        (STORE, "store = \"a\"\nlease_secs = \"10\"", "lease_secs is a text: give a number"),
        (STORE, "store = \"a\"\nsotre = \"b\"", "sotre is not known: the keys here are store, "),
        (STORE, "store = \"hunter2hunter2", "line 2 is not TOML: "),
        (STORE, "store = \"a\"\nstore = \"hunter2hunter2\"", "line 3 is not TOML: duplicate key"),
        ("[[chains]]", "[chains]", "chains is a section: write one section [[chains]] or more"),
        (CHAIN, "", "chains[0].chain_id is missing: give a number"),
        (CHAIN, "chain_id = 0", "chains[0].chain_id is 0: give 1 or more"),
        (CHAIN, "chain_id = -5", "chains[0].chain_id is -5: give 1 or more"),
        (URLS, "", "chains[0].rpc_urls is missing: give one endpoint or more"),
        (URLS, "rpc_urls = []", "chains[0].rpc_urls is missing"),
        (URLS, "rpc_urls = \"http://hunter2hunter2\"", "chains[0].rpc_urls is a text: give a list"),
        (URLS, "rpc_urls = [1]", "chains[0].rpc_urls[0] is a number"),
        (URLS, "rpc_urls = [\"ftp://hunter2hunter2\"]", "chains[0].rpc_urls[0] cannot be used"),
        (URLS, "rpc_urls = [\"http://a\", \"http://a\"]", "rpc_urls[1] cannot be used (it is not"),
        (CHAIN, "chain_id = 1\npoll_millis = 49", "chains[0].poll_millis is 49: give a number"),
        (CHAIN, "chain_id = 1\nfinal_depth = 0", "chains[0].final_depth is 0: give a number from"),
        (CHAIN, "chain_id = 1\nfinal_depth = 1.5", "final_depth is a number with a point"),
        (CHAIN, "chain_id = 1\nhistory = 23", "history is 23: give at least 24, twice final_depth"),
        (CHAIN, "chain_id = 1\nblock_secs = 3601", "block_secs is 3601: give a number from 1 to"),
        (CHAIN, "chain_id = 1\nmax_failures = 0", "max_failures is 0"),
        (CHAIN, "chain_id = 1\nmax_open_per_sender = 0", "max_open_per_sender is 0"),
        (CHAIN, "chain_id = 1\ngas_margin_percent = 1001", "gas_margin_percent is 1001"),
        (CHAIN, "chain_id = 1\nsettings = 5", "chains[0].settings is not known: the keys here are"),
        (CHAIN, "chain_id = 1\nlimits = 5", "chains[0].limits is a number: write a section"),
        (LIMITS, "{ per_day = \"1\" }", "chains[0].limits.per_day is \"1\": give an amount with"),
        (LIMITS, "{ per_day = 1 }", "chains[0].limits.per_day is 1: give an amount with its unit"),
        (LIMITS, "{ per_day = \"1 eth\" }", "per_day is \"1 eth\": give an amount with its unit"),
        (LIMITS, "{ per_day = \"-1 ether\" }", "per_day is \"-1 ether\""),
        (LIMITS, "{ per_day = \"0.1 wei\" }", "per_day is \"0.1 wei\""),
        (LIMITS, "{ max_fee_per_gas = \"0 wei\" }", "max_fee_per_gas is 0 wei: give a fee like"),
        (LIMITS, "{ per_week = \"1 ether\" }", "chains[0].limits.per_week is not known"),
        (SENDER, "", "chains[0].senders[0].keystore is missing: give keystore = FILE, account"),
        (SENDER, "env_file = \"a\"", "senders[0].variable is missing: give the name of the line"),
        (SENDER, "keystore = \"a\"", "senders[0].password_file is missing: give a file with"),
        (SENDER, "account = \"../a\"", "senders[0].account is unusable: \"../a\" is not the name"),
        (SENDER, "keystore = \"a\"\naccount = \"b\"", "senders[0].account is out of place"),
        (SENDER, "keystore = \"a\"\nenv_file = \"b\"", "senders[0].env_file is out of place"),
        (SENDER, "keystore = \"a\"\nvariable = \"b\"", "senders[0].variable is out of place"),
        (SENDER, "private_key = \"hunter2hunter2\"", "keystore is missing"),
        (
            SENDER,
            "env_file = \"a\"\nvariable = \"b\"\nprivate_key = \"hunter2hunter2\"",
            "senders[0].private_key is not known: no secret belongs in this file",
        ),
    ] {
        let text = match part {
            LIMITS => LEAST.replace(CHAIN, &format!("{LIMITS}{becomes}")),
            part => LEAST.replacen(part, becomes, 1),
        };
        let refused = parse(&text).expect_err(becomes);
        assert!(refused.contains(said), "{becomes}: {refused}");
        assert!(!refused.contains(SECRET), "{becomes}: {refused}");
        assert_eq!(refused.lines().count(), 1, "{becomes}: {refused}");
    }
}

#[test]
fn a_chain_has_one_section() {
    let second = LEAST.split_once("[[chains]]").map_or("", |(_, chain)| chain);
    let refused = parse(&format!("{LEAST}[[chains]]{second}")).expect_err("twice");
    assert_eq!(refused, "chains[1].chain_id is 31337: each chain has one section");
}

#[test]
fn a_file_that_cannot_be_read_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("relayer.toml");
    let load = || Config::load(&file, Overrides::default());
    let refused = load().expect_err("nothing is there").to_string();
    assert_eq!(refused, format!("{}: the file cannot be read: no such file", file.display()));
    fs::write(&file, [0xff, 0xfe])?;
    assert!(load().expect_err("no text").to_string().contains("save it as UTF-8"));
    fs::write(&file, "chains = 1")?;
    assert!(load().expect_err("no store").to_string().starts_with(&file.display().to_string()));
    fs::write(&file, LEAST)?;
    assert_eq!(load()?.store, Database::File(folder.path().join("relayer.db")));
    Ok(())
}

#[test]
fn the_environment_takes_the_place_of_endpoints() -> Result<(), String> {
    let set = variables(&[
        ("QUORATE_RPC_URLS_31337", "https://a.example, https://b.example/hunter2hunter2"),
        ("QUORATE_RPC_URLS_5", ""),
        ("PATH", "/bin"),
    ]);
    let config = parse_with(LEAST, set)?;
    let urls: Vec<_> = config.chains[0].rpc_urls.iter().map(|url| url.as_str()).collect();
    assert_eq!(urls, ["https://a.example", "https://b.example/hunter2hunter2"]);
    for (name, value, said) in [
        ("QUORATE_RPC_URLS_31337", "hunter2hunter2", "QUORATE_RPC_URLS_31337[0] cannot be used"),
        ("QUORATE_RPC_URLS_5", "http://a", "QUORATE_RPC_URLS_5 is set in the environment: no"),
        ("QUORATE_RPC_URLS_x", "http://a", "QUORATE_RPC_URLS_x is set"),
    ] {
        let refused = parse_with(LEAST, variables(&[(name, value)])).expect_err(name);
        assert!(refused.contains(said) && !refused.contains(SECRET), "{refused}");
    }
    Ok(())
}

#[test]
fn nothing_shows_what_may_hold_a_secret() -> Result<(), String> {
    let server = "store = \"postgres://me:hunter2hunter2@host/db\"";
    let text = LEAST.replace("store = \"relayer.db\"", server);
    let overrides = variables(&[("QUORATE_RPC_URLS_31337", "http://a/hunter2hunter2")]);
    let shown = format!("{overrides:?} {:?} {:#?}", parse(&text)?, parse(LEAST)?);
    assert!(!shown.contains(SECRET), "{shown}");
    Ok(())
}

/// What stands in the section `[http]`, and below.
fn http(text: &str) -> Result<HttpConfig, String> {
    parse(&format!("{LEAST}\n[http]\n{text}")).map(|config| config.http)
}

#[test]
fn http_is_served_to_this_machine_alone_unless_a_proxy_stands_in_front() -> Result<(), String> {
    let least = parse(LEAST)?.http;
    assert_eq!(least, HttpConfig::default());
    assert_eq!(least.listen, "127.0.0.1:8645".parse().map_err(|e: ListenError| e.to_string())?);
    assert!(least.open_reading && !least.open_registration && !least.is_public());
    assert_eq!(http("listen = \"off\"")?.listen, Listen::Off);

    let public = http("listen = \"0.0.0.0:80\"\nbehind_tls_proxy = true")?;
    assert!(public.is_public() && !public.open_reading && !public.open_registration);
    // Who reaches the proxy reaches this.
    let local = http("behind_tls_proxy = true")?;
    assert!(local.is_public() && !local.open_reading);
    assert!(http("behind_tls_proxy = true\nopen_reading = true")?.open_reading);
    assert!(!http("open_reading = false")?.open_reading);
    assert!(http("listen = \"[::1]:1\"\nopen_registration = true")?.open_registration);

    for (text, expected) in [
        ("listen = \"0.0.0.0:80\"", "http.listen is 0.0.0.0:80: others could read tokens"),
        ("listen = \"[::]:80\"", "http.listen is [::]:80: others could read tokens"),
        ("listen = \"localhost\"", "http.listen is \"localhost\": give an address and port"),
        ("listen = 8645", "http.listen is a number: give a text"),
        ("behind_tls_proxy = \"yes\"", "http.behind_tls_proxy is a text: give true or false"),
        ("behind_tls_proxy = true\nopen_registration = true", "http.open_registration is true"),
        ("port = 80", "http.port is not known: the keys here are listen, behind_tls_proxy"),
        ("[http.limits]\nburst = 0", "http.limits.burst is 0: give a number from 1"),
        ("[http.limits]\nbrust = 1", "http.limits.brust is not known"),
    ] {
        let refused = http(text).expect_err(text);
        assert!(refused.starts_with(expected), "{text}: {refused}");
    }
    Ok(())
}

#[test]
fn flags_and_environment_take_the_place_of_the_section_http() -> Result<(), String> {
    let text = format!("{LEAST}\n[http]\nlisten = \"127.0.0.1:1\"\n");
    let over = Overrides { listen: Some(Listen::Off), ..Overrides::default() };
    assert_eq!(parse_with(&text, over)?.http.listen, Listen::Off);
    let listen = "0.0.0.0:80".parse().map_err(|error: ListenError| error.to_string())?;
    let over = Overrides { listen: Some(listen), ..Overrides::default() };
    assert!(parse_with(&text, over.clone()).is_err());
    let over = Overrides { behind_tls_proxy: true, ..over };
    assert!(parse_with(&text, over)?.http.is_public());
    Ok(())
}

#[test]
fn the_sections_in_the_documentation_of_http_are_some() -> Result<(), String> {
    let page = include_str!("../../../../docs/http.md");
    let blocks = page.split("```toml\n").skip(1);
    let blocks: Vec<_> = blocks.filter_map(|rest| rest.split("```").next()).collect();
    let [proxy, limits] = blocks[..] else { panic!("there are others: {blocks:?}") };
    assert!(parse(&format!("{LEAST}\n{proxy}"))?.http.is_public());
    let said = parse(&format!("{LEAST}\n{limits}"))?.http.limits;
    assert_eq!(said, HttpLimits::default(), "it calls them the defaults");
    Ok(())
}

#[test]
fn every_limit_of_http_can_be_said() -> Result<(), String> {
    let limits = http(
        "[http.limits]
        open_proposals = 1
        sequence_ahead = 2
        deadline_days = 3
        body_bytes = 4096
        body_secs = 5
        header_secs = 6
        request_secs = 7
        requests_per_second = 8
        burst = 9
        connections = 10
        requests = 11
        long_polls = 12
        streams = 13
        chain_requests = 14
        chain_secs = 15",
    )?
    .limits;
    let expected = HttpLimits {
        open_proposals: 1,
        sequence_ahead: 2,
        deadline: Duration::from_secs(3 * 86_400),
        body_bytes: 4_096,
        body_wait: Duration::from_secs(5),
        header_wait: Duration::from_secs(6),
        request_wait: Duration::from_secs(7),
        requests_per_second: 8,
        burst: 9,
        connections: 10,
        requests: 11,
        long_polls: 12,
        streams: 13,
        chain_requests: 14,
        chain_wait: Duration::from_secs(15),
    };
    assert_eq!(limits, expected);
    Ok(())
}
