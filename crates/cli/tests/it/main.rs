//! Stories of the program `quorate`, run as a process of its own against a real anvil.

mod audit;
mod bad_input;
mod dangers;
mod databases;
mod described_api;
mod environment;
mod fake_relayer;
mod first_payment;
mod guide;
mod lossy;
mod lost_reply;
mod lying_relayer;
mod nested;
mod operator;
mod over_relayer;
mod payout;
mod reconfigure;
mod relayer;
mod relayer_output;
mod relayer_process;
mod relayer_token;
mod relayer_webhook;
mod rollup;
mod typed_data;
mod wallets;
