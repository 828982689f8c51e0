//! From options to a relayer, which is not believed: whatever comes from it was verified by its own fields, and is
//! examined against the chain where an endpoint is given.

mod answered;
mod queue;

pub(crate) use answered::{Answered, may_pass, patiently, present_state, wallet_state};

use crate::{
    arguments::{AccessOptions, Source},
    failure::Cause,
    files,
    output::Output,
};
use alloy::primitives::{Address, B256, Bytes};
use eyre::Result;
use quorate_api::{
    Client, NewSignature, Verified, VerifiedWallet,
    client::{Patience, Taken, Token},
};
use quorate_chain::Chain;
use quorate_core::Proposal;
use std::env;

/// A relayer.
#[derive(Clone, Debug)]
pub(crate) struct Relayer {
    pub(crate) client: Client,
    output: Output,
}

impl Relayer {
    /// The relayer that the options name, if they name one. Asks nothing yet.
    pub(crate) fn find(options: &AccessOptions, output: Output) -> Result<Option<Self>> {
        // A variable that is set to nothing is not set.
        let Some(url) = options.relayer.as_ref().filter(|url| !url.is_empty()) else {
            return Ok(None);
        };
        let client = Client::new(url, token(options)?, Patience::default())?;
        if client.is_readable_on_the_way() {
            let name = client.name();
            output.warn(&format!(
                "http to {name}: everyone on the way can read what is proposed; https hides it"
            ));
        }
        Ok(Some(Self { client, output }))
    }

    /// The relayer that the options name.
    pub(crate) fn named(options: &AccessOptions, output: Output) -> Result<Self> {
        Self::find(options, output)?.ok_or_else(|| {
            Cause::Usage.error("no relayer: give --relayer URL, or set QUORATE_RELAYER")
        })
    }

    /// Host and port.
    pub(crate) fn name(&self) -> &str {
        self.client.name()
    }

    /// A wallet that it serves.
    pub(crate) async fn wallet(&self, chain_id: u64, address: Address) -> Result<VerifiedWallet> {
        let found = self.client.wallet(chain_id, address);
        let found = self.output.during("asking the relayer", found).await?;
        found.ok_or_else(|| {
            let (name, address) = (self.name(), address.to_checksum(None));
            Cause::BadInput.error(format!(
                "the relayer at {name} does not serve wallet {address} on chain {chain_id}: `quorate wallet register` has it served"
            ))
        })
    }

    /// A proposal that it knows. Only its own fields are verified.
    pub(crate) async fn proposal(&self, digest: B256) -> Result<Verified> {
        let found = self.client.proposal(digest);
        let found = self.output.during("asking the relayer", found).await?;
        found.ok_or_else(|| {
            let name = self.name();
            Cause::BadInput.error(format!("the relayer at {name} knows no proposal {digest}"))
        })
    }

    /// Hands in a proposal with its first signature.
    pub(crate) async fn propose(
        &self,
        proposal: &Proposal,
        owner: Address,
        signature: Bytes,
    ) -> Result<Taken<Verified>> {
        let signature = NewSignature { owner, signature };
        let proposing = self.client.propose(proposal.request(), proposal.note(), signature);
        Ok(self.output.during("handing it in", proposing).await?)
    }

    /// Hands in a signature.
    pub(crate) async fn sign(
        &self,
        digest: B256,
        owner: Address,
        signature: Bytes,
    ) -> Result<Taken<Verified>> {
        let signature = NewSignature { owner, signature };
        let signing = self.client.sign(digest, &signature);
        Ok(self.output.during("handing it in", signing).await?)
    }
}

/// The token, from its file or else from the environment. It is never typed as an argument.
fn token(options: &AccessOptions) -> Result<Option<Token>> {
    let text =
        match &options.relayer_token_file {
            Some(file) => {
                let bytes = files::read(file)?;
                Some(String::from_utf8(bytes).map_err(|_| {
                    Cause::BadInput.error(format!("{} is not text", file.display()))
                })?)
            }
            None => env::var("QUORATE_RELAYER_TOKEN").ok().filter(|token| !token.is_empty()),
        };
    Ok(text.map(|text| Token::parse(&text)).transpose()?)
}

/// A proposal by its file, or by its digest from the relayer: then verified by its own fields, and if there is an
/// endpoint examined against the chain.
pub(crate) async fn read(
    source: &Source,
    relayer: Option<&Relayer>,
    chain: Option<&Chain>,
) -> Result<Proposal> {
    match source {
        Source::File(path) => files::read_proposal(path),
        Source::Digest(digest) => {
            let relayer = relayer.ok_or_else(|| no_relayer(*digest))?;
            Ok(relayer.look(*digest, chain).await?.proposal)
        }
    }
}

/// A digest alone says nothing.
pub(crate) fn no_relayer(digest: B256) -> eyre::Report {
    Cause::Usage.error(format!(
        "{digest} is a digest: give --relayer URL, or set QUORATE_RELAYER, or name the proposal's file"
    ))
}
