-- The same text as of the other engine, but for the word for bytes: BLOB in SQLite, BYTEA in PostgreSQL.
-- Addresses and hashes are bytes, 256-bit numbers decimal text, instants Unix milliseconds, flags 0 or 1. Texts that
-- others wrote (note, holder, outcome, names) are JSON strings, because PostgreSQL takes no NUL in a text.

-- One row: what is given out in order. Locked first by every transaction that writes.
CREATE TABLE store_head (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    outbox_sequence BIGINT NOT NULL,
    audit_sequence BIGINT NOT NULL,
    audit_hash BLOB NOT NULL
);

CREATE TABLE wallets (
    chain_id BIGINT NOT NULL,
    address BLOB NOT NULL,
    -- The configuration and salt that the address commits to, where known.
    origin_config TEXT,
    salt BLOB,
    -- The configuration that was last read from the chain, and its epoch.
    config TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    -- What it was at a block that cannot be undone any more: where following it begins.
    snapshot TEXT NOT NULL,
    registered_at BIGINT NOT NULL,
    PRIMARY KEY (chain_id, address)
);

-- Who is in wallets.config.
CREATE TABLE wallet_owners (
    chain_id BIGINT NOT NULL,
    address BLOB NOT NULL,
    owner BLOB NOT NULL,
    PRIMARY KEY (owner, chain_id, address),
    FOREIGN KEY (chain_id, address) REFERENCES wallets (chain_id, address)
);
CREATE INDEX wallet_owners_by_wallet ON wallet_owners (chain_id, address);

CREATE TABLE proposals (
    digest BLOB NOT NULL PRIMARY KEY,
    -- The outbox sequence of its creation: lists are in this order.
    position BIGINT NOT NULL UNIQUE,
    chain_id BIGINT NOT NULL,
    wallet BLOB NOT NULL,
    epoch BIGINT NOT NULL,
    action TEXT NOT NULL,
    -- 32 bytes, big-endian, so that they sort by lane and sequence.
    nonce BLOB NOT NULL,
    deadline BIGINT NOT NULL,
    note TEXT,
    proposer BLOB NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    final BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    superseded_by BLOB,
    execution_tx BLOB,
    execution_block BIGINT,
    execution_block_hash BLOB,
    -- Its place among those that became ready.
    ready_order BIGINT,
    -- The mined transactions that did not execute it: a JSON list.
    failures TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    FOREIGN KEY (chain_id, wallet) REFERENCES wallets (chain_id, address)
);
CREATE INDEX proposals_by_wallet ON proposals (chain_id, wallet, position);
CREATE INDEX proposals_by_wallet_status ON proposals (chain_id, wallet, status, position);
CREATE INDEX proposals_by_nonce ON proposals (chain_id, wallet, nonce);
CREATE INDEX proposals_by_status ON proposals (status, position);
CREATE INDEX proposals_by_final ON proposals (chain_id, final, updated_at);

CREATE TABLE signatures (
    digest BLOB NOT NULL,
    owner BLOB NOT NULL,
    kind TEXT NOT NULL,
    signature BLOB NOT NULL,
    verified BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (digest, owner),
    FOREIGN KEY (digest) REFERENCES proposals (digest)
);

CREATE TABLE attempts (
    chain_id BIGINT NOT NULL,
    sender BLOB NOT NULL,
    account_nonce BIGINT NOT NULL,
    number BIGINT NOT NULL,
    tx_hash BLOB NOT NULL,
    raw BLOB NOT NULL,
    kind TEXT NOT NULL,
    digest BLOB,
    wallet BLOB,
    max_fee_per_gas TEXT NOT NULL,
    max_priority_fee_per_gas TEXT NOT NULL,
    gas_limit BIGINT NOT NULL,
    -- The most that any attempt at this account nonce may pay for a gas.
    ceiling TEXT NOT NULL,
    -- What is held back of a day's budget: with the first attempt, for all of them.
    reserved TEXT NOT NULL,
    budget_day BIGINT NOT NULL,
    settled_block BIGINT,
    settled_hash BLOB,
    state TEXT NOT NULL,
    -- Its own block, where it is in one; settled_block is the one that decided the account nonce.
    block_number BIGINT,
    block_hash BLOB,
    gas_used BIGINT,
    fee TEXT,
    final BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (chain_id, sender, account_nonce, number),
    FOREIGN KEY (digest) REFERENCES proposals (digest)
);
CREATE UNIQUE INDEX attempts_by_hash ON attempts (chain_id, tx_hash);
CREATE INDEX attempts_by_digest ON attempts (digest);
CREATE INDEX attempts_by_final ON attempts (chain_id, final, updated_at);

-- Wei by wallet and day; the zero address has the sum of its chain.
CREATE TABLE budgets (
    chain_id BIGINT NOT NULL,
    wallet BLOB NOT NULL,
    day BIGINT NOT NULL,
    reserved TEXT NOT NULL,
    spent TEXT NOT NULL,
    PRIMARY KEY (chain_id, wallet, day)
);

-- At most one row: the engine that may allocate account nonces.
CREATE TABLE lease (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    holder TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE TABLE outbox (
    sequence BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    chain_id BIGINT NOT NULL,
    wallet BLOB NOT NULL,
    digest BLOB,
    payload TEXT NOT NULL
);
CREATE INDEX outbox_by_wallet ON outbox (wallet, sequence);

-- Who is told of events. Up to sequence, all that it is to be told is in deliveries.
CREATE TABLE webhooks (
    name TEXT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL,
    -- Since when it is told nothing; events go on being noted.
    disabled_at BIGINT,
    updated_at BIGINT NOT NULL
);

-- What a webhook is told, and was. The events of one subject (a proposal, or else a wallet) are told in order.
CREATE TABLE deliveries (
    webhook TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    chain_id BIGINT NOT NULL,
    -- The digest, or else the wallet.
    subject BLOB NOT NULL,
    -- Whether it is still to be told.
    pending BIGINT NOT NULL,
    -- When it is to be told: of the pending ones of a subject the first alone has this.
    next_at BIGINT,
    attempts BIGINT NOT NULL,
    -- How many of the last attempts failed.
    failures BIGINT NOT NULL,
    -- What the last attempt came to, and when.
    outcome TEXT,
    tried_at BIGINT,
    delivered_at BIGINT,
    PRIMARY KEY (webhook, sequence),
    FOREIGN KEY (webhook) REFERENCES webhooks (name),
    FOREIGN KEY (sequence) REFERENCES outbox (sequence)
);
CREATE INDEX deliveries_due ON deliveries (webhook, next_at, sequence) WHERE next_at IS NOT NULL;
CREATE INDEX deliveries_pending ON deliveries (webhook, chain_id, subject, sequence)
    WHERE pending = 1;

-- Append-only; each row's hash commits to the one before.
CREATE TABLE audit (
    sequence BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    previous BLOB NOT NULL UNIQUE,
    hash BLOB NOT NULL UNIQUE
);

-- What the operator switched on each chain; one that is missing is as it is by default.
CREATE TABLE chains (
    chain_id BIGINT NOT NULL PRIMARY KEY,
    paused BIGINT NOT NULL
);

-- Tokens of the HTTP API, hashed. wallets is `"*"` or a JSON list, both JSON.
CREATE TABLE api_tokens (
    name TEXT NOT NULL PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    permission TEXT NOT NULL,
    wallets TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
