//! A storm of endpoints: each fault at each rate, for single methods and for all, while `quorate relayer` has to go on.

use super::{
    Outcome,
    kinds::Kind,
    stage::{PAUSE, Place, Stage},
};
use crate::books::Books;
use eyre::{Result, bail, ensure};
use quorate_lab::proxy::Faults;
use std::{fmt::Write as _, time::Duration};
use tokio::time::{Instant, sleep};

/// What the engine asks, and in which order each is struck alone.
pub const METHODS: [&str; 13] = [
    "eth_getBlockByNumber",
    "eth_getBlockByHash",
    "eth_getLogs",
    "eth_getBlockReceipts",
    "eth_getTransactionReceipt",
    "eth_call",
    "eth_getCode",
    "eth_estimateGas",
    "eth_simulateV1",
    "eth_feeHistory",
    "eth_sendRawTransaction",
    "eth_getTransactionCount",
    "eth_getBalance",
];

/// How often of a thousand times a fault strikes.
pub const RATES: [u32; 3] = [100, 500, 900];

/// How many payments get their last signature while one method, or all, are struck.
const AT_A_TIME: usize = 4;

/// From block to block.
const PACE: Duration = Duration::from_millis(400);

/// What is struck when the program starts anew.
const ANEW: &str = "all, started anew";

/// How long what is struck may go on before somebody is told, where work was done sooner.
const TO_NAME: Duration = Duration::from_secs(5);

/// How many failures of an endpoint are worth a word.
const WORTH_A_WORD: u64 = 10;

/// One fault at one rate on one store.
#[derive(Clone, Debug)]
pub struct Storm {
    /// What goes wrong.
    pub kind: Kind,
    /// How often of a thousand times.
    pub per_mille: u32,
    /// Where the store is.
    pub place: Place,
    /// The methods that are struck alone, before all are.
    pub methods: Vec<&'static str>,
}

/// How long it took until something was executed, while which methods were struck.
#[derive(Clone, Debug)]
pub struct Wait {
    /// `all` or the method.
    pub struck: &'static str,
    /// How long; none where nothing was executed in time.
    pub took: Option<Duration>,
    /// How many requests were struck.
    pub struck_requests: u64,
    /// Whether `/readyz` or the log named the endpoint, or what it did not do.
    pub is_named: bool,
}

/// What came of a storm.
#[derive(Clone, Debug)]
pub struct Weathered {
    /// Which it was.
    pub storm: Storm,
    /// The waits, one for each method and for all.
    pub waits: Vec<Wait>,
    /// With the books.
    pub outcome: Outcome,
}

impl Storm {
    /// Its name.
    pub fn name(&self) -> String {
        let Self { kind, per_mille, place, .. } = self;
        format!("{} at {} on {}", kind.name, kind.rate_name(*per_mille), place.word())
    }

    /// Lets it blow.
    pub async fn blow(self) -> Weathered {
        let begun = Instant::now();
        let mut waits = Vec::new();
        let books = self.endure(&mut waits).await.map_err(|error| format!("{error:#}"));
        let outcome = Outcome { name: self.name(), took: begun.elapsed(), books };
        Weathered { storm: self, waits, outcome }
    }

    async fn endure(&self, waits: &mut Vec<Wait>) -> Result<Books> {
        // One method after the other, all while it starts, and all in the middle of its work.
        let payments = (self.methods.len() + 2) * AT_A_TIME;
        let mut stage = Stage::start(&self.place, payments as u64, self.kind.poll_millis()).await?;
        stage.mine_every(PACE);
        let mut trouble = String::new();
        for &method in &self.methods {
            self.phase(&mut stage, method, Some(method), waits, &mut trouble).await?;
        }
        self.phase(&mut stage, "all", None, waits, &mut trouble).await?;
        stage.proxy.set_faults(self.faults(None));
        stage.restart().await?;
        self.phase(&mut stage, ANEW, None, waits, &mut trouble).await?;
        ensure!(struck_requests(&stage) > 0, "nothing was struck");
        if let Some(unnamed) = self.unnamed(waits) {
            let _ =
                writeln!(trouble, "neither /readyz nor the log named what was wrong: {unnamed}");
        }
        let books = stage.close().await;
        if trouble.is_empty() { books } else { bail!("{trouble}{}", ending(&books)) }
    }

    /// Has payments completed while a method, or all, are struck, and waits until something is executed.
    async fn phase(
        &self,
        stage: &mut Stage,
        struck: &'static str,
        method: Option<&'static str>,
        waits: &mut Vec<Wait>,
        trouble: &mut String,
    ) -> Result<()> {
        let (begun, patience) =
            (Instant::now(), self.kind.patience(self.per_mille, struck == ANEW));
        let struck_before = struck_requests(stage);
        stage.proxy.set_faults(self.faults(method));
        // What was on its way before has not to do with this.
        let before = stage.executed(patience).await?;
        stage.complete(AT_A_TIME, patience).await?;
        let all = stage.completed;
        let took = loop {
            let executed = stage.executed(patience).await?;
            if executed > before || executed == all {
                break Some(begun.elapsed());
            }
            if begun.elapsed() > patience {
                break None;
            }
            sleep(PAUSE).await;
        };
        let mut is_named = stage.names_trouble(method).await?;
        let worked = Instant::now();
        while self.kind.is_told() && !is_named && worked.elapsed() < TO_NAME {
            sleep(PAUSE).await;
            is_named = stage.names_trouble(method).await?;
        }
        let struck_requests = struck_requests(stage) - struck_before;
        waits.push(Wait { struck, took, struck_requests, is_named });
        if took.is_none() {
            let _ = writeln!(
                trouble,
                "nothing executed within {patience:?} while {struck} was struck, {} asked, {} struck: {}",
                stage.proxy.calls().values().sum::<u64>(),
                stage.proxy.struck().values().sum::<u64>(),
                stage.relayer.last_words()
            );
            // The others are to be tried too.
            stage.proxy.set_faults(Faults::none(1));
            let begun = Instant::now();
            while stage.executed(patience).await? <= before {
                ensure!(begun.elapsed() < patience, "{trouble}nor after it");
                sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// What nobody was told of, where it should have been.
    fn unnamed(&self, waits: &[Wait]) -> Option<String> {
        let quiet = |wait: &&Wait| !wait.is_named && wait.struck_requests >= WORTH_A_WORD;
        let quiet: Vec<_> = waits.iter().filter(quiet).map(|wait| wait.struck).collect();
        (self.kind.is_told() && !quiet.is_empty()).then(|| quiet.join(", "))
    }

    fn faults(&self, method: Option<&'static str>) -> Faults {
        self.kind.faults(self.per_mille, method)
    }
}

/// How many requests were struck so far.
fn struck_requests(stage: &Stage) -> u64 {
    stage.proxy.struck().values().sum()
}

fn ending(books: &Result<Books>) -> String {
    match books {
        Ok(_) => "then all added up".to_owned(),
        Err(error) => format!("{error:#}"),
    }
}
