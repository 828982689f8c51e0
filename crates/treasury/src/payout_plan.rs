//! The plan of a payout run: every line of a list, and the batches that a wallet pays them in, frozen in a file.
//!
//! Lines are grouped by token, in the order in which the tokens first appear, and each group is split into batches of at most
//! [`Plan::max_lines`]. Batch k of the run, counted across all tokens, is asked for at the nonces that follow from run and k,
//! see [`run`](crate::run), so a wallet pays it at most once, and no batch waits for another.
//!
//! The chain knows batches by run and number, not by what they pay. So a list that was corrected is planned with the old plan
//! at hand ([`Edit`]): every line stays in its batch, and new ones make new batches at the end. Then old and new exclude each
//! other wherever they differ.

mod document;
mod expected;

pub use document::PlanFileError;
pub use expected::{Expected, ExpectedError, Unexpected};

use crate::{
    PayoutFile, PayoutFileError,
    payout_file::{ETHER, Row, read_amount},
    problem::{Fault, Problem},
};
use alloy::primitives::{Address, B256, U256};
use quorate_core::{Action, Lane, action::Transfer, amount::ETHER_DECIMALS, text::shown};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// How many payments a batch has where nothing else is said.
///
/// 100 payments of an ERC-20 use below 1 M gas where the payees hold the token already and 2.6 M where none
/// does; of ether, to accounts that never had any, 3.5 M. So a batch soon finds room in a block, and one that
/// fails loses little.
pub const DEFAULT_MAX_LINES: usize = 100;

/// How many payments a batch can have: Ledger's app and libraries count the elements of a list in one byte.
///
/// At their dearest 255 use 7 M gas of an ERC-20 and 9 M of ether, which leaves room for dearer tokens. One transaction takes
/// 2^24, 16.8 M (EIP-7825). Their calldata is 17 KiB, far below the 96 KiB that every node passes on.
pub const MOST_LINES_OF_BATCH: usize = 255;

/// How many bytes the name of a run can have.
const LONGEST_RUN: usize = 64;

/// What a run is planned by, beside its list.
#[derive(Clone, Debug)]
pub struct Terms<'a> {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// The wallet that pays.
    pub wallet: Address,
    /// The name of the run, unique for the wallet.
    pub run: &'a str,
    /// The decimals of [`PayoutFile::tokens`]; ether's need not be there.
    pub decimals: &'a BTreeMap<Address, u8>,
    /// How many payments a batch has at most; none takes those of the old plan, or [`DEFAULT_MAX_LINES`].
    pub max_lines: Option<usize>,
}

/// A run, frozen. The same list and terms give the same plan, and the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// The wallet that pays.
    pub wallet: Address,
    /// The name of the run, unique for the wallet.
    pub run: String,
    /// How many payments a batch has at most.
    pub max_lines: usize,
    /// The plans that this one is an edit of, the oldest first.
    pub edits: Vec<Edit>,
    /// The names of the columns that are carried along.
    pub columns: Vec<String>,
    /// The decimals of each token, ether's too.
    pub decimals: BTreeMap<Address, u8>,
    /// The lines: those of old plans first, in their order.
    pub lines: Vec<Line>,
    /// The batches, by number; at least one. They follow from the lines.
    pub batches: Vec<Batch>,
    /// What is paid of each token, in the order in which they first appear.
    pub totals: Vec<Total>,
    /// keccak256 of the file's bytes, for people to compare. Not a digest: nobody signs it.
    pub hash: B256,
}

/// An older plan of the same run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Its hash.
    pub plan: B256,
    /// How many lines it had, which are the first of the edited one.
    pub lines: usize,
}

/// One payment of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its id, unique in the plan.
    pub id: String,
    /// The payee.
    pub payee: Address,
    /// The token; zero is ether.
    pub token: Address,
    /// Wei, or the token's smallest units; above zero, below 2^256-1.
    pub amount: U256,
    /// What others wrote: to be escaped where it is shown.
    pub note: String,
    /// What is carried along, by the name of the column; one for each of [`Plan::columns`] that the line has.
    pub carried: BTreeMap<String, String>,
    /// Whether an edit took it off the list. It keeps its place, so that its batch stays what it is.
    pub removed: bool,
}

