//! The client against servers that are honest, broken, or lie.

mod asking;
mod broken;
mod events;
mod handing_in;
mod lists;
mod sample;
