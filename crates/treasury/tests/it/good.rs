//! Files that can be paid.

use crate::{lines_of, plan_of, token};
use alloy::primitives::{Address, b256};
use quorate_core::amount;
use quorate_treasury::payout_file::Names;

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
    // The bytes of a plan are part of the interface: people compare their hash.
    let hash = b256!("0x649fe5147858a2ef5cad1bc515e79c01db271be0ae19277603407ed770334745");
    assert_eq!(plan.hash, hash);
}

#[test]
fn payees_who_are_paid_twice_are_pointed_out() {
    let plan = plan_of("dao-2026-11.csv").unwrap();
    let remarks: Vec<_> = plan
        .remarks(&lines_of("dao-2026-11.csv"), &Names::default())
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        remarks,
        [
            "line 17, id \"EXP-311\": 0xaDC5026924D7c067Ed8E82aa2bb86a57D002d421 is paid in line 4, id \"C-2026-11-03\" too",
            "line 18, id \"EXP-312\": 0x0d319e1e45b40EB00a67bf856D7da4f204750f67 is paid in line 9, id \"C-2026-11-08\" too",
            "line 19, id \"EXP-313\": 0xd3463Fea327ccC49c502DE46F72AF95fC94c95DA is paid in line 14, id \"C-2026-11-13\" too",
            "line 23, id \"INV-1189\": 0x762697C642bf5aC7fEabAFD76aa879Ab9F196317 is paid in line 22, id \"INV-1188\" too",
        ]
    );
}

#[test]
fn a_spreadsheets_byte_order_mark_line_ends_and_empty_rows_do_not_count() {
    let plan = plan_of("spreadsheet.csv").unwrap();
    let [design, other] = [&plan.lines[0], &plan.lines[1]];
    let lines = lines_of("spreadsheet.csv");
    let line = |id: &str| lines.place(id).line;
    assert_eq!((line(&design.id), design.note.as_str()), (Some(2), "Design, 21.5 days"));
    assert_eq!((line(&other.id), other.note.as_str()), (Some(4), "two\r\nlines, and a \"quote\""));
}
