//! A relayer that is honest but for one thing.
//!
//! It keeps nothing: what is handed in is in the answer, and nowhere else.

use crate::environment::{Environment, PAYEE};
use alloy::primitives::{Address, B256, U256};
use eyre::{Result, eyre};
use quorate_api::{
    Instant, NewProposal, NewSignature, Problem, ProblemCode, Proposal, Wallet,
    proposal::Signature, wallet::LaneState,
};
use quorate_core::{
    Action, Lane, Nonce, Request, WalletFile, action::Transfer, signature::Kind, status::StatusWord,
};
use quorate_lab::{
    fixtures::world,
    http::{Asked, Reply, Server},
    owners::owner,
    signatures::sign,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// What is not as it should be.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fault {
    /// Of proposals that are read.
    pub(crate) proposal: Option<fn(&mut Proposal)>,
    /// Of the answer to what is handed in.
    pub(crate) taken: Option<fn(&mut Proposal)>,
    /// Of wallets.
    pub(crate) wallet: Option<fn(&mut Wallet)>,
    /// Of all that is answered.
    pub(crate) reply: Option<fn() -> Reply>,
}

/// The fake. It serves the 3-of-5 treasury of the fixtures.
pub(crate) struct FakeRelayer {
    server: Server,
    fault: Arc<Mutex<Fault>>,
    pub(crate) digest: B256,
}

/// What is so.
struct World {
    treasury: WalletFile,
    /// Collecting: the first at sequence 0 of lane 0, the second of lane 7.
    proposals: Vec<Proposal>,
    /// Those who listen to events for ever.
    listeners: Mutex<Vec<mpsc::UnboundedSender<String>>>,
}

impl FakeRelayer {
    /// Starts it. Deadlines are as the chain of the environment has it.
    pub(crate) async fn start(environment: &Environment) -> Result<Self> {
        let deadline = environment.chain.now().await? + 7 * 86_400;
        let proposals = vec![
            proposal(Nonce::new(Lane::ZERO, 0), deadline, 1_500, &[0])?,
            proposal(Nonce::new("7".parse()?, 0), deadline, 1_250, &[1])?,
        ];
        let digest = proposals[0].digest;
        let treasury = world::treasury();
        let world = World { treasury, proposals, listeners: Mutex::default() };
        let fault = Arc::<Mutex<Fault>>::default();
        let present = fault.clone();
        let server = Server::start(move |asked| {
            let fault = *present.lock().unwrap_or_else(PoisonError::into_inner);
            match fault.reply {
                Some(reply) => reply(),
                None => world.answer(asked, fault).unwrap_or_else(|error| {
                    Reply::Bytes(500, format!("the fake is wrong: {error}").into())
                }),
            }
        })
        .await?;
        Ok(Self { server, fault, digest })
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// The tokens that came with what was asked.
    pub(crate) fn tokens(&self) -> Vec<String> {
        let token = |asked: &Asked| asked.headers.get("authorization").cloned();
        self.server.asked().iter().map(|asked| token(asked).unwrap_or_default()).collect()
    }

    /// How often something was handed in.
    pub(crate) fn handed_in(&self) -> usize {
        self.server.asked().iter().filter(|asked| asked.method == "POST").count()
    }
}

impl World {
    fn answer(&self, asked: &Asked, fault: Fault) -> Result<Reply> {
        let path: Vec<_> = asked.path.split('/').skip(2).collect();
        let query = |name: &str| asked.query.get(name).map(String::as_str);
        Ok(match (asked.method.as_str(), &path[..]) {
            ("GET", ["wallets"]) => page(&[self.wallet(fault)]),
            ("POST", ["wallets"]) => Reply::Json(201, json!(self.wallet(fault))),
            ("GET", ["wallets", _, _]) => Reply::Json(200, json!(self.wallet(fault))),
            ("GET", ["wallets", _, _, "proposals"]) => page(&self.listed(query("status"), fault)),
            ("GET", ["proposals"]) => {
                let mut listed = self.listed(query("status"), Fault::default());
                let lacks = |proposal: &Proposal| {
                    let missing = proposal.missing.iter().map(|owner| owner.to_checksum(None));
                    missing.into_iter().any(|owner| query("awaiting") == Some(owner.as_str()))
                };
                listed.retain(lacks);
                listed.iter_mut().for_each(|proposal| apply(fault.proposal, proposal));
                page(&listed)
            }
            ("GET", ["proposals", digest]) => match self.find(digest) {
                Some(mut proposal) => {
                    apply(fault.proposal, &mut proposal);
                    Reply::Json(200, json!(proposal))
                }
                None => unknown(digest),
            },
            ("POST", ["wallets", _, _, "proposals"]) => {
                let new: NewProposal = read(asked)?;
                let mut proposal = self.taken(new)?;
                apply(fault.taken, &mut proposal);
                Reply::Json(201, json!(proposal))
            }
            ("POST", ["proposals", digest, "signatures"]) => match self.find(digest) {
                Some(mut proposal) => {
                    add(&mut proposal, read(asked)?);
                    apply(fault.taken, &mut proposal);
                    Reply::Json(201, json!(proposal))
                }
                None => unknown(digest),
            },
            ("GET", ["events"]) => {
                let (sender, events) = mpsc::unbounded_channel();
                self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
                Reply::Events(events)
            }
            _ => return Err(eyre!("{} {}", asked.method, asked.path)),
        })
    }

