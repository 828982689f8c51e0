// A wallet as EIP-712 and design say it is, and its owners.
import {
  concat,
  keccak256,
  numberToHex,
  parseSignature,
  serializeCompactSignature,
  signatureToCompactSignature,
  stringToBytes,
  zeroAddress,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";

export const MAX_UINT64 = 2n ** 64n - 1n;
export const MAX_UINT192 = 2n ** 192n - 1n;
export const MAX_UINT256 = 2n ** 256n - 1n;
// EIP-2294.
export const MAX_CHAIN_ID = MAX_UINT64 / 2n - 36n;

/** 32 bytes that nobody chose, the same on every run. */
export const word = (label) => keccak256(stringToBytes(`quorate/vectors/${label}`));

export const addressOf = (label) => lower(`0x${word(label).slice(26)}`);

/** As many bytes as asked for. */
export const bytesOf = (label, length) => {
  let hex = "0x";
  for (let i = 0; hex.length < 2 + 2 * length; i++) hex += word(`${label}/${i}`).slice(2);
  return hex.slice(0, 2 + 2 * length);
};

const lower = (address) => address.toLowerCase();

/** Owner i of every vector has this key. */
export const keyOf = (index) => word(`owner/${index}`);

export const configOf = (threshold, count, policy = zeroAddress, policyData = "0x") => ({
  threshold,
  owners: Array.from({ length: count }, (_, i) => lower(privateKeyToAccount(keyOf(i)).address)),
  policy,
  policyData,
});

export const domainOf = ({ chainId, wallet, epoch }) => ({
  name: "Quorate",
  version: "1",
  chainId,
  verifyingContract: wallet,
  salt: numberToHex(epoch, { size: 32 }),
});

/** The signatures of these owners over a digest, singly in both forms and as the packed list. */
export const signBy = async (indexes, digest) => {
  const signers = [];
  for (const index of indexes) {
    const account = privateKeyToAccount(keyOf(index));
    const signature = await account.sign({ hash: digest });
    const compact = serializeCompactSignature(signatureToCompactSignature(parseSignature(signature)));
    signers.push({ index, owner: lower(account.address), privateKey: keyOf(index), signature, compact });
  }
  const entries = signers.map(({ index, compact }) => concat([numberToHex(index, { size: 1 }), compact]));
  return { digest, signers, signatures: concat(entries) };
};
