//! Short names of chains (EIP-3770), as the public list of chains has them: those that wallets show most.

const CHAINS: &[(&str, u64)] = &[
    ("eth", 1),
    ("oeth", 10),
    ("rsk", 30),
    ("trsk", 31),
    ("bnb", 56),
    ("bnbt", 97),
    ("gno", 100),
    ("matic", 137),
    ("pol", 137),
    ("ftm", 250),
    ("metis-andromeda", 1_088),
    ("zkevm", 1_101),
    ("mantle", 5_000),
    ("base", 8_453),
    ("holesky", 17_000),
    ("arb1", 42_161),
    ("arb-nova", 42_170),
    ("celo", 42_220),
    ("fuji", 43_113),
    ("avax", 43_114),
    ("linea", 59_144),
    ("blast", 81_457),
    ("blastmainnet", 81_457),
    ("basesep", 84_532),
    ("arb-sep", 421_614),
    ("scr", 534_352),
    ("sep", 11_155_111),
];

/// The chain of this name, in any case.
pub(super) fn chain_of(name: &str) -> Option<u64> {
    let is_named = |(known, _): &&(&str, u64)| known.eq_ignore_ascii_case(name);
    CHAINS.iter().find(is_named).map(|(_, chain_id)| *chain_id)
}
