// Asking a node, and wording what it answers so that two answers can be compared.

const LIMIT_MILLIS = 30_000;

/** One JSON-RPC request: `{status, result}` or `{status, error}`. */
export async function ask(url, method, params = []) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const [headers, signal] = [{ "content-type": "application/json" }, AbortSignal.timeout(LIMIT_MILLIS)];
  let response, text;
  try {
    response = await fetch(url, { method: "POST", headers, body, signal });
    text = await response.text();
  } catch (error) {
    if (error.name !== "TimeoutError") throw error;
    return { status: 200, error: { code: "no answer", message: `in ${LIMIT_MILLIS / 1_000} s` } };
  }
  try {
    const { result, error } = JSON.parse(text);
    return { status: response.status, result, error };
  } catch {
    return { status: response.status, error: { code: "no JSON", message: text } };
  }
}

/** The result; an error is thrown. */
export async function need(url, method, params = []) {
  const { result, error } = await ask(url, method, params);
  if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
  return result;
}

/** Hashes, addresses and other long hex are cut: they differ from run to run. */
function plain(text) {
  return text
    .replaceAll(/0x[0-9a-f]{40,}/gi, "0x…")
    .replaceAll(/[|\n]/g, " ")
    .replaceAll(/\s+/g, " ")
    .slice(0, 230);
}

/** The error in a few words: code, message, whether it has data or a hash; else `ok` or what `word` makes of the result. */
export function worded({ status, result, error }, word = () => "ok") {
  if (error === undefined) return word(result);
  const data = error.data === undefined ? "" : `; data ${plain(shape(error.data))}`;
  const http = status === 200 ? "" : `, HTTP ${status}`;
  return `${error.code} "${plain(String(error.message))}"${data}${http}`;
}

function shape(data) {
  if (typeof data === "string") return data.startsWith("0x") ? "hex" : `"${data}"`;
  if (data === null || typeof data !== "object") return String(data);
  return `{${Object.keys(data).map((key) => (/^0x[0-9a-f]{64}$/.test(key) ? "HASH" : key)).join(", ")}}`;
}
