//! What the engine goes through, as real processes on a real chain, and how the books are compared afterwards.
//!
//! - [`world`]: a chain with wallets and payments to make; [`store`]: what owners hand in.
//! - [`engine`]: an engine as a process of its own, which may be killed.
//! - [`relayer`]: the program `quorate relayer`, with HTTP.
//! - [`books`]: what the chain, the store and its audit log say, compared.
//! - [`payday`]: a list of payments, and what has to be true once it is paid.
//! - [`chaos`]: the trials.
//! - [`mod@bench`]: how fast the engine and the service are; [`million`]: a store with a million proposals.

pub mod bench;
pub mod books;
pub mod chaos;
pub mod engine;
pub mod million;
pub mod payday;
pub mod relayer;
pub mod store;
pub mod world;
