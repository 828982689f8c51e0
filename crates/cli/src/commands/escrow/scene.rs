//! An escrow as it stands: its file, what the chain says, and who accepted.

use crate::{
    arguments::{AccessOptions, ChainOptions},
    chain_access::{self, Named},
    failure::Cause,
    files,
    output::Output,
    relayer_access::Relayer,
    review::{exact_text, exact_text_in_full},
};
use alloy::primitives::{Address, U256};
use eyre::{Result, WrapErr as _};
use quorate_chain::{Chain, Header, Provenance, Token, WalletState};
use quorate_core::OwnerSignature;
use quorate_treasury::{
    EscrowFile,
    escrow::{Acceptance, Agreement, Role},
};
use std::path::Path;

/// Reads an escrow file.
pub(crate) fn read(path: &Path) -> Result<EscrowFile> {
    EscrowFile::from_json(&files::read(path)?).wrap_err_with(|| path.display().to_string())
}

/// Whether a file says that it is that of an escrow. Says nothing about the rest of it.
pub(crate) fn is_escrow(json: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Head {
        kind: String,
    }
    serde_json::from_slice::<Head>(json).is_ok_and(|head| head.kind == "escrow")
}

/// Files of one escrow as one.
pub(crate) fn combine(paths: &[std::path::PathBuf]) -> Result<Option<EscrowFile>> {
    let mut combined: Option<EscrowFile> = None;
    for path in paths {
        let file = read(path)?;
        combined = Some(match combined {
            None => file,
            Some(so_far) => so_far.combine(&file).wrap_err_with(|| path.display().to_string())?,
        });
    }
    Ok(combined)
}

/// What a party's acceptance comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It holds until then.
    Accepted { deadline: u64 },
    /// It holds as a proof; nothing is to be funded on it any more.
    Expired { deadline: u64 },
    /// Only a chain can tell, and none was asked.
    Unchecked { deadline: u64 },
    /// The contract does not stand by it.
    Refused,
    /// None.
    Missing,
}

impl Word {
    /// The word for scripts.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Expired { .. } => "expired",
            Self::Unchecked { .. } => "notChecked",
            Self::Refused => "refused",
            Self::Missing => "missing",
        }
    }

    pub(super) const fn deadline(&self) -> Option<u64> {
        match self {
            Self::Accepted { deadline }
            | Self::Expired { deadline }
            | Self::Unchecked { deadline } => Some(*deadline),
            Self::Refused | Self::Missing => None,
        }
    }

    /// Whether the party gave its word, be it for now or once.
    pub(super) const fn is_given(&self) -> bool {
        matches!(self, Self::Accepted { .. } | Self::Expired { .. })
    }
}

/// What was read of the chain.
pub(super) struct Seen {
    pub(super) chain: Chain,
    pub(super) state: WalletState,
    pub(super) head: Header,
    pub(super) disputed: bool,
    /// None of ether.
    pub(super) token: Option<Token>,
    /// What the escrow has of what is agreed, in smallest units.
    pub(super) held: U256,
    /// What it has of ether, where something else is agreed.
    pub(super) other_ether: U256,
}

/// An escrow.
pub(super) struct Scene {
    pub(super) file: EscrowFile,
    pub(super) relayer: Option<Relayer>,
    pub(super) seen: Option<Seen>,
    /// By role.
    pub(super) words: [Word; 3],
    /// The later of the clock and the chain's newest block.
    pub(super) now: u64,
}

impl Scene {
    /// Reads the file, the acceptances at the relayer, and the chain, as far as they are named.
    pub(super) async fn read(
        path: &Path,
        access: &AccessOptions,
        chain: &ChainOptions,
        output: Output,
    ) -> Result<Self> {
        let mut file = read(path)?;
        let relayer = Relayer::find(access, output)?;
        let chain = chain_access::try_connect(chain, output).await?;
        if let Some(chain) = &chain {
            check_chain(&file, chain)?;
        }
        if let Some(relayer) = &relayer {
            add_from(relayer, &mut file, output).await?;
        }
        let seen = match chain {
            Some(chain) => {
                Some(output.during("reading the chain", Seen::read(&file, chain)).await?)
            }
            None => None,
        };
        let now = seen.as_ref().map_or(output.now, |seen| output.now.max(seen.head.timestamp));
        let mut words = [Word::Missing, Word::Missing, Word::Missing];
        for role in Role::ALL {
            let word = word_of(&file, role, seen.as_ref(), now).await?;
            words[usize::from(role.index())] = word;
        }
        Ok(Self { file, relayer, seen, words, now })
    }

    pub(super) const fn agreement(&self) -> &Agreement {
        self.file.agreement()
    }

    pub(super) const fn word(&self, role: Role) -> &Word {
        &self.words[role.index() as usize]
    }

    /// Who has not given its word.
    pub(super) fn missing(&self) -> Vec<Role> {
        Role::ALL.into_iter().filter(|&role| !self.word(role).is_given()).collect()
    }

    /// The chain, or that none was named.
    pub(super) fn chain(&self) -> Result<&Seen> {
        self.seen.as_ref().ok_or_else(|| {
            Cause::Usage.error("no endpoint: give --rpc-url URL, or set ETH_RPC_URL")
        })
    }

