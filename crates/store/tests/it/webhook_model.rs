//! Random deliveries: the store answers as a model does that keeps a list and looks through all of it.

use crate::{
    database::Database,
    sample::{NOW, config, ecdsa, new_wallet, owner, proposal, wallet},
};
use alloy::primitives::B256;
use eyre::Result;
use proptest::{collection::vec, prelude::*};
use quorate_store::{
    DeliveryAttempt, DeliveryFilter, DeliveryState, EventFilter, EventKind, EventKinds,
    NewSignature, Recorded, Storage, Store,
};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Something happens to a proposal (0 and 1) or a wallet.
    Happen {
        subject: u8,
    },
    Enqueue {
        kinds: u8,
        limit: u32,
    },
    /// One of those that are due is told, or not.
    Tell {
        pick: usize,
        is_told: bool,
        wait: i64,
        /// Whether it asks for a pause.
        is_held: bool,
    },
    /// An attempt that began earlier ends, or is recorded again.
    Late {
        pick: usize,
        is_told: bool,
        is_again: bool,
    },
    Redeliver {
        from: u64,
        to: u64,
        kinds: u8,
    },
    Enable {
        is_enabled: bool,
    },
    Pass {
        wait: i64,
    },
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_u8..4).prop_map(|subject| Step::Happen { subject }),
        4 => (0_u8..6, 1_u32..6).prop_map(|(kinds, limit)| Step::Enqueue { kinds, limit }),
        8 => (any::<usize>(), any::<bool>(), 1_i64..9, prop::bool::weighted(0.2)).prop_map(
            |(pick, is_told, wait, is_held)| Step::Tell { pick, is_told, wait, is_held }
        ),
        2 => (any::<usize>(), any::<bool>(), any::<bool>()).prop_map(
            |(pick, is_told, is_again)| Step::Late { pick, is_told, is_again }
        ),
        2 => (0_u64..12, 0_u64..20, 0_u8..6).prop_map(|(from, to, kinds)| {
            Step::Redeliver { from, to, kinds }
        }),
        1 => prop::bool::weighted(0.7).prop_map(|is_enabled| Step::Enable { is_enabled }),
        3 => (1_i64..6).prop_map(|wait| Step::Pass { wait }),
        1 => Just(Step::Restart),
    ]
}

/// Mostly all.
fn kinds(number: u8) -> EventKinds {
    match number {
        0 => Some([EventKind::WalletReconfigured].into()),
        1 => Some([EventKind::Proposed, EventKind::Signed].into()),
        _ => None,
    }
}

/// What is told in order: a digest or a wallet's address.
type Subject = Vec<u8>;

#[derive(Clone, Debug)]
struct Row {
    subject: Subject,
    is_pending: bool,
    /// When, if it is the first of its subject.
    at: i64,
    attempts: u32,
    failures: u32,
}

/// What is true, the plain way.
#[derive(Default)]
struct Model {
    /// Kind and subject of each event, from 1.
    events: Vec<(EventKind, Subject)>,
    cursor: u64,
    is_disabled: bool,
    /// Until when nothing is told.
    held: i64,
    rows: BTreeMap<u64, Row>,
    /// What was told, in order.
    told: Vec<u64>,
}

impl Model {
    fn first(&self, subject: &Subject) -> Option<u64> {
        let mut rows = self.rows.iter();
        rows.find(|(_, row)| row.is_pending && row.subject == *subject).map(|(at, _)| *at)
    }

    fn is_first(&self, sequence: u64) -> bool {
        self.rows.get(&sequence).is_some_and(|row| self.first(&row.subject) == Some(sequence))
    }

    fn due(&self, now: i64) -> Vec<u64> {
        let rows = self.rows.iter().filter(|(at, row)| self.is_first(**at) && row.at <= now);
        let mut due: Vec<_> = rows.map(|(sequence, row)| (row.at, *sequence)).collect();
        due.sort_unstable();
        let due = due.into_iter().map(|(_, sequence)| sequence);
        let is_quiet = self.is_disabled || self.held > now;
        if is_quiet { Vec::new() } else { due.collect() }
    }

    fn note(&mut self, sequence: u64, kinds: &EventKinds, at: i64) {
        let (kind, subject) = &self.events[sequence as usize - 1];
        if kinds.as_ref().is_none_or(|kinds| kinds.contains(kind)) {
            let (subject, is_pending) = (subject.clone(), true);
            let row = Row { subject, is_pending, at, attempts: 0, failures: 0 };
            self.rows.entry(sequence).or_insert(row);
        }
    }

    fn enqueue(&mut self, kinds: &EventKinds, limit: u32, at: i64) {
        for _ in 0..limit {
            if self.cursor < self.events.len() as u64 {
                self.cursor += 1;
                self.note(self.cursor, kinds, at);
            }
        }
    }

