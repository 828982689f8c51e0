//! A run for accountants: what became of every line, by the chain.
//!
//! The CSV has one row a line, in the list's order. No cell of it is read as another number by the spreadsheets and programs that
//! people use: `amount` is in smallest units, for programs, and `amountText` has all decimals of the token, a blank and a
//! unit, for people. Totals are never a row of the list.

mod html;
mod unit;

pub(crate) use html::escaped;
pub use html::{Head, html};
pub use unit::unit;

use crate::payout_plan::{Line, Plan, shown_token};
use alloy::primitives::{Address, B256, U256};
use std::collections::BTreeMap;

/// The columns that every CSV has, in their order; those that are carried along follow.
pub const COLUMNS: [&str; 12] = [
    "id",
    "payee",
    "token",
    "amount",
    "status",
    "transaction",
    "block",
    "time",
    "logIndex",
    "position",
    "feeShare",
    "amountText",
];

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// A word of a batch, see [`Word`](crate::run::Word).
    pub status: &'static str,
    /// How it was paid, if it was.
    pub payment: Option<Payment>,
}

/// How a line was paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// What was signed.
    pub digest: B256,
    /// The transaction.
    pub transaction: B256,
    /// Its block.
    pub block: u64,
    /// The block's time, RFC 3339 in UTC with seconds and `Z`.
    pub time: String,
    /// The place of its `Transfer` event in the block; none of ether, and where the token told none.
    pub log_index: Option<u64>,
    /// Its position in the payout, from 0, of ether.
    pub position: Option<usize>,
    /// Its share of the transaction's fee, in wei; none where the receipt does not tell the fee.
    pub fee_share: Option<U256>,
    /// Whether its block is final.
    pub is_final: bool,
}

/// What became of a token's lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many lines.
    pub count: usize,
    /// What they add up to, in smallest units.
    pub amount: U256,
}

/// What became of the lines of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenTotals {
    /// The token; zero is ether.
    pub token: Address,
    /// Paid.
    pub paid: Sum,
    /// Neither paid nor declined.
    pub open: Sum,
    /// Declined, or set aside.
    pub declined: Sum,
}

/// Exact totals by token, in the order in which the tokens first appear. `outcomes` are those of the plan's lines.
pub fn totals(plan: &Plan, outcomes: &[Outcome]) -> Vec<TokenTotals> {
    let mut totals: Vec<TokenTotals> = Vec::new();
    for (line, outcome) in plan.lines.iter().zip(outcomes) {
        let token = line.token;
        let place = totals.iter().position(|total| total.token == token).unwrap_or_else(|| {
            let (paid, open, declined) = Default::default();
            totals.push(TokenTotals { token, paid, open, declined });
            totals.len() - 1
        });
        let total = &mut totals[place];
        let sum = match outcome.status {
            "paid" => &mut total.paid,
            "declined" | "setAside" => &mut total.declined,
            _ => &mut total.open,
        };
        sum.count += 1;
        sum.amount = sum.amount.saturating_add(line.amount);
    }
    totals
}

/// The shares of a fee that `count` lines have: the same, but for the wei that are left, of which the first have one more.
pub fn fee_share(fee: U256, count: usize, position: usize) -> U256 {
    let count = U256::from(count.max(1));
    let (share, rest) = fee.div_rem(count);
    if U256::from(position) < rest { share + U256::ONE } else { share }
}