    /// Whether the escrow was disputed, as far as the chain was read.
    pub(super) fn disputed(&self) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.disputed)
    }

    /// In how many reconfigurations these terms ended, if they did.
    pub(super) fn ended(&self) -> Option<u32> {
        self.seen.as_ref().map(|seen| seen.state.epoch).filter(|&epoch| epoch > 0)
    }

    /// An amount of what is agreed, with its unit; of a token that was not read in smallest units.
    pub(super) fn amount(&self, amount: U256) -> String {
        self.amount_with(amount, exact_text)
    }

    /// As [`Self::amount`], with the token's whole address.
    pub(super) fn amount_in_full(&self, amount: U256) -> String {
        self.amount_with(amount, exact_text_in_full)
    }

    fn amount_with(&self, amount: U256, text: fn(U256, Option<&Token>) -> String) -> String {
        let token = self.file.token();
        match &self.seen {
            _ if token.is_zero() => text(amount, None),
            Some(seen) => text(amount, seen.token.as_ref()),
            None => format!("{amount} smallest units of token {}", token.to_checksum(None)),
        }
    }
}

/// Refuses a chain that the escrow is not for.
pub(super) fn check_chain(file: &EscrowFile, chain: &Chain) -> Result<()> {
    let (id, found, endpoint) = (file.chain_id(), chain.id(), chain.endpoint());
    if id == found {
        return Ok(());
    }
    Err(Cause::Mismatch.error(format!(
        "the escrow is for chain {id}, but {endpoint} serves chain {found}: give an endpoint of chain {id}"
    )))
}

impl Seen {
    async fn read(file: &EscrowFile, chain: Chain) -> Result<Self> {
        let named = Named::from_file(&file.wallet_file()?);
        let state = named.state(&chain).await?;
        if matches!(state.provenance, Provenance::Foreign | Provenance::CodeOnly) {
            let wallet = file.wallet().to_checksum(None);
            return Err(
                Cause::Mismatch.error(format!("{wallet} has code that is not the escrow's"))
            );
        }
        let (wallet, token) = (file.wallet(), file.token());
        let disputed = state.deployed && chain.is_disputed(wallet).await?;
        let ether = chain.balance(wallet).await?;
        let (token, held, other_ether) = if token.is_zero() {
            (None, ether, U256::ZERO)
        } else {
            let held = chain.token_balance(token, wallet).await?.unwrap_or_default();
            (Some(chain.token(token).await?), held, ether)
        };
        let head = chain.head().await?;
        Ok(Self { chain, state, head, disputed, token, held, other_ether })
    }
}

/// Adds what the relayer has of acceptances. A relayer that does not serve the escrow has none.
pub(super) async fn add_from(
    relayer: &Relayer,
    file: &mut EscrowFile,
    output: Output,
) -> Result<()> {
    let asked = relayer.client.acceptances(file.chain_id(), file.wallet());
    let found = output.during("asking the relayer", asked).await?;
    let offer = file.offer();
    for one in found.into_iter().flatten() {
        let role = Role::of_index(one.role).ok_or_else(|| {
            Cause::Mismatch.error(format!("the relayer tells of a role {}", one.role))
        })?;
        let offer =
            quorate_treasury::escrow::acceptance::Offer { terms_hash: one.terms_hash, ..offer };
        let read = offer.read(role, one.owner, one.deadline, &one.signature);
        read.map_err(Into::into)
            .and_then(|acceptance| file.add(acceptance))
            .wrap_err_with(|| format!("at the relayer {}", relayer.name()))?;
    }
    Ok(())
}

/// What a party's acceptance comes to, the newest that holds.
async fn word_of(file: &EscrowFile, role: Role, seen: Option<&Seen>, now: u64) -> Result<Word> {
    let mut word = Word::Missing;
    for acceptance in file.acceptances(role) {
        let deadline = acceptance.deadline;
        match holds(file, acceptance, seen).await? {
            Some(true) if deadline < now => return Ok(Word::Expired { deadline }),
            Some(true) => return Ok(Word::Accepted { deadline }),
            Some(false) => word = Word::Refused,
            None => return Ok(Word::Unchecked { deadline }),
        }
    }
    Ok(word)
}

/// Whether an acceptance holds; none where only a chain could tell.
async fn holds(
    file: &EscrowFile,
    acceptance: &Acceptance,
    seen: Option<&Seen>,
) -> Result<Option<bool>> {
    let digest = file.offer().digest(acceptance.role, acceptance.deadline);
    let (wallet, owner) = (file.wallet(), acceptance.owner);
    Ok(match (&acceptance.signature, seen) {
        (OwnerSignature::Ecdsa(_), _) => Some(true),
        (_, None) => None,
        (OwnerSignature::Contract(bytes), Some(seen)) => {
            Some(seen.chain.contract_accepts(wallet, owner, digest, bytes).await?.is_ok())
        }
        (OwnerSignature::Approved, Some(seen)) => {
            Some(seen.state.deployed && seen.chain.approved(wallet, digest, owner).await?)
        }
    })
}

/// Names in a sentence.
pub(super) fn listed(roles: &[Role], joint: &str) -> String {
    let names: Vec<_> = roles.iter().map(|role| format!("the {role}")).collect();
    names.join(&format!(" {joint} "))
}

/// The token that is named: none for ether.
pub(super) fn token_of(text: &str, chain_id: u64) -> Result<Option<Address>> {
    if text.eq_ignore_ascii_case("ETH") {
        return Ok(None);
    }
    let written = quorate_core::address::Written::parse(text)
        .map_err(|error| Cause::BadInput.error(format!("--token: {error}; ETH is ether")))?;
    let token = chain_access::on_chain("--token", &written, chain_id)?;
    Ok((!token.is_zero()).then_some(token))
}
