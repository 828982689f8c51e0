//! Values and columns: every number is checked on its way in, every column on its way out.

use crate::error::StoreError;
use alloy::primitives::{Address, B256, U256, hex};
use quorate_core::{status::BlockId, text::shown};
use serde_json::Value;
use sqlx::{Row as _, any::AnyRow};

/// A number as the database keeps it.
pub(crate) fn int(field: &'static str, value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|_| StoreError::OutOfRange { field, value })
}

/// Bytes as the database keeps them.
pub(crate) fn blob(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    bytes.as_ref().to_vec()
}

/// Text that others wrote, which may hold what PostgreSQL does not take.
pub(crate) fn foreign_text(text: &str) -> String {
    Value::from(text).to_string()
}

/// A row while it is read. Its key stands in every error.
pub(crate) struct Fields<'r> {
    row: &'r AnyRow,
    table: &'static str,
    key: String,
}

impl<'r> Fields<'r> {
    /// The row of `table` that `key` columns name.
    pub(crate) fn new(row: &'r AnyRow, table: &'static str, key: &[&str]) -> Self {
        let key: Vec<_> = key.iter().map(|column| shown_key(row, column)).collect();
        Self { row, table, key: key.join("/") }
    }

    pub(crate) fn corrupt(&self, detail: impl Into<String>) -> StoreError {
        StoreError::Corrupt { table: self.table, row: self.key.clone(), detail: detail.into() }
    }

    fn get<T>(&self, column: &str) -> Result<Option<T>, StoreError>
    where
        T: for<'d> sqlx::Decode<'d, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        self.row.try_get(column).map_err(|error| match error {
            sqlx::Error::ColumnDecode { source, .. } => self.corrupt(format!("{column}: {source}")),
            error => error.into(),
        })
    }

    fn needed<T>(&self, column: &str, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| self.corrupt(format!("{column} is missing")))
    }

    pub(crate) fn int_opt(&self, column: &str) -> Result<Option<i64>, StoreError> {
        self.get(column)
    }

    pub(crate) fn int(&self, column: &str) -> Result<i64, StoreError> {
        self.needed(column, self.int_opt(column)?)
    }

    pub(crate) fn number_opt<T: TryFrom<i64>>(
        &self,
        column: &str,
    ) -> Result<Option<T>, StoreError> {
        let Some(value) = self.int_opt(column)? else { return Ok(None) };
        let number = T::try_from(value);
        number.map(Some).map_err(|_| self.corrupt(format!("{column} is {value}")))
    }

    pub(crate) fn number<T: TryFrom<i64>>(&self, column: &str) -> Result<T, StoreError> {
        self.needed(column, self.number_opt(column)?)
    }

    pub(crate) fn flag(&self, column: &str) -> Result<bool, StoreError> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.corrupt(format!("{column} is {other}"))),
        }
    }

    pub(crate) fn text_opt(&self, column: &str) -> Result<Option<String>, StoreError> {
        self.get(column)
    }

    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        self.needed(column, self.text_opt(column)?)
    }

    /// What [`foreign_text`] made.
    pub(crate) fn foreign_text_opt(&self, column: &str) -> Result<Option<String>, StoreError> {
        self.json_opt(column)
    }

    pub(crate) fn json_opt<T: serde::de::DeserializeOwned>(
        &self,
        column: &str,
    ) -> Result<Option<T>, StoreError> {
        let Some(text) = self.text_opt(column)? else { return Ok(None) };
        let value = serde_json::from_str(&text);
        value.map(Some).map_err(|error| self.corrupt(format!("{column}: {error}")))
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(
        &self,
        column: &str,
    ) -> Result<T, StoreError> {
        self.needed(column, self.json_opt(column)?)
    }

    pub(crate) fn blob_opt(&self, column: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(column)
    }

    pub(crate) fn blob(&self, column: &str) -> Result<Vec<u8>, StoreError> {
        self.needed(column, self.blob_opt(column)?)
    }

    fn array_opt<const N: usize>(&self, column: &str) -> Result<Option<[u8; N]>, StoreError> {
        let Some(bytes) = self.blob_opt(column)? else { return Ok(None) };
        let length = bytes.len();
        let array = bytes.try_into();
        array.map(Some).map_err(|_| self.corrupt(format!("{column} has {length} bytes, not {N}")))
    }

    pub(crate) fn b256_opt(&self, column: &str) -> Result<Option<B256>, StoreError> {
        Ok(self.array_opt(column)?.map(B256::new))
    }

    pub(crate) fn b256(&self, column: &str) -> Result<B256, StoreError> {
        self.needed(column, self.b256_opt(column)?)
    }

    pub(crate) fn block_opt(
        &self,
        number: &str,
        hash: &str,
    ) -> Result<Option<BlockId>, StoreError> {
        let Some(number) = self.number_opt(number)? else { return Ok(None) };
        Ok(Some(BlockId { number, hash: self.b256(hash)? }))
    }

    pub(crate) fn block(&self, number: &str, hash: &str) -> Result<BlockId, StoreError> {
        self.needed(number, self.block_opt(number, hash)?)
    }

    pub(crate) fn address_opt(&self, column: &str) -> Result<Option<Address>, StoreError> {
        Ok(self.array_opt(column)?.map(Address::new))
    }

    pub(crate) fn address(&self, column: &str) -> Result<Address, StoreError> {
        self.needed(column, self.address_opt(column)?)
    }

    pub(crate) fn u256_opt(&self, column: &str) -> Result<Option<U256>, StoreError> {
        let Some(text) = self.text_opt(column)? else { return Ok(None) };
        let number = U256::from_str_radix(&text, 10);
        number.map(Some).map_err(|_| self.corrupt(format!("{column} is {}", shown(&text))))
    }

    pub(crate) fn u256(&self, column: &str) -> Result<U256, StoreError> {
        self.needed(column, self.u256_opt(column)?)
    }
}

/// A key as it can be typed into a query.
fn shown_key(row: &AnyRow, column: &str) -> String {
    if let Ok(Some(number)) = row.try_get::<Option<i64>, _>(column) {
        return number.to_string();
    }
    match row.try_get::<Option<Vec<u8>>, _>(column) {
        Ok(Some(bytes)) => hex::encode_prefixed(bytes),
        _ => match row.try_get::<Option<String>, _>(column) {
            Ok(Some(text)) => shown(&text),
            _ => "?".to_owned(),
        },
    }
}
