// Hardhat 3 as the tests run it. `MINING_MILLIS` says how often a block is made; without it each transaction makes one.
import { defineConfig } from "hardhat/config";

const millis = Number(process.env.MINING_MILLIS ?? 0);
const mining = { auto: millis === 0, interval: millis };

export default defineConfig({
  networks: { node: { type: "edr-simulated", mining } },
});
