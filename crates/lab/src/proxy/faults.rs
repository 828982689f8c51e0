//! Which faults there are, and when each strikes.

use super::Fault;
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::time::Duration;
use tokio::time::Instant;

/// Which faults there are, each with how many of a thousand requests it strikes, and at which methods.
#[derive(Clone, Debug)]
pub struct Faults {
    rules: Vec<Rule>,
    is_down: bool,
    random: StdRng,
}

#[derive(Clone, Debug)]
struct Rule {
    fault: Fault,
    when: When,
    /// Only this method; all without one.
    method: Option<&'static str>,
}

#[derive(Clone, Debug)]
enum When {
    /// So many of a thousand requests, drawn by chance.
    PerMille(u32),
    /// So many requests, then never again.
    First(u32),
    /// What is asked beyond so many requests in a second. How many were asked since when.
    Beyond { per_second: u32, since: Option<Instant>, asked: u32 },
}

impl Faults {
    /// Nothing goes wrong. The seed decides what will, once there are rules.
    pub fn none(seed: u64) -> Self {
        Self { rules: Vec::new(), is_down: false, random: StdRng::seed_from_u64(seed) }
    }

    /// Adds a fault that strikes `per_mille` of a thousand requests, of one method or of any. Of several the one that was
    /// added first strikes.
    #[must_use]
    pub fn with(self, fault: Fault, per_mille: u32, method: Option<&'static str>) -> Self {
        self.add(fault, When::PerMille(per_mille), method)
    }

    /// Adds a fault that strikes the next `count` requests of one method or of any, and none after them.
    #[must_use]
    pub fn first(self, fault: Fault, count: u32, method: Option<&'static str>) -> Self {
        self.add(fault, When::First(count), method)
    }

    /// Adds a fault that strikes every request, of one method or of any, beyond so many of them in a second: a limit of
    /// a provider.
    #[must_use]
    pub fn beyond(self, fault: Fault, per_second: u32, method: Option<&'static str>) -> Self {
        self.add(fault, When::Beyond { per_second, since: None, asked: 0 }, method)
    }

    fn add(mut self, fault: Fault, when: When, method: Option<&'static str>) -> Self {
        self.rules.push(Rule { fault, when, method });
        self
    }

    /// Every connection is closed at once.
    #[must_use]
    pub const fn down(mut self) -> Self {
        self.is_down = true;
        self
    }

    pub(super) const fn is_down(&self) -> bool {
        self.is_down
    }

    /// What happens to a request that comes at `now`: the first rule that strikes.
    pub(super) fn draw(&mut self, method: &str, now: Instant) -> Option<Fault> {
        let Self { rules, random, .. } = self;
        let mut meant =
            rules.iter_mut().filter(|rule| rule.method.is_none_or(|only| only == method));
        meant.find_map(|rule| rule.when.strikes(random, now).then_some(rule.fault))
    }
}

impl When {
    fn strikes(&mut self, random: &mut StdRng, now: Instant) -> bool {
        match self {
            Self::PerMille(per_mille) => random.gen_ratio(*per_mille, 1_000),
            Self::First(left) => {
                let strikes = *left > 0;
                *left = left.saturating_sub(1);
                strikes
            }
            Self::Beyond { per_second, since, asked } => {
                if since.is_none_or(|since| now - since >= Duration::from_secs(1)) {
                    (*since, *asked) = (Some(now), 0);
                }
                *asked += 1;
                *asked > *per_second
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::Refusal;

    #[test]
    fn a_seed_repeats_a_run() {
        let faults = || Faults::none(7).with(Fault::LoseReply, 100, Some("eth_sendRawTransaction"));
        let now = Instant::now();
        let draw = |mut faults: Faults| -> Vec<_> {
            (0..1_000).map(|_| faults.draw("eth_sendRawTransaction", now)).collect()
        };
        assert_eq!(draw(faults()), draw(faults()));
        let struck = draw(faults()).iter().flatten().count();
        assert!((60..140).contains(&struck), "{struck}");
        assert_eq!(faults().draw("eth_chainId", now), None);
    }

    #[test]
    fn the_first_are_struck_and_then_none() {
        let mut faults = Faults::none(1).first(Fault::LoseReply, 2, Some("eth_getLogs"));
        let now = Instant::now();
        let drawn = ["eth_getLogs", "eth_call", "eth_getLogs", "eth_getLogs"]
            .map(|method| faults.draw(method, now).is_some());
        assert_eq!(drawn, [true, false, true, false]);
    }

    #[test]
    fn a_limit_strikes_what_is_beyond_it_in_each_second() {
        let fault = Fault::Refuse(Refusal::LIMIT_EXCEEDED);
        let mut faults = Faults::none(1).beyond(fault, 3, None);
        let begun = Instant::now();
        let drawn = [0, 100, 200, 300, 999, 1_000, 1_100]
            .map(|millis| faults.draw("eth_call", begun + Duration::from_millis(millis)).is_some());
        assert_eq!(drawn, [false, false, false, true, true, false, false]);
    }
}
