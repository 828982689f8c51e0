//! A relayer that is honest but for one lie: every command that reads from it refuses, signs nothing, hands in nothing
//! and writes nothing.

mod broken;
mod stage;

use crate::fake_relayer::{Fault, add, signature_of};
use alloy::primitives::{Address, B256, Bytes, U256};
use eyre::{Result, ensure};
use quorate_api::{
    NewSignature, Proposal,
    proposal::{Execution, Signature},
};
use quorate_core::{Action, Config, Nonce, Request, signature::Kind, status::StatusWord};
use quorate_lab::owners::owner;
use stage::{
    ANY, Command,
    Reads::{self, ByDigest, NextFree, OfOwner, OfWallet, Status},
    Stage,
};

type OfProposal = fn(&mut Proposal);
type OfAWallet = fn(&mut quorate_api::Wallet);

fn of_proposals(change: OfProposal) -> Fault {
    Fault { proposal: Some(change), ..Fault::default() }
}

fn fit(proposal: &mut Proposal) {
    proposal.digest = proposal.request().digest();
}

fn pay_more(proposal: &mut Proposal) {
    if let Action::Payout { transfers, .. } = &mut proposal.action {
        transfers[0].amount += U256::ONE;
    }
}

/// Nobody has signed.
fn strip(proposal: &mut Proposal) {
    let signers: Vec<_> = proposal.signatures.drain(..).map(|signed| signed.owner).collect();
    let owners = quorate_lab::fixtures::world::treasury();
    let owners = owners.config().owners().iter().copied();
    proposal.missing =
        owners.filter(|o| signers.contains(o) || proposal.missing.contains(o)).collect();
}

/// Owner 3 counts, by something that only a chain can tell.
fn count(proposal: &mut Proposal, kind: Kind, signature: Bytes) {
    let owner = owner(3).address();
    proposal.missing.retain(|missing| *missing != owner);
    let received_at = proposal.created_at;
    proposal.signatures.push(Signature { owner, kind, signature, counts: true, received_at });
}

/// Without a lie all commands do what they are for, so it is the lie that is refused.
#[tokio::test(flavor = "multi_thread")]
async fn an_honest_relayer_is_believed() -> Result<()> {
    let stage = Stage::start().await?;
    let is_for_this = |command: &&Command| {
        // The treasury is no owner of itself, and a watch does not end.
        !["watch", "approve"].iter().any(|word| command.arguments.iter().take(2).any(|a| a == word))
    };
    let commands: Vec<_> = stage.commands.iter().filter(is_for_this).collect();
    ensure!(commands.len() + 2 == stage.commands.len());
    for (command, answer) in stage.run(&stage.program, &commands)? {
        ensure!(answer.code == 0, "{}: {answer:?}", command.arguments.join(" "));
    }
    let watch = ["watch", &stage.relayer.digest.to_string(), "--timeout", "1"];
    let watched = stage.program.run(stage.environment.folder(), &watch)?;
    ensure!(watched.code == 6 && watched.stdout.contains("collecting, 1 of 3"), "{watched:?}");
    ensure!(stage.relayer.handed_in() >= 8, "only {} handed in", stage.relayer.handed_in());
    ensure!(
        ["signed.json", "new.json", "folder"]
            .iter()
            .all(|name| stage.environment.path(name).exists())
    );
    Ok(())
}

/// What a proposal's own fields prove wrong, or those of its wallet.
#[tokio::test(flavor = "multi_thread")]
async fn lies_about_what_is_signed_and_by_whom_are_refused_by_every_command() -> Result<()> {
    let stage = Stage::start().await?;
    let lies: [(&str, &[Reads], OfProposal); 21] = [
        ("more is paid", ANY, pay_more),
        ("more is paid, with a digest that fits", ANY, |p| {
            pay_more(p);
            fit(p);
        }),
        ("more is paid, and nobody signed that", ANY, |p| {
            pay_more(p);
            fit(p);
            strip(p);
        }),
        ("another payee", ANY, |p| {
            if let Action::Payout { transfers, .. } = &mut p.action {
                transfers[0].to = Address::repeat_byte(7);
            }
        }),
        ("another deadline", ANY, |p| p.deadline += 1),
        ("another epoch", ANY, |p| p.epoch += 1),
        ("another nonce", ANY, |p| p.nonce = Nonce::new(p.lane, p.sequence + 1)),
        ("another place", ANY, |p| p.sequence += 1),
        ("another wallet", ANY, |p| p.wallet = Address::repeat_byte(9)),
        ("another wallet, with a digest that fits", ANY, |p| {
            p.wallet = Address::repeat_byte(9);
            fit(p);
            strip(p);
        }),
        ("another chain, with a digest that fits", ANY, |p| {
            p.chain_id = 1;
            fit(p);
            strip(p);
        }),
        ("another signer", ANY, |p| p.signatures[0].owner = owner(3).address()),
        ("a signature over something else", ANY, |p| {
            p.signatures[0].signature =
                signature_of(0, &B256::ZERO).map(|s| s.1).unwrap_or_default();
        }),
        ("a signer twice", ANY, |p| p.signatures.push(p.signatures[0].clone())),
        ("an approval with bytes", ANY, |p| p.signatures[0].kind = Kind::Approved),
        ("a smaller threshold", ANY, |p| p.threshold = 1),
        ("no threshold", ANY, |p| p.threshold = 0),
        ("a stranger counts", ANY, |p| {
            let (owner, signature) = signature_of(9, &p.digest).unwrap_or_default();
            add(p, NewSignature { owner, signature });
        }),
        ("a signature is left out", ANY, |p| {
            p.signatures[0].counts = false;
            let owner = p.signatures[0].owner;
            p.missing.insert(0, owner);
        }),
        ("others are missing", ANY, |p| p.missing.truncate(3)),
        ("nobody signed", ANY, strip),
    ];
    for (name, reads, change) in lies {
        stage.all_refuse(name, of_proposals(change), reads, 7)?;
    }
    let other = of_proposals(|proposal| {
        // Honest in itself.
        let request = Request { deadline: proposal.deadline + 1, ..proposal.request() };
        proposal.deadline = request.deadline;
        fit(proposal);
        strip(proposal);
        let (owner, signature) = signature_of(0, &proposal.digest).unwrap_or_default();
        add(proposal, NewSignature { owner, signature });
    });
    stage.all_refuse("another proposal than asked for", other, &[ByDigest], 7)
}

