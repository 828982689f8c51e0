//! The batches that a wallet pays a list in.
//!
//! Payments are grouped by token, in the order in which the tokens first appear, and each group is split
//! into batches. Batch k of the run, counted across all tokens, has the first nonce of the run's lane k
//! ([`Lane::of_payout`]), so a wallet pays it at most once, and no batch waits for another.
//!
//! Warning: the chain knows batches by run and number, not by what they pay. Once a batch of a run
//! was proposed, another list, order or batch size under the same name puts payments into other batches, and
//! the wallet pays those whose number is new. So a program that proposes a run compares what was proposed
//! before under its name, and asks the wallet for the nonces of as many lanes as the list has payments.

use crate::{
    PayoutFile, PayoutFileError,
    payout_file::{ETHER, Row, read_amount},
    problem::Fault,
};
use alloy::{
    primitives::{Address, B256, U256, keccak256},
    sol_types::SolValue,
};
use quorate_core::{Action, Lane, Nonce, action::Transfer, amount::ETHER_DECIMALS, text::shown};
use std::collections::BTreeMap;
use thiserror::Error;

/// How many payments a batch has where nothing else is said.
///
/// 100 payments of an ERC-20 use below 1 M gas where the payees hold the token already and 2.6 M where none
/// does; of ether, to accounts that never had any, 3.5 M. So a batch soon finds room in a block, and one that
/// fails loses little.
pub const DEFAULT_BATCH_SIZE: usize = 100;

/// How many payments a batch can have: Ledger's app and libraries count the elements of a list in one byte.
///
/// At their dearest 255 use 7 M gas of an ERC-20 and 9 M of ether, which leaves room for dearer tokens. One transaction takes
/// 2^24, 16.8 M (EIP-7825).
pub const MAX_BATCH_SIZE: usize = 255;

/// How many bytes the name of a run can have.
const LONGEST_RUN: usize = 64;

/// A list of payments as batches, ready to be proposed. The same list, run and batch size give the same
/// plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The name of the run, unique per wallet.
    pub run: String,
    /// The wallet that pays.
    pub wallet: Address,
    /// The batches, by number; at least one.
    pub batches: Vec<Batch>,
    /// What is paid of each token, in the order in which they first appear.
    pub totals: Vec<Total>,
    /// keccak256 of run and payments, for two people to compare. Not a digest: nobody signs it.
    ///
    /// Depends on ids, payees, tokens, amounts in smallest units, notes, and their order; not on the batch
    /// size, the wallet, or how the file is written.
    pub file_hash: B256,
}

/// Payments of one token that a wallet makes in one transaction, all or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its number in the run, from 0.
    pub number: u64,
    /// The first of the run's lane of that number.
    pub nonce: Nonce,
    /// The token; zero is ether.
    pub token: Address,
    /// How many decimals the token has.
    pub decimals: u8,
    /// The payments, at most as many as the batch size.
    pub payments: Vec<Payment>,
    /// What the owners sign: the same payments.
    pub action: Action,
    /// What they add up to, in the token's smallest units.
    pub total: U256,
}