/// `1250.500000 USDC`: all decimals, and the unit.
pub fn amount_text(amount: U256, decimals: u8, unit: &str) -> String {
    let decimals = usize::from(decimals);
    let digits = format!("{amount:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    let point = if decimals == 0 { "" } else { "." };
    format!("{whole}{point}{fraction} {unit}")
}

/// The CSV. `units` are what amounts are in, by token.
pub fn csv(plan: &Plan, outcomes: &[Outcome], units: &BTreeMap<Address, String>) -> String {
    let mut text = String::new();
    let columns = COLUMNS.iter().copied().chain(plan.columns.iter().map(String::as_str));
    row(&mut text, columns);
    for (line, outcome) in plan.lines.iter().zip(outcomes) {
        let cells = cells(plan, line, outcome, units);
        row(&mut text, cells.iter().map(String::as_str));
    }
    text
}

fn cells(
    plan: &Plan,
    line: &Line,
    outcome: &Outcome,
    units: &BTreeMap<Address, String>,
) -> Vec<String> {
    let text = |number: Option<String>| number.unwrap_or_default();
    let paid = outcome.payment.as_ref();
    let token = shown_token(line.token);
    let unit = units.get(&line.token).unwrap_or(&token);
    let mut cells = vec![
        guarded(&line.id),
        line.payee.to_checksum(None),
        token.clone(),
        line.amount.to_string(),
        outcome.status.to_owned(),
        text(paid.map(|paid| paid.transaction.to_string())),
        text(paid.map(|paid| paid.block.to_string())),
        text(paid.map(|paid| paid.time.clone())),
        text(paid.and_then(|paid| paid.log_index).map(|index| index.to_string())),
        text(paid.and_then(|paid| paid.position).map(|position| position.to_string())),
        text(paid.and_then(|paid| paid.fee_share).map(|share| share.to_string())),
        amount_text(line.amount, plan.decimals(line.token), unit),
    ];
    let carried = |name: &String| guarded(line.carried.get(name).map_or("", String::as_str));
    cells.extend(plan.columns.iter().map(carried));
    cells
}

/// With a blank in front of what a spreadsheet would evaluate; whoever reads the list here takes it off.
fn guarded(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@']) { format!(" {text}") } else { text.to_owned() }
}

/// A row, with quotes where a cell needs them.
fn row<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            text.push(',');
        }
        if cell.contains([',', '"', '\r', '\n']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(cell);
        }
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PayoutFile, payout_plan::Terms, plan};

    #[test]
    fn a_row_says_what_became_of_a_line() {
        let usdc = Address::with_last_byte(6);
        let to = Address::repeat_byte(1);
        let list = format!(
            "id,to,amount,token,name,x-cost\n =a,{to},1.5,ETH,\"Ann, B\",-7\nb,{to},1250.5,{usdc},,\n"
        );
        let file = PayoutFile::from_csv(list.as_bytes()).unwrap();
        let decimals = BTreeMap::from([(usdc, 6)]);
        let wallet = Address::repeat_byte(9);
        let terms = Terms { chain_id: 1, wallet, run: "r", decimals: &decimals, max_lines: None };
        let plan = plan(&file, &terms, None).unwrap();
        assert_eq!(plan.lines[0].id, "=a");
        let payment = Payment {
            digest: B256::repeat_byte(2),
            transaction: B256::repeat_byte(3),
            block: 7,
            time: "2026-11-30T18:00:00Z".to_owned(),
            log_index: None,
            position: Some(0),
            fee_share: Some(U256::from(21)),
            is_final: true,
        };
        let outcomes = [
            Outcome { status: "paid", payment: Some(payment) },
            Outcome { status: "collecting", payment: None },
        ];
        let units = BTreeMap::from([(Address::ZERO, "ETH".to_owned()), (usdc, "USDC".to_owned())]);
        let text = csv(&plan, &outcomes, &units);
        let tx = B256::repeat_byte(3);
        let expected = format!(
            "id,payee,token,amount,status,transaction,block,time,logIndex,position,feeShare,amountText,name,x-cost\n \
             =a,{to},ETH,1500000000000000000,paid,{tx},7,2026-11-30T18:00:00Z,,0,21,1.500000000000000000 ETH,\"Ann, B\", -7\n\
             b,{to},{usdc},1250500000,collecting,,,,,,,1250.500000 USDC,,\n"
        );
        assert_eq!(text, expected);
        let totals = totals(&plan, &outcomes);
        assert_eq!(totals[0].paid, Sum { count: 1, amount: plan.lines[0].amount });
        assert_eq!(totals[1].open, Sum { count: 1, amount: plan.lines[1].amount });
    }

    #[test]
    fn shares_add_up_to_the_fee() {
        for (fee, count) in [(10_u64, 3_usize), (0, 2), (7, 7), (2, 5)] {
            let fee = U256::from(fee);
            let shares = (0..count).map(|position| fee_share(fee, count, position));
            assert_eq!(shares.fold(U256::ZERO, |sum, share| sum + share), fee);
        }
        assert_eq!(amount_text(U256::from(5), 0, "X"), "5 X");
        assert_eq!(amount_text(U256::from(5), 2, "X"), "0.05 X");
    }
}
