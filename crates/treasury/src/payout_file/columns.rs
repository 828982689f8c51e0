//! Which cell of a line is what.

use super::table::Line;
use crate::problem::{Fault, PayoutFileError, Problem};

/// The columns that mean something here, as they are shown.
pub(super) const COLUMNS: [&str; 6] = ["id", "to", "amount", "token", "note", "name"];

/// Those that a list may lack.
const OPTIONAL: [&str; 2] = ["note", "name"];

/// What the columns of other programs are called here. None is taken for ours: their amounts may be dollars, and their ids
/// those of tokens.
const ELSEWHERE: &[(&str, &[&str])] = &[
    (
        "to",
        &[
            "address",
            "account",
            "beneficiary",
            "destination",
            "payee",
            "receiver",
            "recipient",
            "wallet",
        ],
    ),
    ("amount", &["quantity", "sum", "total", "value"]),
    ("token", &["asset", "coin", "contract", "currency", "symbol"]),
    ("id", &["invoice", "number", "payment", "ref", "reference"]),
    ("note", &["comment", "description", "memo", "message", "purpose", "text"]),
];

/// What a column is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// One of [`COLUMNS`], by its place there.
    Known(usize),
    /// One that is carried along, by its name.
    Carried(String),
}

/// Which column has this name, in any case.
pub(super) fn column(name: &str) -> Result<Column, Fault> {
    let lower = name.to_lowercase();
    if let Some(place) = COLUMNS.iter().position(|column| *column == lower) {
        return Ok(Column::Known(place));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match lower.strip_prefix("x-") {
        Some(rest) if !rest.is_empty() && rest.len() <= 62 && rest.chars().all(is_plain) => {
            Ok(Column::Carried(lower))
        }
        _ => Err(Fault::ColumnUnknown { name: name.to_owned(), rename: ours(&lower) }),
    }
}

/// What another program's column is called here.
fn ours(lower: &str) -> Option<&'static str> {
    let words: Vec<_> = lower.split(|c: char| !c.is_alphanumeric()).collect();
    let is_named = |names: &&[&str]| words.iter().any(|word| names.contains(word));
    let exact = ELSEWHERE.iter().find(|(_, names)| names.contains(&lower));
    // `token_address` is the token, and `token_id` nothing of ours.
    let first = if words.contains(&"token") && !words.contains(&"id") {
        Some("token")
    } else {
        ELSEWHERE.iter().find(|(_, names)| is_named(names)).map(|(ours, _)| *ours)
    };
    exact.map(|(ours, _)| *ours).or(first)
}

/// Where each column is.
pub(super) struct Columns {
    /// How many there are, up to the last that has a name.
    count: usize,
    places: [Option<usize>; COLUMNS.len()],
    /// Those that are carried along, and their names.
    carried: Vec<(usize, String)>,
    /// Those without a name: spreadsheets write empty ones, which are nothing as long as they are empty.
    nameless: Vec<usize>,
}

