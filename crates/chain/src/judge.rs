//! Whether one owner's signature holds: the one place that decides it, for the command line, the relayer and the library.
//!
//! 1. What the owner's key made holds, whether or not the owner has code, and can never stop to hold.
//! 2. What is around a signature for those who ask before there is code (ERC-6492, ERC-8010) is taken off.
//! 3. Everything else the owner itself is asked about (ERC-1271), as the wallet will: from the wallet, in a transaction that
//!    pays fees, with as much gas as a wallet can afford, [`Chain::contract_gas`].
//! 4. A description (ERC-7739) in the form that libraries write and not every account takes is exchanged, and a key's
//!    signature in a form that contracts do not take is brought into the common one; both are asked about again.
//! 5. A contract's yes is that of one block: it can end. See [`Chain::judge_at`].

use crate::{
    Chain, ChainError, Revert,
    evm::{Call, CallError},
    lack::CALL_OVERRIDE,
    paid::riches,
};
use alloy::{
    primitives::{Address, B256, Bytes, U64, U256, b256},
    rpc::types::BlockNumberOrTag,
    sol_types::SolCall,
};
use quorate_bindings::contracts::IWallet;
use quorate_core::{
    OwnerSignature, Request, nested,
    signature::{self, EcdsaSignature, SignatureError, Wrapper},
};
use std::{borrow::Cow, sync::atomic::Ordering};
use thiserror::Error;

/// The one word by which a contract accepts a signature (ERC-1271).
const ACCEPTED: B256 = b256!("1626ba7e00000000000000000000000000000000000000000000000000000000");

/// The most gas of one transaction (EIP-7825), and that of a block where none is known.
const TRANSACTION_GAS: u64 = 1 << 24;
const BLOCK_GAS: u64 = 30_000_000;

/// How much of a block a contract's answer may take, in percent.
const SHARE_PERCENT: u64 = 60;

/// Why a signature does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The signer is no owner of the wallet now.
    #[error("not an owner of the wallet now")]
    NotOwner,
    /// The owner did not approve on chain.
    #[error("the owner has not approved on chain")]
    NotApproved,
    /// It is not by the owner's key, and the owner is no contract: nobody can be asked.
    #[error("{}the owner has no code on chain {chain_id} yet: if it is to be a contract, deploy it, then sign again", by_other(*recovered))]
    NoCode {
        /// The chain (EIP-155).
        chain_id: u64,
        /// Whose key would have made it, if a key could.
        recovered: Option<Address>,
    },
    /// The contract says no.
    #[error("the owner's contract refuses the signature")]
    Refuses,
    /// The contract answers something that is no answer.
    #[error("the owner's contract does not answer as ERC-1271 says: {length} bytes")]
    NoAnswer {
        /// How many bytes it answers.
        length: usize,
    },
    /// The contract fails.
    #[error("the owner's contract reverts when it is asked: {0}")]
    Reverts(Box<Revert>),
    /// The contract wants more gas than there is for its answer.
    #[error("the owner's contract takes more than {gas} gas to answer: no wallet can afford that")]
    OutOfGas {
        /// What it got.
        gas: u64,
    },
    /// The bytes say themselves that something else was signed.
    #[error("something else was signed: digest {digest}")]
    OtherDigest {
        /// What was signed.
        digest: B256,
    },
    /// The authorization around it is for another chain, and what is inside does not hold on this one.
    #[error(
        "the authorization around the signature (ERC-8010) is for chain {given}, not {chain_id}"
    )]
    OtherChain {
        /// The chain it is for.
        given: U256,
        /// The chain (EIP-155).
        chain_id: u64,
    },
    /// The bytes can be no signature.
    #[error("{0}")]
    Unusable(SignatureError),
}

fn by_other(recovered: Option<Address>) -> String {
    let words = |key| {
        format!(
            "over this digest it recovers to {key}, so another key signed, or something else was signed; "
        )
    };
    recovered.map(words).unwrap_or_default()
}

/// A signature in the form in which the wallet takes it, or why there is none.
pub type Verdict = Result<OwnerSignature, Refusal>;

impl Refusal {
    /// The word for machines. The same from version to version.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotOwner => "notOwner",
            Self::NotApproved => "notApproved",
            Self::NoCode { .. } => "noCode",
            Self::Refuses => "refuses",
            Self::NoAnswer { .. } => "noAnswer",
            Self::Reverts(_) => "reverts",
            Self::OutOfGas { .. } => "outOfGas",
            Self::OtherDigest { .. } => "otherDigest",
            Self::OtherChain { .. } => "otherChain",
            Self::Unusable(_) => "unusable",
        }
    }
}

