//! What `core` packs the wallet accepts, and what `core` refuses the wallet refuses.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    rpc::types::TransactionRequest,
};
use eyre::{Result, WrapErr, ensure};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use quorate_core::{Action, Config, Lane, Nonce, Request, packing};
use quorate_lab::{anvil::Chain, deploy, fixtures::world, owners::owner, signatures::sign};

/// How many wallets are tried.
const WALLETS: u64 = 24;

/// How many lists are tried with each.
const LISTS: usize = 24;

/// Far in the future, in Unix seconds.
const DEADLINE: u64 = 4_000_000_000;

/// What happens to a list that was packed rightly.
#[derive(Clone, Debug)]
enum Damage {
    None,
    /// Bytes are cut off its end.
    Cut(prop::sample::Index),
    /// Bytes are put behind it.
    Longer(Vec<u8>),
    /// One byte is another.
    Flipped(prop::sample::Index, u8),
    /// Two parts of the length of an ECDSA entry change places.
    Swapped(prop::sample::Index, prop::sample::Index),
    /// Such a part stands there twice.
    Doubled(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    use prop::sample::Index;
    prop_oneof![
        1 => Just(Damage::None),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => prop::collection::vec(any::<u8>(), 1..70).prop_map(Damage::Longer),
        3 => (any::<Index>(), 1_u8..).prop_map(|(place, bits)| Damage::Flipped(place, bits)),
        1 => any::<(Index, Index)>().prop_map(|(a, b)| Damage::Swapped(a, b)),
        1 => any::<Index>().prop_map(Damage::Doubled),
    ]
}

impl Damage {
    fn done_to(&self, packed: &[u8]) -> Vec<u8> {
        const ENTRY: usize = 65;
        let mut list = packed.to_vec();
        let parts = list.len() / ENTRY;
        match self {
            Self::None => {}
            Self::Cut(place) if !list.is_empty() => list.truncate(place.index(list.len())),
            Self::Longer(more) => list.extend(more),
            Self::Flipped(place, bits) if !list.is_empty() => {
                let place = place.index(list.len());
                list[place] ^= bits;
            }
            Self::Swapped(a, b) if parts > 1 => {
                let [a, b] = [a, b].map(|place| place.index(parts) * ENTRY);
                for offset in 0..ENTRY {
                    list.swap(a + offset, b + offset);
                }
            }
            Self::Doubled(place) if parts > 0 => {
                let at = place.index(parts) * ENTRY;
                let part = list[at..at + ENTRY].to_vec();
                list.splice(at..at, part);
            }
            Self::Cut(_) | Self::Flipped(..) | Self::Swapped(..) | Self::Doubled(_) => {}
        }
        list
    }
}

/// A wallet, and lists of signatures for it.
#[derive(Clone, Debug)]
struct Case {
    /// The owners, by the numbers of their keys.
    owners: Vec<u64>,
    threshold: u64,
    /// Who of the owners signs, and what happens to the list.
    lists: Vec<(Vec<bool>, Damage)>,
}

fn cases() -> impl Strategy<Value = Case> {
    prop::collection::vec(0_u64..40, 1..9)
        .prop_map(|mut owners| {
            let mut seen = std::collections::BTreeSet::new();
            owners.retain(|number| seen.insert(*number));
            owners
        })
        .prop_flat_map(|owners| {
            let count = owners.len();
            let signs = prop::collection::vec(prop::bool::weighted(0.7), count);
            let lists = prop::collection::vec((signs, damage()), LISTS);
            (Just(owners), 1..=count as u64, lists)
        })
        .prop_map(|(owners, threshold, lists)| Case { owners, threshold, lists })
}

/// Random configurations, each with a wallet of its own on the chain, random signers, and lists as they were
/// packed or damaged. Only keys sign: whether a contract agrees is not `core`'s to say.
#[tokio::test]
async fn core_and_wallet_agree_on_every_list() -> Result<()> {
    let chain = Chain::start()?;
    deploy::canonical(&chain).await?;
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let (mut accepted, mut refused) = (0, 0);
    for number in 0..WALLETS {
        let case = cases().new_tree(&mut runner).map_err(|reason| eyre::eyre!("{reason}"))?;
        let Case { owners, threshold, lists } = case.current();
        let accounts = owners.iter().map(|&number| owner(number).address()).collect();
        let config = Config::new(threshold, accounts, Address::ZERO, Bytes::new())?;
        let salt = B256::from(U256::from(number));
        let wallet = deploy::wallet(&chain, &config, salt).await?;
        let request = Request {
            chain_id: world::CHAIN_ID,
            wallet,
            epoch: 0,
            action: Action::Cancel {},
            nonce: Nonce::new(Lane::ZERO, 0),
            deadline: DEADLINE,
        };
        for (signs, damage) in lists {
            let list = list(&config, &request, &owners, &signs, &damage)?;
            let by_core = packing::unpack(&config, &request.digest(), &list);
            let by_wallet = call(&chain, &request, &list).await;
            ensure!(
                by_core.is_ok() == by_wallet.is_ok(),
                "{} of {:?} over {:?}: core {by_core:?}, wallet {by_wallet:?}",
                Bytes::from(list),
                config,
                damage,
            );
            *if by_core.is_ok() { &mut accepted } else { &mut refused } += 1;
        }
    }
    // Both sides would agree on nothing at all, too.
    ensure!(accepted > 50 && refused > 200, "{accepted} accepted, {refused} refused");
    Ok(())
}

/// The signatures of those who sign, packed in the wallet's order even where they are too few, and damaged.
fn list(
    config: &Config,
    request: &Request,
    owners: &[u64],
    signs: &[bool],
    damage: &Damage,
) -> Result<Vec<u8>> {
    let signers = owners.iter().zip(signs).filter(|(_, signs)| **signs);
    let keys: Vec<_> = signers.map(|(&number, _)| owner(number)).collect();
    let signed = sign(&request.digest(), &keys)?;
    // `pack` refuses too few, so they are packed for a threshold of one.
    let lenient = Config::new(1, config.owners().to_vec(), Address::ZERO, Bytes::new())?;
    let packed = if signed.is_empty() {
        Bytes::new()
    } else {
        packing::pack(&lenient, &signed).wrap_err("distinct owners")?
    };
    let enough = signed.len() >= config.threshold().into();
    ensure!(packing::pack(config, &signed).is_ok() == enough, "pack counts otherwise");
    Ok(damage.done_to(&packed))
}

async fn call(chain: &Chain, request: &Request, list: &[u8]) -> Result<Bytes> {
    use alloy::{network::TransactionBuilder, providers::Provider};
    let input = request.calldata(Bytes::copy_from_slice(list));
    let call = TransactionRequest::default().with_to(request.wallet).with_input(input);
    Ok(chain.provider().call(call).await?)
}
