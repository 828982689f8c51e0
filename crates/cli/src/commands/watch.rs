//! `quorate watch`.

mod line;
mod news;
mod waiting;

use super::target::{Place, owner_of, place_of};
use crate::{
    arguments::{Watch, WatchUntil},
    chain_access, clock,
    failure::{Cause, cause_of},
    output::Output,
    relayer_access::{Answered, Relayer},
    review::{self, Outcome, Sureness},
};
use alloy::primitives::{Address, B256};
use eyre::Result;
use line::Line;
use news::{Due, News};
use quorate_api::client::EventFilter;
use quorate_chain::Chain;
use quorate_core::status::StatusWord;
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::Duration,
};
use tokio::time::timeout;
use waiting::Quiet;

/// Of how many wallets events are asked for one by one. Beyond, those of all are.
const MOST_STREAMS: usize = 8;

pub(crate) async fn run(arguments: Watch, output: Output) -> Result<()> {
    let relayer = Relayer::named(&arguments.access, output)?;
    let chain = chain_access::try_connect(&arguments.chain, output).await?;
    let scope = if !arguments.digests.is_empty() {
        Scope::Digests
    } else if let (Some(owner), chain_id) = owner_of(&arguments.target)? {
        Scope::Owner { owner, chain_id }
    } else if let Some(place) = place_of(&arguments.target, chain.as_ref())? {
        Scope::Wallet(place)
    } else {
        return Err(Cause::Usage.error("nothing to follow: give digests, --owner, or --wallet"));
    };
    let followed = arguments.digests.iter().map(|&digest| (digest, Followed::default())).collect();
    let until = arguments.until;
    let (is_away, missed, quiet) = (false, BTreeSet::new(), Quiet::default());
    let mut watcher =
        Watcher { relayer, chain, scope, followed, until, is_away, missed, quiet, output };
    match arguments.timeout {
        None => watcher.follow().await,
        Some(secs) => match timeout(Duration::from_secs(secs), watcher.follow()).await {
            Ok(done) => done,
            Err(_) => watcher.time_is_over(secs),
        },
    }
}

/// What is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// The proposals that were named.
    Digests,
    /// Those of a wallet.
    Wallet(Place),
    /// Those of an owner's wallets.
    Owner { owner: Address, chain_id: Option<u64> },
}

/// A proposal that is followed.
#[derive(Debug, Default)]
struct Followed {
    /// The wallet it is of, once it was read.
    place: Option<Place>,
    /// What was said of it last.
    line: Option<Line>,
    end: Option<End>,
}

/// How a proposal ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Executed,
    /// It can never be executed.
    Never(StatusWord),
}

struct Watcher {
    relayer: Relayer,
    chain: Option<Chain>,
    scope: Scope,
    followed: BTreeMap<B256, Followed>,
    until: WatchUntil,
    /// Whether the relayer, or the endpoint, did not answer the last time.
    is_away: bool,
    /// Of what something was told that could not be read.
    missed: BTreeSet<B256>,
    quiet: Quiet,
    output: Output,
}

impl Watcher {
    async fn follow(&mut self) -> Result<()> {
        // What happens while the first list is read is to be told too, so they listen before.
        let listening = match self.scope {
            Scope::Digests => None,
            Scope::Wallet(_) | Scope::Owner { .. } => {
                let mut news = News::of(&self.relayer, self.filters());
                news.begun().await;
                Some(news)
            }
        };
        // At the beginning a relayer that does not answer is an error: the URL may be wrong.
        self.look_for_new(&BTreeSet::new()).await?;
        for digest in self.open() {
            self.read(digest).await?;
        }
        // Of proposals that are named it is known by now which wallets they are of.
        let mut news = listening.unwrap_or_else(|| News::of(&self.relayer, self.filters()));
        while !self.is_done() {
            let mut due = news.next(self.output).await;
            due.is_all |= self.is_away;
            due.told.append(&mut self.missed);
            let read = self.catch_up(&due).await;
            self.is_away = match read {
                Ok(()) => false,
                Err(error) if cause_of(&error) == Cause::Unreachable => {
                    if !self.is_away {
                        self.output.warn(&format!("{error:#}; trying again"));
                    }
                    self.missed = due.told;
                    true
                }
                Err(error) => return Err(error),
            };
            if !self.is_away {
                self.say_what_is_waited_for().await;
            }
        }
        self.verdict()
    }