impl Chain {
    /// Whether a signature of `owner` holds for `request` after the newest block, as the wallet will find: in the form in
    /// which the wallet takes it, or why not.
    ///
    /// Does not say that `owner` is one.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer. A contract that fails does not accept.
    pub async fn judge(
        &self,
        request: &Request,
        owner: Address,
        signature: &OwnerSignature,
    ) -> Result<Verdict, ChainError> {
        self.judge_on(request, owner, signature, BlockNumberOrTag::Latest).await
    }

    /// As [`Self::judge`], after a block. What a contract says there need not be what it says a block later.
    ///
    /// # Errors
    ///
    /// As [`Self::judge`], also where the endpoint does not have the block.
    pub async fn judge_at(
        &self,
        request: &Request,
        owner: Address,
        signature: &OwnerSignature,
        block: u64,
    ) -> Result<Verdict, ChainError> {
        self.judge_on(request, owner, signature, BlockNumberOrTag::Number(block)).await
    }

    async fn judge_on(
        &self,
        request: &Request,
        owner: Address,
        signature: &OwnerSignature,
        at: BlockNumberOrTag,
    ) -> Result<Verdict, ChainError> {
        let (wallet, digest) = (request.wallet, request.digest());
        let given = match signature {
            OwnerSignature::Ecdsa(ecdsa) => {
                let verified = ecdsa.verify(owner, &digest).map_err(Refusal::Unusable);
                return Ok(verified.map(|()| signature.clone()));
            }
            OwnerSignature::Approved => {
                let question = IWallet::approvedCall { digest, owner };
                let approved = self.ask(wallet, &question, at).await?.unwrap_or(false);
                return Ok(if approved {
                    Ok(OwnerSignature::Approved)
                } else {
                    Err(Refusal::NotApproved)
                });
            }
            OwnerSignature::Contract(given) => given,
        };
        let inner = match OwnerSignature::of(owner, &digest, given) {
            Ok(OwnerSignature::Contract(inner)) => inner,
            Ok(signature) => return Ok(Ok(signature)),
            Err(error) => return Ok(Err(Refusal::Unusable(error))),
        };
        let mut refusal = None;
        for form in forms(&inner, request) {
            let asked = Asked { wallet, owner, digest, signature: &form };
            match self.ask_owner(&asked, at).await? {
                Ok(()) => return Ok(Ok(OwnerSignature::Contract(form.into_owned()))),
                Err(found) => refusal = refusal.or(Some(found)),
            }
        }
        let refusal = refusal.unwrap_or(Refusal::Refuses);
        Ok(Err(self.explained(refusal, given, &inner, digest)))
    }

    /// Whether a signature of an owner of `wallet` holds for a digest that is no request's, as one that nests others.
    ///
    /// # Errors
    ///
    /// As [`Self::judge`].
    pub async fn judge_digest(
        &self,
        (wallet, digest): (Address, B256),
        owner: Address,
        bytes: &Bytes,
    ) -> Result<Verdict, ChainError> {
        let signature = match OwnerSignature::of(owner, &digest, bytes) {
            Ok(signature) => signature,
            Err(error) => return Ok(Err(Refusal::Unusable(error))),
        };
        let holds = match &signature {
            OwnerSignature::Ecdsa(_) => Ok(()),
            OwnerSignature::Approved if self.approved(wallet, digest, owner).await? => Ok(()),
            OwnerSignature::Approved => Err(Refusal::NotApproved),
            OwnerSignature::Contract(inner) => {
                let answer = self.contract_accepts(wallet, owner, digest, inner).await?;
                answer.map_err(|refusal| self.explained(refusal, bytes, inner, digest))
            }
        };
        Ok(holds.map(|()| signature))
    }

    /// The reason in more words, where the bytes themselves tell one.
    fn explained(&self, refusal: Refusal, given: &Bytes, inner: &Bytes, digest: B256) -> Refusal {
        if let Ok((_, Some(Wrapper::Delegation { chain_id: given }))) = signature::unwrap(given)
            && !given.is_zero()
            && given != U256::from(self.id())
        {
            return Refusal::OtherChain { given, chain_id: self.id() };
        }
        if let Some((_, tail)) = nested::Tail::find(inner)
            && tail.digest() != digest
        {
            return Refusal::OtherDigest { digest: tail.digest() };
        }
        match refusal {
            Refusal::NoCode { chain_id, .. } => {
                let recovered = EcdsaSignature::from_bytes(inner).and_then(|s| s.recover(&digest));
                match recovered {
                    // As long as a key's: it was likely meant as one.
                    Err(error) if matches!(inner.len(), 64 | 65) => Refusal::Unusable(error),
                    recovered => Refusal::NoCode { chain_id, recovered: recovered.ok() },
                }
            }
            refusal => refusal,
        }
    }

