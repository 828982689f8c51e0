//! A client of the relayer's HTTP API. The relayer is not believed: what a method gives back was verified by its own
//! fields and by what was asked for; what is not so is a [`Lie`].
//!
//! What only a chain can tell is not checked here: see [`Verified::check`].
//!
//! - [`error`]: how asking fails; [`token`]: who asks; [`patience`]: how long, and how often.
//! - [`list`]: lists, page after page; [`events`]: what happens, while it happens.

pub mod error;
pub mod events;
mod exchange;
pub mod list;
pub mod patience;
mod place;
mod sse;
pub mod token;

pub use error::ClientError;
pub use events::{EventFilter, Events, Told};
pub use list::Listed;
pub use patience::Patience;
pub use token::Token;

use crate::{
    Acceptance, Lie, NewAcceptance, NewProposal, NewSignature, Page, ProblemCode, Proposal,
    RegisterWallet, Verified, VerifiedWallet, Wallet,
};
use alloy::{
    primitives::{Address, B256},
    transports::http::reqwest::{self, redirect},
};
use exchange::Bounds;
use place::Place;
use quorate_core::{Request, creation, status::StatusWord};
use std::{fmt, sync::Arc, time::Duration};

/// How much longer than a long poll its answer may take.
const POLL_MARGIN: Duration = Duration::from_secs(10);

/// The longest that a relayer lets one wait, in seconds.
pub const LONGEST_WAIT_SECS: u64 = 60;

/// A client of one relayer. Cheap to clone.
///
/// Follows no redirects, which would carry the token to somebody else, and uses no proxy for a relayer on this machine.
/// Whatever it asks may be asked several times: all of it can be.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    place: Arc<Place>,
    token: Option<Token>,
    patience: Arc<Patience>,
}

/// What a relayer has taken: verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken<T> {
    /// Whether it was new, by the relayer's word: false if it was known before.
    pub is_new: bool,
    /// What the relayer has now.
    pub answer: T,
}

/// What a long poll waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// This status.
    Status(StatusWord),
    /// A status that only a deep reorg can change.
    Final,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.name()).finish()
    }
}

impl Client {
    /// A client of the relayer at `url`, http or https, with or without a path. Asks nothing yet.
    ///
    /// A token goes over https or to this machine alone. Without a token http is taken to other machines too: a relayer
    /// is not believed in any case, yet everyone on the way can read along, see [`Self::is_readable_on_the_way`].
    ///
    /// # Errors
    ///
    /// If the URL cannot be used, or the token would be readable on the way.
    pub fn new(url: &str, token: Option<Token>, patience: Patience) -> Result<Self, ClientError> {
        let place = Place::parse(url)?;
        if token.is_some() && place.is_readable_on_the_way() {
            return Err(ClientError::TokenInClear { relayer: place.name().to_owned() });
        }
        let mut builder = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .user_agent(concat!("quorate/", env!("CARGO_PKG_VERSION")));
        if place.is_this_machine() {
            builder = builder.no_proxy();
        }
        let reason = "there is no TLS on this machine";
        let http = builder.build().map_err(|_| ClientError::InvalidUrl { reason })?;
        Ok(Self { http, place: Arc::new(place), token, patience: Arc::new(patience) })
    }

    /// Host and port.
    pub fn name(&self) -> &str {
        self.place.name()
    }

    /// Whether others can read what is asked and answered: http to another machine.
    pub fn is_readable_on_the_way(&self) -> bool {
        self.place.is_readable_on_the_way()
    }

    /// Has a wallet served. Needs an operator's token where the relayer does not let everyone.
    ///
    /// # Errors
    ///
    /// If it is refused, the wallet would be its own owner, or the answer is about another wallet.
    pub async fn register_wallet(
        &self,
        wallet: &RegisterWallet,
    ) -> Result<Taken<VerifiedWallet>, ClientError> {
        let (chain_id, address) = match wallet {
            RegisterWallet::Made { chain_id, config, salt } => {
                (*chain_id, creation::wallet_address(config, *salt)?)
            }
            RegisterWallet::Deployed { chain_id, address } => (*chain_id, *address),
        };
        let (is_new, answer) =
            self.post::<Wallet>(self.place.at(&["v1", "wallets"]), wallet).await?;
        let answer = answer.check_asked(chain_id, address)?.verify()?;
        Ok(Taken { is_new, answer })
    }

    /// A wallet; none if the relayer does not serve it.
    ///
    /// # Errors
    ///
    /// If the relayer does not answer, or with a lie.
    pub async fn wallet(
        &self,
        chain_id: u64,
        address: Address,
    ) -> Result<Option<VerifiedWallet>, ClientError> {
        let found = self.get::<Wallet>(self.place.of_wallet(chain_id, address, &[]), self.single());
        let found = found_or(found.await, ProblemCode::UnknownWallet)?;
        Ok(found.map(|wallet| wallet.check_asked(chain_id, address)?.verify()).transpose()?)
    }

