//! The result, as a table for people and as JSON.

use super::{Action, Column, Size, Work, targets::target};
use serde::Serialize;
use std::fmt::Write;

/// What was measured.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// One row for each size, work and, where there are two, way to do it.
    pub rows: Vec<Row>,
}

/// Gas used for one piece of work.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The size of the wallet.
    #[serde(flatten)]
    pub size: Size,
    /// The work.
    pub work: Work,
    /// Which of Quorate's actions did it, where more than one can.
    pub action: Option<Action>,
    /// Gas used by Safe 1.4.1.
    #[serde(rename = "safe1.4.1")]
    pub safe_1_4_1: u64,
    /// Gas used by Safe 1.5.0.
    #[serde(rename = "safe1.5.0")]
    pub safe_1_5_0: u64,
    /// Gas used by Quorate.
    pub quorate: u64,
    /// What Quorate may use at most, where a limit is set.
    pub target: Option<u64>,
}

impl Row {
    /// Whether Quorate used more than it may.
    pub fn is_missed(&self) -> bool {
        self.target.is_some_and(|target| self.quorate > target)
    }

    fn label(&self) -> String {
        match self.action {
            None => self.work.to_string(),
            Some(action) => format!("{}, `{action}`", self.work),
        }
    }
}

impl Report {
    /// Adds the rows of one size. Columns: Safe 1.4.1, Safe 1.5.0, Quorate by payout, by execute.
    pub(super) fn add(&mut self, size: Size, columns: &[Column; 4]) {
        let [safe_1_4_1, safe_1_5_0, payout, execute] = columns;
        for (place, work) in Work::ALL.into_iter().enumerate() {
            let mut add = |action, quorate: &Column| {
                self.rows.push(Row {
                    size,
                    work,
                    action,
                    safe_1_4_1: safe_1_4_1[place],
                    safe_1_5_0: safe_1_5_0[place],
                    quorate: quorate[place],
                    target: target(size, work, action),
                });
            };
            match work {
                Work::Create | Work::ChangeOwners => add(None, payout),
                _ => {
                    add(Some(Action::Payout), payout);
                    add(Some(Action::Execute), execute);
                }
            }
        }
    }

    /// One line for each target that was missed.
    pub fn missed(&self) -> Vec<String> {
        let missed = self.rows.iter().filter(|row| row.is_missed());
        let line = |row: &Row| {
            let target = row.target.unwrap_or_default();
            let (gas, target) = (thousands(row.quorate), thousands(target));
            format!("{} {}: {gas} gas, at most {target} allowed", row.size, row.label())
        };
        missed.map(line).collect()
    }

    /// The tables, one for each size, in Markdown that reads well as plain text.
    pub fn tables(&self) -> String {
        let mut text = String::new();
        for rows in self.rows.chunk_by(|a, b| a.size == b.size) {
            write_table(&mut text, rows).expect("a string takes everything");
        }
        write_payees(&mut text, &self.rows).expect("a string takes everything");
        text
    }
}

fn write_table(text: &mut String, rows: &[Row]) -> std::fmt::Result {
    let size = rows[0].size;
    let dashes = "-".repeat(33);
    writeln!(text, "\n## {size}\n")?;
    writeln!(
        text,
        "| {:33} | Safe 1.4.1 | Safe 1.5.0 |   Quorate | of 1.4.1 | of 1.5.0 |   at most |",
        "work"
    )?;
    writeln!(
        text,
        "|-{dashes}-|-----------:|-----------:|----------:|---------:|---------:|----------:|"
    )?;
    for row in rows {
        writeln!(
            text,
            "| {:33} | {:>10} | {:>10} | {:>9} | {:>8} | {:>8} | {:>9} |",
            row.label(),
            thousands(row.safe_1_4_1),
            thousands(row.safe_1_5_0),
            thousands(row.quorate),
            percent(row.quorate, row.safe_1_4_1),
            percent(row.quorate, row.safe_1_5_0),
            row.target.map(thousands).unwrap_or_default(),
        )?;
    }
    Ok(())
}

/// How many payees the longest list has.
const PAYEES: u64 = 100;

/// What a payee of a long list costs. Safe's way from a CSV file is one batch of transfers through `MultiSendCallOnly`.
fn write_payees(text: &mut String, rows: &[Row]) -> std::fmt::Result {
    let is_list =
        |row: &&Row| row.work == Work::Erc20Times100 && row.action == Some(Action::Payout);
    let mut rows = rows.iter().filter(is_list).peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    writeln!(text, "\n## A payee of a list of {PAYEES}\n")?;
    writeln!(
        text,
        "A Safe pays a CSV file as one batch of transfers through `MultiSendCallOnly`, Quorate by `payout`."
    )?;
    writeln!(text, "\n| wallet   | Safe 1.4.1 | Safe 1.5.0 |   Quorate | of 1.4.1 | of 1.5.0 |")?;
    writeln!(text, "|----------|-----------:|-----------:|----------:|---------:|---------:|")?;
    for row in rows {
        writeln!(
            text,
            "| {:8} | {:>10} | {:>10} | {:>9} | {:>8} | {:>8} |",
            row.size.to_string(),
            thousands(row.safe_1_4_1 / PAYEES),
            thousands(row.safe_1_5_0 / PAYEES),
            thousands(row.quorate / PAYEES),
            percent(row.quorate, row.safe_1_4_1),
            percent(row.quorate, row.safe_1_5_0),
        )?;
    }
    Ok(())
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `part` as a share of `whole`, with one decimal, rounded down.
fn percent(part: u64, whole: u64) -> String {
    let per_mille = part * 1_000 / whole;
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1_000, 1_049_021].map(thousands), ["0", "999", "1,000", "1,049,021"]);
    }

    #[test]
    fn a_share_has_one_decimal() {
        assert_eq!([percent(53_082, 65_254), percent(3, 2)], ["81.3 %", "150.0 %"]);
    }
}
