//! Queries whose conditions depend on what is asked for.

use sqlx::{Any, Arguments as _, AssertSqlSafe, any::AnyArguments, any::AnyRow};

/// A query put together of constant pieces; values are always bound, never written into it.
#[derive(Default)]
pub(crate) struct Query {
    text: String,
    arguments: AnyArguments,
    fault: Option<sqlx::Error>,
}

impl Query {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// Appends `text`.
    pub(crate) fn push(&mut self, text: &'static str) {
        self.text.push_str(text);
    }

    /// Appends `text`, every `?` in it standing for `value`.
    pub(crate) fn bind<'t, T>(&mut self, text: &'static str, value: T)
    where
        T: sqlx::Encode<'t, Any> + sqlx::Type<Any>,
    {
        if let Err(error) = self.arguments.add(value) {
            self.fault = Some(sqlx::Error::Encode(error));
        }
        let place = format!("${}", self.arguments.len());
        self.text.push_str(&text.replace('?', &place));
    }

    /// How SQLite would answer it, a line for each step.
    #[cfg(test)]
    pub(crate) async fn plan(
        self,
        connection: &mut sqlx::AnyConnection,
    ) -> Result<Vec<String>, sqlx::Error> {
        let text = format!("EXPLAIN QUERY PLAN {}", self.text);
        let query = sqlx::query_with(AssertSqlSafe(text), self.arguments);
        let rows = query.fetch_all(connection).await?;
        rows.iter().map(|row| sqlx::Row::try_get(row, "detail")).collect()
    }

    /// Does it; tells how many rows it changed.
    pub(crate) async fn execute(
        self,
        connection: &mut sqlx::AnyConnection,
    ) -> Result<u64, sqlx::Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let query = sqlx::query_with(AssertSqlSafe(self.text), self.arguments);
        Ok(query.execute(connection).await?.rows_affected())
    }

    /// All rows.
    pub(crate) async fn fetch_all(
        self,
        connection: &mut sqlx::AnyConnection,
    ) -> Result<Vec<AnyRow>, sqlx::Error> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let query = sqlx::query_with(AssertSqlSafe(self.text), self.arguments);
        query.fetch_all(connection).await
    }
}
