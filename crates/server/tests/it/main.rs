//! The relayer as a process, on files and against a real anvil.

mod checking;
mod configuration;
mod keys;
mod running;