/// What only the chain proves wrong.
#[tokio::test(flavor = "multi_thread")]
async fn lies_about_what_became_of_it_are_refused_by_every_command() -> Result<()> {
    let stage = Stage::start().await?;
    let lies: [(&str, &[Reads], OfProposal); 9] = [
        ("it was executed", &[Status], |p| {
            p.status = StatusWord::Executed;
            p.execution = Some(Execution {
                gas_fee: None,
                l1_fee: None,
                operator_fee: None,
                tx_hash: B256::repeat_byte(1),
                block_number: 1,
                block_hash: B256::repeat_byte(2),
                depth: Some(1),
                gas_used: None,
                fee: None,
            });
        }),
        ("it was executed, and nobody says where", ANY, |p| p.status = StatusWord::Executed),
        ("it is superseded for good", &[Status], |p| {
            (p.status, p.is_final) = (StatusWord::Superseded, true);
        }),
        ("it is expired for good", &[Status], |p| {
            (p.status, p.is_final) = (StatusWord::Expired, true);
        }),
        ("it is final while it is collecting", ANY, |p| p.is_final = true),
        ("it is ready with one signature", ANY, |p| p.status = StatusWord::Ready),
        ("it is on its way with one signature", ANY, |p| p.status = StatusWord::Submitted),
        ("a contract signed that is none", &[Status], |p| {
            count(p, Kind::Contract, Bytes::from_static(b"anything"));
        }),
        ("an owner approved who did not", &[Status], |p| count(p, Kind::Approved, Bytes::new())),
    ];
    for (name, reads, change) in lies {
        stage.all_refuse(name, of_proposals(change), reads, 7)?;
    }
    // Whose only evidence is what nobody gave.
    let invented: OfProposal = |p| {
        pay_more(p);
        fit(p);
        strip(p);
        count(p, Kind::Contract, Bytes::from_static(b"anything"));
    };
    let reads = [OfWallet, OfOwner];
    stage.all_refuse("a proposal that nobody made", of_proposals(invented), &reads, 7)
}

#[tokio::test(flavor = "multi_thread")]
async fn lies_about_the_wallet_are_refused_by_every_command() -> Result<()> {
    let stage = Stage::start().await?;
    let of_wallets = |change| Fault { wallet: Some(change), ..Fault::default() };
    let lies: [(&str, OfAWallet); 7] = [
        ("a later epoch with other owners", |w| {
            w.epoch = 1;
            w.config = other_config(&w.config);
        }),
        ("other owners", |w| w.config = other_config(&w.config)),
        ("other owners, and not of what", |w| {
            w.config = other_config(&w.config);
            (w.origin_config, w.salt) = (None, None);
        }),
        ("another origin", |w| w.origin_config = Some(other_config(&w.config))),
        ("another salt", |w| w.salt = Some(B256::repeat_byte(1))),
        ("another wallet", |w| w.address = Address::repeat_byte(9)),
        ("another chain", |w| w.chain_id = 1),
    ];
    let everything = [ByDigest, OfWallet, OfOwner, Reads::OfWalletAlone];
    let register = Command {
        arguments: ["wallet", "register", "wallet.json"].map(str::to_owned).into(),
        reads: &[],
    };
    for (name, change) in lies {
        stage.all_refuse(name, of_wallets(change), &everything, 7)?;
        stage.relayer.set(of_wallets(change));
        for (_, answer) in stage.run(&stage.program, &[&register])? {
            ensure!(answer.code == 7 && answer.stdout.is_empty(), "{name}: {answer:?}");
        }
        stage.relayer.set(Fault::default());
    }
    // A place that nobody waits before would never come.
    let far = of_wallets(|w| w.lanes[0].next_free += 5);
    stage.all_refuse("places before it are taken", far, &[NextFree], 7)?;
    let used = of_wallets(|w| w.lanes[0].next = 4);
    stage.all_refuse("the free place was used up", used, &everything, 7)?;
    let ahead = of_wallets(|w| {
        w.lanes[0].next_free += 5;
        let head = quorate_api::wallet::Head { number: 1_000_000, hash: B256::ZERO, timestamp: 1 };
        w.head = Some(head);
    });
    stage.all_refuse("places before it will be taken", ahead, &[NextFree], 6)
}

