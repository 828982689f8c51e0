//! What a proposal says of its run.

use quorate_treasury::{Plan, run::Ask};

/// What lets owners see which run this is, and compare its plan.
pub(super) fn note(plan: &Plan, ask: &Ask) -> String {
    format!(
        "payout run {}, batch {} of {}, ids {}, plan {}",
        plan.run,
        ask.number,
        plan.batches.len(),
        ids(plan, ask),
        plan.hash
    )
}

/// The most bytes of ids in a note, which has at most 2,048.
const LONGEST_IDS: usize = 1_500;

/// All ids, so that the same ids under another name are found; where these do not fit, the first and the last.
fn ids(plan: &Plan, ask: &Ask) -> String {
    let ids: Vec<_> = ask.places.iter().map(|&place| plan.lines[place].id.as_str()).collect();
    let all = ids.join(", ");
    match &ids[..] {
        [first, .., last] if all.len() > LONGEST_IDS => format!("{first} to {last}"),
        _ => all,
    }
}
