// Reads a stream of events as an application does that was given a stock EventSource, and prints what it is told.
//   node listen.mjs CLIENT URL      CLIENT: eventsource, eventsource-newest, or the path of a Chromium
// A line of JSON for each event, {id, type, data}, and {closed: true} where the client gives up. Runs until its input
// ends, which also keeps it running: what `eventsource` waits for before it comes back does not, from version 5 on.

const KINDS = [
  "connected", "walletRegistered", "walletReconfigured", "proposed", "signed", "status", "reopened", "attempted",
  "attemptState",
];

const print = (told) => process.stdout.write(`${JSON.stringify(told)}\n`);

/** Runs where the EventSource is: here, or in the page. */
function follow(EventSource, url, kinds, tell) {
  const source = new EventSource(url);
  // `message` is what has no kind: nothing of ours, and what a client makes of an empty block.
  for (const kind of ["message", ...kinds]) {
    source.addEventListener(kind, ({ lastEventId, type, data }) => tell({ id: lastEventId, type, data }));
  }
  source.addEventListener("error", () => source.readyState === 2 && tell({ closed: true }));
}

const ends = new Promise((resolve) => process.stdin.resume().on("end", resolve));

async function inChromium(executablePath, url) {
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  // The relayer's own pages may load nothing; a page of an application comes from the proxy in front of it.
  const page = await (await browser.newContext({ bypassCSP: true })).newPage();
  await page.exposeFunction("tell", print);
  await page.goto(new URL("/openapi.json", url).href);
  const script = `(${follow})(EventSource, ${JSON.stringify(url)}, ${JSON.stringify(KINDS)}, tell)`;
  await page.evaluate(script);
  await ends;
  await browser.close();
}

const [client, url] = process.argv.slice(2);
if (client.includes("/")) {
  await inChromium(client, url);
} else {
  const { EventSource } = await import(client);
  follow(EventSource, url, KINDS, print);
  await ends;
}
process.exit();
