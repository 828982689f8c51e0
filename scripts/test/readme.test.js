// The figures that README.md repeats are those that were measured.
"use strict";

const assert = require("node:assert/strict");
const { readFileSync } = require("node:fs");
const path = require("node:path");
const test = require("node:test");

const ROOT = path.join(__dirname, "..", "..");
const read = (file) => readFileSync(path.join(ROOT, file), "utf8");

/** Label in README.md, label in docs/gas.md. */
const ROWS = [
  ["create a wallet", "create"],
  ["send ether (`payout`)", "ETH transfer, `payout`"],
  ["send an ERC-20 (`payout`)", "ERC-20 transfer, `payout`"],
  ["10 ERC-20 payments (`payout`)", "10 ERC-20 transfers, `payout`"],
  ["100 ERC-20 payments (`payout`)", "100 ERC-20 transfers, `payout`"],
  ["100 ERC-20 payments as calls (`execute`)", "100 ERC-20 transfers, `execute`"],
  ["replace an owner (`reconfigure`)", "change of owners"],
];

/** The cells of the first row with this label: Safe 1.4.1, Safe 1.5.0, Quorate, .. */
function rowOf(text, label) {
  const rows = text.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  const row = rows.find((cells) => cells[1] === label);
  assert.ok(row, `no row ${label}`);
  return row.slice(2);
}

test("README.md gives the gas of a 2-of-3 as docs/gas.md does", () => {
  const readme = read("README.md");
  const [, measured] = read("docs/gas.md").split("## 2-of-3");
  for (const [label, work] of ROWS) {
    const [safe141, safe150, quorate, share] = rowOf(readme, label);
    const figures = rowOf(measured, work);
    assert.deepEqual([safe141, safe150, quorate], figures.slice(0, 3), label);
    assert.equal(share, `${Math.round(parseFloat(figures[4]))} %`, label);
  }
});