    fn wallet(&self, fault: Fault) -> Wallet {
        let treasury = &self.treasury;
        let mut wallet = Wallet {
            chain_id: world::CHAIN_ID,
            address: treasury.address(),
            config: treasury.config().clone(),
            epoch: 0,
            salt: Some(treasury.salt()),
            origin_config: Some(treasury.config().clone()),
            deployed: true,
            genuine: true,
            lanes: self.proposals.iter().map(lane_behind).collect(),
            head: None,
            final_depth: None,
            registered_at: Instant::from_millis(0),
        };
        apply(fault.wallet, &mut wallet);
        wallet
    }

    fn listed(&self, status: Option<&str>, fault: Fault) -> Vec<Proposal> {
        let is_asked = |proposal: &&Proposal| status.is_none_or(|s| s == proposal.status.name());
        let mut listed: Vec<_> = self.proposals.iter().filter(is_asked).cloned().collect();
        listed.iter_mut().for_each(|proposal| apply(fault.proposal, proposal));
        listed
    }

    fn find(&self, digest: &str) -> Option<Proposal> {
        self.proposals.iter().find(|proposal| proposal.digest.to_string() == digest).cloned()
    }

    fn taken(&self, new: NewProposal) -> Result<Proposal> {
        let NewProposal { epoch, action, nonce, deadline, note, signature } = new;
        let (chain_id, wallet) = (world::CHAIN_ID, self.treasury.address());
        let request = Request { chain_id, wallet, epoch, action, nonce, deadline };
        let mut proposal = unsigned(request);
        proposal.note = note;
        add(&mut proposal, signature);
        Ok(proposal)
    }
}

fn apply<T>(change: Option<fn(&mut T)>, to: &mut T) {
    if let Some(change) = change {
        change(to);
    }
}

fn read<T: DeserializeOwned>(asked: &Asked) -> Result<T> {
    Ok(serde_json::from_value(asked.body.clone())?)
}

fn page(items: &[impl Serialize]) -> Reply {
    Reply::Json(200, json!({ "items": items, "nextCursor": null }))
}

fn unknown(digest: &str) -> Reply {
    let detail = format!("there is no proposal {digest}");
    Reply::Json(404, json!(Problem::new(ProblemCode::UnknownProposal, "Not Found", detail)))
}

fn lane_behind(proposal: &Proposal) -> LaneState {
    LaneState { lane: proposal.lane, next: 0, next_free: proposal.sequence + 1 }
}

/// A payment of so many thousandths of an ether that these owners signed.
fn proposal(nonce: Nonce, deadline: u64, thousandths: u64, signers: &[u64]) -> Result<Proposal> {
    let amount = U256::from(thousandths) * U256::from(1_000_000_000_000_000_u64);
    let transfer = Transfer { to: PAYEE.parse()?, amount };
    let request = Request {
        chain_id: world::CHAIN_ID,
        wallet: world::treasury().address(),
        epoch: 0,
        action: Action::Payout { token: Address::ZERO, transfers: vec![transfer] },
        nonce,
        deadline,
    };
    let mut proposal = unsigned(request);
    for &number in signers {
        let (owner, signature) = signature_of(number, &proposal.digest)?;
        add(&mut proposal, NewSignature { owner, signature });
    }
    Ok(proposal)
}

/// The signature of the key with this number.
pub(crate) fn signature_of(
    number: u64,
    digest: &B256,
) -> Result<(Address, alloy::primitives::Bytes)> {
    let signed = sign(digest, [&owner(number)])?.into_iter().next();
    let (owner, signature) = signed.ok_or_else(|| eyre!("no signature"))?;
    Ok((owner, signature.to_bytes()))
}

/// Adds a signature by a key, and takes its owner off those who are missing.
pub(crate) fn add(proposal: &mut Proposal, signature: NewSignature) {
    let NewSignature { owner, signature } = signature;
    proposal.missing.retain(|missing| *missing != owner);
    proposal.signatures.retain(|signature| signature.owner != owner);
    let received_at = Instant::from_millis(0);
    proposal.signatures.push(Signature {
        owner,
        kind: Kind::Ecdsa,
        signature,
        counts: true,
        received_at,
    });
}

fn unsigned(request: Request) -> Proposal {
    let treasury = world::treasury();
    let digest = request.digest();
    let Request { chain_id, wallet, epoch, action, nonce, deadline } = request;
    Proposal {
        digest,
        chain_id,
        wallet,
        epoch,
        action,
        nonce,
        lane: nonce.lane,
        sequence: nonce.sequence,
        deadline,
        note: None,
        status: StatusWord::Collecting,
        reason: None,
        is_final: false,
        revision: 1,
        threshold: treasury.config().threshold(),
        signatures: Vec::new(),
        missing: treasury.config().owners().to_vec(),
        execution: None,
        last_failure: None,
        superseded_by: None,
        rivals: Vec::new(),
        attempts: Vec::new(),
        created_at: Instant::from_millis(0),
        updated_at: Instant::from_millis(0),
    }
}