/// Payments of one token that a wallet makes in one transaction, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its number in the run, from 0.
    pub number: u64,
    /// The token; zero is ether.
    pub token: Address,
    /// The places of its lines in [`Plan::lines`], those that were removed too.
    pub lines: Vec<usize>,
    /// What the lines that were not removed add up to, in the token's smallest units.
    pub total: U256,
}

/// What a plan pays of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// The token; zero is ether.
    pub token: Address,
    /// How many decimals it has.
    pub decimals: u8,
    /// How many payments are made.
    pub count: usize,
    /// What they add up to, in smallest units.
    pub amount: U256,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// A name that two people could type in two ways.
    #[error(
        "{} is no name of a run: it takes 1 to {LONGEST_RUN} of a-z, 0-9, . _ and -, a letter or digit first, like payroll-2026-11",
        shown(run)
    )]
    RunName {
        /// What was given.
        run: String,
    },
    /// No payments in a batch, or more than a Ledger counts.
    #[error(
        "batches of {max_lines} lines: a batch has 1 to {MOST_LINES_OF_BATCH}, because a Ledger counts no further"
    )]
    MaxLines {
        /// What was given.
        max_lines: usize,
    },
    /// The caller did not look up a token.
    #[error("the decimals of token {token} are not known: ask the chain for them")]
    DecimalsUnknown {
        /// The token.
        token: Address,
    },
    /// 2^256 smallest units or more.
    #[error("the payments of {} add up to more than any token can hold", shown_token(*token))]
    TotalTooLarge {
        /// The token; zero is ether.
        token: Address,
    },
    /// The old plan is of something else.
    #[error("the old plan is of another {what}, {}: an edit keeps it", shown(old))]
    OtherPlan {
        /// What differs.
        what: &'static str,
        /// What the old plan has.
        old: String,
    },
    /// Nothing is left of the list.
    #[error("every line was removed: to pay none of a run, cancel its batches")]
    NothingLeft,
    /// What is wrong with the list, once wallet and tokens are known.
    #[error(transparent)]
    File(#[from] PayoutFileError),
}

/// Plans how a wallet pays `file`. With `old`, the plan of an earlier list of this run, every line stays in its batch.
///
/// Does not know what the wallet holds, nor what was paid before.
///
/// # Errors
///
/// If the run's name or the number of lines will not do, decimals are missing, an amount does not fit its token, the wallet
/// would pay itself, a total is 2^256 or more, or the old plan is of another run.
pub fn plan(file: &PayoutFile, terms: &Terms<'_>, old: Option<&Plan>) -> Result<Plan, PlanError> {
    check_run(terms.run)?;
    if let Some(old) = old {
        check_old(old, terms)?;
    }
    let max_lines = terms.max_lines.or(old.map(|old| old.max_lines)).unwrap_or(DEFAULT_MAX_LINES);
    check_max_lines(max_lines)?;
    let mut decimals = decimals_of(file, terms.decimals)?;
    let lines = lines(file, terms.wallet, &decimals)?;
    let (lines, edits) = match old {
        None => (lines, Vec::new()),
        Some(old) => {
            decimals.extend(old.decimals.iter().map(|(&token, &decimals)| (token, decimals)));
            let edit = Edit { plan: old.hash, lines: old.lines.len() };
            (edited(old, file, lines)?, old.edits.iter().copied().chain([edit]).collect())
        }
    };
    if lines.iter().all(|line| line.removed) {
        return Err(PlanError::NothingLeft);
    }
    let mut columns = old.map(|old| old.columns.clone()).unwrap_or_default();
    let new = file.carried().iter().filter(|column| !columns.contains(column));
    columns.extend(new.cloned().collect::<Vec<_>>());
    let mut plan = Plan {
        chain_id: terms.chain_id,
        wallet: terms.wallet,
        run: terms.run.to_owned(),
        max_lines,
        edits,
        columns,
        decimals,
        lines,
        batches: Vec::new(),
        totals: Vec::new(),
        hash: B256::ZERO,
    };
    plan.compute()?;
    plan.hash = alloy::primitives::keccak256(plan.to_json());
    Ok(plan)
}

