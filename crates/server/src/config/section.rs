//! A section of the file, from which one key after the other is taken; what is left is not known.

use super::{ConfigFault, kind_of};
use alloy::primitives::U256;
use quorate_core::amount;
use std::{fmt::Display, ops::RangeInclusive};
use toml::{Table, Value};

/// The units of amounts, with their decimals.
const UNITS: [(&str, u8); 3] = [("ether", 18), ("gwei", 9), ("wei", 0)];

/// Words of keys that people write secrets behind.
const SECRET_WORDS: [&str; 4] = ["private", "secret", "mnemonic", "password"];

/// A section.
pub(super) struct Section {
    /// As `chains[0].limits`; empty for the whole file.
    path: String,
    table: Table,
    known: Vec<&'static str>,
}

impl Section {
    pub(super) const fn new(path: String, table: Table) -> Self {
        Self { path, table, known: Vec::new() }
    }

    /// A section of the file that is not there.
    pub(super) fn empty(path: &str) -> Self {
        Self::new(path.to_owned(), Table::new())
    }

    /// A key with the sections that it is in.
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn missing(&self, key: &str, advice: &str) -> ConfigFault {
        ConfigFault::Missing { key: self.key(key), advice: advice.to_owned() }
    }

    pub(super) fn refused(
        &self,
        key: &str,
        found: impl Display,
        advice: impl Into<String>,
    ) -> ConfigFault {
        ConfigFault::refused(self.key(key), found, advice.into())
    }

    pub(super) fn hidden(&self, key: &str, advice: &str) -> ConfigFault {
        ConfigFault::Hidden { key: self.key(key), advice: advice.to_owned() }
    }

    /// Whether this key is given.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.table.remove(key)
    }

    /// A text that is not empty. One of another kind is not repeated.
    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, ConfigFault> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => {
                Err(self.refused(key, "empty", "give a text, or leave the key out"))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => Err(self.refused(key, kind_of(&value), "give a text, in quotes")),
        }
    }

    /// A list of texts; empty if there is none.
    pub(super) fn texts(&mut self, key: &'static str) -> Result<Vec<String>, ConfigFault> {
        let wanted = "give a list of texts, like [\"https://host\"]";
        let values = match self.take(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values,
            Some(value) => return Err(self.refused(key, kind_of(&value), wanted)),
        };
        let read = |(place, value)| match value {
            Value::String(text) => Ok(text),
            value => Err(self.refused(&format!("{key}[{place}]"), kind_of(&value), wanted)),
        };
        values.into_iter().enumerate().map(read).collect()
    }

    /// A number within `range`.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> Result<u64, ConfigFault> {
        Ok(self.find_number(key, range)?.unwrap_or(default))
    }

    /// As [`Self::number`], of things.
    pub(super) fn count(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
        default: usize,
    ) -> Result<usize, ConfigFault> {
        let number = self.find_number(key, range)?;
        Ok(number.map_or(default, |number| usize::try_from(number).unwrap_or(usize::MAX)))
    }

    /// As [`Self::number`], without a default.
    pub(super) fn required_number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<u64, ConfigFault> {
        self.find_number(key, range)?.ok_or_else(|| self.missing(key, "give a number"))
    }

    fn find_number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ConfigFault> {
        let advice = match *range.end() {
            most if most == i64::MAX as u64 => format!("give {} or more", range.start()),
            most => format!("give a number from {} to {most}", range.start()),
        };
        match self.take(key) {
            None => Ok(None),
            Some(Value::Integer(number)) => {
                let in_range = u64::try_from(number).ok().filter(|number| range.contains(number));
                in_range.map(Some).ok_or_else(|| self.refused(key, number, advice))
            }
            Some(value) => Err(self.refused(key, kind_of(&value), advice)),
        }
    }

    /// True or false.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> Result<bool, ConfigFault> {
        match self.take(key) {
            None => Ok(default),
            Some(Value::Boolean(flag)) => Ok(flag),
            Some(value) => Err(self.refused(key, kind_of(&value), "give true or false")),
        }
    }

    /// An amount with its unit, in wei.
    pub(super) fn amount(&mut self, key: &'static str, default: U256) -> Result<U256, ConfigFault> {
        let advice = "give an amount with its unit (ether, gwei or wei), like \"0.5 ether\"";
        let text = match self.take(key) {
            None => return Ok(default),
            Some(Value::String(text)) => text,
            Some(Value::Integer(number)) => return Err(self.refused(key, number, advice)),
            Some(value) => return Err(self.refused(key, kind_of(&value), advice)),
        };
        let parsed = text.trim().split_once(' ').and_then(|(number, unit)| {
            let (_, decimals) = UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
            amount::parse(number, *decimals).ok()
        });
        parsed.ok_or_else(|| ConfigFault::refused_text(self.key(key), &text, advice))
    }

    /// A section in this one.
    pub(super) fn section(&mut self, key: &'static str) -> Result<Option<Self>, ConfigFault> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Table(table)) => Ok(Some(Self::new(self.key(key), table))),
            Some(value) => {
                let heading = self.heading(key);
                Err(self.refused(key, kind_of(&value), format!("write a section [{heading}]")))
            }
        }
    }

    /// One section or more of this name.
    pub(super) fn sections(&mut self, key: &'static str) -> Result<Vec<Self>, ConfigFault> {
        let sections = self.any_sections(key)?;
        if sections.is_empty() {
            let advice = format!("write one section [[{}]] or more", self.heading(key));
            return Err(self.missing(key, &advice));
        }
        Ok(sections)
    }

    /// The sections of this name, if there are any.
    pub(super) fn any_sections(&mut self, key: &'static str) -> Result<Vec<Self>, ConfigFault> {
        let advice = format!("write one section [[{}]] or more", self.heading(key));
        let values = match self.take(key) {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values,
            Some(value) => return Err(self.refused(key, kind_of(&value), advice)),
        };
        let read = |(place, value)| {
            let key = format!("{key}[{place}]");
            match value {
                Value::Table(table) => Ok(Self::new(self.key(&key), table)),
                value => Err(self.refused(&key, kind_of(&value), advice.as_str())),
            }
        };
        values.into_iter().enumerate().map(read).collect()
    }

    /// How the heading of a section in this one is written: without places.
    fn heading(&self, key: &str) -> String {
        let key = self.key(key);
        key.split('.')
            .map(|part| part.split('[').next().unwrap_or(part))
            .collect::<Vec<_>>()
            .join(".")
    }

    /// Refuses what was not taken. Its value is not repeated.
    pub(super) fn finish(self) -> Result<(), ConfigFault> {
        let Some(key) = self.table.keys().next() else { return Ok(()) };
        let word = key.to_lowercase();
        let advice = if SECRET_WORDS.iter().any(|secret| word.contains(secret)) {
            "no secret belongs in this file: name a file that holds it, as password_file or env_file"
                .to_owned()
        } else {
            format!("the keys here are {}", self.known.join(", "))
        };
        Err(ConfigFault::Unknown { key: self.key(key), advice })
    }
}
