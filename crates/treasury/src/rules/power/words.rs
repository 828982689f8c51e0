//! What rules come to, in sentences.

use super::{Mishap, Power, Reach, mishaps, power};
use crate::rules::{
    Rules,
    file::{RulesFile, Span, token_text},
    model::FREEZE_SECS,
};
use std::ops::RangeInclusive;

/// A heading and the sentences under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// The sentences.
    pub lines: Vec<String>,
}

/// What the rules of a treasury come to.
pub fn explain(file: &RulesFile) -> Vec<Section> {
    let owners = file.owners.len();
    let all = mishaps(&file.rules, file.threshold, owners);
    let section = |title, lines| Section { title, lines };
    let mut sections = vec![
        section("Who can do what", abilities(file)),
        section("Who can stop whom", locks(file)),
        section("If keys are stolen", stolen(file, &all)),
        section("If keys are lost", lost(file, &all)),
        section("What these rules do not do", limits_of_rules(file)),
    ];
    sections.retain(|section| !section.lines.is_empty());
    sections
}

fn abilities(file: &RulesFile) -> Vec<String> {
    let owners = file.owners.len();
    let grouped = ranges((1..=owners).map(|keys| power(&file.rules, file.threshold, owners, keys)));
    let mut lines = Vec::new();
    for (keys, power) in grouped {
        lines.push(format!("{} {}", signers(&keys, owners), ability(file, &power)));
    }
    let messages = file.rules.message_signers();
    lines.push(format!("Messages (ERC-1271: logins, permits, orders) take {messages} signers."));
    lines
}

/// Neighbours that can do the same.
fn ranges(powers: impl Iterator<Item = Power>) -> Vec<(RangeInclusive<usize>, Power)> {
    let mut grouped: Vec<(RangeInclusive<usize>, Power)> = Vec::new();
    for power in powers {
        match grouped.last_mut() {
            Some((keys, last))
                if (last.reach, last.overrides) == (power.reach, power.overrides) =>
            {
                *keys = *keys.start()..=power.keys;
            }
            _ => grouped.push((power.keys..=power.keys, power)),
        }
    }
    grouped
}

fn signers(keys: &RangeInclusive<usize>, owners: usize) -> String {
    match (*keys.start(), *keys.end()) {
        (1, 1) => format!("1 of {owners} signers"),
        (first, last) if first == last => format!("{first} of {owners} signers"),
        (first, last) => format!("{first} to {last} of {owners} signers"),
    }
}

fn ability(file: &RulesFile, power: &Power) -> String {
    let delay = Span(file.rules.delay_secs);
    match power.reach {
        Reach::Nothing => "can do nothing.".to_owned(),
        Reach::Cancel => "can cancel in lanes from 2^191 on, and pay nothing.".to_owned(),
        Reach::Petty => format!("can pay {}, and cancel in lanes from 2^191 on.", petty(file)),
        Reach::AfterDelay => format!(
            "can do anything {delay} after they queued it, if fewer than {} owners veto it, in any lane but the override \
             lanes (2^190 to 2^191 - 1); what is within the limits they pay at once.",
            file.rules.veto
        ),
        Reach::AtOnce if file.rules.delay_secs == 0 => "can do anything at once.".to_owned(),
        Reach::AtOnce => {
            "can do anything at once, past a veto and a freeze, and end a freeze.".to_owned()
        }
    }
}

/// The limits and the list, as in "10 ETH in 7 days, to 2 listed payees".
fn petty(file: &RulesFile) -> String {
    let limits: Vec<_> = file
        .rules
        .limits
        .iter()
        .map(|limit| format!("{} in {}", file.amount_text(limit), Span(limit.period_secs)))
        .collect();
    let to = match file.rules.payees.len() {
        0 => "to anyone".to_owned(),
        1 => "to the one listed payee".to_owned(),
        count => format!("to {count} listed payees"),
    };
    format!("up to {}, {to}", limits.join(" and "))
}

fn locks(file: &RulesFile) -> Vec<String> {
    let Rules { admin, overriding, veto, delay_secs, .. } = file.rules;
    if delay_secs == 0 {
        return vec![format!(
            "Nobody: there is no delay, so there is nothing to veto or to freeze. {admin} signers decide at once."
        )];
    }
    let owners = file.owners.len();
    let freezes = power(&file.rules, file.threshold, owners, owners).freezes;
    let days = FREEZE_SECS / 86_400;
    let rest = owners - usize::from(veto);
    vec![
        format!(
            "{} can stop any action that waits, as often as it is tried, until the wallet is next reconfigured.",
            count(veto.into(), "owner")
        ),
        format!(
            "{} can freeze the wallet for {days} days: only override signers act then. Each owner votes once until the \
             wallet is next reconfigured, so all of them together freeze it {} at most.",
            count(veto.into(), "owner"),
            if freezes == 1 { "once".to_owned() } else { format!("{freezes} times") }
        ),
        format!(
            "Whoever vetoes or freezes cannot stop the other {rest}: {overriding} of them override it, and can remove who \
             vetoes."
        ),
        format!(
            "Whoever holds fewer than {overriding} keys cannot stop the others from vetoing: at least {} owners are left, \
             and {veto} are enough.",
            owners + 1 - usize::from(overriding)
        ),
    ]
}

fn stolen(file: &RulesFile, all: &[Mishap]) -> Vec<String> {
    all.iter().map(|mishap| format!("{}: {}", keys(mishap), theft(file, mishap))).collect()
}

