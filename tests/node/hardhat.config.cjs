// Hardhat 2 as the tests run it. `MINING_MILLIS` says how often a block is made; without it each transaction makes one.
"use strict";

const millis = Number(process.env.MINING_MILLIS ?? 0);

module.exports = {
  networks: { hardhat: { mining: { auto: millis === 0, interval: millis } } },
};
