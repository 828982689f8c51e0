//! Which cell of a line is what.

use super::{COLUMNS, OPTIONAL_COLUMN, table::Line};
use crate::problem::{Fault, PayoutFileError, Problem};

/// Where each column is.
pub(super) struct Columns {
    /// How many there are, up to the last that has a name.
    count: usize,
    places: [Option<usize>; COLUMNS.len()],
    /// Those without a name: spreadsheets write empty ones, which are nothing as long as they are empty.
    nameless: Vec<usize>,
}

impl Columns {
    /// Reads the header.
    pub(super) fn read(header: &Line) -> Result<Self, PayoutFileError> {
        let mut places = [None; COLUMNS.len()];
        let (mut problems, mut nameless) = (Vec::new(), Vec::new());
        let mut push = |fault| problems.push(Problem::of_line(header.number, fault));
        for (place, name) in header.fields.iter().enumerate() {
            match COLUMNS.iter().position(|column| column == name) {
                None if name.is_empty() => nameless.push(place),
                None => push(Fault::ColumnUnknown { name: name.clone() }),
                Some(column) if places[column].is_some() => {
                    push(Fault::ColumnTwice { column: COLUMNS[column] });
                }
                Some(column) => places[column] = Some(place),
            }
        }
        if places.iter().all(Option::is_none) {
            let found = header.fields.first().cloned().unwrap_or_default();
            return Err(Problem::of_line(header.number, Fault::NoHeader { found }).into());
        }
        for (column, place) in COLUMNS.into_iter().zip(places) {
            if place.is_none() && column != OPTIONAL_COLUMN {
                push(Fault::ColumnMissing { column });
            }
        }
        PayoutFileError::check(problems)?;
        let count = places.iter().flatten().max().map_or(0, |last| last + 1);
        Ok(Self { count, places, nameless })
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
    pub(super) fn entry<'a>(&self, line: &'a Line) -> Result<Entry<'a>, Problem> {
        let filled = line.fields.iter().rposition(|field| !field.is_empty());
        let found = filled.map_or(0, |last| last + 1);
        let header = self.count.max(self.nameless.last().map_or(0, |last| last + 1));
        if found > header {
            let fault = Fault::FieldCount { found, expected: self.count };
            return Err(Problem::of_line(line.number, fault));
        }
        let missing = COLUMNS.into_iter().zip(self.places).filter(|(column, place)| {
            *column != OPTIONAL_COLUMN && place.is_some_and(|place| place >= line.fields.len())
        });
        let missing: Vec<_> = missing.map(|(column, _)| column).collect();
        if !missing.is_empty() {
            let (found, expected) = (line.fields.len(), self.count);
            return Err(Problem::of_line(line.number, Fault::RowEnds { found, expected, missing }));
        }
        let [id, to, amount, token, note] = self
            .places
            .map(|place| place.and_then(|place| line.fields.get(place)).map_or("", String::as_str));
        Ok(Entry { line: line.number, id, to, amount, token, note })
    }
}

/// What a line says, before it is checked.
pub(super) struct Entry<'a> {
    pub(super) line: usize,
    pub(super) id: &'a str,
    pub(super) to: &'a str,
    pub(super) amount: &'a str,
    pub(super) token: &'a str,
    pub(super) note: &'a str,
}
