// The npm locks: what `npm ci` on another platform or behind another registry relies on. Reads files, asks nobody.
"use strict";

const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const path = require("node:path");
const { describe, test } = require("node:test");

const ROOT = path.join(__dirname, "..", "..");
const EXACT = /^\d+\.\d+\.\d+$/;
/** Under another name, beside another version. */
const ALIAS = /^npm:[@a-z/-]+@\d+\.\d+\.\d+$/;
const PLATFORMS = ["darwin arm64", "darwin x64", "linux arm64", "linux x64"];

// The registry that wrote the locks lacks these: npm then checks the download against what the user's registry says.
// `scripts/locks`, run where the registry has them, adds the integrity; then the name goes from this list.
const WITHOUT_INTEGRITY = new Set([
  "rust-just-darwin-arm64",
  "rust-just-darwin-x64",
  "rust-just-linux-arm",
  "rust-just-linux-arm64",
  "rust-just-linux-armv7",
  "rust-just-linux-loong64",
  "rust-just-linux-riscv64",
  "rust-just-windows-arm64",
  "rust-just-windows-x64",
]);

for (const folder of [".", "contracts", "tests/node", "tests/node/hardhat3", "tests/node/interfaces", "tests/node/streams", "tests/node/wallets"]) {
  const read = (name) => readFileSync(path.join(ROOT, folder, name), "utf8");
  const manifest = JSON.parse(read("package.json"));
  const { packages } = JSON.parse(read("package-lock.json"));
  const families = Object.entries(packages).filter(([, entry]) => entry.optionalDependencies);
  const nameOf = (key) => key.slice(key.lastIndexOf("node_modules/") + "node_modules/".length);
  /** The entry of the package that `name` means in the package at `parent`, found as Node.js finds it. */
  const entryOf = (parent, name) => {
    for (let folder = parent; ; folder = folder.slice(0, Math.max(folder.lastIndexOf("node_modules/") - 1, 0))) {
      const entry = packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`];
      if (folder === "" || entry) return entry;
    }
  };

  describe(`lock of ${folder}`, () => {
    test("every version in package.json is exact, and the lock has the same", () => {
      for (const kind of ["dependencies", "optionalDependencies"]) {
        for (const version of Object.values(manifest[kind] ?? {})) assert.ok(EXACT.test(version) || ALIAS.test(version), version);
        assert.deepEqual(packages[""][kind], manifest[kind]);
      }
    });

    test("every optional package of every platform is listed, as npm ci demands", () => {
      // A folder without any has nothing that is for one platform.
      if (families.length === 0) assert.ok(Object.values(packages).every(({ os, cpu }) => !os && !cpu));
      for (const [family, { optionalDependencies }] of families) {
        for (const [name, version] of Object.entries(optionalDependencies)) {
          const entry = entryOf(family, name);
          assert.ok(entry, name);
          if (EXACT.test(version)) assert.equal(entry.version, version, name);
          if (entry.os || entry.cpu) assert.equal(entry.optional, true, name);
        }
      }
    });

    test("every native tool has a package for each of Linux and macOS, x64 and arm64", () => {
      for (const [family, { optionalDependencies }] of families) {
        const entries = Object.keys(optionalDependencies).map((name) => entryOf(family, name));
        // Others are written in JavaScript, or are for one system alone.
        if (!entries.some(({ cpu }) => cpu)) continue;
        // One for each C library counts once.
        const platforms = new Set(entries.map(({ os, cpu }) => `${os} ${cpu}`).filter((one) => PLATFORMS.includes(one)));
        assert.deepEqual([...platforms].sort(), PLATFORMS, family);
      }
    });

    test("every package has an integrity, but for those that are known to lack it", () => {
      // What lies in another package's archive has that one's.
      const downloaded = Object.entries(packages).filter(([key, { inBundle }]) => key !== "" && !inBundle);
      for (const [key, { integrity }] of downloaded) {
        if (WITHOUT_INTEGRITY.has(nameOf(key))) assert.equal(integrity, undefined, `${key} has an integrity: take it off the list`);
        else assert.match(integrity ?? "", /^sha512-[A-Za-z0-9+/]{86}==$/, key);
      }
    });

    test("no registry's address stands in the lock", () => {
      assert.doesNotMatch(read("package-lock.json"), /:\/\/|"resolved"/);
    });

    test("the install scripts that npm would warn about are declined", () => {
      const scripted = Object.entries(packages).filter(([, entry]) => entry.hasInstallScript);
      const declined = Object.fromEntries(scripted.map(([key]) => [nameOf(key), false]));
      assert.deepEqual(manifest.allowScripts ?? {}, declined);
    });
  });
}
