//! What is allowed in a list of payments, but is how mistakes and frauds look.

use crate::{
    PayoutFile,
    payout_file::{Names, readings},
    payout_plan::{Line, Plan},
};
use alloy::primitives::Address;
use quorate_core::text::shown;
use std::{collections::BTreeMap, fmt};

/// Something in a list that may be meant, but that people should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A payee who is paid before in the same token, under another id.
    PaidTwice {
        /// The later payment.
        place: Place,
        /// The earlier one.
        first: Place,
        /// The payee.
        to: Address,
        /// Whether the amounts are equal too, as where one invoice was entered twice.
        is_same_amount: bool,
    },
    /// A payee whose address begins and ends as another's, which is how a copied address is replaced. A danger.
    LookAlike {
        /// The payment.
        place: Place,
        /// Where the other stands.
        other_place: OtherPlace,
        /// The payee.
        to: Address,
        /// The other.
        other: Address,
    },
    /// A payee whom the address book knows by another name than the list. A danger.
    NameDiffers {
        /// The payment.
        place: Place,
        /// The payee.
        to: Address,
        /// What the list calls it.
        name: String,
        /// What the book calls it.
        known: Vec<String>,
    },
    /// An amount that could be a thousandfold of what it says. A danger.
    GroupedAmount {
        /// The payment.
        place: Place,
        /// What stands there.
        text: String,
    },
    /// An amount whose digits look as if a program's float had changed them.
    Float {
        /// The payment.
        place: Place,
        /// What stands there.
        text: String,
    },
}

/// A payment, by its line where there is a list, and by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line in the list, from 1.
    pub line: Option<usize>,
    /// The id.
    pub id: String,
}

/// Where the other of two addresses that look alike stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherPlace {
    /// In the plan.
    Line(Place),
    /// In the address book, by this name.
    Book(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}, id {}", shown(&self.id)),
            None => write!(f, "id {}", shown(&self.id)),
        }
    }
}

impl fmt::Display for OtherPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(place) => place.fmt(f),
            Self::Book(name) => write!(f, "@{name} of the address book"),
        }
    }
}

/// The lines of a list by their ids.
#[derive(Clone, Debug, Default)]
pub struct LinesOfList(BTreeMap<String, usize>);

impl LinesOfList {
    /// Those of a file.
    pub fn of(file: &PayoutFile) -> Self {
        Self(file.rows().iter().map(|row| (row.id.clone(), row.line)).collect())
    }

    /// The place of a payment.
    pub fn place(&self, id: &str) -> Place {
        Place { line: self.0.get(id).copied(), id: id.to_owned() }
    }
}

impl Plan {
    /// What people should look at before they sign, in the order of the lines.
    pub fn remarks(&self, lines: &LinesOfList, names: &Names) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let mut paid: BTreeMap<(Address, Address), &Line> = BTreeMap::new();
        let mut looks: BTreeMap<[u8; 4], (Address, OtherPlace)> = BTreeMap::new();
        for (name, &address) in &names.payees {
            looks.entry(ends(address)).or_insert((address, OtherPlace::Book(name.clone())));
        }
        for line in self.lines.iter().filter(|line| !line.removed) {
            let &Line { payee: to, token, amount, .. } = line;
            let place = || lines.place(&line.id);
            let first = *paid.entry((token, to)).or_insert(line);
            if first.id != line.id {
                let is_same_amount = first.amount == amount;
                let first = lines.place(&first.id);
                remarks.push(Remark::PaidTwice { place: place(), first, to, is_same_amount });
            }
            // Four digits at either end are what people compare, and what programs cut addresses to.
            let look = looks.entry(ends(to)).or_insert_with(|| (to, OtherPlace::Line(place())));
            let (other, other_place) = (look.0, look.1.clone());
            let is_known = names.payees.values().any(|known| *known == to);
            if other != to && !is_known {
                remarks.push(Remark::LookAlike { place: place(), other_place, to, other });
            }
            let known: Vec<_> = (names.payees.iter())
                .filter(|(_, address)| **address == to)
                .map(|(name, _)| name.clone())
                .collect();
            if let Some(name) = line.carried.get("name") {
                let is_same = |known: &String| known.to_lowercase() == name.to_lowercase();
                if !known.is_empty() && !known.iter().any(is_same) {
                    let name = name.clone();
                    remarks.push(Remark::NameDiffers { place: place(), to, name, known });
                }
            }
        }
        remarks
    }
}

