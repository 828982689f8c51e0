//! What is allowed in a list of payments, but is how mistakes and frauds look.

use crate::payout_plan::{Payment, Plan};
use alloy::primitives::Address;
use std::{collections::BTreeMap, fmt};

/// Something in a list that may be meant, but that people should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A payee who is paid before in the same token, under another id.
    PaidTwice {
        /// The line of the later payment.
        line: usize,
        /// The line of the earlier one.
        first_line: usize,
        /// The payee.
        to: Address,
        /// Whether the amounts are equal too, as where one invoice was entered twice.
        is_same_amount: bool,
    },
    /// Two payees whose addresses begin and end alike, which is how a copied address is replaced.
    LookAlike {
        /// The line of the later payee.
        line: usize,
        /// The line of the earlier one.
        first_line: usize,
        /// The later payee.
        to: Address,
        /// The earlier one.
        other: Address,
    },
}

impl Plan {
    /// What people should look at before they sign, by line.
    pub fn remarks(&self) -> Vec<Remark> {
        let mut payments: Vec<_> = self
            .batches
            .iter()
            .flat_map(|batch| batch.payments.iter().map(|payment| (batch.token, payment)))
            .collect();
        payments.sort_by_key(|(_, payment)| payment.line);
        let mut remarks = Vec::new();
        let (mut paid, mut looks) = (BTreeMap::new(), BTreeMap::new());
        for (token, payment) in payments {
            let &Payment { line, to, amount, .. } = payment;
            let first: &Payment = paid.entry((token, to)).or_insert(payment);
            if first.line != line {
                let is_same_amount = first.amount == amount;
                let first_line = first.line;
                remarks.push(Remark::PaidTwice { line, first_line, to, is_same_amount });
            }
            // Four digits at either end are what people compare, and what programs cut addresses to.
            let ends = ([to[0], to[1]], [to[18], to[19]]);
            let first: &Payment = looks.entry(ends).or_insert(payment);
            if first.to != to {
                let (first_line, other) = (first.line, first.to);
                remarks.push(Remark::LookAlike { line, first_line, to, other });
            }
        }
        remarks
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PaidTwice { line, first_line, to, is_same_amount } => {
                let amount = if *is_same_amount { ", the same amount" } else { "" };
                write!(f, "line {line}: {to} is paid in line {first_line} too{amount}")
            }
            Self::LookAlike { line, first_line, to, other } => {
                write!(f, "line {line}: {to} looks like {other} of line {first_line}, but is not")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PayoutFile, plan};
    use alloy::primitives::address;

    #[test]
    fn payees_who_are_paid_twice_or_look_alike_are_pointed_out() {
        let csv = "id,to,amount,token\n\
            a,0x1234000000000000000000000000000000005678,1,ETH\n\
            b,0x1234000000000000000000000000000000005678,2,ETH\n\
            c,0x1234000000000000000000000000000000005678,1.0,ETH\n\
            d,0x1234ffffffffffffffffffffffffffffffff5678,1,ETH\n";
        let file = PayoutFile::from_csv(csv.as_bytes()).unwrap();
        let plan = plan(&file, "r", Address::ZERO, &BTreeMap::new(), 2).unwrap();
        let to = address!("0x1234000000000000000000000000000000005678");
        let other = address!("0x1234ffffffffffffffffffffffffffffffff5678");
        let again =
            |line, is_same_amount| Remark::PaidTwice { line, first_line: 2, to, is_same_amount };
        let alike = Remark::LookAlike { line: 5, first_line: 2, to: other, other: to };
        assert_eq!(plan.remarks(), [again(3, false), again(4, true), alike]);
    }
}