impl Plan {
    /// Batches and totals, which follow from the lines.
    fn compute(&mut self) -> Result<(), PlanError> {
        let ends = self.edits.iter().map(|edit| edit.lines).chain([self.lines.len()]);
        let mut batches = Vec::new();
        let mut start = 0;
        for end in ends {
            for (token, places) in by_token(&self.lines, start..end) {
                for places in places.chunks(self.max_lines) {
                    let total =
                        sum(&self.lines, places).ok_or(PlanError::TotalTooLarge { token })?;
                    let number = batches.len() as u64;
                    batches.push(Batch { number, token, lines: places.to_vec(), total });
                }
            }
            start = end;
        }
        let mut totals = Vec::new();
        for (token, places) in by_token(&self.lines, 0..self.lines.len()) {
            let amount = sum(&self.lines, &places).ok_or(PlanError::TotalTooLarge { token })?;
            let count = places.iter().filter(|&&place| !self.lines[place].removed).count();
            let decimals = self.decimals.get(&token).copied();
            let decimals = decimals.ok_or(PlanError::DecimalsUnknown { token })?;
            if count > 0 {
                totals.push(Total { token, decimals, count, amount });
            }
        }
        (self.batches, self.totals) = (batches, totals);
        Ok(())
    }

    /// How many decimals a token of the plan has.
    pub fn decimals(&self, token: Address) -> u8 {
        self.decimals.get(&token).copied().unwrap_or_default()
    }

    /// How many payments are made: the lines that were not removed.
    pub fn count(&self) -> usize {
        self.totals.iter().map(|total| total.count).sum()
    }

    /// The tokens it pays, ether left out.
    pub fn tokens(&self) -> BTreeSet<Address> {
        self.lines.iter().map(|line| line.token).filter(|token| !token.is_zero()).collect()
    }

    /// The payout of these lines of one batch, in their order.
    ///
    /// Does not check that they are of one token.
    pub fn action(&self, token: Address, places: &[usize]) -> Action {
        let transfer = |&place: &usize| {
            let line = &self.lines[place];
            Transfer { to: line.payee, amount: line.amount }
        };
        Action::Payout { token, transfers: places.iter().map(transfer).collect() }
    }

    /// The places of a batch's lines that were not removed.
    pub fn live(&self, batch: &Batch) -> Vec<usize> {
        batch.lines.iter().copied().filter(|&place| !self.lines[place].removed).collect()
    }

    /// The lane of the hash of a batch.
    pub fn lane(&self, number: u64) -> Lane {
        Lane::of_payout(&self.run, U256::from(number))
    }

    /// Whether `hash` is this plan's, or that of a plan it is an edit of.
    pub fn is_of(&self, hash: B256) -> bool {
        self.hash == hash || self.edits.iter().any(|edit| edit.plan == hash)
    }
}

/// `ETH`, or the token's address in EIP-55.
pub fn shown_token(token: Address) -> String {
    if token.is_zero() { ETHER.to_owned() } else { token.to_checksum(None) }
}

/// Checks the name of a run.
///
/// # Errors
///
/// If two people could type it in two ways.
pub fn check_run(run: &str) -> Result<(), PlanError> {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_allowed = |b: u8| is_plain(b) || matches!(b, b'.' | b'_' | b'-');
    let begins_well = run.bytes().next().is_some_and(is_plain);
    if !begins_well || run.len() > LONGEST_RUN || !run.bytes().all(is_allowed) {
        return Err(PlanError::RunName { run: run.to_owned() });
    }
    Ok(())
}

const fn check_max_lines(max_lines: usize) -> Result<(), PlanError> {
    if max_lines == 0 || max_lines > MOST_LINES_OF_BATCH {
        return Err(PlanError::MaxLines { max_lines });
    }
    Ok(())
}