/// What is remarkable about the amounts of a list as they are written.
pub fn of_amounts(file: &PayoutFile, decimals: impl Fn(Address) -> u8) -> Vec<Remark> {
    let place = |line, id: &str| Place { line: Some(line), id: id.to_owned() };
    let mut remarks: Vec<_> = (file.grouped().into_iter())
        .map(|it| Remark::GroupedAmount { place: place(it.line, &it.id), text: it.text })
        .collect();
    for row in file.rows() {
        if PayoutFile::is_float(row, decimals(row.token)) {
            let text = row.amount.clone();
            remarks.push(Remark::Float { place: place(row.line, &row.id), text });
        }
    }
    remarks
}

fn ends(address: Address) -> [u8; 4] {
    [address[0], address[1], address[18], address[19]]
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PaidTwice { place, first, to, is_same_amount } => {
                let amount = if *is_same_amount { ", the same amount" } else { "" };
                write!(f, "{place}: {to} is paid in {first} too{amount}")
            }
            Self::LookAlike { place, other_place, to, other } => {
                write!(f, "{place}: {to} looks like {other} of {other_place}, but is not")
            }
            Self::NameDiffers { place, to, name, known } => {
                let known: Vec<_> = known.iter().map(|name| shown(name)).collect();
                let (name, known) = (shown(name), known.join(", "));
                write!(f, "{place}: the list calls {to} {name}, the address book {known}")
            }
            Self::GroupedAmount { place, text } => {
                let (whole, decimal) = readings(text);
                write!(
                    f,
                    "{place}: {text} is {decimal} as it stands, and {whole} where the point groups thousands: write {whole} or {decimal}"
                )
            }
            Self::Float { place, text } => write!(
                f,
                "{place}: {text} has the digits of a number that a program rounded: compare it with its source"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{payout_plan::Terms, plan};
    use alloy::primitives::address;

    fn planned(csv: &str) -> (PayoutFile, Plan) {
        let file = PayoutFile::from_csv(csv.as_bytes()).unwrap();
        let (wallet, decimals) = (Address::ZERO, BTreeMap::new());
        let terms =
            Terms { chain_id: 1, wallet, run: "r", decimals: &decimals, max_lines: Some(2) };
        let plan = plan(&file, &terms, None).unwrap();
        (file, plan)
    }

    #[test]
    fn payees_who_are_paid_twice_look_alike_or_have_another_name_are_pointed_out() {
        let csv = "id,to,amount,token,name\n\
            a,0x1234000000000000000000000000000000005678,1,ETH,\n\
            b,0x1234000000000000000000000000000000005678,2,ETH,\n\
            c,0x1234000000000000000000000000000000005678,1.0,ETH,\n\
            d,0x1234ffffffffffffffffffffffffffffffff5678,1,ETH,\n\
            e,0xabcd000000000000000000000000000000000001,1,ETH,Bob\n\
            f,0xabcdffffffffffffffffffffffffffffffff0001,1,ETH,\n";
        let (file, plan) = planned(csv);
        let known = address!("0xabcd000000000000000000000000000000000001");
        let payees = BTreeMap::from([("alice".to_owned(), known)]);
        let names = Names { payees, tokens: BTreeMap::new() };
        let remarks = plan.remarks(&LinesOfList::of(&file), &names);
        let texts: Vec<_> = remarks.iter().map(ToString::to_string).collect();
        let expected = [
            "line 3, id \"b\": 0x1234000000000000000000000000000000005678 is paid in line 2, id \"a\" too",
            "line 4, id \"c\": 0x1234000000000000000000000000000000005678 is paid in line 2, id \"a\" too, the same amount",
            "line 5, id \"d\": 0x1234FFfFFfFffFfFFFFFfFFFffffFFFFffff5678 looks like 0x1234000000000000000000000000000000005678 of line 2, id \"a\", but is not",
            "line 6, id \"e\": the list calls 0xABCd000000000000000000000000000000000001 \"Bob\", the address book \"alice\"",
            "line 7, id \"f\": 0xAbcDFFfFFFffFfFFFFFFFffFffFffFFfFfff0001 looks like 0xABCd000000000000000000000000000000000001 of @alice of the address book, but is not",
        ];
        let lower = |texts: &[String]| -> Vec<String> {
            texts.iter().map(|text| text.to_lowercase()).collect()
        };
        assert_eq!(lower(&texts), lower(&expected.map(str::to_owned)));
    }

    #[test]
    fn amounts_that_could_be_others_are_pointed_out() {
        let to = "0x1234000000000000000000000000000000005678";
        let csv = format!("id,to,amount,token\na,{to},1.250,ETH\nb,{to},0.30000000000000004,ETH\n");
        let file = PayoutFile::from_csv(csv.as_bytes()).unwrap();
        let remarks: Vec<_> = of_amounts(&file, |_| 18).iter().map(ToString::to_string).collect();
        assert_eq!(remarks.len(), 2);
        assert!(remarks[0].ends_with("write 1250 or 1.25"), "{remarks:?}");
        assert!(remarks[1].contains("line 3"), "{remarks:?}");
    }
}
