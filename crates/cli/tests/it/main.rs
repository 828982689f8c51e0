//! Stories of the program `quorate`, run as a process of its own against a real anvil.

mod audit;
mod bad_input;
mod dangers;
mod databases;
mod described_api;
mod environment;
mod event_clients;
mod failed_sends;
mod fake_relayer;
mod first_payment;
mod generated_client;
mod guide;
mod keystores;
mod lossy;
mod lost_reply;
mod lying_relayer;
mod made_elsewhere;
mod nested;
mod operator;
mod over_relayer;
mod paid_again;
mod payout;
mod reconfigure;
mod relayer;
mod relayer_output;
mod relayer_process;
mod relayer_token;
mod relayer_webhook;
mod rollup;
mod store_pressure;
#[cfg(feature = "hardware")]
mod trezor;
mod typed_data;
mod wallets;
mod watching;