    /// Reads what may have changed: what goes on, and whatever was told, also of what was over.
    async fn catch_up(&mut self, due: &Due) -> Result<()> {
        let is_known = |digest: &&B256| self.followed.contains_key(*digest);
        let mut known: BTreeSet<_> = due.told.iter().filter(is_known).copied().collect();
        let has_unknown = known.len() < due.told.len();
        if due.is_all {
            known.extend(self.open());
        }
        for digest in known {
            self.read(digest).await?;
        }
        if self.scope == Scope::Digests || !(has_unknown || due.is_all) {
            return Ok(());
        }
        for digest in self.look_for_new(&due.told).await? {
            self.read(digest).await?;
        }
        Ok(())
    }

    /// The proposals that go on.
    fn open(&self) -> Vec<B256> {
        let open = self.followed.iter().filter(|(_, followed)| followed.end.is_none());
        open.map(|(digest, _)| *digest).collect()
    }

    /// Adds the open proposals of a wallet, or of an owner's wallets, and those of them of which something was told, which
    /// may be over by now; says which are new.
    async fn look_for_new(&mut self, told: &BTreeSet<B256>) -> Result<Vec<B256>> {
        let places = match self.scope {
            Scope::Digests => Vec::new(),
            Scope::Wallet(place) => vec![place],
            Scope::Owner { owner, chain_id } => {
                let listed = self.relayer.client.wallets(Some(owner), chain_id).await?;
                let place = |wallet: &quorate_api::VerifiedWallet| {
                    let wallet = wallet.wallet();
                    Place { chain_id: wallet.chain_id, wallet: wallet.address }
                };
                listed.items.iter().map(place).collect()
            }
        };
        let mut found = Vec::new();
        for &Place { chain_id, wallet } in &places {
            found.extend(self.relayer.open(chain_id, wallet).await?);
        }
        for digest in told.iter().filter(|digest| !self.followed.contains_key(*digest)) {
            found.extend(self.relayer.client.proposal(*digest).await?);
        }
        let mut new = Vec::new();
        for verified in found {
            let request = verified.request();
            let place = Place { chain_id: request.chain_id, wallet: request.wallet };
            let digest = verified.digest();
            if places.contains(&place)
                && let Entry::Vacant(free) = self.followed.entry(digest)
            {
                free.insert(Followed { place: Some(place), ..Followed::default() });
                new.push(digest);
            }
        }
        Ok(new)
    }

    /// Reads a proposal, and says what changed.
    async fn read(&mut self, digest: B256) -> Result<()> {
        let Some(followed) = self.followed.get_mut(&digest) else { return Ok(()) };
        // Of named ones the chain has to be the endpoint's; of an owner there may be several.
        let is_other = followed.place.zip(self.chain.as_ref());
        let is_other = is_other.is_some_and(|(place, chain)| place.chain_id != chain.id());
        let chain = self.chain.as_ref().filter(|_| self.scope == Scope::Digests || !is_other);
        let answered = self.relayer.look(digest, chain).await?;
        let request = answered.proposal.request();
        followed.place = Some(Place { chain_id: request.chain_id, wallet: request.wallet });
        let line = Line::new(&answered);
        if followed.line.is_none() {
            let tokens = answered.facts.as_ref().map(|facts| &facts.tokens);
            let does = review::summary(request, tokens.unwrap_or(&BTreeMap::new()));
            self.output.say(&format!("{digest}  {does}"));
        }
        if followed.line.as_ref().map(Line::words) != Some(line.words()) {
            self.output.say(&line.text(digest));
        }
        if followed.line.as_ref() != Some(&line) {
            self.quiet = Quiet::default();
            self.output.line(&line.document(digest));
            followed.line = Some(line);
        }
        followed.end = end_of(&answered, self.until);
        Ok(())
    }

