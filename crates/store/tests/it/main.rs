//! The store, by what it promises: each promise on a SQLite file and on a PostgreSQL server.

mod acceptances;
mod attempts;
mod audit;
mod budgets;
mod chain;
mod commits;
mod crash;
mod database;
mod lease;
mod many;
mod mending;
mod model;
mod older;
mod opening;
mod outbox;
mod postgres;
mod proposals;
mod random;
mod readers;
mod sample;
mod signatures;
mod tokens;
mod wallets;
mod webhook_model;
mod webhooks;
