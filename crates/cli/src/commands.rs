//! What each command does. A module for each, its arguments in [`crate::arguments`].

mod audit;
mod book;
mod check;
mod combine;
mod escrow;
mod hand_in;
mod list;
mod manual;
mod payout;
mod policy;
mod propose;
mod relayer;
mod show;
mod sign;
mod submit;
mod target;
mod verify;
mod wallet;
mod watch;

use crate::{
    arguments::{AuditCommand, Command, OnChain, PayoutCommand, RelayerCommand, WalletCommand},
    output::Output,
};
pub(crate) use escrow::is_escrow;
use eyre::Result;

/// Runs a command.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::Wallet(WalletCommand::Create(make)) => wallet::create(make, output).await,
        Command::Wallet(WalletCommand::Predict(make)) => wallet::predict(make, output).await,
        Command::Wallet(WalletCommand::Deploy(deploy)) => wallet::deploy(deploy, output).await,
        Command::Wallet(WalletCommand::Show(show)) => wallet::show(show, output).await,
        Command::Propose(propose) => propose::run(propose.command, output).await,
        Command::Wallet(WalletCommand::Register(register)) => {
            wallet::register(register, output).await
        }
        Command::Wallet(WalletCommand::Check(check)) => book::check_wallet(check, output).await,
        Command::Book(command) => book::run(command, output).await,
        Command::Payout(PayoutCommand::Plan(plan)) => payout::plan(*plan, output).await,
        Command::Payout(PayoutCommand::Propose(propose)) => payout::propose(*propose, output).await,
        Command::Escrow(command) => escrow::run(command, output).await,
        Command::Payout(PayoutCommand::Status(status)) => payout::status(status, output).await,
        Command::Payout(PayoutCommand::Resume(resume)) => payout::resume(*resume, output).await,
        Command::Payout(PayoutCommand::Reconcile(reconcile)) => {
            payout::reconcile(reconcile, output).await
        }
        Command::Policy(command) => policy::run(command, output).await,
        Command::Veto(veto) => policy::veto(*veto, output).await,
        Command::Freeze(freeze) => policy::freeze(*freeze, output).await,
        Command::Unfreeze(unfreeze) => propose::unfreeze(unfreeze.common, output).await,
        Command::List(list) => list::run(list, output).await,
        Command::Watch(watch) => watch::run(watch, output).await,
        Command::Show(show) => show::run(show, output).await,
        Command::Check(check) => check::run(check, output).await,
        Command::Verify(verify) => verify::run(*verify, output).await,
        Command::Sign(sign) => sign::run(*sign, output).await,
        Command::Combine(combine) => combine::run(&combine, output),
        Command::Submit(submit) => submit::run(submit, output).await,
        Command::Relayer(arguments) => match arguments.command {
            Some(RelayerCommand::Check) => relayer::check(arguments.options, output).await,
            Some(RelayerCommand::Pause(OnChain { chain_id })) => {
                relayer::set_paused(arguments.options, chain_id, true, output).await
            }
            Some(RelayerCommand::Resume(OnChain { chain_id })) => {
                relayer::set_paused(arguments.options, chain_id, false, output).await
            }
            Some(RelayerCommand::Token(command)) => {
                relayer::token::run(arguments.options, command, output).await
            }
            Some(RelayerCommand::Webhook(command)) => {
                relayer::webhook::run(arguments.options, command, output).await
            }
            None => relayer::run(arguments, output).await,
        },
        Command::Audit(AuditCommand::Verify(verify)) => audit::verify(&verify, output).await,
        Command::Audit(AuditCommand::Head(store)) => audit::head(&store, output).await,
        Command::Completions(completions) => {
            manual::completions(&completions, output);
            Ok(())
        }
        Command::Man(man) => manual::write(&man, output),
    }
}
