//! The relayer as a process, on files and against a real anvil.

mod checking;
mod configuration;
mod http_proposals;
mod http_stage;
mod http_wallets;
mod keys;
mod running;
