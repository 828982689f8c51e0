// Writes keystores of one public key, as the libraries that people use write them, for the tests of the program that opens
// them: `node tests/node/wallets/keystores.mjs`, with eth-account 0.14.0 in the Python that PYTHON names. Salts and ids are
// drawn anew each time, so the files are committed.
//
// Beside them, made by hand: the two examples of the Web3 Secret Storage definition.
import { execFileSync } from "node:child_process";
import { createCipheriv, pbkdf2Sync, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { Wallet, encryptKeystoreJsonSync, keccak256 } from "ethers";
import { Wallet as Wallet5 } from "@ethersproject/wallet";
import { encrypt } from "web3-eth-accounts";

/** Public: the key of the example in EIP-155. */
const KEY = `0x${"46".repeat(32)}`;
const PASSWORD = "Pässwörd 2026";
const folder = process.argv[2] ?? new URL("../../../crates/server/tests/keystores/", import.meta.url).pathname;

mkdirSync(folder, { recursive: true });
const write = (name, json) => writeFileSync(`${folder}/${name}.json`, `${json}\n`);

// Cheap ones: what is tested is the form.
const scrypt = { N: 1024, r: 8, p: 1 };
write("ethers-6", encryptKeystoreJsonSync(new Wallet(KEY), PASSWORD, { scrypt }));
write("ethers-5", await new Wallet5(KEY).encrypt(PASSWORD, { scrypt }));
write("web3-js-4", JSON.stringify(await encrypt(KEY, PASSWORD, { kdf: "scrypt", n: 1024 })));
write("web3-js-4-pbkdf2", JSON.stringify(await encrypt(KEY, PASSWORD, { kdf: "pbkdf2", c: 1000 })));

const python = `
import json, sys
from eth_account import Account
key, password, folder = sys.argv[1:]
for name, kdf, iterations in [("eth-account", "scrypt", 1024), ("eth-account-pbkdf2", "pbkdf2", 1000)]:
    with open(f"{folder}/{name}.json", "w") as file:
        json.dump(Account.encrypt(key, password, kdf=kdf, iterations=iterations), file)
`;
execFileSync(process.env.PYTHON ?? "python3", ["-c", python, KEY, PASSWORD, folder], { stdio: "inherit" });

// What older programs wrote, which the libraries of today read and do not write: a key without its leading zeros, one with a
// zero more (from a signed number), and a counter block without its leading zeros.
const byHand = (digits, block) => {
  const [salt, iv] = [randomBytes(32), Buffer.from(block.padStart(32, "0"), "hex")];
  const derived = pbkdf2Sync(PASSWORD, salt, 1000, 32, "sha256");
  const ciphertext = createCipheriv("aes-128-ctr", derived.subarray(0, 16), iv).update(Buffer.from(digits, "hex"));
  const mac = keccak256(Buffer.concat([derived.subarray(16), ciphertext])).slice(2);
  const kdfparams = { c: 1000, dklen: 32, prf: "hmac-sha256", salt: salt.toString("hex") };
  const crypto = { cipher: "aes-128-ctr", cipherparams: { iv: block }, ciphertext: ciphertext.toString("hex"), kdf: "pbkdf2" };
  return JSON.stringify({ version: 3, crypto: { ...crypto, kdfparams, mac } });
};
const block = randomBytes(15).toString("hex");
write("key-of-31-bytes", byHand("46".repeat(31), block.padStart(32, "7")));
write("key-of-33-bytes", byHand(`00${"46".repeat(32)}`, block.padStart(32, "7")));
write("iv-of-15-bytes", byHand("46".repeat(32), block));
