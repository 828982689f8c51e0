//! A list of payments in ether and two tokens, and what has to be true once it is paid.

use crate::world::World;
use alloy::{
    primitives::{Address, B256, U256, keccak256},
    providers::Provider as _,
    rpc::types::{Filter, TransactionReceipt},
    sol,
    sol_types::SolEvent as _,
};
use eyre::{OptionExt as _, Result, ensure};
use quorate_bindings::contracts::IWallet::Executed;
use quorate_lab::tokens::{self, Token};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fmt::Write as _,
};

sol! {
    #[derive(Debug)]
    event Transfer(address indexed from, address indexed to, uint256 amount);
}

/// The tokens that are paid beside ether; transfers of the second return nothing.
pub const TOKENS: [Token; 2] = [tokens::USDC, tokens::USDT];

/// What the wallet has of each token, in smallest units.
const HOLDING: u64 = 1_000_000_000_000;

/// A line of the list.
#[derive(Clone, Copy, Debug)]
struct Line {
    token: Option<Token>,
    /// In thousandths of a token.
    thousandths: u64,
}

/// A wallet that can pay a list.
#[derive(Debug)]
pub struct Payday {
    /// The chain, with one wallet.
    pub world: World,
    lines: u64,
    /// What the wallet had at first: ether, then the tokens.
    before: Vec<U256>,
}

/// A row of the table for accountants.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    payee: Address,
    token: String,
    amount: U256,
    status: String,
    transaction: B256,
    block: u64,
    log_index: Option<u64>,
    position: Option<u64>,
    fee_share: U256,
}

impl Line {
    const fn numbered(number: u64) -> Self {
        let token = match number % 3 {
            0 => None,
            1 => Some(TOKENS[0]),
            _ => Some(TOKENS[1]),
        };
        Self { token, thousandths: 1 + number % 97 }
    }

    fn token_text(&self) -> String {
        self.token.map_or_else(|| "ETH".to_owned(), |token| token.address().to_checksum(None))
    }

    /// In smallest units.
    fn amount(&self) -> U256 {
        let decimals = self.token.map_or(18, |token| token.decimals);
        U256::from(self.thousandths) * U256::from(10).pow(U256::from(decimals - 3))
    }
}

/// Who gets a line, and nothing else.
fn payee(number: u64) -> Address {
    Address::from_word(keccak256(format!("payee {number}")))
}

impl Payday {
    /// Starts a chain with a wallet that has enough for so many lines, and so many senders.
    ///
    /// # Errors
    ///
    /// If there is no anvil, or it refuses.
    pub async fn start(lines: u64, senders: u64) -> Result<Self> {
        let world = World::start(1, true, senders).await?;
        for token in TOKENS {
            token.deploy(&world.chain).await?;
            token.mint(&world.chain, world.wallets[0].address, U256::from(HOLDING)).await?;
        }
        let mut this = Self { world, lines, before: Vec::new() };
        this.before = this.holdings().await?;
        Ok(this)
    }

    /// The wallet.
    pub fn wallet(&self) -> Address {
        self.world.wallets[0].address
    }

    /// The list, as a spreadsheet writes it.
    pub fn list(&self) -> String {
        self.list_of(self.lines)
    }

    /// The first lines of the list, as a list of its own.
    pub fn list_of(&self, lines: u64) -> String {
        let mut text = String::from("id,to,amount,token,note\n");
        for number in 0..lines {
            let line = Line::numbered(number);
            let (to, token) = (payee(number).to_checksum(None), line.token_text());
            let amount = format!("0.{:03}0", line.thousandths);
            let _ = writeln!(text, "inv-{number},{to},{amount},{token},month {number}");
        }
        text
    }

    async fn holdings(&self) -> Result<Vec<U256>> {
        let mut holdings = vec![self.world.chain.balance(self.wallet()).await?];
        for token in TOKENS {
            let token = Some(token.address());
            holdings.push(tokens::balance(&self.world.chain, token, self.wallet()).await?);
        }
        Ok(holdings)
    }