fn check_old(old: &Plan, terms: &Terms<'_>) -> Result<(), PlanError> {
    let other = |what, old: String| Err(PlanError::OtherPlan { what, old });
    if old.run != terms.run {
        return other("run", old.run.clone());
    }
    if old.wallet != terms.wallet {
        return other("wallet", old.wallet.to_checksum(None));
    }
    if old.chain_id != terms.chain_id {
        return other("chain", old.chain_id.to_string());
    }
    if terms.max_lines.is_some_and(|max_lines| max_lines != old.max_lines) {
        return other("--max-lines", old.max_lines.to_string());
    }
    Ok(())
}

/// The lines of the old plan as the new list has them, and what is new behind them.
fn edited(old: &Plan, file: &PayoutFile, new: Vec<Line>) -> Result<Vec<Line>, PlanError> {
    let mut problems = Vec::new();
    let mut by_id: BTreeMap<String, (usize, Line)> =
        new.into_iter().enumerate().map(|(place, line)| (line.id.clone(), (place, line))).collect();
    let mut lines = Vec::with_capacity(old.lines.len() + by_id.len());
    for line in &old.lines {
        match by_id.remove(&line.id) {
            None => lines.push(Line { removed: true, ..line.clone() }),
            Some((place, other)) if other.token != line.token => {
                let fault = Fault::OtherToken { old: line.token };
                problems.push(file.rows()[place].problem(fault));
            }
            Some((_, other)) => lines.push(other),
        }
    }
    PayoutFileError::check(problems)?;
    let mut rest: Vec<_> = by_id.into_values().collect();
    rest.sort_by_key(|(place, _)| *place);
    lines.extend(rest.into_iter().map(|(_, line)| line));
    Ok(lines)
}

/// The decimals of everything that is paid, ether too.
fn decimals_of(
    file: &PayoutFile,
    known: &BTreeMap<Address, u8>,
) -> Result<BTreeMap<Address, u8>, PlanError> {
    let mut decimals = BTreeMap::new();
    for token in file.rows().iter().map(|row| row.token) {
        let known = known.get(&token).copied();
        let known = known.or(token.is_zero().then_some(ETHER_DECIMALS));
        decimals.insert(token, known.ok_or(PlanError::DecimalsUnknown { token })?);
    }
    Ok(decimals)
}

/// The payments in the order of the file, or all that is wrong with them.
fn lines(
    file: &PayoutFile,
    wallet: Address,
    decimals: &BTreeMap<Address, u8>,
) -> Result<Vec<Line>, PayoutFileError> {
    let (mut lines, mut problems) = (Vec::new(), Vec::<Problem>::new());
    for row in file.rows() {
        if row.to == wallet {
            problems.push(row.problem(Fault::ToWallet { wallet }));
        }
        match read_amount(&row.amount, decimals[&row.token]) {
            Ok(amount) => lines.push(line(row, amount)),
            Err(fault) => problems.push(row.problem(fault)),
        }
    }
    PayoutFileError::check(problems)?;
    Ok(lines)
}

fn line(row: &Row, amount: U256) -> Line {
    let name = (!row.name.is_empty()).then(|| ("name".to_owned(), row.name.clone()));
    let carried = row.carried.iter().filter(|(_, text)| !text.is_empty()).cloned();
    Line {
        id: row.id.clone(),
        payee: row.to,
        token: row.token,
        amount,
        note: row.note.clone(),
        carried: carried.chain(name).collect(),
        removed: false,
    }
}

/// Groups lines by token, in the order in which the tokens first appear.
fn by_token(lines: &[Line], range: std::ops::Range<usize>) -> Vec<(Address, Vec<usize>)> {
    let mut groups: Vec<(Address, Vec<usize>)> = Vec::new();
    let mut known = BTreeMap::new();
    for place in range {
        let token = lines[place].token;
        let group = *known.entry(token).or_insert(groups.len());
        if group == groups.len() {
            groups.push((token, Vec::new()));
        }
        groups[group].1.push(place);
    }
    groups
}

/// What the lines that were not removed add up to.
fn sum(lines: &[Line], places: &[usize]) -> Option<U256> {
    let live = places.iter().map(|&place| &lines[place]).filter(|line| !line.removed);
    live.map(|line| line.amount).try_fold(U256::ZERO, U256::checked_add)
}

#[cfg(test)]
mod tests;
