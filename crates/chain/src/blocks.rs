//! Blocks, the events in them, and and accounts after them.

// Where the relayer's driver looks for it.
use crate::{
    Chain, ChainError,
    endpoint::Fault,
    lack::{LOGS_BY_HASH, STATE_BY_HASH},
    log::{AnyLog, standing},
};
use alloy::{
    primitives::{Address, B256, Bloom, Bytes, U64, U128, U256},
    rpc::types::{BlockNumberOrTag, Log},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// The hash of the block before it.
    pub parent: B256,
    /// Its time in Unix seconds.
    pub timestamp: u64,
    /// Its base fee in wei per gas; none on a chain without EIP-1559.
    pub base_fee_per_gas: Option<u128>,
    /// Which events may be in it; none where the endpoint does not say. What is not in it is not in the block; what is may
    /// be by chance.
    pub logs_bloom: Option<Bloom>,
}

/// The fields of a block that are used, so that chains with headers of their own can be read too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHeader {
    number: U64,
    hash: B256,
    parent_hash: B256,
    timestamp: U64,
    base_fee_per_gas: Option<U128>,
    gas_limit: Option<U64>,
    logs_bloom: Option<Bytes>,
}

impl From<RawHeader> for Header {
    fn from(raw: RawHeader) -> Self {
        let bloom = raw.logs_bloom.and_then(|bloom| Bloom::try_from(&bloom[..]).ok());
        Self {
            number: raw.number.to(),
            hash: raw.hash,
            parent: raw.parent_hash,
            timestamp: raw.timestamp.to(),
            base_fee_per_gas: raw.base_fee_per_gas.map(|fee| fee.to()),
            logs_bloom: bloom,
        }
    }
}

const BLOCK_BY_NUMBER: &str = "eth_getBlockByNumber";
const GET_LOGS: &str = "eth_getLogs";

impl Chain {
    /// The newest block.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer.
    pub async fn head(&self) -> Result<Header, ChainError> {
        let params = (BlockNumberOrTag::Latest, false);
        match self.try_read::<Option<RawHeader>>(BLOCK_BY_NUMBER, params).await {
            Ok(Some(raw)) => return Ok(self.header(raw)),
            Ok(None) => return Err(self.wrong_answer(BLOCK_BY_NUMBER, "no newest block")),
            // As where it does not know the word for it.
            Err(fault) if fault.is_refusal() => {}
            Err(fault) => return Err(self.raw().error(BLOCK_BY_NUMBER, fault)),
        }
        let number: U64 = self.read("eth_blockNumber", [(); 0]).await?;
        let found = self.block_at(number.to()).await?;
        found.ok_or_else(|| self.wrong_answer(BLOCK_BY_NUMBER, "no newest block"))
    }

    /// The header, whose gas is taken note of.
    fn header(&self, raw: RawHeader) -> Header {
        if let Some(gas) = raw.gas_limit {
            self.raw().block_gas.store(gas.to(), Ordering::Relaxed);
        }
        if let Some(fee) = raw.base_fee_per_gas {
            let fee = u64::try_from(fee.to::<u128>()).unwrap_or(u64::MAX);
            self.raw().base_fee.store(fee, Ordering::Relaxed);
        }
        raw.into()
    }

    /// The block with this hash; none if the endpoint does not have it.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, or another block.
    pub async fn block(&self, hash: B256) -> Result<Option<Header>, ChainError> {
        let method = "eth_getBlockByHash";
        let raw: Option<RawHeader> = self.read(method, (hash, false)).await?;
        match raw {
            Some(raw) if raw.hash != hash => Err(self.wrong_answer(method, "another block")),
            raw => Ok(raw.map(|raw| self.header(raw))),
        }
    }

    /// The block with this number on what the endpoint takes for the chain; none if it has none yet.
    ///
    /// # Errors
    ///
    /// If the endpoint gives no sensible answer, or another block.
    pub async fn block_at(&self, number: u64) -> Result<Option<Header>, ChainError> {
        let params = (BlockNumberOrTag::Number(number), false);
        let raw: Option<RawHeader> = self.read(BLOCK_BY_NUMBER, params).await?;
        match raw {
            Some(raw) if raw.number != U64::from(number) => {
                Err(self.wrong_answer(BLOCK_BY_NUMBER, "another block"))
            }
            raw => Ok(raw.map(|raw| self.header(raw))),
        }
    }

    /// The events of these contracts in one block, named by its hash, so that they cannot be those of another. Where the
    /// endpoint takes no hash, by its number, between two looks at the hash.
    ///
    /// Warning: an endpoint may leave events out, or all of them; see [`Header::logs_bloom`] and
    /// [`Self::all_logs_of_block`].
    ///
    /// # Errors
    ///
    /// If the endpoint does not have the block, or gives no sensible answer.
    pub async fn logs_of_block(
        &self,
        block: &Header,
        contracts: &[Address],
    ) -> Result<Vec<Log>, ChainError> {
        self.logs_at(block, Some(contracts)).await
    }

    /// All events in one block, of whatever contract, from which nothing was left out: they account for everything that
    /// its bloom tells of.
    ///
    /// # Errors
    ///
    /// If the endpoint does not tell the bloom, leaves events out, or gives no sensible answer.
    pub async fn all_logs_of_block(&self, block: &Header) -> Result<Vec<Log>, ChainError> {
        let bloom = block.logs_bloom;
        let bloom = bloom.ok_or_else(|| self.wrong_answer(BLOCK_BY_NUMBER, "no bloom"))?;
        let is_whole = |logs: &[Log]| {
            let mut told = Bloom::ZERO;
            for log in logs {
                told.accrue_raw_log(log.address(), log.topics());
            }
            told.contains(&bloom)
        };
        match self.logs_at(block, None).await {
            Ok(logs) if is_whole(&logs) => return Ok(logs),
            Ok(_) | Err(_) => {}
        }
        let logs = self.logs_of_receipts(block).await?.unwrap_or_default();
        if is_whole(&logs) {
            return Ok(logs);
        }
        let reason = format!("events are missing of block {}, by its bloom", block.number);
        Err(self.wrong_answer(GET_LOGS, reason))
    }

