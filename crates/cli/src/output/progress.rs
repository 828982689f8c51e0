//! How far a long piece of work is.

use std::sync::atomic::{AtomicU64, Ordering};

/// How wide a bar is, in columns.
const WIDTH: u64 = 24;

/// How much of a piece of work is done: whoever does it counts, whoever waits looks.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// Of so much in all.
    pub(crate) fn of(total: u64) -> Self {
        Self { done: AtomicU64::new(0), total: AtomicU64::new(total) }
    }

    /// One more is done.
    pub(crate) fn one(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// So much is done in all.
    pub(crate) fn reach(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
    }

    /// A bar, and the percentage; empty where there is nothing to do.
    pub(super) fn bar(&self) -> String {
        let total = self.total.load(Ordering::Relaxed);
        let done = self.done.load(Ordering::Relaxed).min(total);
        if total == 0 {
            return String::new();
        }
        let share = |of: u64| u64::try_from(u128::from(done) * u128::from(of) / u128::from(total));
        let full = usize::try_from(share(WIDTH).unwrap_or_default()).unwrap_or_default();
        let rest = usize::try_from(WIDTH).unwrap_or_default() - full;
        format!(" [{}{}] {} %", "█".repeat(full), "░".repeat(rest), share(100).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_up() {
        assert_eq!(Progress::default().bar(), "");
        let progress = Progress::of(3);
        assert!(progress.bar().ends_with("░] 0 %"));
        progress.one();
        assert!(progress.bar().starts_with(" [████████░░░") && progress.bar().ends_with(" 33 %"));
        progress.reach(7);
        assert!(progress.bar().ends_with("█] 100 %"));
        assert!(progress.bar().chars().count() < 40);
    }
}