fn other_config(config: &Config) -> Config {
    let owners = config.owners()[..4].to_vec();
    Config::new(1, owners, Address::ZERO, Bytes::new()).unwrap_or_else(|_| config.clone())
}

/// What was handed in has to be in the answer, and the answer is examined as all others.
#[tokio::test(flavor = "multi_thread")]
async fn lies_in_the_answer_to_what_was_handed_in_are_refused() -> Result<()> {
    let stage = Stage::start().await?;
    let lies: [(&str, OfProposal); 6] = [
        ("the signature is not there", |p| {
            let me = owner(2).address();
            p.signatures.retain(|signature| signature.owner != me);
            if !p.missing.contains(&me) {
                let place = p.missing.len().min(1);
                p.missing.insert(place, me);
            }
        }),
        ("another deadline", |p| p.deadline += 1),
        ("another proposal", |p| {
            p.deadline += 1;
            fit(p);
            strip(p);
            let (owner, signature) = signature_of(2, &p.digest).unwrap_or_default();
            add(p, NewSignature { owner, signature });
        }),
        ("a smaller threshold", |p| p.threshold = 1),
        ("a stranger counts", |p| {
            let (owner, signature) = signature_of(9, &p.digest).unwrap_or_default();
            add(p, NewSignature { owner, signature });
        }),
        ("it was executed", |p| p.status = StatusWord::Executed),
    ];
    let hands_in = |command: &&Command| {
        matches!(command.arguments[0].as_str(), "sign" | "propose" | "payout")
            && command.arguments[1] != "approve"
    };
    let commands: Vec<_> = stage.commands.iter().filter(hands_in).collect();
    for (name, change) in lies {
        let before = stage.contents()?;
        stage.relayer.set(Fault { taken: Some(change), ..Fault::default() });
        for (command, answer) in stage.run(&stage.program, &commands)? {
            let command = command.arguments.join(" ");
            ensure!(answer.code == 7, "{name}: quorate {command}: {answer:?}");
            let last = answer.stdout.lines().last().unwrap_or_default();
            ensure!(!last.contains("at the relayer"), "{name}: quorate {command}: {answer:?}");
        }
        ensure!(stage.contents()? == before, "{name}: something was written");
    }
    Ok(())
}

/// Without an endpoint, the address proves the owners: what contradicts that is refused all the same.
#[tokio::test(flavor = "multi_thread")]
async fn without_an_endpoint_what_the_address_proves_is_refused_too() -> Result<()> {
    let stage = Stage::start().await?;
    let offline = stage.program.clone().with("ETH_RPC_URL", "");
    let digest = stage.relayer.digest.to_string();
    let me = owner(2).address().to_checksum(None);
    let command = |arguments: &[&str]| Command {
        arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
        reads: &[],
    };
    let commands = [
        command(&["show", &digest]),
        command(&["sign", &digest, "--accept", "offline"]),
        command(&["sign", "known.json", "--accept", "offline"]),
        command(&["list", "--owner", &me]),
        command(&["list"]),
        command(&["watch", &digest, "--timeout", "60"]),
    ];
    let commands: Vec<_> = commands.iter().collect();
    let lies: [(&str, OfProposal); 7] = [
        ("more is paid", pay_more),
        ("another signer", |p| p.signatures[0].owner = owner(3).address()),
        ("a smaller threshold", |p| p.threshold = 1),
        ("a stranger counts", |p| {
            let (owner, signature) = signature_of(9, &p.digest).unwrap_or_default();
            add(p, NewSignature { owner, signature });
        }),
        ("others are missing", |p| p.missing.truncate(3)),
        ("nobody signed", strip),
        ("it is ready with one signature", |p| p.status = StatusWord::Ready),
    ];
    let wallets: [(&str, OfAWallet); 3] = [
        ("other owners", |w| w.config = other_config(&w.config)),
        ("another origin", |w| w.origin_config = Some(other_config(&w.config))),
        ("another wallet", |w| w.address = Address::repeat_byte(9)),
    ];
    let faults = lies.map(|(name, change)| (name, of_proposals(change)));
    let wallets =
        wallets.map(|(name, change)| (name, Fault { wallet: Some(change), ..Fault::default() }));
    for (name, fault) in faults.into_iter().chain(wallets) {
        let (before, handed_in) = (stage.contents()?, stage.relayer.handed_in());
        stage.relayer.set(fault);
        for (command, answer) in stage.run(&offline, &commands)? {
            let command = command.arguments.join(" ");
            ensure!(answer.code == 7 && answer.stdout.is_empty(), "{name}: {command}: {answer:?}");
        }
        ensure!(stage.contents()? == before && stage.relayer.handed_in() == handed_in, "{name}");
    }
    Ok(())
}
