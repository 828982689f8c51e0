-- The same text as of the other engine, but for the word for bytes and for how JSON is read.

-- Until when nothing is told, because the receiver asked for a pause.
ALTER TABLE webhooks ADD COLUMN held_until BIGINT;

-- Version 1 could go past events without noting them in deliveries: those behind this, up to sequence, are gone through
-- once more. NULL once that is done. It begins where the webhook did, which its row of the audit log tells.
ALTER TABLE webhooks ADD COLUMN mended BIGINT;
UPDATE webhooks SET mended = COALESCE(
    (SELECT MAX(CASE WHEN a.kind = 'webhookAdded'
                      AND a.payload::json ->> 'name' = webhooks.name::json #>> '{}'
                     THEN CAST(a.payload::json ->> 'behind' AS BIGINT) END)
       FROM audit a WHERE a.kind = 'webhookAdded'),
    (SELECT MIN(d.sequence) - 1 FROM deliveries d WHERE d.webhook = webhooks.name),
    sequence);

-- Who was in wallet_owners: who asks for the events of its wallets is told those of its time, up to the one that ended it.
CREATE TABLE former_owners (
    chain_id BIGINT NOT NULL,
    address BYTEA NOT NULL,
    owner BYTEA NOT NULL,
    -- The sequence of that event.
    until BIGINT NOT NULL,
    PRIMARY KEY (owner, chain_id, address),
    FOREIGN KEY (chain_id, address) REFERENCES wallets (chain_id, address)
);
