//! From the words of two databases to one [`DatabaseError`].

use crate::error::{DatabaseError, OpenError, StoreError};
use sqlx::migrate::MigrateError;

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error;
        let detail = error.to_string();
        match &error {
            Error::Database(source) => match source.code() {
                Some(code) => of_code(&code, source.message().to_owned()),
                None => Self::Refused { detail },
            },
            Error::Io(_)
            | Error::Tls(_)
            | Error::Protocol(_)
            | Error::PoolTimedOut
            | Error::WorkerCrashed
            | Error::BeginFailed => Self::Disconnected { detail },
            Error::PoolClosed => Self::Closed,
            _ => Self::Refused { detail },
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            // Never the words of the parser: they might hold the password.
            sqlx::Error::Configuration(_) => {
                Self::Url { detail: "the URL of the database cannot be read".to_owned() }
            }
            error => Self::Database(error.into()),
        }
    }
}

impl From<MigrateError> for OpenError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
                match DatabaseError::from(source) {
                    DatabaseError::Refused { detail } => Self::Migration { detail },
                    error => Self::Database(error),
                }
            }
            error => Self::Migration { detail: error.to_string() },
        }
    }
}

/// SQLSTATE has five characters; SQLite's extended result codes are shorter numbers.
fn of_code(code: &str, detail: String) -> DatabaseError {
    if code.len() == 5 { of_sqlstate(code, detail) } else { of_result_code(code, detail) }
}

/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn of_sqlstate(code: &str, detail: String) -> DatabaseError {
    match code {
        // disk_full
        "53100" => DatabaseError::Full { detail },
        // idle_in_transaction_session_timeout, transaction_timeout; statement_completion_unknown
        "25P03" | "25P04" | "40003" => DatabaseError::Disconnected { detail },
        // lock_not_available, query_canceled (a time-out)
        "55P03" | "57014" => DatabaseError::Busy { detail },
        // read_only_sql_transaction: a standby, or one that was told to take no writes
        "25006" => DatabaseError::Standby { detail },
        // data_corrupted, index_corrupted
        "XX001" | "XX002" => DatabaseError::Damaged { detail },
        _ => match code.get(..2) {
            // connection exceptions; shutdown of the server, or not up yet
            Some("08" | "57") => DatabaseError::Disconnected { detail },
            // the transaction was rolled back for another one: serialization_failure, deadlock_detected
            Some("40") => DatabaseError::Busy { detail },
            // insufficient resources: out_of_memory, too_many_connections
            Some("53") => DatabaseError::Busy { detail },
            // system_error, io_error
            Some("58") => DatabaseError::Io { detail },
            _ => DatabaseError::Refused { detail },
        },
    }
}

/// <https://www.sqlite.org/rescode.html>: the low eight bits are the primary code.
fn of_result_code(code: &str, detail: String) -> DatabaseError {
    match code.parse::<u32>().map(|code| code & 0xff) {
        // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_NOMEM, SQLITE_PROTOCOL (another one opens or recovers it)
        Ok(5 | 6 | 7 | 15) => DatabaseError::Busy { detail },
        // SQLITE_READONLY
        Ok(8) => DatabaseError::ReadOnly { detail },
        // SQLITE_IOERR, SQLITE_CANTOPEN
        Ok(10 | 14) => DatabaseError::Io { detail },
        // SQLITE_CORRUPT, SQLITE_NOTADB
        Ok(11 | 26) => DatabaseError::Damaged { detail },
        // SQLITE_FULL
        Ok(13) => DatabaseError::Full { detail },
        _ => DatabaseError::Refused { detail },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_say_the_same_in_their_own_codes() {
        let detail = String::new;
        for code in ["13", "53100"] {
            assert_eq!(of_code(code, detail()), DatabaseError::Full { detail: detail() }, "{code}");
        }
        // SQLITE_BUSY, SQLITE_BUSY_SNAPSHOT, SQLITE_LOCKED
        for code in ["5", "517", "6", "40001", "55P03"] {
            assert_eq!(of_code(code, detail()), DatabaseError::Busy { detail: detail() }, "{code}");
        }
        // Resources that are used up; too many connections among them.
        for code in ["7", "15", "53200", "53300", "40P01", "57014"] {
            assert!(matches!(of_code(code, detail()), DatabaseError::Busy { .. }), "{code}");
        }
        // Connections that broke; a server that stops, starts, or is a standby; a time-out that ends the connection.
        for code in ["08006", "57P01", "57P02", "57P03", "57P05", "25P03", "25006"] {
            let error = of_code(code, detail());
            assert!(error.is_disconnected() && error.is_retryable(), "{code}");
        }
        // What somebody may put right while the process waits. Whoever starts it is told at once.
        for code in ["8", "264", "10", "266", "778", "14", "58030", "58000"] {
            let error = of_code(code, detail());
            assert!(error.may_pass() && error.is_disconnected(), "{code}");
            assert!(!error.is_retryable(), "{code}");
        }
        for code in ["11", "26", "XX001"] {
            assert!(matches!(of_code(code, detail()), DatabaseError::Damaged { .. }), "{code}");
        }
        // A unique index: the statements ask before they insert.
        for code in ["1555", "2067", "23505", "42P01", "1"] {
            assert!(!of_code(code, detail()).may_pass(), "{code}");
        }
    }
}
