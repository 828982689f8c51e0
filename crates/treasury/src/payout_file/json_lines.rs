//! Lists as JSON lines, one object each.

use super::{
    MOST_LINES,
    columns::{COLUMNS, Column, Entry, column},
    table::trimmed,
};
use crate::problem::{Fault, Problem};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{collections::BTreeSet, fmt};

/// Whether a text is JSON, and no table.
pub(super) fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// The keys of an object with the text of their values, in their order, twice where they are there twice.
#[derive(Debug, Default)]
struct Object(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut object = Object::default();
                while let Some(entry) = map.next_entry()? {
                    object.0.push(entry);
                }
                Ok(object)
            }
        }
        from.deserialize_map(Keys)
    }
}

/// What a list says, and which columns are carried along.
#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) entries: Vec<Entry>,
    pub(super) carried: Vec<String>,
    pub(super) problems: Vec<Problem>,
}

/// Reads a list. `has_token` where the token of all lines is said beside.
pub(super) fn read(text: &str, has_token: bool) -> Result<List, Problem> {
    let mut list = List::default();
    if text.trim_start().starts_with('[') {
        return Err(Problem::of_line(1, Fault::JsonList));
    }
    // A lone carriage return is a blank in JSON.
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.trim_end_matches('\r');
        if line.trim().is_empty() {
            continue;
        }
        if list.entries.len() >= MOST_LINES {
            let count = text.lines().count();
            return Err(Problem::of_file(Fault::TooManyLines { count }));
        }
        let object = match serde_json::from_str::<Object>(line) {
            Ok(object) => object,
            Err(error) => {
                let reason = reason(&error);
                list.problems.push(Problem::of_line(number, Fault::Json { reason }));
                continue;
            }
        };
        match entry(number, object, has_token) {
            Ok(entry) => list.push(entry),
            Err(faults) => {
                let faults = faults.into_iter().map(|fault| Problem::of_line(number, fault));
                list.problems.extend(faults);
            }
        }
    }
    Ok(list)
}

/// What the parser says, without the place in the line that it counts from another start.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    format!("{text}, at column {}", error.column())
}

impl List {
    fn push(&mut self, entry: Entry) {
        let name = (!entry.name.is_empty()).then(|| COLUMNS[5].to_owned());
        for name in name.into_iter().chain(entry.carried.iter().map(|(name, _)| name.clone())) {
            if !self.carried.contains(&name) {
                self.carried.push(name);
            }
        }
        self.entries.push(entry);
    }
}

fn entry(line: usize, object: Object, has_token: bool) -> Result<Entry, Vec<Fault>> {
    let mut entry = Entry { line, ..Entry::default() };
    let (mut faults, mut seen) = (Vec::new(), BTreeSet::new());
    let mut given = [false; COLUMNS.len()];
    for (key, value) in &object.0 {
        if !seen.insert(key.to_lowercase()) {
            faults.push(Fault::KeyTwice { key: key.clone() });
            continue;
        }
        let column = match column(trimmed(key)) {
            Ok(column) => column,
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        };
        let text = match &column {
            Column::Known(2) => amount(value.get()),
            Column::Known(0) => id(value.get()),
            Column::Known(_) | Column::Carried(_) => text(value.get()),
        };
        let text = match text {
            Ok(text) => trimmed(&text).to_owned(),
            Err(expected) => {
                let key = key.clone();
                faults.push(Fault::JsonValue { key, expected });
                continue;
            }
        };
        match column {
            Column::Known(place) => {
                given[place] = true;
                let cells = [
                    &mut entry.id,
                    &mut entry.to,
                    &mut entry.amount,
                    &mut entry.token,
                    &mut entry.note,
                    &mut entry.name,
                ];
                let [id, to, amount, token, note, name] = cells;
                *[id, to, amount, token, note, name][place] = text;
            }
            Column::Carried(name) => entry.carried.push((name, text)),
        }
    }
    for (place, column) in COLUMNS.into_iter().enumerate().take(4) {
        match (column, given[place]) {
            ("token", true) if has_token => faults.push(Fault::TokenBeside),
            ("token", false) if has_token => {}
            ("token", false) => faults.push(Fault::TokenMissing),
            (_, false) if faults.is_empty() => faults.push(Fault::KeyMissing { key: column }),
            _ => {}
        }
    }
    if faults.is_empty() { Ok(entry) } else { Err(faults) }
}

/// A string, or nothing.
fn text(raw: &str) -> Result<String, &'static str> {
    if raw == "null" {
        return Ok(String::new());
    }
    serde_json::from_str(raw).map_err(|_| "a string")
}

/// A string, or the digits of a whole number.
fn id(raw: &str) -> Result<String, &'static str> {
    if !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(raw.to_owned());
    }
    text(raw).map_err(|_| "a string or a whole number")
}

/// A string, or a number as it is written.
fn amount(raw: &str) -> Result<String, &'static str> {
    let is_number = raw.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    if is_number {
        return Ok(raw.to_owned());
    }
    text(raw).map_err(|_| "a string or a number")
}
