#!/usr/bin/env node
// Breaks the contracts on purpose, one small change at a time, and lets the tests judge each: a change that no test
// notices ("survivor") is a rule that nothing holds, unless assurance/mutants.json says why it does not matter.
//   assurance/mutate.js [--list] [--only TEXT] [FILE..]     run in a copy of contracts/: it rewrites out/
// The tests take the contracts from their artifacts, so a mutant is compiled here, in this process, and put into out/:
// forge compiles nothing. Optimisation is off, because it does not change what code means, and because it takes long.
// A survivor that the real settings compile to the very code of the original is none.
"use strict";

const { spawnSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { mutantsOf } = require("./mutants.js");

const ROOT = path.join(__dirname, "..");
const solc = require(require.resolve("solc", { paths: [ROOT] }));
const ACCEPTED = path.join(__dirname, "mutants.json");
const FORGE = process.env.FORGE ?? "forge";

const FACTORY = {
  // The factory first: it contains the wallet.
  contracts: [["src/WalletFactory.sol", "WalletFactory"], ["src/Wallet.sol", "Wallet"]],
  tests: "test/{wallet,factory,nested}/**",
};
const ESCROW = {
  contracts: [["src/policies/EscrowPolicy.sol", "EscrowPolicy"]],
  tests: "test/policies/**",
  viaIR: false,
};
const TREASURY = {
  contracts: [["src/policies/TreasuryPolicy.sol", "TreasuryPolicy"]],
  tests: "test/treasury/**",
};
const COURIER = {
  contracts: [["src/Courier.sol", "Courier"]],
  tests: "test/courier/**",
};
/** What is mutated, the contract that it ends up in, and the tests that judge it. */
const FILES = {
  "src/Wallet.sol": FACTORY,
  "src/policies/EscrowPolicy.sol": ESCROW,
  "src/policies/TreasuryPolicy.sol": TREASURY,
  "src/policies/RulesLib.sol": TREASURY,
  "src/Courier.sol": COURIER,
  "src/WalletFactory.sol": FACTORY,
  "src/libraries/SignatureLib.sol": FACTORY,
  "src/libraries/ConfigLib.sol": FACTORY,
  "src/libraries/PaymentLib.sol": FACTORY,
  "src/libraries/ActionLib.sol": FACTORY,
  "src/libraries/StateLib.sol": FACTORY,
  "src/libraries/PolicyLib.sol": FACTORY,
  "src/libraries/DigestLib.sol": FACTORY,
  "src/libraries/CloneLib.sol": FACTORY,
};

function read(file) {
  const local = file.replace(/^solady\//, "node_modules/solady/src/").replace(/^@/, "node_modules/@");
  return fs.readFileSync(path.join(ROOT, local), "utf8");
}

/** Everything that `entry` imports, by the name under which it is imported; `changed` replaces files. */
function sourcesOf(entry, changed) {
  const sources = {};
  const todo = [entry];
  while (todo.length !== 0) {
    const file = todo.pop();
    if (sources[file]) continue;
    const content = changed[file] ?? read(file);
    sources[file] = { content };
    for (const [, name] of content.matchAll(/\bfrom\s*"([^"]+)"/g)) todo.push(resolve(file, name));
  }
  return sources;
}

function resolve(from, name) {
  return name.startsWith(".") ? path.posix.join(path.posix.dirname(from), name) : name;
}

/** The contracts of a target by path and name, as `solc` answers; undefined if something does not compile. */
function compile({ contracts, viaIR = true }, changed, optimized) {
  const [[source]] = contracts;
  const settings = {
    evmVersion: "paris",
    viaIR: viaIR || optimized,
    metadata: { bytecodeHash: "none", appendCBOR: false },
    optimizer: optimized ? { enabled: true, runs: 1_000_000 } : { enabled: false },
    outputSelection: { "*": { "*": [] } },
  };
  for (const [file, name] of contracts) {
    settings.outputSelection[file] = { [name]: ["evm.bytecode.object", "evm.deployedBytecode.object"] };
  }
  const input = { language: "Solidity", sources: sourcesOf(source, changed), settings };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const codes = contracts.map(([file, name]) => output.contracts?.[file]?.[name]?.evm);
  return codes.every((code) => code?.bytecode.object) ? codes : undefined;
}

function putIntoOut({ contracts }, codes) {
  for (const [i, [source, name]] of contracts.entries()) {
    const file = path.join(ROOT, "out", path.basename(source), `${name}.json`);
    const artifact = JSON.parse(fs.readFileSync(file, "utf8"));
    artifact.bytecode.object = `0x${codes[i].bytecode.object}`;
    artifact.deployedBytecode.object = `0x${codes[i].deployedBytecode.object}`;
    fs.writeFileSync(file, JSON.stringify(artifact));
  }
}

function isSame(left, right) {
  return left.every((code, i) => code.bytecode.object === right[i].bytecode.object);
}

/** Whether every test passes: first with few inputs each, which is enough for most mutants, then with many. */
function judge(target) {
  const quick = run(target, 4);
  return quick.passed ? run(target, 128) : quick;
}

/**
 * Compiles everything once. Where artifacts are missing, if only of tests that do not match, every `forge test` asks the
 * compiler for what it needs of them, which takes longer than the tests.
 */
function build() {
  const { status, stdout, stderr } = spawnSync(FORGE, ["build"], { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) throw new Error(`the contracts do not compile:\n${stdout}${stderr}`);
}

function run({ tests }, inputs) {
  const result = spawnSync(FORGE, ["test", "--fail-fast", "--match-path", tests], {
    cwd: ROOT,
    encoding: "utf8",
    timeout: 300_000,
    env: { ...process.env, FOUNDRY_FUZZ_RUNS: `${inputs}` },
  });
  // Were the sources to be compiled, the mutant would be overwritten with the original.
  if (/Compiling \d/.test(result.stdout)) throw new Error("forge compiled, which undoes the mutant");
  return { passed: result.status === 0, output: `${result.stdout}${result.stderr}` };
}

function main(argv) {
  const listOnly = argv.includes("--list");
  const only = argv.includes("--only") ? argv[argv.indexOf("--only") + 1] : undefined;
  const named = argv.filter((word, i) => !word.startsWith("--") && argv[i - 1] !== "--only");
  const files = named.length === 0 ? Object.keys(FILES) : named;
  const accepted = JSON.parse(fs.readFileSync(ACCEPTED, "utf8"));
  let unexplained = 0;
  if (!listOnly) build();

  for (const file of files) {
    const target = FILES[file];
    const original = read(file);
    const mutants = mutantsOf(original).filter(({ id }) => only === undefined || id.includes(only));
    if (listOnly) {
      for (const { id } of mutants) console.log(`${file} ${id}`);
      continue;
    }
    const first = run(target, 1);
    if (!first.passed) throw new Error(`the tests fail without any mutant:\n${first.output.slice(-2000)}`);
    const plain = compile(target, {}, false);
    const optimized = compile(target, {}, true);
    putIntoOut(target, plain);
    const { passed, output } = judge(target);
    if (!passed) throw new Error(`the tests fail without optimisation:\n${output.slice(-2000)}`);

    const count = { killed: 0, broken: 0, same: 0, accepted: 0, survived: 0 };
    for (const { id, content } of mutants) {
      const verdict = verdictOf(target, { file, id, content }, { plain, optimized }, accepted);
      ++count[verdict];
      if (verdict === "survived") console.log(`${file} ${id}`);
    }
    putIntoOut(target, optimized);
    unexplained += count.survived;
    console.log(
      `${file}: ${mutants.length} mutants, ${count.killed} killed, ${count.broken} do not compile, ` +
        `${count.same} compile to the same code, ${count.accepted} explained, ${count.survived} survived`,
    );
  }
  if (unexplained !== 0) process.exitCode = 1;
}

function verdictOf(target, { file, id, content }, { plain, optimized }, accepted) {
  const changed = { [file]: content };
  const code = compile(target, changed, false);
  if (code === undefined) return "broken";
  if (isSame(code, plain)) return "same";
  putIntoOut(target, code);
  if (!judge(target).passed) return "killed";
  if (isSame(compile(target, changed, true), optimized)) return "same";
  return accepted[file]?.[id] === undefined ? "survived" : "accepted";
}

main(process.argv.slice(2));