    /// Hands in a proposal, with the signature of the owner who proposes. One that is known already gets the signature.
    ///
    /// # Errors
    ///
    /// If it is refused, or the answer is another proposal or lacks the signature.
    pub async fn propose(
        &self,
        request: &Request,
        note: Option<&str>,
        signature: NewSignature,
    ) -> Result<Taken<Verified>, ClientError> {
        let owner = signature.owner;
        let url = self.place.of_wallet(request.chain_id, request.wallet, &["proposals"]);
        let new = NewProposal {
            epoch: request.epoch,
            action: request.action.clone(),
            nonce: request.nonce,
            deadline: request.deadline,
            note: note.map(str::to_owned),
            signature,
        };
        let (is_new, answer) = self.post::<Proposal>(url, &new).await?;
        let answer = answer.verify()?.check_asked(request.digest())?.check_signed(owner)?;
        Ok(Taken { is_new, answer })
    }

    /// Hands in a party's acceptance of an escrow's terms.
    ///
    /// # Errors
    ///
    /// If it is refused, or the answer is of another party, or older than what was handed in.
    pub async fn accept(
        &self,
        chain_id: u64,
        wallet: Address,
        acceptance: &NewAcceptance,
    ) -> Result<Taken<Acceptance>, ClientError> {
        let url = self.place.of_wallet(chain_id, wallet, &["acceptances"]);
        let (is_new, answer) = self.post::<Acceptance>(url, acceptance).await?;
        let asked = (acceptance.role, acceptance.owner, acceptance.terms_hash);
        if (answer.role, answer.owner, answer.terms_hash) != asked
            || answer.deadline < acceptance.deadline
        {
            return Err(Lie::OtherAcceptance { role: acceptance.role }.into());
        }
        Ok(Taken { is_new, answer })
    }

    /// The acceptances of an escrow that a relayer has; none if it does not serve the wallet.
    ///
    /// Verifies none of them: what they accept, only who has the escrow's terms can tell.
    ///
    /// # Errors
    ///
    /// If the relayer does not answer.
    pub async fn acceptances(
        &self,
        chain_id: u64,
        wallet: Address,
    ) -> Result<Option<Vec<Acceptance>>, ClientError> {
        let url = self.place.of_wallet(chain_id, wallet, &["acceptances"]);
        let found = self.get::<Page<Acceptance>>(url, self.single()).await;
        Ok(found_or(found, ProblemCode::UnknownWallet)?.map(|page| page.items))
    }

    /// Hands in an owner's signature.
    ///
    /// # Errors
    ///
    /// If it is refused, or the answer is another proposal or lacks the signature.
    pub async fn sign(
        &self,
        digest: B256,
        signature: &NewSignature,
    ) -> Result<Taken<Verified>, ClientError> {
        let url = self.place.of_proposal(digest, &["signatures"]);
        let (is_new, answer) = self.post::<Proposal>(url, signature).await?;
        let answer = answer.verify()?.check_asked(digest)?.check_signed(signature.owner)?;
        Ok(Taken { is_new, answer })
    }

    /// A proposal; none if the relayer does not know it.
    ///
    /// # Errors
    ///
    /// If the relayer does not answer, or with a lie.
    pub async fn proposal(&self, digest: B256) -> Result<Option<Verified>, ClientError> {
        let found = self.get(self.place.of_proposal(digest, &[]), self.single()).await;
        verified(found, digest)
    }

    /// As [`Self::proposal`], answered when it is as waited for, or after `secs` seconds, at most
    /// [`LONGEST_WAIT_SECS`], however it is then.
    ///
    /// # Errors
    ///
    /// If the relayer does not answer, or with a lie.
    pub async fn proposal_when(
        &self,
        digest: B256,
        until: Until,
        secs: u64,
    ) -> Result<Option<Verified>, ClientError> {
        let secs = secs.min(LONGEST_WAIT_SECS);
        let until = match until {
            Until::Status(status) => status.name(),
            Until::Final => "final",
        };
        let mut url = self.place.of_proposal(digest, &[]);
        url.query_pairs_mut()
            .append_pair("wait", until)
            .append_pair("timeoutSecs", &secs.to_string());
        let Bounds { largest, .. } = self.single();
        let bounds = Bounds { time: Duration::from_secs(secs) + POLL_MARGIN, largest };
        verified(self.get(url, bounds).await, digest)
    }
}

/// A proposal that was asked for by its digest.
fn verified(
    found: Result<Proposal, ClientError>,
    digest: B256,
) -> Result<Option<Verified>, ClientError> {
    let found = found_or(found, ProblemCode::UnknownProposal)?;
    Ok(found.map(|proposal| proposal.verify()?.check_asked(digest)).transpose()?)
}

/// Makes none of the problem that says that there is none.
fn found_or<T>(
    answer: Result<T, ClientError>,
    none: ProblemCode,
) -> Result<Option<T>, ClientError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(ClientError::Problem { problem, .. }) if problem.code == none => Ok(None),
        Err(error) => Err(error),
    }
}
