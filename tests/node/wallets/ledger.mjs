// How many bytes of a `bytes` field hw-app-eth sends to a device, of as many as it is given:
// `node ledger.mjs LENGTH..` prints one line of JSON, `[[given, sent], ..]`. And for an array, `array:LENGTH`, the length sent.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const { signEIP712Message } = require("@ledgerhq/hw-app-eth/lib/modules/EIP712/index");

const SEND_STRUCT = 0x1c;
const ARRAY = 0x0f;
const FIELD = 0xff;

/** The app's name and version, as a device tells them. One that asks no server what to show. */
const VERSION = Buffer.from(`\u0001\u0008Ethereum\u00061.10.0`);
const OFFLINE = { calServiceURL: null, staticEIP712SignaturesV1: {}, staticEIP712SignaturesV2: {} };

/** Commands and content that the library sends for the values of a struct. */
async function sent(type, value) {
  const commands = [];
  const transport = {
    send: async (cla, ins, p1, p2, data) => {
      commands.push({ ins, p1, p2, data });
      return cla === 0xb0 ? VERSION : Buffer.alloc(67);
    },
    decorateAppAPIMethods: () => {},
  };
  const message = {
    domain: { chainId: 1 },
    types: { EIP712Domain: [{ name: "chainId", type: "uint256" }], Content: [{ name: "content", type }] },
    primaryType: "Content",
    message: { content: value },
  };
  await signEIP712Message(transport, "44'/60'/0'/0/0", message, false, OFFLINE);
  return commands.filter(({ ins }) => ins === SEND_STRUCT);
}

const results = [];
for (const argument of process.argv.slice(2)) {
  if (argument.startsWith("array:")) {
    const length = Number(argument.slice("array:".length));
    const array = (await sent("uint8[]", Array(length).fill(1))).filter(({ p2 }) => p2 === ARRAY).pop();
    results.push([length, array.data.length === 1 ? array.data[0] : `0x${array.data.toString("hex")}`]);
  } else {
    const length = Number(argument);
    const fields = (await sent("bytes", `0x${"ab".repeat(length)}`)).filter(({ p2 }) => p2 === FIELD);
    // Behind the domain's field; the first two bytes are the length.
    const bytes = Buffer.concat(fields.slice(1).map(({ data }) => data));
    results.push([length, bytes.length - 2]);
  }
}
console.log(JSON.stringify(results));
