//! A wallet and its proposals as an honest relayer answers them, and a client without much patience.

use alloy::primitives::{Address, B256, U256};
use eyre::{Result, eyre};
use quorate_api::{
    Client, ClientError, Instant, NewSignature, Proposal, Wallet,
    client::{Patience, Token},
    problem::{Problem, ProblemCode},
    proposal::Signature,
    wallet::LaneState,
};
use quorate_core::{
    Action, Lane, Nonce, Request, action::Transfer, signature::Kind, status::StatusWord,
};
use quorate_lab::{
    fixtures::world,
    http::{Asked, Reply, Server},
    owners::owner,
    signatures::sign,
};
use serde_json::{Value, json};
use std::time::Duration;

/// What the treasury is asked to pay, at a sequence of lane 0.
pub(crate) fn request(sequence: u64) -> Request {
    let transfers = vec![Transfer { to: Address::repeat_byte(7), amount: U256::from(10) }];
    Request {
        chain_id: world::CHAIN_ID,
        wallet: world::treasury().address(),
        epoch: 0,
        action: Action::Payout { token: Address::ZERO, transfers },
        nonce: Nonce::new(Lane::ZERO, sequence),
        deadline: 2_000_000_000,
    }
}

/// The signature that an owner hands in.
pub(crate) fn signature(number: u64, digest: &B256) -> Result<NewSignature> {
    let signed = sign(digest, [&owner(number)])?;
    let (owner, signature) = signed.into_iter().next().ok_or_else(|| eyre!("no signature"))?;
    Ok(NewSignature { owner, signature: signature.to_bytes() })
}

/// A proposal, signed by owners of the treasury.
pub(crate) fn proposal(sequence: u64, signers: &[u64]) -> Result<Proposal> {
    let request = request(sequence);
    let (digest, treasury) = (request.digest(), world::treasury());
    let signed = |&number: &u64| {
        let NewSignature { owner, signature } = signature(number, &digest)?;
        let received_at = Instant::from_millis(0);
        Ok(Signature { owner, kind: Kind::Ecdsa, signature, counts: true, received_at })
    };
    let signatures = signers.iter().map(signed).collect::<Result<Vec<_>>>()?;
    let owners = treasury.config().owners().iter().copied();
    let missing = owners.filter(|owner| signatures.iter().all(|s| s.owner != *owner)).collect();
    let Request { chain_id, wallet, epoch, action, nonce, deadline } = request;
    Ok(Proposal {
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
        signatures,
        missing,
        execution: None,
        last_failure: None,
        superseded_by: None,
        rivals: Vec::new(),
        attempts: Vec::new(),
        created_at: Instant::from_millis(0),
        updated_at: Instant::from_millis(0),
    })
}

/// The treasury.
pub(crate) fn wallet() -> Wallet {
    let treasury = world::treasury();
    Wallet {
        chain_id: world::CHAIN_ID,
        address: treasury.address(),
        config: treasury.config().clone(),
        epoch: 0,
        salt: Some(treasury.salt()),
        origin_config: Some(treasury.config().clone()),
        deployed: true,
        genuine: true,
        lanes: vec![LaneState { lane: Lane::ZERO, next: 0, next_free: 1 }],
        head: None,
        final_depth: None,
        registered_at: Instant::from_millis(0),
    }
}

/// The problem document with this code.
pub(crate) fn problem(code: ProblemCode, detail: &str) -> Reply {
    Reply::Json(code.status(), json!(Problem::new(code, "", detail)))
}

/// A server that gives JSON to whatever is asked, and its client.
pub(crate) async fn gives(status: u16, answer: Value) -> Result<(Server, Client)> {
    answers(move |_| Reply::Json(status, answer.clone())).await
}

/// A server that answers like this, and its client.
pub(crate) async fn answers(
    answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
) -> Result<(Server, Client)> {
    let server = Server::start(answer).await?;
    let token = Token::parse("a-token")?;
    let client = Client::new(&server.url(), Some(token), impatient())?;
    Ok((server, client))
}

/// The error that there has to be.
pub(crate) fn refusal<T>(answer: Result<T, ClientError>) -> Result<ClientError> {
    answer.err().ok_or_else(|| eyre!("it was taken"))
}

/// Waits for hardly anything.
pub(crate) fn impatient() -> Patience {
    Patience {
        answer: Duration::from_millis(400),
        list: Duration::from_secs(2),
        pauses: vec![Duration::from_millis(1); 2],
        silence: Duration::from_millis(400),
        first_back_off: Duration::from_millis(1),
        longest_back_off: Duration::from_millis(8),
    }
}