/// One payment of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its line in the file, from 1.
    pub line: usize,
    /// Its id in the file.
    pub id: String,
    /// The payee.
    pub to: Address,
    /// Wei, or the token's smallest units; above zero, below 2^256-1.
    pub amount: U256,
    /// What others wrote: to be escaped where it is shown.
    pub note: String,
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
    /// No payments in a batch, or more than one transaction carries.
    #[error(
        "batches of {batch_size} payments: a batch has 1 to {MAX_BATCH_SIZE}, because a Ledger counts no further"
    )]
    BatchSize {
        /// What was given.
        batch_size: usize,
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
    /// What is wrong with the list, once wallet and tokens are known.
    #[error(transparent)]
    File(#[from] PayoutFileError),
}

/// Plans how `wallet` pays `file` as the run named `run`, in batches of at most `batch_size` payments.
///
/// `decimals` are those of [`PayoutFile::tokens`]; ether's need not be there. Does not know what the wallet
/// holds, nor what was paid before: see the warning at [`payout_plan`](self).
///
/// # Errors
///
/// If the run's name or the batch size will not do, decimals are missing, an amount does not fit its token,
/// the wallet would pay itself, or a total is 2^256 or more.
pub fn plan(
    file: &PayoutFile,
    run: &str,
    wallet: Address,
    decimals: &BTreeMap<Address, u8>,
    batch_size: usize,
) -> Result<Plan, PlanError> {
    check_run(run)?;
    if batch_size == 0 || batch_size > MAX_BATCH_SIZE {
        return Err(PlanError::BatchSize { batch_size });
    }
    let decimals = decimals_of(file, decimals)?;
    let payments = payments(file, wallet, &decimals)?;
    let mut plan = Plan {
        run: run.to_owned(),
        wallet,
        batches: Vec::new(),
        totals: Vec::new(),
        file_hash: hash(run, file.rows(), &payments),
    };
    for (token, payments) in by_token(file.rows(), payments) {
        plan.push(token, decimals[&token], &payments, batch_size)?;
    }
    Ok(plan)
}

impl Plan {
    /// Adds the batches of one token.
    fn push(
        &mut self,
        token: Address,
        decimals: u8,
        payments: &[Payment],
        batch_size: usize,
    ) -> Result<(), PlanError> {
        let amount = sum(payments).ok_or(PlanError::TotalTooLarge { token })?;
        self.totals.push(Total { token, decimals, count: payments.len(), amount });
        for payments in payments.chunks(batch_size) {
            let number = self.batches.len() as u64;
            let transfer = |payment: &Payment| Transfer { to: payment.to, amount: payment.amount };
            let transfers = payments.iter().map(transfer).collect();
            self.batches.push(Batch {
                number,
                nonce: Nonce::new(Lane::of_payout(&self.run, U256::from(number)), 0),
                token,
                decimals,
                payments: payments.to_vec(),
                action: Action::Payout { token, transfers },
                total: sum(payments).expect("no more than all payments of the token"),
            });
        }
        Ok(())
    }
}

/// `ETH`, or the token's address in EIP-55.
fn shown_token(token: Address) -> String {
    if token.is_zero() { ETHER.to_owned() } else { token.to_checksum(None) }
}

fn check_run(run: &str) -> Result<(), PlanError> {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let is_allowed = |b: u8| is_plain(b) || matches!(b, b'.' | b'_' | b'-');
    let begins_well = run.bytes().next().is_some_and(is_plain);
    if !begins_well || run.len() > LONGEST_RUN || !run.bytes().all(is_allowed) {
        return Err(PlanError::RunName { run: run.to_owned() });
    }
    Ok(())
}

/// The decimals of everything that is paid, ether too.
fn decimals_of(
    file: &PayoutFile,
    known: &BTreeMap<Address, u8>,
) -> Result<BTreeMap<Address, u8>, PlanError> {
    let mut decimals = BTreeMap::from([(Address::ZERO, ETHER_DECIMALS)]);
    for token in file.tokens() {
        let &known = known.get(&token).ok_or(PlanError::DecimalsUnknown { token })?;
        decimals.insert(token, known);
    }
    Ok(decimals)
}

/// The payments in the order of the file, or all that is wrong with them.
fn payments(
    file: &PayoutFile,
    wallet: Address,
    decimals: &BTreeMap<Address, u8>,
) -> Result<Vec<Payment>, PayoutFileError> {
    let (mut payments, mut problems) = (Vec::new(), Vec::new());
    for row in file.rows() {
        if row.to == wallet {
            problems.push(row.problem(Fault::ToWallet { wallet }));
        }
        match read_amount(&row.amount, decimals[&row.token]) {
            Ok(amount) => payments.push(Payment {
                line: row.line,
                id: row.id.clone(),
                to: row.to,
                amount,
                note: row.note.clone(),
            }),
            Err(fault) => problems.push(row.problem(fault)),
        }
    }
    PayoutFileError::check(problems)?;
    Ok(payments)
}

/// Groups payments by token, in the order in which the tokens first appear.
fn by_token(rows: &[Row], payments: Vec<Payment>) -> Vec<(Address, Vec<Payment>)> {
    let mut groups: Vec<(Address, Vec<Payment>)> = Vec::new();
    let mut places = BTreeMap::new();
    for (row, payment) in rows.iter().zip(payments) {
        let place = *places.entry(row.token).or_insert(groups.len());
        if place == groups.len() {
            groups.push((row.token, Vec::new()));
        }
        groups[place].1.push(payment);
    }
    groups
}

fn sum(payments: &[Payment]) -> Option<U256> {
    payments.iter().try_fold(U256::ZERO, |sum, payment| sum.checked_add(payment.amount))
}

/// keccak256 of `abi.encode("quorate/payout-file", run, (id, to, token, amount, note)[])`.
fn hash(run: &str, rows: &[Row], payments: &[Payment]) -> B256 {
    let rows: Vec<_> = rows
        .iter()
        .zip(payments)
        .map(|(row, payment)| {
            (row.id.as_str(), row.to, row.token, payment.amount, row.note.as_str())
        })
        .collect();
    keccak256(("quorate/payout-file", run, rows).abi_encode_params())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*, sample::select};

    const WALLET: Address = Address::with_last_byte(0xee);
    const USDC: Address = Address::with_last_byte(6);
    const DAI: Address = Address::with_last_byte(18);

    fn decimals() -> BTreeMap<Address, u8> {
        BTreeMap::from([(USDC, 6), (DAI, 18)])
    }

    fn file(rows: &[(Address, &str, Address)]) -> PayoutFile {
        let line = |(number, (to, amount, token)): (usize, &(Address, &str, Address))| {
            format!("p{number},{to},{amount},{}\n", shown_token(*token))
        };
        let lines: String = rows.iter().enumerate().map(line).collect();
        PayoutFile::from_csv(format!("id,to,amount,token\n{lines}").as_bytes()).unwrap()
    }

    fn payee(number: u8) -> Address {
        Address::repeat_byte(number)
    }

    #[test]
    fn batches_follow_the_order_of_the_file_token_by_token() {
        let file = file(&[
            (payee(1), "1.5", USDC),
            (payee(2), "2", Address::ZERO),
            (payee(3), "3", USDC),
            (payee(4), "4", USDC),
        ]);
        let plan = plan(&file, "payroll-2026-11", WALLET, &decimals(), 2).unwrap();
        let ids: Vec<Vec<_>> = plan
            .batches
            .iter()
            .map(|batch| batch.payments.iter().map(|payment| payment.id.as_str()).collect())
            .collect();
        assert_eq!(ids, [vec!["p0", "p2"], vec!["p3"], vec!["p1"]]);
        let tokens: Vec<_> = plan.batches.iter().map(|batch| batch.token).collect();
        assert_eq!(tokens, [USDC, USDC, Address::ZERO]);
        for (number, batch) in (0..).zip(&plan.batches) {
            let lane = Lane::of_payout("payroll-2026-11", U256::from(number));
            assert_eq!((batch.number, batch.nonce), (number, Nonce::new(lane, 0)));
        }
        let transfers = vec![
            Transfer { to: payee(1), amount: U256::from(1_500_000) },
            Transfer { to: payee(3), amount: U256::from(3_000_000) },
        ];
        assert_eq!(plan.batches[0].action, Action::Payout { token: USDC, transfers });
        let amount = U256::from(8_500_000);
        assert_eq!(plan.totals[0], Total { token: USDC, decimals: 6, count: 3, amount });
    }

    #[test]
    fn what_the_tokens_do_not_take_is_found_all_at_once() {
        let file = file(&[
            (payee(1), "0.0000001", USDC),
            (WALLET, "1", USDC),
            (payee(2), "0.0000001", DAI),
        ]);
        let error = plan(&file, "r", WALLET, &decimals(), 1).unwrap_err().to_string();
        assert_eq!(
            error,
            format!(
                "line 2, id \"p0\": amount: \"0.0000001\" has more than the 6 decimals that can be paid\n\
                 line 3, id \"p1\": to: {WALLET} is the wallet that pays: give the payee's address"
            )
        );
    }

    #[test]
    fn a_run_has_a_name_that_is_typed_in_one_way() {
        let file = file(&[(payee(1), "1", Address::ZERO)]);
        let named = |run: &str| plan(&file, run, WALLET, &decimals(), 1);
        for run in ["7", "payroll-2026-11", "q4_grants.v2", &"r".repeat(64)] {
            assert!(named(run).is_ok(), "{run}");
        }
        for run in ["", "-r", ".r", "Payroll", "r 1", "r/1", "r\u{202e}", "é", &"r".repeat(65)] {
            let error = PlanError::RunName { run: run.to_owned() };
            assert_eq!(named(run), Err(error));
        }
    }

    #[test]
    fn a_batch_fits_a_transaction() {
        let file = file(&[(payee(1), "1", Address::ZERO)]);
        for batch_size in [0, MAX_BATCH_SIZE + 1, usize::MAX] {
            let planned = plan(&file, "r", WALLET, &decimals(), batch_size);
            assert_eq!(planned, Err(PlanError::BatchSize { batch_size }));
        }
    }

    #[test]
    fn a_total_that_no_token_holds_is_refused() {
        let most = (U256::MAX - U256::ONE).to_string();
        let file = file(&[(payee(1), &most, USDC), (payee(2), "2", USDC)]);
        let planned = |decimals| plan(&file, "r", WALLET, &decimals, 1);
        let token = USDC;
        assert_eq!(planned(BTreeMap::from([(USDC, 0)])), Err(PlanError::TotalTooLarge { token }));
        assert_eq!(planned(BTreeMap::new()), Err(PlanError::DecimalsUnknown { token }));
        let error = planned(decimals()).unwrap_err();
        assert!(error.to_string().ends_with("is more than any token can hold"), "{error}");
    }

    #[test]
    fn the_hash_is_that_of_the_content() {
        let planned = |csv: &str, run, wallet, size| {
            let file = PayoutFile::from_csv(csv.as_bytes()).unwrap();
            plan(&file, run, wallet, &decimals(), size).unwrap().file_hash
        };
        let to = payee(1);
        let csv = format!("id,to,amount,token\na,{to},1,ETH\nb,{to},2,ETH\n");
        let hash = planned(&csv, "r", WALLET, 1);
        let other_form =
            format!("token,note,amount,to,id\r\n\r\nETH,,1.0,{to}, a\r\nETH,,02,{to:#x},\"b\"");
        assert_eq!(planned(&other_form, "r", payee(9), 2), hash);
        assert_ne!(planned(&csv, "s", WALLET, 1), hash);
        for (from, into) in [
            ("a,", "c,"),
            (",1,", ",1.1,"),
            (&*to.to_string(), &*payee(2).to_string()),
            ("ETH", &*DAI.to_string()),
        ] {
            assert_ne!(planned(&csv.replacen(from, into, 1), "r", WALLET, 1), hash, "{from}");
        }
        let swapped = format!("id,to,amount,token\nb,{to},2,ETH\na,{to},1,ETH\n");
        assert_ne!(planned(&swapped, "r", WALLET, 1), hash);
        let noted = format!("id,to,amount,token,note\na,{to},1,ETH,x\nb,{to},2,ETH,\n");
        assert_ne!(planned(&noted, "r", WALLET, 1), hash);
    }

    fn rows() -> impl Strategy<Value = Vec<(Address, String, Address)>> {
        let row = (1_u8..200, 1_u64.., select(vec![Address::ZERO, USDC, DAI]))
            .prop_map(|(to, amount, token)| (payee(to), amount.to_string(), token));
        vec(row, 1..60)
    }

    proptest! {
        #[test]
        fn each_payment_is_in_one_batch_and_no_unit_is_lost(rows in rows(), size in 1_usize..20) {
            let rows: Vec<_> = rows.iter().map(|(to, amount, token)| (*to, amount.as_str(), *token)).collect();
            let file = file(&rows);
            let split = plan(&file, "run", WALLET, &decimals(), size).unwrap();
            prop_assert_eq!(&plan(&file, "run", WALLET, &decimals(), size), &Ok(split.clone()));

            let mut planned: Vec<_> = split.batches.iter().flat_map(|batch| &batch.payments).collect();
            planned.sort_by_key(|payment| payment.line);
            let lines = planned.iter().map(|payment| payment.line);
            prop_assert!(lines.eq(file.rows().iter().map(|row| row.line)));
            for batch in &split.batches {
                prop_assert!((1..=size).contains(&batch.payments.len()));
                let Action::Payout { token, transfers } = &batch.action else {
                    panic!("not a payout");
                };
                prop_assert_eq!(*token, batch.token);
                let paid: Vec<_> = batch.payments.iter().map(|p| (p.to, p.amount)).collect();
                let signed: Vec<_> = transfers.iter().map(|t| (t.to, t.amount)).collect();
                prop_assert_eq!(paid, signed);
                prop_assert_eq!(Some(batch.total), sum(&batch.payments));
            }
            for total in &split.totals {
                let of_token = split.batches.iter().filter(|batch| batch.token == total.token);
                let amount = of_token.fold(U256::ZERO, |sum, batch| sum + batch.total);
                prop_assert_eq!(amount, total.amount);
            }
            let whole = plan(&file, "run", WALLET, &decimals(), MAX_BATCH_SIZE).unwrap();
            prop_assert_eq!((whole.totals, whole.file_hash), (split.totals, split.file_hash));
        }
    }
}
