//! `quorate escrow`.

mod accept;
mod act;
mod decisions;
mod divide;
mod doing;
mod evidence;
mod fund;
mod list;
mod money;
mod open;
mod render;
mod scene;
mod show;
mod verify;

use crate::{arguments::EscrowCommand, output::Output};
use eyre::Result;
pub(crate) use scene::{combine, is_escrow};

pub(crate) async fn run(command: EscrowCommand, output: Output) -> Result<()> {
    match command {
        EscrowCommand::Open(open) => open::run(*open, output).await,
        EscrowCommand::Accept(accept) => accept::run(*accept, output).await,
        EscrowCommand::Show(show) => show::run(*show, output).await,
        EscrowCommand::List(list) => list::run(*list, output).await,
        EscrowCommand::Fund(fund) => fund::run(*fund, output).await,
        EscrowCommand::Release(pay) => act::pay(act::Verb::Release, *pay, output).await,
        EscrowCommand::Refund(pay) => act::pay(act::Verb::Refund, *pay, output).await,
        EscrowCommand::Split(divide) => divide::run(act::Verb::Split, *divide, output).await,
        EscrowCommand::Resolve(divide) => divide::run(act::Verb::Resolve, *divide, output).await,
        EscrowCommand::Claim(act) => act::claim(*act, output).await,
        EscrowCommand::Dispute(act) => act::dispute(*act, output).await,
        EscrowCommand::Cancel(cancel) => act::cancel(*cancel, output).await,
        EscrowCommand::Evidence(evidence) => evidence::run(*evidence, output).await,
        EscrowCommand::Verify(verify) => verify::run(verify, output).await,
    }
}
