//! Places where a test ends the process as `kill -9` does. Only with the feature `failpoints`, which no release has;
//! without it nothing of this is there.
//!
//! `QUORATE_FAILPOINT` names the place, as `after-commit.bump`: the process ends when it gets there first.

use crate::attempt::Kind;

/// Where a process may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    BeforeCommit,
    AfterCommit,
    BeforeSend,
    AfterSend,
}

/// What an attempt is for, as failpoints name it.
pub(super) const fn work(kind: Kind, number: usize) -> &'static str {
    match (kind, number) {
        (Kind::Noop, _) => "noop",
        (Kind::Create, _) => "create",
        (Kind::Execute, 0) => "first",
        (Kind::Execute, _) => "bump",
    }
}

/// Ends the process if this is the place.
#[cfg(feature = "failpoints")]
pub(super) fn reach(point: Point, work: &str) {
    let place = match point {
        Point::BeforeCommit => "before-commit",
        Point::AfterCommit => "after-commit",
        Point::BeforeSend => "before-send",
        Point::AfterSend => "after-send",
    };
    let wanted = std::env::var("QUORATE_FAILPOINT");
    if wanted.is_ok_and(|wanted| wanted == format!("{place}.{work}")) {
        // Nothing is flushed, nothing is dropped, no other thread goes on.
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// Nothing: there are no failpoints.
#[cfg(not(feature = "failpoints"))]
pub(super) const fn reach(_: Point, _: &str) {}
