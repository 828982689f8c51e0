// Signs what `quorate show --typed-data` prints, as docs/wallets.md says for each library, and prints digest and signature:
// `node sign.mjs LIBRARY TYPED_DATA_FILE PRIVATE_KEY`.
import { readFileSync } from "node:fs";

const [library, file, key] = process.argv.slice(2);
const data = JSON.parse(readFileSync(file, "utf8"));

const SIGN = {
  ethers: async () => {
    const { TypedDataEncoder, Wallet } = await import("ethers");
    const { EIP712Domain, ...types } = data.types;
    const digest = TypedDataEncoder.hash(data.domain, types, data.message);
    return [digest, await new Wallet(key).signTypedData(data.domain, types, data.message)];
  },
  ethers5: async () => {
    const [{ Wallet }, { _TypedDataEncoder }] = [await import("@ethersproject/wallet"), await import("@ethersproject/hash")];
    const { EIP712Domain, ...types } = data.types;
    const digest = _TypedDataEncoder.hash(data.domain, types, data.message);
    return [digest, await new Wallet(key)._signTypedData(data.domain, types, data.message)];
  },
  viem: async () => {
    const { hashTypedData } = await import("viem");
    const { privateKeyToAccount } = await import("viem/accounts");
    return [hashTypedData(data), await privateKeyToAccount(key).signTypedData(data)];
  },
  "eth-sig-util": async () => {
    const { SignTypedDataVersion: Version, TypedDataUtils, signTypedData } = await import("@metamask/eth-sig-util");
    const privateKey = Buffer.from(key.slice(2), "hex");
    const digest = TypedDataUtils.eip712Hash(data, Version.V4);
    return [`0x${Buffer.from(digest).toString("hex")}`, signTypedData({ privateKey, data, version: Version.V4 })];
  },
};

const [digest, signature] = await SIGN[library]();
console.log(JSON.stringify({ digest, signature }));
