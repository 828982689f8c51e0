//! The relayer as a process, on files and against a real anvil.

mod configuration;
mod keys;
