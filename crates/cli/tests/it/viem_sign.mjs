// Signs EIP-712 JSON with viem: viem_sign.mjs FOLDER_WITH_VIEM FILE KEY
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [folder, file, key] = process.argv.slice(2);
const require = createRequire(path.resolve(folder, "package.json"));
const { privateKeyToAccount } = require("viem/accounts");

const { domain, types, primaryType, message } = JSON.parse(readFileSync(file, "utf8"));
console.log(await privateKeyToAccount(key).signTypedData({ domain, types, primaryType, message }));