    fn redeliver(&mut self, from: u64, to: u64, kinds: &EventKinds, at: i64) -> u64 {
        let range = from.max(1)..=to.min(self.cursor);
        if from <= to.min(self.cursor) {
            self.end_hold(at);
        }
        for sequence in range.clone() {
            self.note(sequence, kinds, at);
            if let Some(row) = self.rows.get_mut(&sequence) {
                (row.is_pending, row.failures) = (true, 0);
            }
        }
        let pending: Vec<_> = range
            .filter(|sequence| self.rows.get(sequence).is_some_and(|row| row.is_pending))
            .collect();
        for sequence in &pending {
            if self.is_first(*sequence) {
                self.rows.get_mut(sequence).expect("it is there").at = at;
            }
        }
        pending.len() as u64
    }

    fn end_hold(&mut self, at: i64) {
        if self.held > at {
            self.held = 0;
        }
    }

    fn record(&mut self, attempt: &DeliveryAttempt, at: i64) -> Recorded {
        let row = self.rows.get_mut(&attempt.sequence).expect("it is there");
        if !row.is_pending || row.attempts >= attempt.number {
            return Recorded::Known;
        }
        row.attempts = attempt.number;
        let subject = row.subject.clone();
        let first = self.first(&subject);
        let row = self.rows.get_mut(&attempt.sequence).expect("it is there");
        match attempt.retry_at {
            Some(retry_at) => {
                row.failures += 1;
                row.at = retry_at;
                self.held = self.held.max(attempt.hold_until.unwrap_or(0));
            }
            None => {
                (row.is_pending, row.failures) = (false, 0);
                self.told.push(attempt.sequence);
            }
        }
        let next = self.first(&subject);
        if next != first
            && let Some(row) = next.and_then(|next| self.rows.get_mut(&next))
        {
            row.at = at;
        }
        Recorded::New
    }
}

struct Trial {
    database: Database,
    store: Store,
    digests: [B256; 2],
    model: Model,
    now: i64,
    number: u32,
}

fn hook() -> String {
    "hook".to_owned()
}

impl Trial {
    async fn new() -> Result<Self> {
        let database = Database::sqlite()?;
        let store = database.open().await?;
        store.enqueue_deliveries(hook(), None, 1, NOW).await?;
        for number in 0..2 {
            store.register_wallet(new_wallet(number), NOW).await?;
        }
        let digests = [
            store.record_proposal(proposal(0), NOW).await?.digest,
            store.record_proposal(proposal(1), NOW).await?.digest,
        ];
        let (model, now, number) = (Model::default(), NOW, 0);
        let mut trial = Self { database, store, digests, model, now, number };
        trial.follow().await?;
        Ok(trial)
    }

    /// Tells the model what happened.
    async fn follow(&mut self) -> Result<()> {
        let known = self.model.events.len() as u64;
        for event in self.store.events_after(known, EventFilter::default(), 100).await? {
            let address = event.wallet.address.to_vec();
            let subject = event.digest.map_or(address, |digest| digest.to_vec());
            self.model.events.push((event.kind, subject));
        }
        Ok(())
    }

    async fn happen(&mut self, subject: u8) -> Result<()> {
        self.number += 1;
        let number = (self.number % 100) as u8;
        if let Some(&digest) = self.digests.get(usize::from(subject)) {
            let signed = NewSignature {
                owner: owner(1),
                signature: ecdsa(number),
                verified: true,
                replaces: Some(ecdsa(number.wrapping_sub(1))),
            };
            // Whether it is an event or not is all the same.
            self.store.accept_signature(digest, signed, self.now).await?;
        } else {
            let key = wallet(subject - 2);
            self.store.record_config(key, config(), self.number, self.now).await?;
        }
        self.follow().await
    }

    async fn record(
        &mut self,
        sequence: u64,
        number: u32,
        retry_at: Option<i64>,
        hold_until: Option<i64>,
    ) -> Result<()> {
        let outcome = number.to_string();
        let attempt =
            DeliveryAttempt { webhook: hook(), sequence, number, outcome, retry_at, hold_until };
        let expected = self.model.record(&attempt, self.now);
        assert_eq!(self.store.record_delivery(attempt, self.now).await?, expected);
        Ok(())
    }

