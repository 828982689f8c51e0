-- The same text as of the other engine, but for the word for bytes.

-- Who accepted an escrow's terms: of each party the acceptance with the latest deadline.
CREATE TABLE acceptances (
    chain_id BIGINT NOT NULL,
    wallet BLOB NOT NULL,
    -- The owner index: 0 buyer, 1 seller, 2 arbiter.
    role BIGINT NOT NULL,
    owner BLOB NOT NULL,
    terms_hash BLOB NOT NULL,
    deadline BIGINT NOT NULL,
    signature BLOB NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (chain_id, wallet, role),
    FOREIGN KEY (chain_id, wallet) REFERENCES wallets (chain_id, address)
);
