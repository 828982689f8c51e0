//! Files that can be paid.

use crate::{plan_of, token};
use alloy::primitives::{Address, b256};
use quorate_core::amount;

/// The totals that the spreadsheet's own column sums give.
#[test]
fn a_months_payments_add_up_to_the_last_unit() {
    let plan = plan_of("dao-2026-11.csv").unwrap();
    let totals: Vec<_> = plan
        .totals
        .iter()
        .map(|total| (total.token, total.count, amount::plain(total.amount, total.decimals)))
        .collect();
    assert_eq!(
        totals,
        [
            (token("tUSDC"), 23, "256143.086001".to_owned()),
            (token("tDAI"), 18, "205682.94".to_owned()),
            (Address::ZERO, 7, "66.164770046805602345".to_owned()),
        ]
    );
    assert_eq!(plan.batches.len(), 3);
    // What viem computes of the same file.
    let hash = b256!("0x8862a893b2b49e3959f454527dc273a29a42a59e20c074f469874ba61f4f16d7");
    assert_eq!(plan.file_hash, hash);
}

#[test]
fn payees_who_are_paid_twice_are_pointed_out() {
    let plan = plan_of("dao-2026-11.csv").unwrap();
    let remarks: Vec<_> = plan.remarks().iter().map(ToString::to_string).collect();
    assert_eq!(
        remarks,
        [
            "line 17: 0xaDC5026924D7c067Ed8E82aa2bb86a57D002d421 is paid in line 4 too",
            "line 18: 0x0d319e1e45b40EB00a67bf856D7da4f204750f67 is paid in line 9 too",
            "line 19: 0xd3463Fea327ccC49c502DE46F72AF95fC94c95DA is paid in line 14 too",
            "line 23: 0x762697C642bf5aC7fEabAFD76aa879Ab9F196317 is paid in line 22 too",
        ]
    );
}

#[test]
fn a_spreadsheets_byte_order_mark_line_ends_and_empty_rows_do_not_count() {
    let plan = plan_of("spreadsheet.csv").unwrap();
    let [design, other] = [&plan.batches[0].payments[0], &plan.batches[1].payments[0]];
    assert_eq!((design.line, design.note.as_str()), (2, "Design, 21.5 days"));
    assert_eq!((other.line, other.note.as_str()), (4, "two\r\nlines, and a \"quote\""));
}
