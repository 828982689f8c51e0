//! Reading proposals back. What does not have its digest is not believed.

use super::{ProposalFilter, ProposalRecord, nonce_blob, nonce_of};
use crate::{
    error::StoreError,
    many::push_keys,
    page::{Page, rows_for},
    query::Query,
    row::{Fields, blob, int},
    signature,
    wallet::WalletKey,
};
use alloy::primitives::{Address, B256};
use quorate_core::{Reason, Request, Status, status::StatusWord};
use serde::de::IgnoredAny;
use sqlx::{AnyConnection, any::AnyRow};

pub(crate) async fn find(
    connection: &mut AnyConnection,
    digest: B256,
) -> Result<Option<ProposalRecord>, StoreError> {
    let query = sqlx::query("SELECT * FROM proposals WHERE digest = $1").bind(blob(digest));
    let Some(row) = query.fetch_optional(&mut *connection).await? else { return Ok(None) };
    let mut proposal = read(&row)?;
    signature::read_into(connection, std::slice::from_mut(&mut proposal)).await?;
    Ok(Some(proposal))
}

/// The proposals that `filter` takes, the last recorded first, before the position `before`.
pub(crate) async fn list(
    connection: &mut AnyConnection,
    filter: &ProposalFilter,
    before: Option<u64>,
    limit: u32,
) -> Result<Page<ProposalRecord, u64>, StoreError> {
    let query = match filter.awaiting {
        None => plain(filter, before, limit)?,
        Some(_) if !is_open(awaited_status(filter)) => {
            return Ok(Page { items: Vec::new(), next: None });
        }
        Some(owner) => awaiting(owner, filter, before, limit)?,
    };
    let mut rows = Vec::new();
    if let Some(owner) = filter.awaiting
        && owns_many(connection, owner).await?
    {
        rows = awaiting_among_last(owner, filter, before, limit)?.fetch_all(connection).await?;
    }
    if rows.len() as i64 != rows_for(limit) {
        rows = query.fetch_all(connection).await?;
    }
    let items = rows.iter().map(read).collect::<Result<_, _>>()?;
    let mut page = Page::new(items, limit, |proposal: &ProposalRecord| proposal.position);
    signature::read_into(connection, &mut page.items).await?;
    Ok(page)
}

pub(crate) fn plain(
    filter: &ProposalFilter,
    before: Option<u64>,
    limit: u32,
) -> Result<Query, StoreError> {
    let mut query = Query::new("SELECT p.* FROM proposals p WHERE 1 = 1");
    restrict(&mut query, filter, before)?;
    query.bind(" ORDER BY p.position DESC LIMIT ?", rows_for(limit));
    Ok(query)
}

/// By way of the owner's wallets, however many others there are: first the places of all that may be signed, then the
/// page. The order in which the tables are named is the one in which SQLite goes through them.
pub(crate) fn awaiting(
    owner: Address,
    filter: &ProposalFilter,
    before: Option<u64>,
    limit: u32,
) -> Result<Query, StoreError> {
    let mut query = Query::new(
        "WITH mine AS MATERIALIZED (SELECT p.position FROM wallet_owners o CROSS JOIN wallets w \
         CROSS JOIN proposals p WHERE w.chain_id = o.chain_id AND w.address = o.address \
         AND p.chain_id = o.chain_id AND p.wallet = o.address AND p.epoch = w.epoch",
    );
    query.bind(
        " AND o.owner = ? AND NOT EXISTS \
         (SELECT 1 FROM signatures s WHERE s.digest = p.digest AND s.owner = ? AND s.verified = 1)",
        blob(owner),
    );
    let status = Some(awaited_status(filter));
    restrict(&mut query, &ProposalFilter { status, ..filter.clone() }, before)?;
    query.bind(
        "), page AS MATERIALIZED (SELECT position FROM mine ORDER BY position DESC LIMIT ?) \
         SELECT p.* FROM page CROSS JOIN proposals p WHERE p.position = page.position",
        rows_for(limit),
    );
    query.push(" ORDER BY p.position DESC");
    Ok(query)
}

/// Among the last ones in that status alone: there are enough for a page if the owner owns a good part of all wallets.
pub(crate) fn awaiting_among_last(
    owner: Address,
    filter: &ProposalFilter,
    before: Option<u64>,
    limit: u32,
) -> Result<Query, StoreError> {
    let mut query = Query::new("SELECT p.* FROM (SELECT * FROM proposals WHERE 1 = 1");
    query.bind(" AND status = ?", awaited_status(filter).name().to_owned());
    if let Some(before) = before {
        query.bind(" AND position < ?", int("cursor", before)?);
    }
    query.bind(" ORDER BY position DESC LIMIT ?) p", rows_for(limit) * FIRST_LOOK);
    query.bind(
        " WHERE EXISTS (SELECT 1 FROM wallet_owners o JOIN wallets w \
         ON w.chain_id = o.chain_id AND w.address = o.address \
         WHERE o.owner = ? AND o.chain_id = p.chain_id AND o.address = p.wallet \
         AND w.epoch = p.epoch) AND NOT EXISTS \
         (SELECT 1 FROM signatures s WHERE s.digest = p.digest AND s.owner = ? AND s.verified = 1)",
        blob(owner),
    );
    restrict(&mut query, filter, before)?;
    query.bind(" ORDER BY p.position DESC LIMIT ?", rows_for(limit));
    Ok(query)
}

/// How many wallets are many, and how many proposals are looked at for each one that is asked for.
const MANY: i64 = 200;
const FIRST_LOOK: i64 = 4;