    async fn logs_at(
        &self,
        block: &Header,
        contracts: Option<&[Address]>,
    ) -> Result<Vec<Log>, ChainError> {
        let of = |log: &Log| log.block_hash == Some(block.hash);
        let filter = |mut filter: Value| {
            if let Some(contracts) = contracts {
                filter["address"] = json!(contracts);
            }
            [filter]
        };
        let lacks = &self.raw().lacks;
        let mut refusal = None;
        if lacks.may_ask(LOGS_BY_HASH) {
            let by_hash = filter(json!({ "blockHash": block.hash }));
            match self.try_read::<Vec<AnyLog>>(GET_LOGS, by_hash).await {
                Ok(logs) => {
                    lacks.worked(LOGS_BY_HASH);
                    return self.checked(standing(logs), of);
                }
                Err(fault) if fault.is_refusal() => refusal = Some(fault),
                Err(fault) => return Err(self.raw().error(GET_LOGS, fault)),
            }
        }
        self.check_on_chain(block.number, block.hash).await?;
        let number = BlockNumberOrTag::Number(block.number);
        let by_number = filter(json!({ "fromBlock": number, "toBlock": number }));
        let logs: Vec<AnyLog> = self.read(GET_LOGS, by_number).await?;
        self.check_on_chain(block.number, block.hash).await?;
        if let Some(fault) = refusal {
            // By number it works: it was the hash that was refused.
            lacks.missing(LOGS_BY_HASH, &fault);
        }
        Ok(standing(logs).into_iter().filter(of).collect())
    }

    /// These events, if they are all of the right block.
    fn checked(
        &self,
        logs: Vec<Log>,
        is_right: impl Fn(&Log) -> bool,
    ) -> Result<Vec<Log>, ChainError> {
        if logs.iter().all(is_right) {
            Ok(logs)
        } else {
            Err(self.wrong_answer(GET_LOGS, "events of another block"))
        }
    }

    /// Whether the endpoint takes this for the block with this number.
    pub(crate) async fn check_on_chain(&self, number: u64, hash: B256) -> Result<(), ChainError> {
        match self.block_at(number).await? {
            Some(block) if block.hash == hash => Ok(()),
            _ => {
                let reason = format!("block {number} is another one, or not there yet");
                Err(self.wrong_answer(BLOCK_BY_NUMBER, reason))
            }
        }
    }

    /// The events of these contracts in a range of blocks, both ends included.
    ///
    /// Warning: an endpoint may leave events out, or all of them.
    ///
    /// # Errors
    ///
    /// If the range is too much for the endpoint, or it gives no sensible answer.
    pub async fn logs_between(
        &self,
        from: u64,
        to: u64,
        contracts: &[Address],
    ) -> Result<Vec<Log>, ChainError> {
        let filter = json!([{
            "address": contracts,
            "fromBlock": BlockNumberOrTag::Number(from),
            "toBlock": BlockNumberOrTag::Number(to),
        }]);
        let logs: Vec<AnyLog> = self.read(GET_LOGS, filter).await?;
        Ok(standing(logs))
    }

    /// The next nonce of an account and its balance in wei, both after one block. Where the endpoint takes no hash for a
    /// block, by its number, between two looks at the hash.
    ///
    /// # Errors
    ///
    /// If the endpoint does not have the block, or gives no sensible answer.
    pub async fn account_at(
        &self,
        account: Address,
        number: u64,
        hash: B256,
    ) -> Result<(u64, U256), ChainError> {
        let lacks = &self.raw().lacks;
        let mut refusal = None;
        if lacks.may_ask(STATE_BY_HASH) {
            match self.account(account, json!({ "blockHash": hash })).await {
                Ok(found) => {
                    lacks.worked(STATE_BY_HASH);
                    return Ok(found);
                }
                Err((_, fault)) if fault.is_refusal() => refusal = Some(fault),
                Err((method, fault)) => return Err(self.raw().error(method, fault)),
            }
        }
        self.check_on_chain(number, hash).await?;
        let found = self.account(account, BlockNumberOrTag::Number(number)).await;
        let found = found.map_err(|(method, fault)| self.raw().error(method, fault))?;
        self.check_on_chain(number, hash).await?;
        if let Some(fault) = refusal {
            // By number it works: it was the hash that was refused.
            lacks.missing(STATE_BY_HASH, &fault);
        }
        Ok(found)
    }

    async fn account(
        &self,
        account: Address,
        at: impl Serialize + Clone,
    ) -> Result<(u64, U256), (&'static str, Fault)> {
        async fn read<T: DeserializeOwned>(
            chain: &Chain,
            method: &'static str,
            params: impl Serialize,
        ) -> Result<T, (&'static str, Fault)> {
            chain.try_read(method, params).await.map_err(|fault| (method, fault))
        }
        let params = (account, at);
        let (nonce, balance) = tokio::try_join!(
            read::<U64>(self, "eth_getTransactionCount", params.clone()),
            read::<U256>(self, "eth_getBalance", params),
        )?;
        Ok((nonce.to(), balance))
    }
}
