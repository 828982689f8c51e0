//! The file of a plan.

use super::{Batch, Edit, Line, Plan, PlanError, Total, check_max_lines, check_run};
use crate::payout_file::{LARGEST_FILE, LONGEST_CELL, MOST_LINES};
use alloy::primitives::{Address, B256, U256, keccak256};
use quorate_core::{json, text};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

const KIND: &str = "payoutPlan";

/// The version that is written and read.
const VERSION: u64 = 1;

/// The largest file: twice a list, which has neither batches nor names of fields.
const LARGEST_PLAN: usize = 4 * LARGEST_FILE;

/// Why a file is no plan.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanFileError {
    /// Above 256 MiB.
    #[error("{length} bytes: a payoutPlan file has at most {LARGEST_PLAN}")]
    TooLarge {
        /// Its bytes.
        length: usize,
    },
    /// It ends in the middle.
    #[error("the file is cut off after line {line}: get it again, whole")]
    Truncated {
        /// Its last line.
        line: usize,
    },
    /// No JSON, or not what a plan has.
    #[error("not a payoutPlan file: {reason}")]
    Malformed {
        /// What is wrong, and where.
        reason: String,
    },
    /// Another kind of file.
    #[error("a {} file, where a payoutPlan file is needed", text::shown(found))]
    OtherKind {
        /// What it says it is.
        found: String,
    },
    /// Of a version that this program does not know.
    #[error(
        "payoutPlan file of version {found}: this program reads version {VERSION}, use the one that wrote it"
    )]
    OtherVersion {
        /// The version it has.
        found: u64,
    },
    /// It says what does not follow from its lines.
    #[error(
        "{what} is not what follows from the plan's lines and maxLines: it was edited or forged; compare its hash with whoever gave it to you, and plan the list anew"
    )]
    Forged {
        /// What.
        what: String,
    },
}

impl PlanFileError {
    /// Whether the file contradicts itself, which no honest program writes.
    pub const fn is_contradiction(&self) -> bool {
        matches!(self, Self::Forged { .. })
    }
}

