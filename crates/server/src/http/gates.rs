//! How much is done at once, and how much one client may ask for.

use super::error::{Busy, RouteError};
use crate::config::HttpLimits;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many clients are told apart at once; those beyond share what one has.
const CLIENTS: usize = 65_536;

/// How many requests one question to a chain that a stranger can cause counts for.
const CHAIN_WEIGHT: u32 = 10;

/// A class of requests, each with so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Request,
    LongPoll,
    Stream,
}

/// Lets so many requests of each class in.
#[derive(Debug)]
pub(crate) struct Gates {
    requests: Gate,
    long_polls: Gate,
    streams: Gate,
}

#[derive(Debug)]
struct Gate {
    places: Arc<Semaphore>,
    most: usize,
    busy: Busy,
}

impl Gate {
    fn new(most: usize, busy: Busy) -> Self {
        Self { places: Arc::new(Semaphore::new(most)), most, busy }
    }
}

impl Gates {
    pub(crate) fn new(limits: &HttpLimits) -> Self {
        Self {
            requests: Gate::new(limits.requests, Busy::Requests),
            long_polls: Gate::new(limits.long_polls, Busy::LongPolls),
            streams: Gate::new(limits.streams, Busy::Streams),
        }
    }

    const fn of(&self, class: Class) -> &Gate {
        match class {
            Class::Request => &self.requests,
            Class::LongPoll => &self.long_polls,
            Class::Stream => &self.streams,
        }
    }

    /// A place, kept until it is dropped. Nobody waits for one.
    pub(crate) fn enter(&self, class: Class) -> Result<OwnedSemaphorePermit, RouteError> {
        let gate = self.of(class);
        gate.places.clone().try_acquire_owned().map_err(|_| RouteError::Overloaded(gate.busy))
    }

    /// How many places are taken.
    pub(crate) fn taken(&self, class: Class) -> usize {
        let gate = self.of(class);
        gate.most - gate.places.available_permits().min(gate.most)
    }
}

/// Lets each client ask so often.
pub(crate) struct Rates {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").field("clients", &self.limiter.len()).finish_non_exhaustive()
    }
}

impl Rates {
    pub(crate) fn new(limits: &HttpLimits) -> Self {
        let positive = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(positive(limits.requests_per_second))
            .allow_burst(positive(limits.burst));
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }

    /// Counts a request.
    pub(crate) fn count(&self, client: IpAddr) -> Result<(), RouteError> {
        self.charge(client, NonZeroU32::MIN)
    }

    /// Counts what a stranger has a chain asked for.
    pub(crate) fn count_question(&self, client: IpAddr) -> Result<(), RouteError> {
        self.charge(client, NonZeroU32::new(CHAIN_WEIGHT).unwrap_or(NonZeroU32::MIN))
    }

    fn charge(&self, client: IpAddr, weight: NonZeroU32) -> Result<(), RouteError> {
        let client = self.told_apart(network(client));
        match self.limiter.check_key_n(&client, weight) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(until)) => {
                let wait = until.wait_time_from(self.clock.now());
                Err(RouteError::RateLimited { secs: wait.as_secs() + 1 })
            }
            // More than a client may ever ask for at once: the operator allows none.
            Err(_) => Err(RouteError::RateLimited { secs: 60 }),
        }
    }

    /// The key of a client: its own while there is room.
    fn told_apart(&self, client: IpAddr) -> IpAddr {
        if self.limiter.len() < CLIENTS {
            return client;
        }
        self.limiter.retain_recent();
        if self.limiter.len() < CLIENTS { client } else { Ipv6Addr::UNSPECIFIED.into() }
    }
}

/// Who has one address of IPv6 has the 2^64 beside it too.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => {
            let prefix = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(prefix).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_ipv6_are_one_client_and_others_are_not() {
        let limits = HttpLimits { requests_per_second: 1, burst: 2, ..HttpLimits::default() };
        let rates = Rates::new(&limits);
        let client = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(rates.count(client("2001:db8::1")), Ok(()));
        assert_eq!(rates.count(client("2001:db8::2")), Ok(()));
        let refused = rates.count(client("2001:db8::3"));
        assert!(matches!(refused, Err(RouteError::RateLimited { secs: 1.. })), "{refused:?}");
        assert_eq!(rates.count(client("2001:db8:0:1::1")), Ok(()));
        assert_eq!(rates.count(client("10.0.0.1")), Ok(()));
        assert_eq!(rates.count(client("::ffff:10.0.0.1")), Ok(()));
        assert!(rates.count(client("10.0.0.1")).is_err());
    }

    #[test]
    fn a_class_that_is_full_keeps_no_other_out() {
        let gates = Gates::new(&HttpLimits { streams: 1, ..HttpLimits::default() });
        let place = gates.enter(Class::Stream).unwrap();
        assert_eq!(gates.taken(Class::Stream), 1);
        let refused = gates.enter(Class::Stream).unwrap_err();
        assert_eq!(refused, RouteError::Overloaded(Busy::Streams));
        assert!(gates.enter(Class::Request).is_ok());
        drop(place);
        assert!(gates.enter(Class::Stream).is_ok());
    }
}