    async fn take(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Happen { subject } => self.happen(subject).await?,
            Step::Enqueue { kinds: number, limit } => {
                self.model.enqueue(&kinds(number), limit, self.now);
                let enqueued =
                    self.store.enqueue_deliveries(hook(), kinds(number), limit, self.now).await?;
                let is_last = self.model.cursor == self.model.events.len() as u64;
                assert_eq!(
                    (enqueued.sequence, enqueued.is_caught_up),
                    (self.model.cursor, is_last)
                );
            }
            Step::Tell { pick, is_told, wait, is_held } => {
                let due = self.model.due(self.now);
                if let Some(&sequence) = due.get(pick % due.len().max(1)) {
                    let number = self.model.rows[&sequence].attempts + 1;
                    let until = self.now + wait;
                    let hold = is_held.then_some(until);
                    self.record(sequence, number, (!is_told).then_some(until), hold).await?;
                }
            }
            Step::Late { pick, is_told, is_again } => {
                let rows = &self.model.rows;
                if let Some((&sequence, row)) = rows.iter().nth(pick % rows.len().max(1)) {
                    let number = row.attempts + u32::from(!is_again);
                    let until = self.now + 3;
                    self.record(sequence, number, (!is_told).then_some(until), None).await?;
                }
            }
            Step::Redeliver { from, to, kinds: number } => {
                let expected = self.model.redeliver(from, to, &kinds(number), self.now);
                let pending =
                    self.store.redeliver(hook(), kinds(number), from..=to, self.now).await?;
                assert_eq!(pending, expected);
            }
            Step::Enable { is_enabled } => {
                self.model.is_disabled = !is_enabled;
                if is_enabled {
                    self.model.end_hold(self.now);
                }
                self.store.set_webhook_enabled(hook(), is_enabled, self.now).await?;
            }
            Step::Pass { wait } => self.now += wait,
            Step::Restart => {
                self.store.close().await;
                self.store = self.database.open().await?;
            }
        }
        self.compare().await
    }

    async fn compare(&self) -> Result<()> {
        for now in [self.now, i64::MAX] {
            let due = self.store.due_deliveries(hook(), now, 1_000).await?;
            let due: Vec<_> = due.iter().map(|delivery| delivery.event.sequence).collect();
            assert_eq!(due, self.model.due(now));
        }
        let all = self.store.list_deliveries(hook(), DeliveryFilter::All, None, 1_000).await?.items;
        let found = all.iter().rev().map(|delivery| {
            (delivery.event.sequence, delivery.state, delivery.attempts, delivery.failures)
        });
        let expected = self.model.rows.iter().map(|(&sequence, row)| {
            let state = match row.is_pending {
                true if self.model.is_first(sequence) => {
                    DeliveryState::Due { at: row.at.max(self.model.held) }
                }
                true => DeliveryState::Behind,
                false => DeliveryState::Delivered,
            };
            (sequence, state, row.attempts, row.failures)
        });
        assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        Ok(())
    }

    /// When all goes well at last, all was told that was noted, and each subject's events first in their order.
    async fn end(&mut self) -> Result<()> {
        self.take(Step::Enable { is_enabled: true }).await?;
        self.take(Step::Enqueue { kinds: 5, limit: 1_000 }).await?;
        self.now += 100;
        while let Some(&sequence) = self.model.due(self.now).first() {
            let number = self.model.rows[&sequence].attempts + 1;
            self.record(sequence, number, None, None).await?;
        }
        self.compare().await?;
        let told = &self.model.told;
        assert!(self.model.rows.keys().all(|sequence| told.contains(sequence)), "one was lost");
        Ok(())
    }
}

async fn check(steps: Vec<Step>) -> Result<()> {
    let mut trial = Trial::new().await?;
    // What was told late may have been out of order, and what was noted later.
    let is_orderly =
        !steps.iter().any(|step| matches!(step, Step::Late { .. } | Step::Redeliver { .. }));
    for step in steps {
        trial.take(step).await?;
    }
    trial.end().await?;
    if is_orderly {
        let mut last = BTreeMap::new();
        for &sequence in &trial.model.told {
            let subject = &trial.model.rows[&sequence].subject;
            let before = last.insert(subject, sequence);
            assert!(before < Some(sequence), "{sequence} after {before:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..Default::default() })]

    #[test]
    fn webhooks_are_told_what_the_model_tells(steps in vec(step(), 1..80)) {
        let runtime = tokio::runtime::Runtime::new().expect("it starts");
        let kept = runtime.block_on(check(steps));
        prop_assert!(kept.is_ok(), "{kept:?}");
    }

    #[test]
    fn nothing_is_lost_and_each_proposal_keeps_its_order(
        steps in vec(step().prop_filter("orderly", |step| {
            !matches!(step, Step::Late { .. } | Step::Redeliver { .. })
        }), 1..60),
    ) {
        let runtime = tokio::runtime::Runtime::new().expect("it starts");
        let kept = runtime.block_on(check(steps));
        prop_assert!(kept.is_ok(), "{kept:?}");
    }
}