    /// Which events are asked for.
    fn filters(&self) -> Vec<EventFilter> {
        match self.scope {
            Scope::Owner { owner, chain_id } => {
                vec![EventFilter { chain_id, owner: Some(owner), ..EventFilter::default() }]
            }
            Scope::Wallet(place) => vec![place.events()],
            Scope::Digests => {
                let places: BTreeSet<_> =
                    self.followed.values().filter_map(|followed| followed.place).collect();
                if places.len() > MOST_STREAMS {
                    return vec![EventFilter::default()];
                }
                places.iter().map(Place::events).collect()
            }
        }
    }

    /// Whether all that were named are over. Of a wallet or an owner there may always come more.
    fn is_done(&self) -> bool {
        self.scope == Scope::Digests && self.open().is_empty()
    }

    /// Says now and then which blocks are waited for, while nothing changes.
    async fn say_what_is_waited_for(&mut self) {
        if !self.quiet.is_long() {
            return;
        }
        let mut waiting = BTreeMap::<Place, Vec<_>>::new();
        for (digest, followed) in self.followed.iter().filter(|(_, f)| f.end.is_none()) {
            if let (Some(place), Some(line)) = (followed.place, &followed.line)
                && let Some(wait) = line.wait()
            {
                waiting.entry(place).or_default().push((*digest, wait));
            }
        }
        for (Place { chain_id, wallet }, waits) in waiting.into_iter().take(MOST_STREAMS) {
            // Whether anybody answers is found, and said, by looking.
            let Ok(Some(wallet)) = self.relayer.client.wallet(chain_id, wallet).await else {
                return;
            };
            for text in waiting::texts(&waits, wallet.wallet(), clock::now()) {
                self.output.waiting(&text);
            }
        }
    }

    fn verdict(&self) -> Result<()> {
        let never = self.followed.iter().filter_map(|(digest, followed)| match followed.end {
            Some(End::Never(status)) => Some(format!("{digest} is {}", status.name())),
            Some(End::Executed) | None => None,
        });
        let never: Vec<_> = never.collect();
        if never.is_empty() {
            return Ok(());
        }
        Err(Cause::FailedOnChain.error(format!("never to be executed: {}", never.join("; "))))
    }

    fn time_is_over(&self, secs: u64) -> Result<()> {
        if self.scope != Scope::Digests {
            return Ok(());
        }
        // What is over for ever does not get better by waiting.
        self.verdict()?;
        let open = self.followed.iter().filter(|(_, followed)| followed.end.is_none());
        let state = |line: &Line| line.words();
        let open = open.map(|(digest, followed)| {
            let state = followed.line.as_ref().map_or("not read".to_owned(), state);
            format!("{digest} is {state}")
        });
        let open: Vec<_> = open.collect();
        let waited = clock::span(secs);
        Err(Cause::NotYet.error(format!("not done after {waited}: {}", open.join("; "))))
    }
}

impl Place {
    fn events(&self) -> EventFilter {
        let Self { chain_id, wallet } = *self;
        EventFilter { chain_id: Some(chain_id), wallet: Some(wallet), owner: None }
    }
}

/// How it ended, if it has. Where a chain is read, it has to show the same.
fn end_of(answered: &Answered, until: WatchUntil) -> Option<End> {
    let proposal = answered.verified.proposal();
    let is_sure = answered.facts.is_none() || answered.sureness == Sureness::Proven;
    let is_enough = proposal.is_final || until == WatchUntil::Executed;
    let outcome = answered.facts.as_ref().and_then(|facts| facts.outcome.as_ref());
    match proposal.status {
        StatusWord::Executed if is_sure && is_enough => Some(End::Executed),
        status @ (StatusWord::Superseded | StatusWord::Expired) if is_sure && proposal.is_final => {
            Some(End::Never(status))
        }
        // The relayer is late, or does not tell.
        _ => (until == WatchUntil::Executed && matches!(outcome, Some(Outcome::Executed(_))))
            .then_some(End::Executed),
    }
}
