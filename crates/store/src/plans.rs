//! Every list that the HTTP API offers is served by an index: SQLite says how it would answer.

use crate::{
    DeliveryFilter, EventFilter, Options, ProposalFilter, Store, WalletFilter, WalletKey, outbox,
    proposal::read as proposals, query::Query, wallet, webhook::read as webhooks,
};
use alloy::primitives::Address;
use quorate_core::status::StatusWord;

const WALLET: WalletKey = WalletKey { chain_id: 1, address: Address::ZERO };

/// The steps, with the tables' short names and the indexes.
async fn plan(query: Query) -> Vec<String> {
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("plan.db").display().to_string();
    let store = Store::open(&file, Options::default()).await.expect("it opens");
    let mut connection = store.pool().acquire().await.expect("it is open");
    let plan = query.plan(&mut connection).await.expect("it is a question");
    drop(connection);
    store.close().await;
    plan
}

/// That the step for the table of that short name uses that index for these columns, and nothing is sorted.
#[track_caller]
fn check(plan: &[String], steps: &[(&str, &str)]) {
    for (table, way) in steps {
        let found = plan.iter().any(|step| {
            let step = step.replace("COVERING ", "");
            step == format!("SEARCH {table} USING INDEX {way}")
                || step == format!("SCAN {table} USING INDEX {way}")
        });
        assert!(found, "{table} {way}: {plan:#?}");
    }
    assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "sorted: {plan:#?}");
}

fn of_wallet() -> ProposalFilter {
    let (chain_id, wallet) = (Some(WALLET.chain_id), Some(WALLET.address));
    ProposalFilter { chain_id, wallet, ..ProposalFilter::default() }
}

#[tokio::test]
async fn proposals_are_listed_in_the_order_of_an_index() {
    let status = Some(StatusWord::Collecting);
    let by_status = ProposalFilter { status, ..ProposalFilter::default() };
    let of_wallet_by_status = ProposalFilter { status, ..of_wallet() };
    for (filter, before, way) in [
        (of_wallet(), None, "proposals_by_wallet (chain_id=? AND wallet=?)"),
        (of_wallet(), Some(5), "proposals_by_wallet (chain_id=? AND wallet=? AND position<?)"),
        (
            of_wallet_by_status.clone(),
            None,
            "proposals_by_wallet_status (chain_id=? AND wallet=? AND status=?)",
        ),
        (
            of_wallet_by_status,
            Some(5),
            "proposals_by_wallet_status (chain_id=? AND wallet=? AND status=? AND position<?)",
        ),
        (by_status.clone(), None, "proposals_by_status (status=?)"),
        (by_status, Some(5), "proposals_by_status (status=? AND position<?)"),
        (ProposalFilter::default(), None, "sqlite_autoindex_proposals_2"),
    ] {
        let query = proposals::plain(&filter, before, 100).expect("it is a question");
        check(&plan(query).await, &[("p", way)]);
    }
}

#[tokio::test]
async fn an_owner_s_proposals_are_found_by_its_wallets() {
    for (chain_id, owned) in [(None, "(owner=?)"), (Some(1), "(owner=? AND chain_id=?)")] {
        for status in [None, Some(StatusWord::Ready)] {
            for (before, range) in [(None, ""), (Some(5), " AND position<?")] {
                let filter = ProposalFilter { chain_id, status, ..ProposalFilter::default() };
                let query = proposals::awaiting(Address::ZERO, &filter, before, 100);
                let plan = plan(query.expect("it is a question")).await;
                for step in [
                    format!(
                        "SEARCH o USING COVERING INDEX sqlite_autoindex_wallet_owners_1 {owned}"
                    ),
                    "SEARCH w USING INDEX sqlite_autoindex_wallets_1 (chain_id=? AND address=?)"
                        .to_owned(),
                    format!(
                        "SEARCH p USING INDEX proposals_by_wallet_status \
                         (chain_id=? AND wallet=? AND status=?{range})"
                    ),
                    "SEARCH p USING INDEX sqlite_autoindex_proposals_2 (position=?)".to_owned(),
                ] {
                    assert!(plan.contains(&step), "{step}: {plan:#?}");
                }
                let query = proposals::awaiting_among_last(Address::ZERO, &filter, before, 100);
                let way = format!("proposals_by_status (status=?{range})");
                let plan = self::plan(query.expect("it is a question")).await;
                check(&plan, &[("proposals", &way)]);
            }
        }
    }
}

#[tokio::test]
async fn the_rest_is_listed_in_the_order_of_an_index() {
    for (filter, after, table, way) in [
        (WalletFilter::default(), None, "k", "sqlite_autoindex_wallets_1"),
        (
            WalletFilter::default(),
            Some(WALLET),
            "k",
            "sqlite_autoindex_wallets_1 ((chain_id,address)>(?,?))",
        ),
        (
            WalletFilter { owner: Some(Address::ZERO), ..WalletFilter::default() },
            None,
            "k",
            "sqlite_autoindex_wallet_owners_1 (owner=?)",
        ),
        (
            WalletFilter { owner: Some(Address::ZERO), chain_id: Some(1), among: None },
            None,
            "k",
            "sqlite_autoindex_wallet_owners_1 (owner=? AND chain_id=?)",
        ),
    ] {
        let query = wallet::listing(&filter, after, 100).expect("it is a question");
        check(&plan(query).await, &[(table, way)]);
    }
    check(
        &plan(webhooks::being_due("hook", 5, 8)).await,
        &[("d", "deliveries_due (webhook=? AND next_at<?)")],
    );
    let query = webhooks::listing("hook", DeliveryFilter::All, Some(9), 100);
    let way = "sqlite_autoindex_deliveries_1 (webhook=? AND sequence<?)";
    check(&plan(query.expect("it is a question")).await, &[("d", way)]);
}

#[tokio::test]
async fn events_are_read_in_their_order_or_by_wallet() {
    let all = EventFilter::default;
    for (filter, step) in [
        (all(), "SEARCH e USING INDEX sqlite_autoindex_outbox_1 (sequence>? AND sequence<?)"),
        (
            EventFilter { chain_id: Some(1), ..all() },
            "SEARCH e USING INDEX sqlite_autoindex_outbox_1 (sequence>? AND sequence<?)",
        ),
        (
            EventFilter { address: Some(Address::ZERO), ..all() },
            "SEARCH e USING INDEX outbox_by_wallet (wallet=? AND sequence>? AND sequence<?)",
        ),
        (
            EventFilter { owner: Some(Address::ZERO), ..all() },
            "SEARCH e USING INDEX sqlite_autoindex_outbox_1 (sequence>? AND sequence<?)",
        ),
    ] {
        let query = outbox::among_all(5..=9, &filter, 100).expect("it is a question");
        let plan = plan(query).await;
        assert!(plan.iter().any(|found| found == step), "{step}: {plan:#?}");
    }
    let filter = EventFilter { owner: Some(Address::ZERO), ..all() };
    let query = outbox::by_wallets(5..=9, &filter, 100).expect("it is a question");
    let plan = plan(query).await;
    let step = "SEARCH e USING INDEX outbox_by_wallet (wallet=? AND sequence>? AND sequence<?)";
    assert!(plan.iter().any(|found| found == step), "{plan:#?}");
}