#[derive(Deserialize)]
struct Head {
    kind: String,
    #[serde(with = "json::integer")]
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Json {
    kind: String,
    #[serde(with = "json::integer")]
    version: u64,
    #[serde(with = "json::integer")]
    chain_id: u64,
    #[serde(with = "json::account")]
    wallet: Address,
    run: String,
    #[serde(with = "json::integer")]
    max_lines: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    edits: Vec<EditJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    columns: Vec<String>,
    tokens: Vec<TokenJson>,
    totals: Vec<TotalJson>,
    batches: Vec<BatchJson>,
    lines: Vec<LineJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EditJson {
    plan_hash: B256,
    #[serde(with = "json::integer")]
    lines: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenJson {
    #[serde(with = "json::account")]
    token: Address,
    #[serde(with = "json::integer")]
    decimals: u8,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct TotalJson {
    #[serde(with = "json::account")]
    token: Address,
    #[serde(with = "json::integer")]
    count: u64,
    #[serde(with = "json::decimal")]
    amount: U256,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct BatchJson {
    #[serde(with = "json::integer")]
    number: u64,
    lane: quorate_core::Lane,
    #[serde(with = "json::account")]
    token: Address,
    #[serde(with = "json::integer")]
    count: u64,
    #[serde(with = "json::decimal")]
    total: U256,
    ids: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LineJson {
    id: String,
    #[serde(with = "json::account")]
    payee: Address,
    #[serde(with = "json::account")]
    token: Address,
    #[serde(with = "json::decimal")]
    amount: U256,
    #[serde(default)]
    note: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    carried: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    removed: bool,
}

impl Plan {
    /// Writes the file. The same plan gives the same bytes.
    pub fn to_json(&self) -> String {
        let token = |(&token, &decimals): (&Address, &u8)| TokenJson { token, decimals };
        let line = |line: &Line| LineJson {
            id: line.id.clone(),
            payee: line.payee,
            token: line.token,
            amount: line.amount,
            note: line.note.clone(),
            carried: line.carried.clone(),
            removed: line.removed,
        };
        let edit = |edit: &Edit| EditJson { plan_hash: edit.plan, lines: edit.lines as u64 };
        let json = Json {
            kind: KIND.to_owned(),
            version: VERSION,
            chain_id: self.chain_id,
            wallet: self.wallet,
            run: self.run.clone(),
            max_lines: self.max_lines as u64,
            edits: self.edits.iter().map(edit).collect(),
            columns: self.columns.clone(),
            tokens: self.decimals.iter().map(token).collect(),
            totals: self.totals.iter().map(total).collect(),
            batches: self.batches.iter().map(|batch| self.batch(batch)).collect(),
            lines: self.lines.iter().map(line).collect(),
        };
        let text = serde_json::to_string_pretty(&json).expect("every field has a form in JSON");
        text + "\n"
    }

    fn batch(&self, batch: &Batch) -> BatchJson {
        BatchJson {
            number: batch.number,
            lane: self.lane(batch.number),
            token: batch.token,
            count: self.live(batch).len() as u64,
            total: batch.total,
            ids: batch.lines.iter().map(|&place| self.lines[place].id.clone()).collect(),
        }
    }

    /// Reads a file, and recomputes from its lines everything that follows from them.
    ///
    /// # Errors
    ///
    /// If it is no plan of this version, was cut, or says what does not follow from its lines.
    pub fn from_json(bytes: &[u8]) -> Result<Self, PlanFileError> {
        if bytes.len() > LARGEST_PLAN {
            return Err(PlanFileError::TooLarge { length: bytes.len() });
        }
        let failed = |error: serde_json::Error| match error.classify() {
            serde_json::error::Category::Eof => PlanFileError::Truncated { line: error.line() },
            _ => PlanFileError::Malformed { reason: text::escaped(&error.to_string()) },
        };
        let head: Head = serde_json::from_slice(bytes).map_err(failed)?;
        if head.kind != KIND {
            return Err(PlanFileError::OtherKind { found: head.kind });
        }
        if head.version != VERSION {
            return Err(PlanFileError::OtherVersion { found: head.version });
        }
        let json: Json = serde_json::from_slice(bytes).map_err(failed)?;
        let (totals, batches) = (json.totals, json.batches);
        let line = |line: LineJson| Line {
            id: line.id,
            payee: line.payee,
            token: line.token,
            amount: line.amount,
            note: line.note,
            carried: line.carried,
            removed: line.removed,
        };
        let edit = |edit: EditJson| Edit {
            plan: edit.plan_hash,
            lines: usize::try_from(edit.lines).unwrap_or(usize::MAX),
        };
        let mut plan = Self {
            chain_id: json.chain_id,
            wallet: json.wallet,
            run: json.run,
            max_lines: usize::try_from(json.max_lines).unwrap_or(usize::MAX),
            edits: json.edits.into_iter().map(edit).collect(),
            columns: json.columns,
            decimals: json.tokens.into_iter().map(|it| (it.token, it.decimals)).collect(),
            lines: json.lines.into_iter().map(line).collect(),
            batches: Vec::new(),
            totals: Vec::new(),
            hash: keccak256(bytes),
        };
        plan.check_lines()?;
        let malformed = |error: PlanError| PlanFileError::Malformed { reason: error.to_string() };
        check_run(&plan.run).and(check_max_lines(plan.max_lines)).map_err(malformed)?;
        plan.compute().map_err(malformed)?;
        plan.check_said(&batches, &totals)?;
        Ok(plan)
    }

    /// Checks what everything follows from.
    fn check_lines(&self) -> Result<(), PlanFileError> {
        let malformed = |reason: String| Err(PlanFileError::Malformed { reason });
        if self.chain_id == 0 || self.lines.is_empty() || self.lines.len() > 2 * MOST_LINES {
            return malformed("it has no chain, no lines, or more than can be meant".to_owned());
        }
        let mut before = 0;
        for edit in &self.edits {
            if edit.lines < before || edit.lines > self.lines.len() || edit.lines == 0 {
                return malformed("an older plan has more lines than there are".to_owned());
            }
            before = edit.lines;
        }
        let (mut ids, columns) = (BTreeSet::new(), self.columns.iter().collect::<BTreeSet<_>>());
        for line in &self.lines {
            let wrong = if !ids.insert(&line.id) {
                "an id that is there twice"
            } else if line.id.is_empty() || text::escaped(&line.id) != line.id {
                "an id that cannot be seen"
            } else if line.amount.is_zero() || line.amount == U256::MAX {
                "no exact amount"
            } else if line.payee.is_zero() || line.payee == self.wallet {
                "no payee"
            } else if !self.decimals.contains_key(&line.token) {
                "a token without decimals"
            } else if line.carried.keys().any(|name| !columns.contains(name)) {
                "a column that is not named"
            } else if line.note.len() > LONGEST_CELL {
                "a note that is too long"
            } else {
                continue;
            };
            return malformed(format!("line {} has {wrong}", text::shown(&line.id)));
        }
        if self.lines.iter().all(|line| line.removed) {
            return malformed("every line was removed".to_owned());
        }
        Ok(())
    }

    /// Checks that what the file says beside its lines is what follows from them.
    fn check_said(&self, batches: &[BatchJson], totals: &[TotalJson]) -> Result<(), PlanFileError> {
        let forged = |what: String| Err(PlanFileError::Forged { what });
        if batches.len() != self.batches.len() {
            return forged(format!("the number of batches, {}", batches.len()));
        }
        for (said, batch) in batches.iter().zip(&self.batches) {
            let computed = self.batch(batch);
            let number = batch.number;
            if said.number != number || said.lane != computed.lane {
                return forged(format!("the lane of batch {number}"));
            }
            if *said != computed {
                return forged(format!("batch {number}"));
            }
        }
        let computed: Vec<_> = self.totals.iter().map(total).collect();
        if *totals != computed[..] {
            return forged("a total".to_owned());
        }
        Ok(())
    }
}

const fn total(total: &Total) -> TotalJson {
    TotalJson { token: total.token, count: total.count as u64, amount: total.amount }
}