fn theft(file: &RulesFile, mishap: &Mishap) -> String {
    let mut parts = Vec::new();
    parts.push(match mishap.theirs.reach {
        Reach::Nothing | Reach::Cancel => "the thief pays nothing".to_owned(),
        Reach::Petty => {
            format!("the thief pays {}, and twice that around a window's end", petty(file))
        }
        Reach::AfterDelay => format!(
            "the thief takes everything unless {} of the other {} veto within {} of each queue",
            file.rules.veto,
            mishap.others.keys,
            Span(file.rules.delay_secs)
        ),
        Reach::AtOnce => "the thief takes everything at once".to_owned(),
    });
    if mishap.is_blockade() && !matches!(mishap.theirs.reach, Reach::AtOnce) {
        parts.push("it vetoes and freezes what is not signed by override signers".to_owned());
    }
    if !matches!(mishap.theirs.reach, Reach::AtOnce) {
        parts.push(removal(file, mishap));
    }
    format!("{}.", parts.join("; "))
}

fn removal(file: &RulesFile, mishap: &Mishap) -> String {
    let others = mishap.others.keys;
    let needed = usize::from(file.rules.overriding);
    if mishap.can_be_removed() {
        format!("the other {others} remove it at once")
    } else {
        let missing = needed - others;
        format!(
            "the other {others} need {} who still {} a copy of a stolen key to remove it at once",
            count(missing, "owner"),
            if missing == 1 { "has" } else { "have" }
        )
    }
}

fn lost(file: &RulesFile, all: &[Mishap]) -> Vec<String> {
    all.iter().map(|mishap| format!("{}: {}.", keys(mishap), loss(file, mishap))).collect()
}

fn loss(file: &RulesFile, mishap: &Mishap) -> String {
    let others = &mishap.others;
    let delay = Span(file.rules.delay_secs);
    match others.reach {
        Reach::AtOnce => format!("the other {} can do everything, and replace them", others.keys),
        Reach::AfterDelay if others.vetoes => {
            format!("the other {} can do everything after {delay}, and replace them", others.keys)
        }
        Reach::AfterDelay => format!(
            "the other {} can do everything after {delay}, and replace them; nobody can veto that",
            others.keys
        ),
        Reach::Petty => format!(
            "the other {} pay {} and nothing more, for ever: the rest cannot be moved by anyone",
            others.keys,
            petty(file)
        ),
        Reach::Cancel | Reach::Nothing => "the money cannot be moved by anyone".to_owned(),
    }
}

fn keys(mishap: &Mishap) -> String {
    count(mishap.theirs.keys, "key")
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn limits_of_rules(file: &RulesFile) -> Vec<String> {
    let mut lines = Vec::new();
    let tokens: Vec<_> = file.rules.limits.iter().map(|limit| token_text(limit.token)).collect();
    if !tokens.is_empty() {
        lines.push(
            "Windows end at fixed times: around one, twice a limit can be paid within moments. All petty signers share each \
             limit, and one pair of them can use it up."
                .to_owned(),
        );
    }
    if file.rules.payees.is_empty() && !tokens.is_empty() {
        lines.push(
            "No payees are listed, so petty signers pay anyone within the limits.".to_owned(),
        );
    }
    lines.push("Allowances that were given before stay as they are.".to_owned());
    if file.rules.delay_secs != 0 {
        lines.push(
            "A veto and a freeze are sent from an owner's own account, which needs ether for that; an owner that is a \
             contract needs its own signers within the delay."
                .to_owned(),
        );
        lines.push(
            "An owner that is a contract through which anyone can call others makes everybody an owner who vetoes."
                .to_owned(),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tests::rules;
    use alloy::primitives::Address;
    use std::collections::BTreeMap;

    fn file(rules: Rules, threshold: u8, owners: u8) -> RulesFile {
        let owners = (1..=owners).map(Address::with_last_byte).collect();
        RulesFile { threshold, owners, rules, decimals: BTreeMap::new() }
    }

    fn text(file: &RulesFile) -> String {
        let sections = explain(file);
        let text = |section: &Section| format!("{}\n{}\n", section.title, section.lines.join("\n"));
        sections.iter().map(text).collect()
    }

    #[test]
    fn four_of_seven_are_told_who_takes_and_who_stops() {
        let text = text(&file(rules(), 2, 7));
        for expected in [
            "1 of 7 signers can do nothing.",
            "2 to 3 of 7 signers can pay up to 0.00000000000000001 ETH in 7 days and 1000 smallest units of",
            "4 of 7 signers can do anything 2 days after they queued it, if fewer than 2 owners veto it",
            "5 to 7 of 7 signers can do anything at once, past a veto and a freeze",
            "2 owners can stop any action that waits",
            "so all of them together freeze it 3 times at most",
            "cannot stop the other 5: 5 of them override it",
            "4 keys: the thief takes everything unless 2 of the other 3 veto within 2 days of each queue; it vetoes",
            "the other 3 need 2 owners who still have a copy of a stolen key to remove it at once",
            "2 keys: the thief pays up to",
            "the other 5 remove it at once.",
            "5 keys: the thief takes everything at once.",
            "3 keys: the other 4 can do everything after 2 days, and replace them.",
            "4 keys: the other 3 pay up to",
            "6 keys: the money cannot be moved by anyone.",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
    }

    #[test]
    fn without_a_delay_nobody_stops_anybody() {
        let rules = Rules { admin: 2, overriding: 2, veto: 0, delay_secs: 0, ..Rules::default() };
        let text = text(&file(rules, 1, 3));
        for expected in [
            "1 of 3 signers can cancel in lanes from 2^191 on, and pay nothing.",
            "2 to 3 of 3 signers can do anything at once.",
            "Nobody: there is no delay",
            "1 key: the thief pays nothing; the other 2 remove it at once.",
            "2 keys: the money cannot be moved by anyone.",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
    }
}
