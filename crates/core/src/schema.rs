//! The JSON Schemas (draft 2020-12) of the files, as published in `docs/schema`.

/// The schema of a [`Proposal`](crate::Proposal) file.
pub const PROPOSAL: &str = include_str!("../../../docs/schema/proposal.v1.json");

/// The schema of a [`WalletFile`](crate::WalletFile).
pub const WALLET: &str = include_str!("../../../docs/schema/wallet.v1.json");
