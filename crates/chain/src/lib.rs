//! A chain, read over JSON-RPC: wallets and who controls them, tokens, whether signatures count,
//! what a transaction would do, why one failed. And raw transactions, sent and waited for.
//!
//! - [`chain`]: one endpoint, from [`Chain::connect`] on.
//! - [`wallet`]: what a wallet is at one block, and where it comes from; [`standing`]: some of that, cheaply.
//! - [`judge`]: whether a signature holds, and why not; [`verify`]: whose count;
//!   [`tree`]: wallets that own wallets.
//! - [`token`]: what a token says about itself; [`escrow`]: what an escrow is, and did;
//!   [`treasury`]: what the policy of treasuries knows.
//! - [`history`]: what a wallet executed; [`blocks`]: blocks and the events in them.
//! - [`payments`]: what consumed nonces; [`tried`]: what payments would do.
//! - [`simulate`], [`send`]: before and after a transaction; [`fee`], [`receipt`]: what it costs, and did cost;
//!   [`refusal`]: why it is refused.
//! - [`finality`]: which blocks nobody takes back.
//! - [`lack`]: what an endpoint does not do, and what is done without it; [`examine`]: finding out.
//! - [`revert`]: the bytes of a revert in one sentence.
//!
//! An endpoint is not believed more than needed: what can be recomputed is, nonsense is an error and never a
//! panic, and text from a chain is escaped before it gets into a message. Yet who runs the endpoint can
//! lie about balances, nonces and approvals, and nothing here notices.
//!
//! No keys, no signing of transactions, no fail-over between endpoints, no cache.

mod allowances;
pub mod blocks;
pub mod chain;
mod endpoint;
mod error;
pub mod escrow;
mod evm;
pub mod examine;
pub mod fee;
pub mod finality;
pub mod history;
pub mod judge;
pub mod lack;
mod log;
mod paid;
mod past;
pub mod payments;
pub mod receipt;
pub mod refusal;
pub mod revert;
pub mod send;
pub mod simulate;
pub mod standing;
pub mod token;
pub mod treasury;
pub mod tree;
pub mod tried;
pub mod verify;
pub mod wallet;

pub use allowances::Allowance;
pub use blocks::Header;
pub use chain::Chain;
pub use endpoint::Patience;
pub use error::ChainError;
pub use escrow::SentTransaction;
pub use examine::Examination;
pub use fee::{Fees, Unsigned};
pub use history::Execution;
pub use judge::{Refusal, Verdict};
pub use lack::Lack;
pub use receipt::Receipt;
pub use revert::{PolicyRefusal, Revert};
pub use send::{SendAnswer, WaitError};
pub use simulate::{SimulateError, Simulated, SimulatedCall};
pub use standing::{Standing, StandingQuestion};
pub use token::Token;
pub use tree::Branch;
pub use tried::TriedPayment;
pub use verify::{Rejected, Verified};
pub use wallet::{Provenance, WalletState};
