//! A map that forgets what was put into it longest ago.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

/// At most so many entries.
pub(crate) struct Recent<K, V> {
    most: usize,
    entries: BTreeMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> fmt::Debug for Recent<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").field("len", &self.entries.len()).finish_non_exhaustive()
    }
}

impl<K: Ord + Clone, V> Recent<K, V> {
    pub(crate) const fn new(most: usize) -> Self {
        Self { most, entries: BTreeMap::new(), order: VecDeque::new() }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key)
    }

    /// Puts `value` in. One that is there already keeps its age.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        if self.entries.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        while self.entries.len() > self.most {
            let Some(oldest) = self.order.pop_front() else { return };
            self.entries.remove(&oldest);
        }
    }

    /// The entry, put in if it is not there.
    pub(crate) fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> &V {
        if !self.entries.contains_key(&key) {
            self.insert(key.clone(), make());
        }
        &self.entries[&key]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_newest_and_no_more() {
        let mut recent = Recent::new(3);
        for number in 0..10 {
            recent.insert(number, number);
            recent.insert(number, number + 100);
        }
        assert_eq!(recent.get(&6), None);
        assert_eq!(recent.get(&7), Some(&107));
        assert_eq!(*recent.entry(10, || 1), 1);
        assert_eq!((recent.get(&7), recent.order.len()), (None, 3));
    }
}
