#!/usr/bin/env bash
# npm eventsource 5.1.5: what it waits for before it comes back does not keep the process alive. A program that does
# nothing but listen ends, with exit code 0 and without a word, as soon as the server is restarted. 4.1.1 comes back.
# Besides: an `id` in a block without data is remembered by 5.1.5, as by browsers, and forgotten by 4.1.1, which comes back
# without Last-Event-ID.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --ignore-scripts --no-audit --no-fund old@npm:eventsource@4.1.1 new@npm:eventsource@5.1.5

cat >server.mjs <<'SCRIPT'
import http from "node:http";
import { spawn } from "node:child_process";

/** The Last-Event-ID of each request of a client that does nothing but listen, and how its process ended, if it did. */
function observe(client) {
  return new Promise((resolve) => {
    const ids = [];
    const server = http.createServer((request, response) => {
      ids.push(request.headers["last-event-id"] ?? "none");
      response.writeHead(200, { "content-type": "text/event-stream" });
      // The connection is cut behind a block that has an id and no data.
      if (ids.length === 1) return response.write("retry: 200\nid: 7\n\n", () => setTimeout(() => request.socket.destroy(), 200));
      done("listens again");
    });
    server.listen(0, "127.0.0.1", () => {
      const url = `http://127.0.0.1:${server.address().port}`;
      const script = `import { EventSource } from "${client}"; new EventSource("${url}").onmessage = console.log;`;
      child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
      child.on("exit", (code) => done(`ended with exit code ${code}`));
    });
    let child;
    const timer = setTimeout(() => done("does nothing"), 10_000);
    const done = (what) => {
      clearTimeout(timer);
      child.removeAllListeners();
      child.kill();
      server.closeAllConnections();
      server.close();
      resolve(`${what}; Last-Event-ID: ${ids.join(", ")}`);
    };
  });
}

const expected = {
  old: "listens again; Last-Event-ID: none, none",
  new: "ended with exit code 0; Last-Event-ID: none",
};
let changed = false;
for (const [client, words] of Object.entries(expected)) {
  const seen = await observe(client);
  console.log(`eventsource ${client === "old" ? "4.1.1" : "5.1.5"} on Node.js ${process.version}: ${seen}`);
  changed ||= seen !== words;
}
process.exitCode = changed ? 1 : 0;
SCRIPT
node server.mjs