impl Columns {
    /// Reads the header. `has_token` where the token of all lines is said beside.
    pub(super) fn read(header: &Line, has_token: bool) -> Result<Self, PayoutFileError> {
        let mut places = [None; COLUMNS.len()];
        let (mut problems, mut nameless) = (Vec::new(), Vec::new());
        let mut carried: Vec<(usize, String)> = Vec::new();
        let mut push = |fault| problems.push(Problem::of_line(header.number, fault));
        for (place, name) in header.fields.iter().enumerate() {
            if name.is_empty() {
                nameless.push(place);
                continue;
            }
            match column(name) {
                Err(fault) => push(fault),
                Ok(Column::Known(column)) if places[column].is_some() => {
                    push(Fault::ColumnTwice { column: COLUMNS[column].to_owned() });
                }
                Ok(Column::Known(column)) => places[column] = Some(place),
                Ok(Column::Carried(name)) if carried.iter().any(|(_, other)| *other == name) => {
                    push(Fault::ColumnTwice { column: name });
                }
                Ok(Column::Carried(name)) => carried.push((place, name)),
            }
        }
        if places.iter().all(Option::is_none) {
            let is_other = |name: &String| ours(&name.to_lowercase()).is_some();
            let is_value = |name: &String| name.starts_with("0x") || super::is_plain(name);
            if !header.fields.iter().any(is_other) || header.fields.iter().any(is_value) {
                let found = header.fields.first().cloned().unwrap_or_default();
                return Err(Problem::of_line(header.number, Fault::NoHeader { found }).into());
            }
        }
        for (column, place) in COLUMNS.into_iter().zip(places) {
            match column {
                "token" if has_token && place.is_some() => push(Fault::TokenBeside),
                "token" if has_token => {}
                "token" if place.is_none() => push(Fault::TokenMissing),
                _ if place.is_none() && !OPTIONAL.contains(&column) => {
                    push(Fault::ColumnMissing { column });
                }
                _ => {}
            }
        }
        PayoutFileError::check(problems)?;
        let named = places.iter().flatten().chain(carried.iter().map(|(place, _)| place));
        let count = named.max().map_or(0, |last| last + 1);
        Ok(Self { count, places, carried, nameless })
    }

    /// The names of the columns that are carried along, in their order: `name` first.
    pub(super) fn carried(&self) -> Vec<String> {
        let name = self.places[5].map(|_| COLUMNS[5].to_owned());
        name.into_iter().chain(self.carried.iter().map(|(_, name)| name.clone())).collect()
    }

    /// Whether the first column has no name and numbers the rows.
    pub(super) fn numbers_rows(&self, lines: &[Line]) -> bool {
        let is_number = |line: &Line| {
            let cell = line.fields.first().map_or("", String::as_str);
            !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit())
        };
        self.nameless.contains(&0) && !lines.is_empty() && lines.iter().all(is_number)
    }

    /// What is wrong where something stands under no name.
    pub(super) fn nameless_cell(&self, line: &Line) -> Option<Problem> {
        let filled = self.nameless.iter().find_map(|&place| {
            let text = line.fields.get(place).filter(|text| !text.is_empty())?.clone();
            Some(Fault::CellWithoutColumn { number: place + 1, text })
        });
        filled.map(|fault| Problem::of_line(line.number, fault))
    }

    /// The line's cells by column. Optional ones may be missing at its end, and empty ones may follow.
    pub(super) fn entry(&self, line: &Line) -> Result<Entry, Problem> {
        let filled = line.fields.iter().rposition(|field| !field.is_empty());
        let found = filled.map_or(0, |last| last + 1);
        let header = self.count.max(self.nameless.last().map_or(0, |last| last + 1));
        if found > header {
            let fault = Fault::FieldCount { found, expected: self.count };
            return Err(Problem::of_line(line.number, fault));
        }
        let missing = COLUMNS.into_iter().zip(self.places).filter(|(column, place)| {
            !OPTIONAL.contains(column) && place.is_some_and(|place| place >= line.fields.len())
        });
        let missing: Vec<_> = missing.map(|(column, _)| column).collect();
        if !missing.is_empty() {
            let (found, expected) = (line.fields.len(), self.count);
            return Err(Problem::of_line(line.number, Fault::RowEnds { found, expected, missing }));
        }
        let cell = |place: usize| line.fields.get(place).cloned().unwrap_or_default();
        let [id, to, amount, token, note, name] =
            self.places.map(|place| place.map(cell).unwrap_or_default());
        let carried =
            self.carried.iter().map(|(place, name)| (name.clone(), cell(*place))).collect();
        Ok(Entry { line: line.number, id, to, amount, token, note, name, carried })
    }
}

/// What a line says, before it is checked.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) id: String,
    pub(super) to: String,
    pub(super) amount: String,
    pub(super) token: String,
    pub(super) note: String,
    pub(super) name: String,
    pub(super) carried: Vec<(String, String)>,
}