async fn owns_many(connection: &mut AnyConnection, owner: Address) -> Result<bool, StoreError> {
    let query = sqlx::query(
        "SELECT COUNT(*) AS wallets FROM (SELECT 1 FROM wallet_owners WHERE owner = $1 LIMIT $2) o",
    );
    let row = query.bind(blob(owner)).bind(MANY).fetch_one(connection).await?;
    let wallets: i64 = Fields::new(&row, "wallet_owners", &[]).number("wallets")?;
    Ok(wallets == MANY)
}

fn awaited_status(filter: &ProposalFilter) -> StatusWord {
    filter.status.unwrap_or(StatusWord::Collecting)
}

/// Appends what `filter` says of the proposal itself.
fn restrict(
    query: &mut Query,
    filter: &ProposalFilter,
    before: Option<u64>,
) -> Result<(), StoreError> {
    if let Some(chain_id) = filter.chain_id {
        query.bind(" AND p.chain_id = ?", int("chainId", chain_id)?);
    }
    if let Some(wallet) = filter.wallet {
        query.bind(" AND p.wallet = ?", blob(wallet));
    }
    if let Some(nonce) = filter.nonce {
        query.bind(" AND p.nonce = ?", nonce_blob(nonce));
    }
    if let Some(status) = filter.status {
        query.bind(" AND p.status = ?", status.name().to_owned());
    }
    if let Some(is_final) = filter.is_final {
        query.bind(" AND p.final = ?", i64::from(is_final));
    }
    if let Some(among) = &filter.among {
        query.push(" AND (");
        push_keys(query, "(p.chain_id = ?", " AND p.wallet = ?)", among)?;
        query.push(")");
    }
    if let Some(before) = before {
        query.bind(" AND p.position < ?", int("cursor", before)?);
    }
    Ok(())
}

const fn is_open(status: StatusWord) -> bool {
    match status {
        StatusWord::Collecting | StatusWord::Ready | StatusWord::Submitted => true,
        StatusWord::Executed | StatusWord::Expired | StatusWord::Superseded => false,
    }
}

/// What a change of the status depends on.
pub(super) struct Standing {
    pub(super) wallet: WalletKey,
    pub(super) status: Status,
    pub(super) revision: u64,
    /// How many failures are known.
    pub(super) failures: usize,
}

/// Where a proposal stands; its action, which its digest commits to, is not looked at.
pub(super) async fn standing(
    connection: &mut AnyConnection,
    digest: B256,
) -> Result<Option<Standing>, StoreError> {
    let query = sqlx::query(
        "SELECT digest, chain_id, wallet, status, reason, execution_tx, execution_block, \
         execution_block_hash, superseded_by, revision, failures FROM proposals WHERE digest = $1",
    );
    let Some(row) = query.bind(blob(digest)).fetch_optional(connection).await? else {
        return Ok(None);
    };
    let fields = Fields::new(&row, "proposals", &["digest"]);
    Ok(Some(Standing {
        wallet: WalletKey {
            chain_id: fields.number("chain_id")?,
            address: fields.address("wallet")?,
        },
        status: status(&fields)?,
        revision: fields.number("revision")?,
        failures: fields.json::<Vec<IgnoredAny>>("failures")?.len(),
    }))
}

/// A row of `proposals`, without its signatures.
fn read(row: &AnyRow) -> Result<ProposalRecord, StoreError> {
    let fields = Fields::new(row, "proposals", &["digest"]);
    let request = Request {
        chain_id: fields.number("chain_id")?,
        wallet: fields.address("wallet")?,
        epoch: fields.number("epoch")?,
        action: fields.json("action")?,
        nonce: nonce_of(fields.b256("nonce")?),
        deadline: fields.number("deadline")?,
    };
    let digest = request.digest();
    if digest != fields.b256("digest")? {
        return Err(fields.corrupt(format!("its fields make the digest {digest}")));
    }
    Ok(ProposalRecord {
        request,
        digest,
        position: fields.number("position")?,
        note: fields.foreign_text_opt("note")?,
        proposer: fields.address("proposer")?,
        status: status(&fields)?,
        is_final: fields.flag("final")?,
        revision: fields.number("revision")?,
        ready_order: fields.number_opt("ready_order")?,
        failures: fields.json("failures")?,
        created_at: fields.int("created_at")?,
        updated_at: fields.int("updated_at")?,
        signatures: Vec::new(),
    })
}

fn status(fields: &Fields<'_>) -> Result<Status, StoreError> {
    let unknown = || fields.corrupt("status or reason is no known word");
    let reason = match fields.text_opt("reason")? {
        None => None,
        Some(word) => Some(Reason::find(&word).ok_or_else(unknown)?),
    };
    Ok(match (fields.text("status")?.as_str(), reason) {
        ("collecting", None | Some(Reason::Policy)) => Status::Collecting { reason },
        ("ready", _) => Status::Ready { reason },
        ("submitted", None) => Status::Submitted,
        ("executed", None) => Status::Executed {
            tx_hash: fields.b256("execution_tx")?,
            block: fields.block("execution_block", "execution_block_hash")?,
        },
        ("expired", None) => Status::Expired,
        ("superseded", None) => Status::Superseded { by: fields.b256_opt("superseded_by")? },
        _ => return Err(unknown()),
    })
}

/// The proposals of a chain that are not final, or changed at `since` or later, with their signatures.
pub(crate) async fn open(
    connection: &mut AnyConnection,
    chain_id: u64,
    since: i64,
) -> Result<Vec<ProposalRecord>, StoreError> {
    let query = sqlx::query(
        "SELECT * FROM proposals WHERE chain_id = $1 AND (final = 0 OR updated_at >= $2) \
         ORDER BY position",
    );
    let query = query.bind(int("chainId", chain_id)?).bind(since);
    let rows = query.fetch_all(&mut *connection).await?;
    let mut proposals = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    signature::read_into(connection, &mut proposals).await?;
    Ok(proposals)
}
