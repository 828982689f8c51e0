//! The codes of dangers: the one list of them. docs/dangers.md has the same, with what to do.

use serde::{Serialize, Serializer};
use std::fmt;

macro_rules! codes {
    ($($name:ident = $word:literal, $meaning:literal;)+) => {
        /// What kind of danger it is. Its word is part of the interface: `--accept CODE`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum DangerCode {
            $(#[doc = $meaning] $name,)+
        }

        impl DangerCode {
            /// All of them, in the order of the documentation.
            pub(crate) const ALL: &[Self] = &[$(Self::$name),+];

            /// The word.
            pub(crate) const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                }
            }

            /// What it stands for, in a few words.
            pub(crate) const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)+
                }
            }
        }
    };
}

codes! {
    Offline = "offline", "nothing was checked on a chain";
    WalletNotDeployed = "walletNotDeployed", "the wallet is not on the chain yet, and no relayer is to create it";
    WalletNotGenuine = "walletNotGenuine", "the wallet is not known to be made by the factory";
    OwnerChange = "ownerChange", "the action changes who the owners are";
    ThresholdChange = "thresholdChange", "the action changes how many owners must sign";
    PolicyChange = "policyChange", "the action changes the policy";
    UnlimitedApproval = "unlimitedApproval", "somebody may take tokens without limit";
    ControlChange = "controlChange", "the action hands over or gives up control of a contract";
    UnknownCalldata = "unknownCalldata", "a call has data that is not understood";
    DataToNoCode = "dataToNoCode", "data goes to an address without code, where it does nothing";
    UnreadableDecimals = "unreadableDecimals", "a token's units cannot be read, so amounts are raw numbers";
    SymbolLike = "symbolLike", "a token's symbol reads as ether, or as another token's of the same list";
    PaidAgain = "paidAgain", "another open proposal of the wallet pays the same, and both can be executed";
    PaidBefore = "paidBefore", "an earlier run has the same id, or pays the same payee the same amount";
    LaneConsumed = "laneConsumed", "something else consumed a nonce of the run; accepted with its digest alone";
    WasDeclined = "wasDeclined", "owners said no to a batch that is asked for again";
    RunFalse = "runFalse", "the proposal says that it is of a run, at a nonce that is none of that batch";
    RunChanged = "runChanged", "the run was seen with another plan; accepted with that plan's hash alone";
    GroupedAmount = "groupedAmount", "an amount could be a thousandfold, where the point groups thousands";
    LookAlike = "lookAlike", "a payee's address begins and ends as another's that is known";
    NameDiffers = "nameDiffers", "the address book knows a payee by another name than the list";
    SimulationFails = "simulationFails", "a payment of a batch would fail now, and the whole batch with it";
    DeadlineNear = "deadlineNear", "the deadline is less than an hour away";
    DeadlineFar = "deadlineFar", "the deadline is more than 90 days away";
    SuspectPayee = "suspectPayee", "a payment goes to the wallet, the token, or the zero address";
    ArbiterFee = "arbiterFee", "the arbiter of an escrow may be paid more than a tenth";
    LedgerCuts = "ledgerCuts", "Ledger's library would send a device only a part of it";
    HiddenText = "hiddenText", "the note contains characters that hide or reorder text";
}

impl DangerCode {
    /// Whether it is accepted with what it is about alone, as `laneConsumed:0x…`.
    pub(crate) const fn has_subject(self) -> bool {
        matches!(self, Self::LaneConsumed | Self::RunChanged)
    }

    /// The code with this word.
    pub(crate) fn find(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.word() == word)
    }
}

impl fmt::Display for DangerCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Serialize for DangerCode {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_code_has_a_word_of_its_own() {
        let words: BTreeSet<_> = DangerCode::ALL.iter().map(|code| code.word()).collect();
        assert_eq!(words.len(), DangerCode::ALL.len());
        for &code in DangerCode::ALL {
            assert_eq!(DangerCode::find(code.word()), Some(code));
        }
        assert_eq!(DangerCode::find("no such danger"), None);
    }

    /// Whoever looks a code up in the documentation finds what the program means by it.
    #[test]
    fn the_documentation_has_every_code_with_its_meaning() {
        let text = include_str!("../../../../../docs/dangers.md");
        let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
        let documented: Vec<_> = rows
            .map(|row| {
                let cells: Vec<_> = row.split(" | ").collect();
                let [code, meaning, remedy] = cells[..] else { panic!("not three cells: {row}") };
                assert!(!remedy.is_empty(), "{row}");
                (code.trim_end_matches('`'), meaning)
            })
            .collect();
        let known: Vec<_> =
            DangerCode::ALL.iter().map(|code| (code.word(), code.meaning())).collect();
        assert_eq!(documented, known);
    }
}