    /// How many actions the wallet carried out.
    ///
    /// # Errors
    ///
    /// If anvil does not answer.
    pub async fn executed(&self) -> Result<usize> {
        let filter = Filter::new().address(self.wallet()).event_signature(Executed::SIGNATURE_HASH);
        Ok(self.world.chain.provider().get_logs(&filter.from_block(0)).await?.len())
    }

    /// Compares the chain, read by a library of others, and the table for accountants with the list.
    ///
    /// # Errors
    ///
    /// What does not add up.
    pub async fn compare(&self, table: &str) -> Result<()> {
        let mut due = [U256::ZERO; TOKENS.len() + 1];
        let mut receipts = BTreeMap::new();
        let (mut shares, mut places) = (BTreeMap::<B256, U256>::new(), BTreeSet::new());
        let mut rows = csv::Reader::from_reader(table.as_bytes());
        let mut rows = rows.deserialize::<Row>();
        for number in 0..self.lines {
            let row = rows.next().ok_or_eyre("a line is missing")??;
            let line = Line::numbered(number);
            let address = line.token.map(|token| token.address());
            let is_it = row.id == format!("inv-{number}")
                && (row.payee, row.amount) == (payee(number), line.amount())
                && (row.token, row.status) == (line.token_text(), "paid".to_owned());
            ensure!(is_it, "line {number} is not what the list says");
            let has = tokens::balance(&self.world.chain, address, row.payee).await?;
            ensure!(has == row.amount, "{} has {has}, {} are due", row.payee, row.amount);
            let receipt = match receipts.entry(row.transaction) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(self.receipt(row.transaction).await?),
            };
            ensure!(receipt.block_number == Some(row.block), "line {number}: another block");
            *shares.entry(row.transaction).or_default() += row.fee_share;
            let place = (row.transaction, row.log_index, row.position);
            ensure!(places.insert(place), "two lines at {place:?}");
            match address {
                None => ensure!(row.position.is_some() && row.log_index.is_none(), "{place:?}"),
                Some(token) => self.check_log(receipt, token, number, row.log_index)?,
            }
            let kind = TOKENS.iter().position(|token| Some(token.address()) == address);
            due[kind.map_or(0, |place| place + 1)] += line.amount();
        }
        ensure!(rows.next().is_none(), "the table has more than the list");
        for (tx_hash, share) in shares {
            let receipt = &receipts[&tx_hash];
            let fee = u128::from(receipt.gas_used) * receipt.effective_gas_price;
            ensure!(share == U256::from(fee), "{tx_hash} cost {fee} wei, its lines {share}");
        }
        let after = self.holdings().await?;
        for ((before, after), due) in self.before.iter().zip(after).zip(due) {
            ensure!(before.checked_sub(after) == Some(due), "the wallet paid something else");
        }
        Ok(())
    }

    async fn receipt(&self, tx_hash: B256) -> Result<TransactionReceipt> {
        let receipt = self.world.chain.provider().get_transaction_receipt(tx_hash).await?;
        receipt.ok_or_eyre("a transaction that is not there")
    }

    /// The log at this place of the block is the payment.
    fn check_log(
        &self,
        receipt: &TransactionReceipt,
        token: Address,
        number: u64,
        index: Option<u64>,
    ) -> Result<()> {
        let log = receipt.inner.logs().iter().find(|log| log.log_index == index);
        let log = log.ok_or_eyre("a log that is not there")?;
        let event = log.log_decode::<Transfer>()?.inner.data;
        let is_it = log.address() == token
            && (event.from, event.to) == (self.wallet(), payee(number))
            && event.amount == Line::numbered(number).amount();
        ensure!(is_it, "the log of line {number} is of another payment: {event:?}");
        Ok(())
    }
}
