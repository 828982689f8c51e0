//! Stories of the program `quorate`, run as a process of its own against a real anvil.

mod audit;
mod bad_input;
mod dangers;
mod environment;
mod first_payment;
mod guide;
mod lost_reply;
mod nested;
mod payout;
mod reconfigure;
mod relayer;
mod typed_data;
mod wallets;
