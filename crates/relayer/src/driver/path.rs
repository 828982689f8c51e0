//! The headers that lead from what was told to a head.

use super::{Context, follow::Follower, reading, watched::Watched};
use alloy::rpc::types::Log;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use quorate_chain::{Chain, ChainError, Header};
use std::collections::{BTreeMap, VecDeque};

/// How many blocks are told together at most, while catching up.
const PART: u64 = 64;

/// How many times as many blocks as are remembered are caught up with one after the other. Beyond that the newest are told,
/// and the engine reads back the events between.
const FAR: u64 = 16;

/// How many headers are read side by side.
const SIDE_BY_SIDE: usize = 16;

/// Headers that follow one another.
pub(super) struct Path {
    /// In ascending order; at least one.
    pub(super) headers: Vec<Header>,
    /// Whether they are to be told all together or not at all: what goes before them is not known.
    pub(super) is_whole: bool,
    /// The events of these blocks, where they were read at the same time, and by whom. Not believed yet.
    pub(super) found: Option<(Chain, Vec<Log>)>,
}

/// The headers from the first that was not told towards `head`.
pub(super) async fn towards(
    follower: &Follower,
    context: &Context,
    watched: &Watched,
    head: Header,
) -> Result<Path, ChainError> {
    let history = context.settings.history as u64;
    let target = follower.read().target.map_or(head.number, |target| target.number);
    let newest = |from: u64| from.max(target.saturating_add(1).saturating_sub(history));
    match follower.known.back() {
        Some(last) if head.number <= last.number => branch(follower, context, head).await,
        Some(last) if head.number - last.number <= history.saturating_mul(FAR) => {
            let (last, to) = (*last, head.number.min(last.number + PART));
            ascend(follower, context, watched, (last, to), head).await
        }
        Some(_) => whole(follower, context, newest(0), head).await,
        None => {
            whole(follower, context, newest(follower.wanted.unwrap_or(head.number)), head).await
        }
    }
}

/// Those that follow the last that was told, as far as they could be read.
async fn ascend(
    follower: &Follower,
    context: &Context,
    watched: &Watched,
    (last, to): (Header, u64),
    head: Header,
) -> Result<Path, ChainError> {
    let from = last.number + 1;
    let count = usize::try_from(to - from).map_or(usize::MAX, |count| count.saturating_add(1));
    let logs = async {
        if !reading::is_range(count) {
            return None;
        }
        reading::range(context, watched, (from, to)).await.ok()
    };
    let (read, found) = tokio::join!(headers(follower, context, (from, to), head), logs);
    let (headers, failed) = read;
    let linked = linked(headers.values().copied(), Some(last));
    if let Some(first) = headers.get(&from)
        && linked.is_empty()
    {
        // It has another parent than the one that was told.
        follower.read().headers.clear();
        return branch(follower, context, *first).await;
    }
    if linked.len() < headers.len() {
        // Of branches that do not go together.
        let reached = linked.last().map_or(last.number, |header| header.number);
        follower.read().headers.retain(|number, _| *number <= reached);
    }
    match failed {
        Some(error) if linked.is_empty() => Err(error),
        _ if linked.is_empty() => Err(missing(from)),
        _ => Ok(Path { headers: linked, is_whole: false, found }),
    }
}

/// Those from `from` to `head`, all of them.
async fn whole(
    follower: &Follower,
    context: &Context,
    from: u64,
    head: Header,
) -> Result<Path, ChainError> {
    // The same as before, where it was not reached yet: blocks may come faster than they can be read.
    let before = follower.read().target;
    let head =
        before.filter(|target| (from..=head.number).contains(&target.number)).unwrap_or(head);
    let parent = head.number.saturating_sub(1);
    if from < head.number
        && !follower.read().headers.get(&parent).is_some_and(|p| is_parent(p, &head))
    {
        // One that is made up has none.
        let parent = context.endpoints.read(|chain| parent_of(chain, head)).await?;
        follower.read().headers.insert(parent.number, parent);
    }
    follower.read().target = Some(head);
    let (headers, failed) = headers(follower, context, (from, head.number), head).await;
    if let Some(error) = failed {
        return Err(error);
    }
    let linked = linked(headers.values().copied(), None);
    if linked.first().is_none_or(|first| first.number != from) || linked.last() != Some(&head) {
        let mut read = follower.read();
        (read.target, read.headers) = (None, BTreeMap::new());
        return Err(missing(head.number));
    }
    Ok(Path { headers: linked, is_whole: true, found: None })
}

