//! What goes wrong, and how often.

use rand::{Rng, SeedableRng, rngs::StdRng};

/// One thing that goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks before the endpoint hears of it.
    LoseRequest,
    /// The endpoint does what it was asked, and the connection breaks before the answer.
    LoseReply,
    /// The endpoint does what it was asked, and the answer is a page of a gateway.
    GarbleReply,
    /// There is never an answer.
    Hang,
    /// The answer comes so many milliseconds late.
    Delay(u64),
    /// A transaction is said to be known already, and was never passed on: a lie.
    AlreadyKnown,
    /// HTTP 429.
    Overloaded,
    /// The newest block is said to be one that nobody has, far above the others: a lie.
    FalseHead,
}

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
    per_mille: u32,
    /// Only this method; all without one.
    method: Option<&'static str>,
}

impl Faults {
    /// Nothing goes wrong. The seed decides what will, once there are rules.
    pub fn none(seed: u64) -> Self {
        Self { rules: Vec::new(), is_down: false, random: StdRng::seed_from_u64(seed) }
    }

    /// Adds a fault that strikes `per_mille` of a thousand requests, of one method or of any.
    #[must_use]
    pub fn with(mut self, fault: Fault, per_mille: u32, method: Option<&'static str>) -> Self {
        self.rules.push(Rule { fault, per_mille, method });
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

    /// What happens to a request: the first rule that strikes.
    pub(super) fn draw(&mut self, method: &str) -> Option<Fault> {
        let Self { rules, random, .. } = self;
        let strikes = rules.iter().find(|rule| {
            rule.method.is_none_or(|only| only == method) && random.gen_ratio(rule.per_mille, 1_000)
        });
        strikes.map(|rule| rule.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_a_run() {
        let faults = || Faults::none(7).with(Fault::LoseReply, 100, Some("eth_sendRawTransaction"));
        let draw = |mut faults: Faults| -> Vec<_> {
            (0..1_000).map(|_| faults.draw("eth_sendRawTransaction")).collect()
        };
        assert_eq!(draw(faults()), draw(faults()));
        let struck = draw(faults()).iter().flatten().count();
        assert!((60..140).contains(&struck), "{struck}");
        assert_eq!(faults().draw("eth_chainId"), None);
    }
}
