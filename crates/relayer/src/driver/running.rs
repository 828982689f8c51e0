//! What is being asked beside the engine. It asks again with each head; nobody is asked twice at once.

use alloy::primitives::{Address, B256};
use quorate_core::{Lane, Nonce};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A question of the engine's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    Logs(Vec<Address>, u64, u64),
    Lane(Address, Lane),
    Standing(Address),
    Execution(Address, Nonce),
    Wallet(Address),
    Receipt(B256),
}

/// The questions that are being asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Arc<Mutex<BTreeSet<Question>>>);

/// One of them; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Asking {
    running: Running,
    question: Question,
}

impl Running {
    /// Begins to ask; none if that is being asked.
    pub(super) fn begin(&self, question: Question) -> Option<Asking> {
        let is_new = self.questions().insert(question.clone());
        is_new.then(|| Asking { running: self.clone(), question })
    }

    fn questions(&self) -> MutexGuard<'_, BTreeSet<Question>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.running.questions().remove(&self.question);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_asked_once_at_a_time() {
        let running = Running::default();
        let first = running.begin(Question::Receipt(B256::ZERO));
        assert!(first.is_some() && running.begin(Question::Receipt(B256::ZERO)).is_none());
        drop(first);
        assert!(running.begin(Question::Receipt(B256::ZERO)).is_some());
    }
}