    /// Whether a contract accepts these very bytes (ERC-1271), as the wallet would find: it has code, and the answer is
    /// exactly the one word. [`Self::judge`] is what decides whether a signature holds.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer. A contract that fails does not accept.
    pub async fn contract_accepts(
        &self,
        wallet: Address,
        owner: Address,
        digest: B256,
        signature: &Bytes,
    ) -> Result<Result<(), Refusal>, ChainError> {
        let asked = Asked { wallet, owner, digest, signature };
        self.ask_owner(&asked, BlockNumberOrTag::Latest).await
    }

    /// As [`Self::contract_accepts`], after an earlier block.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, as where it does not have the state of that block.
    pub async fn contract_accepted_at(
        &self,
        wallet: Address,
        owner: Address,
        (digest, signature): (B256, &Bytes),
        block: u64,
    ) -> Result<bool, ChainError> {
        let asked = Asked { wallet, owner, digest, signature };
        Ok(self.ask_owner(&asked, BlockNumberOrTag::Number(block)).await?.is_ok())
    }

    async fn ask_owner(
        &self,
        asked: &Asked<'_>,
        at: BlockNumberOrTag,
    ) -> Result<Result<(), Refusal>, ChainError> {
        let gas = self.contract_gas().await?;
        let answer = match self.answer_of(asked, gas, at).await {
            Ok(answer) => answer,
            Err(CallError::Failed(revert)) => {
                return Ok(Err(match revert {
                    Revert::Halted(message) if is_of_gas(&message) => Refusal::OutOfGas { gas },
                    revert => Refusal::Reverts(Box::new(revert)),
                }));
            }
            Err(CallError::Chain(error)) => return Err(error),
        };
        Ok(match answer.len() {
            32 if answer[..] == ACCEPTED[..] => Ok(()),
            32 => Err(Refusal::Refuses),
            // Whoever has no code answers nothing, whatever is asked.
            0 if self.code(asked.owner, at).await?.is_empty() => {
                Err(Refusal::NoCode { chain_id: self.id(), recovered: None })
            }
            length => Err(Refusal::NoAnswer { length }),
        })
    }

    /// What the owner answers the wallet: in a transaction with fees, where the endpoint lets them be paid.
    async fn answer_of(
        &self,
        asked: &Asked<'_>,
        gas: u64,
        at: BlockNumberOrTag,
    ) -> Result<Bytes, CallError> {
        let question = IWallet::isValidSignature_0Call {
            hash: asked.digest,
            signature: asked.signature.clone(),
        };
        let plain = Call {
            from: Some(asked.wallet),
            to: Some(asked.owner),
            gas: Some(U64::from(gas)),
            data: question.abi_encode().into(),
            ..Call::default()
        };
        let (method, lacks) = ("eth_call", &self.raw().lacks);
        if !lacks.may_ask(CALL_OVERRIDE) {
            return self.call(&plain, at).await;
        }
        let rich = riches([asked.wallet]);
        match self.try_read(method, (plain.paid(), at, rich)).await {
            // Some know no fees in a question, or let nobody be richer than they are.
            Err(fault) if fault.is_refusal() => {
                let answer = self.call(&plain, at).await;
                if !matches!(answer, Err(CallError::Chain(_))) {
                    lacks.missing(CALL_OVERRIDE, &fault);
                }
                answer
            }
            answer => {
                lacks.worked(CALL_OVERRIDE);
                answer.map_err(|fault| self.call_error(method, fault))
            }
        }
    }

    /// What a contract gets to answer, in gas: 60 % of a block, and no more than one transaction may take.
    ///
    /// # Errors
    ///
    /// If the endpoint does not tell its newest block.
    pub async fn contract_gas(&self) -> Result<u64, ChainError> {
        let known = &self.raw().block_gas;
        if known.load(Ordering::Relaxed) == 0 {
            self.head().await?;
        }
        let block = match known.load(Ordering::Relaxed) {
            0 => BLOCK_GAS,
            known => known,
        };
        Ok((block / 100 * SHARE_PERCENT).min(TRANSACTION_GAS))
    }
}

/// What an owner is asked about, for whom.
struct Asked<'a> {
    wallet: Address,
    owner: Address,
    digest: B256,
    signature: &'a Bytes,
}

/// The forms in which a signature is asked about, as it is first. A contract's 65 bytes are left as they are.
fn forms<'a>(given: &'a Bytes, request: &Request) -> Vec<Cow<'a, Bytes>> {
    let mut forms = vec![Cow::Borrowed(given)];
    forms.extend(nested::with_explicit_description(given, request).map(Cow::Owned));
    let is_short_form = given.len() == 64 || matches!(given[..], [.., 0 | 1] if given.len() == 65);
    if is_short_form && let Ok(by_key) = EcdsaSignature::from_bytes(given) {
        forms.push(Cow::Owned(by_key.to_bytes().into()));
    }
    forms
}

fn is_of_gas(message: &str) -> bool {
    let message = message.to_lowercase();
    ["out of gas", "outofgas", "ran out", "gas required exceeds"]
        .iter()
        .any(|w| message.contains(w))
}
