-- The parts of what a transaction costs. Null of what was stored before: fee is the whole, and all of it was gas.
ALTER TABLE attempts ADD COLUMN l1_fee TEXT;
ALTER TABLE attempts ADD COLUMN operator_fee TEXT;
-- What of `reserved` is for what the chain takes besides gas.
ALTER TABLE attempts ADD COLUMN rollup_fee TEXT;
