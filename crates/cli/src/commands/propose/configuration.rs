//! A change of owners, threshold or policy.

use crate::failure::Cause;
use alloy::primitives::{Address, Bytes};
use eyre::Result;
use quorate_core::Config;

/// What is to change; what is not named stays.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) add: Vec<Address>,
    pub(super) remove: Vec<Address>,
    /// Old and new, one after the other.
    pub(super) replace: Vec<Address>,
    pub(super) threshold: Option<u64>,
    /// Zero is none.
    pub(super) policy: Option<Address>,
    pub(super) policy_data: Option<Bytes>,
}

impl Change {
    /// The configuration afterwards. Owners keep their places; new ones come last.
    pub(super) fn apply(self, present: &Config) -> Result<Config> {
        let mut owners = present.owners().to_vec();
        let place_of = |owners: &[Address], owner: Address| {
            owners.iter().position(|other| *other == owner).ok_or_else(|| {
                Cause::BadInput.error(format!("{} is not an owner", owner.to_checksum(None)))
            })
        };
        for pair in self.replace.chunks_exact(2) {
            let place = place_of(&owners, pair[0])?;
            owners[place] = pair[1];
        }
        for owner in self.remove {
            let place = place_of(&owners, owner)?;
            owners.remove(place);
        }
        owners.extend(self.add);
        let threshold = self.threshold.unwrap_or(present.threshold().into());
        let policy = self.policy.or(present.policy()).unwrap_or_default();
        // Another policy would not know what to make of the old one's data.
        let kept = || match self.policy {
            None => present.policy_data().clone(),
            Some(_) => Bytes::new(),
        };
        let policy_data = self.policy_data.clone().unwrap_or_else(kept);
        let config = Config::new(threshold, owners, policy, policy_data)
            .map_err(|error| Cause::BadInput.error(error.to_string()))?;
        if config == *present {
            return Err(Cause::BadInput.error(
                "nothing changes: say what with --add, --remove, --replace, --threshold or --policy",
            ));
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(number: u8) -> Address {
        Address::with_last_byte(number)
    }

    fn present() -> Config {
        let owners = vec![owner(1), owner(2), owner(3)];
        Config::new(2, owners, owner(9), Bytes::from_static(b"data")).unwrap()
    }

    #[test]
    fn owners_keep_their_places() {
        let change = Change {
            replace: vec![owner(2), owner(5)],
            remove: vec![owner(1)],
            add: vec![owner(4)],
            ..Change::default()
        };
        let config = change.apply(&present()).unwrap();
        assert_eq!(config.owners(), [owner(5), owner(3), owner(4)]);
        assert_eq!((config.threshold(), config.policy()), (2, Some(owner(9))));
        assert_eq!(config.policy_data(), present().policy_data());
    }

    #[test]
    fn another_policy_does_not_get_the_old_ones_data() {
        let change = Change { policy: Some(Address::ZERO), ..Change::default() };
        let config = change.apply(&present()).unwrap();
        assert_eq!((config.policy(), config.policy_data().len()), (None, 0));
    }

    #[test]
    fn a_change_that_is_none_or_breaks_a_rule_is_refused() {
        for change in [
            Change::default(),
            Change { remove: vec![owner(7)], ..Change::default() },
            Change { remove: vec![owner(1), owner(2)], ..Change::default() },
            Change { add: vec![owner(1)], ..Change::default() },
            Change { threshold: Some(4), ..Change::default() },
        ] {
            assert!(change.apply(&present()).is_err());
        }
    }
}
