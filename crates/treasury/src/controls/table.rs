//! The controls, one after the other.

use super::{Booked, Control, Owner, OwnerKind, Policy, Seen, State};

/// How many owners a wallet should have that holds more than a million dollars.
const OWNERS_OF_MUCH: usize = 7;

/// How many more signers a way past a delay should take.
const MORE_TO_OVERRIDE: u8 = 2;

/// What is asked for, and what of it is so. The same order each time.
pub fn controls(seen: &Seen) -> Vec<Control> {
    let mut all = Vec::new();
    signers(seen, &mut all);
    rules(seen, &mut all);
    owners(seen, &mut all);
    surroundings(seen, &mut all);
    all.extend(UNSEEN.iter().map(|&(id, sources, asks, advice)| Control {
        id,
        sources,
        asks,
        state: State::Unseen,
        seen: "nothing of it is on a chain".to_owned(),
        advice: advice.to_owned(),
    }));
    all
}

const fn state(is_met: bool) -> State {
    if is_met { State::Met } else { State::NotMet }
}

fn control(
    (id, sources, asks): (&'static str, &'static str, &'static str),
    state: State,
    seen: String,
    advice: &str,
) -> Control {
    let advice = if state == State::Met { String::new() } else { advice.to_owned() };
    Control { id, sources, asks, state, seen, advice }
}

/// The only way in which fewer than two signers are meant: a limit that a contract keeps.
const fn is_bounded(seen: &Seen) -> bool {
    matches!(seen.policy, Policy::Treasury(_))
}

fn signers(seen: &Seen, all: &mut Vec<Control>) {
    let (threshold, owners) = (usize::from(seen.threshold), seen.owners.len());
    // Of a treasury the threshold is what few may do within limits; what admin signers may is what counts.
    let needed = match &seen.policy {
        Policy::Treasury(rules) => usize::from(rules.admin),
        _ => threshold,
    };
    let what = match &seen.policy {
        Policy::Treasury(_) => {
            format!("{needed} of {owners} for everything, {threshold} within the limits")
        }
        _ => format!("{needed} of {owners}"),
    };
    all.push(control(
        ("severalSigners", "CCSS 1.02.1, SEAL", "no single key moves the money"),
        state(needed >= 2 && (threshold >= 2 || is_bounded(seen))),
        what.clone(),
        "raise the threshold to two or more: `quorate propose owners --threshold`",
    ));
    all.push(control(
        ("spareKey", "CCSS 1.02.2, SEAL", "one key can be lost: not all owners have to sign"),
        state(needed < owners),
        what.clone(),
        "add an owner without raising the threshold: `quorate propose owners --add`",
    ));
    all.push(control(
        ("threeOwners", "SEAL", "at least three owners"),
        state(owners >= 3),
        format!("{owners} owners"),
        "add owners: `quorate propose owners --add`",
    ));
    all.push(control(
        ("halfSign", "SEAL", "at least half of the owners sign"),
        state(needed * 2 >= owners),
        what,
        "raise the threshold to half of the owners: `quorate propose owners --threshold`",
    ));
    let is_many = owners >= OWNERS_OF_MUCH;
    all.push(control(
        ("sevenOwners", "SEAL", "seven owners or more where it holds over a million dollars"),
        if is_many { State::Met } else { State::Unseen },
        format!("{owners} owners; what it holds in dollars is not known here"),
        "add owners if it holds so much",
    ));
}

fn rules(seen: &Seen, all: &mut Vec<Control>) {
    let treasury = match &seen.policy {
        Policy::Treasury(rules) => Some(rules),
        _ => None,
    };
    let known = match &seen.policy {
        Policy::None => "no policy".to_owned(),
        Policy::Treasury(_) => "the policy of treasuries".to_owned(),
        Policy::Escrow => "the policy of escrows".to_owned(),
        Policy::Unknown(address) => format!("the policy {}", address.to_checksum(None)),
    };
    all.push(control(
        ("knownPolicy", "SEAL", "no code besides the wallet's own that nobody reviewed"),
        state(!matches!(seen.policy, Policy::Unknown(_))),
        known.clone(),
        "have that contract reviewed: it can refuse everything, and it is asked before anything is done",
    ));
    if seen.policy == Policy::Escrow {
        return;
    }
    let delay = treasury.map_or(0, |rules| rules.delay_secs);
    all.push(control(
        ("delay", "SEAL", "what moves much waits, so that somebody can look"),
        state(delay > 0),
        match delay {
            0 => format!("no delay ({known})"),
            delay => format!("a delay of {}", crate::rules::file::Span(delay)),
        },
        "take the rules of a treasury with a delay: `quorate policy init`, docs/treasury.md",
    ));
    let veto = treasury.map_or(0, |rules| rules.veto);
    all.push(control(
        ("veto", "SEAL", "fewer owners than it takes to act can stop what waits"),
        state(veto > 0),
        match veto {
            0 => "nobody can veto".to_owned(),
            1 => "one owner stops what waits".to_owned(),
            veto => format!("{veto} owners stop what waits"),
        },
        "take the rules of a treasury with a veto: `quorate policy init`",
    ));
    if let Some(rules) = treasury.filter(|rules| rules.delay_secs > 0) {
        let (admin, overriding) = (rules.admin, rules.overriding);
        all.push(control(
            ("dearOverride", "SEAL", "a way past the delay takes two signers more than acting does"),
            state(overriding >= admin + MORE_TO_OVERRIDE),
            format!("{overriding} override, {admin} act"),
            "ask for more override signers: `quorate policy init`, then `quorate propose owners --policy-data`",
        ));
    }
    if let Some(rules) = treasury.filter(|rules| !rules.limits.is_empty()) {
        all.push(control(
            ("payeeList", "SEAL", "who may be paid by few stands on a list that the chain keeps"),
            state(!rules.payees.is_empty()),
            match rules.payees.len() {
                0 => "within the limits anyone can be paid".to_owned(),
                count => format!("{count} payees"),
            },
            "list the payees: `quorate policy init`",
        ));
    }
}

fn listed(owners: &[&Owner]) -> String {
    let names: Vec<_> = owners.iter().map(|owner| owner.address.to_checksum(None)).collect();
    names.join(", ")
}

fn owners(seen: &Seen, all: &mut Vec<Control>) {
    let of = |kind| seen.owners.iter().filter(move |owner| owner.kind == kind).collect::<Vec<_>>();
    let contracts = of(OwnerKind::Contract);
    all.push(control(
        ("ownersAreKeys", "SEAL", "no owner is a wallet whose own owners change without a word of this one's"),
        state(contracts.is_empty()),
        match contracts.is_empty() {
            true => "no owner is a contract".to_owned(),
            false => format!("contracts: {}", listed(&contracts)),
        },
        "make sure who owns those contracts, and that they sign within the time that is left: docs/contract-owners.md",
    ));
    let delegated = of(OwnerKind::Delegated);
    all.push(control(
        ("noDelegation", "SEAL", "no owner's account runs somebody else's code (EIP-7702)"),
        state(delegated.is_empty()),
        match delegated.is_empty() {
            true => "no owner delegates".to_owned(),
            false => format!("delegated: {}", listed(&delegated)),
        },
        "read what that code may do, or end the delegation",
    ));
    let used: Vec<_> = seen.owners.iter().filter(|owner| owner.transactions > 0).collect();
    all.push(control(
        ("ownAddresses", "SEAL", "each owner has an address for this wallet alone"),
        if used.is_empty() { State::Met } else { State::Unseen },
        match used.is_empty() {
            true => "no owner ever sent a transaction".to_owned(),
            false => format!("sent transactions of their own: {}", listed(&used)),
        },
        "ask these owners what else they use the address for",
    ));
    if let Some(cost) = seen.veto_cost {
        let is_poor = |owner: &&Owner| owner.kind != OwnerKind::Contract && owner.balance < cost;
        let poor: Vec<_> = seen.owners.iter().filter(is_poor).collect();
        all.push(control(
            ("gasForVetoes", "Quorate", "each owner can pay for ten vetoes and a freeze"),
            state(poor.is_empty()),
            match poor.is_empty() {
                true => "each has enough ether".to_owned(),
                false => format!("too little ether: {}", listed(&poor)),
            },
            "send these owners ether: a veto is a transaction of their own",
        ));
    }
}

fn surroundings(seen: &Seen, all: &mut Vec<Control>) {
    all.push(control(
        ("ownCode", "SEAL", "the wallet is what it says it is"),
        state(seen.is_of_factory),
        match seen.is_of_factory {
            true => "the Quorate factory made it".to_owned(),
            false => "the Quorate factory did not make it".to_owned(),
        },
        "read what made it, or move to a wallet of the factory: `quorate wallet show`",
    ));
    let (is_open, what) = match &seen.allowances {
        None => (State::Unseen, "the endpoint does not serve the events that tell".to_owned()),
        Some(found) if found.is_empty() => (State::Met, "nobody may take its tokens".to_owned()),
        Some(found) => {
            let texts: Vec<_> = found.iter().map(|(text, _)| text.as_str()).collect();
            (state(found.iter().all(|(_, is_unlimited)| !is_unlimited)), texts.join("; "))
        }
    };
    all.push(control(
        ("allowances", "SEAL", "nobody may take its tokens without a limit"),
        is_open,
        what,
        "take allowances back: `quorate propose approve --amount 0`; or ask with --from-block and another endpoint",
    ));
    let (booked, what) = match &seen.booked {
        Booked::Same => {
            (State::Met, "the address book has it, and the chain is the same".to_owned())
        }
        Booked::Unknown => (State::NotMet, "the address book does not have it".to_owned()),
        Booked::Differs(differences) => (State::NotMet, differences.join("; ")),
    };
    all.push(control(
        ("writtenDown", "SEAL", "owners and threshold are written down, and compared"),
        booked,
        what,
        "write it down: `quorate book add wallet NAME ADDRESS`, and ask `quorate wallet check` from time to time",
    ));
}

/// What no program sees from here: id, sources, what is asked for, what to do.
const UNSEEN: &[(&str, &str, &str, &str)] = &[
    (
        "keysMade",
        "CCSS 1.01",
        "each key is made by whoever uses it, offline, of enough randomness",
        "let each owner say how the key was made; hardware makes its own",
    ),
    (
        "hardware",
        "SEAL",
        "all owners sign with hardware, of different makers",
        "ask each owner; `--ledger` and `--trezor` sign with them",
    ),
    (
        "places",
        "CCSS 1.02.3",
        "keys and their copies are in different places",
        "write down in which, without saying where a single one is",
    ),
    (
        "people",
        "CCSS 1.02.4, SEAL",
        "keys are with different people, one of them outside the organisation",
        "write down who holds which address",
    ),
    (
        "copies",
        "CCSS 1.03",
        "each key has a copy that is encrypted, sealed and was tried",
        "try the copies once a year",
    ),
    (
        "verified",
        "CCSS 1.04, SEAL",
        "what is signed is checked by each owner on a machine of its own",
        "compare the words by telephone, and use `quorate verify --expect-to`",
    ),
    (
        "lostKey",
        "CCSS 1.05, SEAL",
        "what to do about a stolen or lost key is written down and was rehearsed",
        "`quorate policy explain` says what each comes to; the removal is `quorate propose owners --remove`",
    ),
    (
        "coming",
        "CCSS 1.06, SEAL",
        "who gets or gives back a key is checked, and that is written down",
        "have two people confirm a new owner's address by different ways",
    ),
    (
        "watching",
        "SEAL",
        "somebody is told at once of what the wallet does",
        "`quorate watch`, and webhooks of a relayer: docs/webhooks.md",
    ),
    (
        "logs",
        "CCSS 2.04",
        "what was done is kept where it cannot be changed",
        "keep the relayer's audit log: `quorate audit head`, and escrow evidence",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rules, rules::Limit};
    use alloy::primitives::{Address, U256};
    use std::collections::BTreeSet;

    fn owner(number: u8, kind: OwnerKind) -> Owner {
        let address = Address::with_last_byte(number);
        Owner { address, kind, transactions: 0, balance: U256::ZERO }
    }

    fn seen(threshold: u8, owners: u8, policy: Policy) -> Seen {
        Seen {
            is_of_factory: true,
            threshold,
            owners: (1..=owners).map(|number| owner(number, OwnerKind::Key)).collect(),
            policy,
            allowances: Some(Vec::new()),
            booked: Booked::Same,
            veto_cost: None,
        }
    }

    fn treasury(admin: u8, overriding: u8, veto: u8, delay_secs: u32) -> Policy {
        let limits = vec![Limit { token: Address::ZERO, amount: 1, period_secs: 86_400 }];
        Policy::Treasury(Rules { admin, overriding, veto, delay_secs, limits, payees: Vec::new() })
    }

    fn not_met(seen: &Seen) -> BTreeSet<&'static str> {
        let all = controls(seen);
        let found = all.iter().filter(|control| control.state == State::NotMet);
        found.map(|control| control.id).collect()
    }

    #[test]
    fn each_control_has_an_id_of_its_own_and_says_what_to_do() {
        let all = controls(&seen(1, 1, Policy::Unknown(Address::ZERO)));
        let ids: BTreeSet<_> = all.iter().map(|control| control.id).collect();
        assert_eq!(ids.len(), all.len());
        for control in &all {
            assert_eq!(control.advice.is_empty(), control.state == State::Met, "{control:?}");
            assert!(!control.seen.is_empty() && !control.sources.is_empty());
            let text = format!("{control:?}").to_lowercase();
            assert!(!text.contains("certif"), "{control:?}");
        }
    }

    #[test]
    fn thresholds_are_weighed() {
        let of = |threshold, owners| not_met(&seen(threshold, owners, Policy::None));
        let always = ["delay", "veto"];
        let with = |more: &[&'static str]| always.iter().chain(more).copied().collect();
        assert_eq!(of(2, 3), with(&[]));
        assert_eq!(of(1, 1), with(&["severalSigners", "spareKey", "threeOwners"]));
        assert_eq!(of(3, 3), with(&["spareKey"]));
        assert_eq!(of(2, 5), with(&["halfSign"]));
        assert_eq!(of(1, 2), with(&["severalSigners", "threeOwners"]));
    }

    /// Of a treasury what admin signers may counts, and one petty signer is bounded by the chain.
    #[test]
    fn rules_are_weighed() {
        let of = |policy| not_met(&seen(1, 7, policy));
        assert_eq!(of(treasury(4, 6, 1, 86_400)), ["payeeList"].into());
        assert_eq!(of(treasury(4, 5, 2, 86_400)), ["dearOverride", "payeeList"].into());
        assert_eq!(of(treasury(4, 4, 0, 0)), ["delay", "payeeList", "veto"].into());
        let escrow = not_met(&seen(2, 3, Policy::Escrow));
        assert_eq!(escrow, [].into());
    }

    #[test]
    fn owners_are_weighed() {
        let mut wallet = seen(2, 3, treasury(2, 3, 0, 0));
        wallet.owners[0] = owner(1, OwnerKind::Contract);
        wallet.owners[1] = owner(2, OwnerKind::Delegated);
        wallet.owners[2].transactions = 9;
        wallet.veto_cost = Some(U256::ONE);
        let found = not_met(&wallet);
        for id in ["ownersAreKeys", "noDelegation", "gasForVetoes"] {
            assert!(found.contains(id), "{found:?}");
        }
        wallet.owners[1].balance = U256::ONE;
        wallet.owners[2].balance = U256::ONE;
        assert!(!not_met(&wallet).contains("gasForVetoes"));
    }

    #[test]
    fn allowances_are_weighed() {
        let mut wallet = seen(2, 3, Policy::None);
        let state = |wallet: &Seen| {
            controls(wallet)
                .into_iter()
                .find(|control| control.id == "allowances")
                .map(|it| it.state)
        };
        assert_eq!(state(&wallet), Some(State::Met));
        wallet.allowances = Some(vec![("5 of it to X".to_owned(), false)]);
        assert_eq!(state(&wallet), Some(State::Met));
        wallet.allowances = Some(vec![("all of it to X".to_owned(), true)]);
        assert_eq!(state(&wallet), Some(State::NotMet));
        wallet.allowances = None;
        assert_eq!(state(&wallet), Some(State::Unseen));
    }
}