/// The headers of a range by number, those that were read before as they are; and why some are missing.
async fn headers(
    follower: &Follower,
    context: &Context,
    (from, to): (u64, u64),
    head: Header,
) -> (BTreeMap<u64, Header>, Option<ChainError>) {
    let mut found: BTreeMap<u64, Header> = {
        let read = follower.read();
        read.headers.range(from..=to).map(|(number, header)| (*number, *header)).collect()
    };
    if (from..=to).contains(&head.number) {
        found.insert(head.number, head);
    }
    let unread: Vec<u64> = (from..=to).filter(|number| !found.contains_key(number)).collect();
    let read = unread.into_iter();
    let read = read.map(|number| context.endpoints.insist(move |chain| at(chain, number)).boxed());
    let read: Vec<_> = read.collect();
    let mut read = stream::iter(read).buffer_unordered(SIDE_BY_SIDE);
    let mut failed = None;
    while let Some(answer) = read.next().await {
        match answer {
            Ok(header) => {
                follower.read().headers.insert(header.number, header);
                found.insert(header.number, header);
            }
            Err(error) => failed = Some(error),
        }
    }
    (found, failed)
}

async fn at(chain: Chain, number: u64) -> Result<Header, ChainError> {
    chain.block_at(number).await?.ok_or_else(|| missing(number))
}

/// Those of them that follow one another, the first one `before` if there is one.
fn linked(headers: impl Iterator<Item = Header>, before: Option<Header>) -> Vec<Header> {
    let (mut before, mut linked) = (before, Vec::new());
    for header in headers {
        if before.is_some_and(|before| !is_parent(&before, &header)) {
            break;
        }
        before = Some(header);
        linked.push(header);
    }
    linked
}

/// Those from where `newest` branches off what was told, found by parent hash.
async fn branch(
    follower: &Follower,
    context: &Context,
    newest: Header,
) -> Result<Path, ChainError> {
    let mut path = VecDeque::from([newest]);
    let lowest = follower.known.front().map(|known| known.number).or(follower.wanted);
    while let (Some(first), Some(lowest)) = (path.front(), lowest) {
        let is_joined = follower.known.iter().any(|known| is_parent(known, first));
        let is_long = path.len() >= context.settings.history;
        if is_joined || is_long || first.number <= lowest {
            break;
        }
        let child = *first;
        let parent = context.endpoints.read(|chain| parent_of(chain, child)).await?;
        path.push_front(parent);
    }
    Ok(Path { headers: path.into(), is_whole: true, found: None })
}

/// The block before another: by its hash, or where that is not taken, by its number.
async fn parent_of(chain: Chain, child: Header) -> Result<Header, ChainError> {
    let before = child.number.saturating_sub(1);
    let found = match chain.block(child.parent).await {
        Ok(Some(found)) => Some(found),
        Ok(None) | Err(_) => chain.block_at(before).await?,
    };
    found.filter(|found| is_parent(found, &child)).ok_or_else(|| missing(before))
}

fn is_parent(parent: &Header, child: &Header) -> bool {
    parent.hash == child.parent && parent.number.checked_add(1) == Some(child.number)
}

fn missing(number: u64) -> ChainError {
    ChainError::WrongAnswer {
        endpoint: "the chain".to_owned(),
        method: "eth_getBlockByNumber",
        reason: format!("block {number} is not there yet, or another one"),
    }
}
