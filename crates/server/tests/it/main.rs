//! The relayer as a process, on files and against a real anvil.

mod checking;
mod configuration;
mod http_acceptances;
mod http_bad_input;
mod http_chain;
mod http_events;
mod http_fuzz;
mod http_limits;
mod http_logs;
mod http_metrics;
mod http_operation;
mod http_proposals;
mod http_stage;
mod http_tokens;
mod http_wallets;
mod keys;
mod keystores;
mod running;
mod webhooks;
mod words;
