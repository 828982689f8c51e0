#!/usr/bin/env node
// Fails where slither finds something of medium or high impact that assurance/slither.json does not explain, and where
// that file explains what is no longer found.
//   assurance/findings.js REPORT      the file that `slither --json` wrote
"use strict";

const fs = require("node:fs");
const path = require("node:path");

/** A finding's first line without the places in the source: those move with every edit. */
function titleOf({ check, description }) {
  return `${check}: ${description.split("\n")[0].replace(/ \([^()]*#\d+(-\d+)?\)/g, "").trim()}`;
}

function main([file]) {
  const { success, error, results } = JSON.parse(fs.readFileSync(file, "utf8"));
  if (!success) throw new Error(`slither failed: ${error}`);
  const explained = JSON.parse(fs.readFileSync(path.join(__dirname, "slither.json"), "utf8"));
  const findings = (results.detectors ?? []).filter(({ impact }) => impact === "High" || impact === "Medium");
  const titles = new Set(findings.map(titleOf));

  const unexplained = findings.filter((finding) => !Object.hasOwn(explained, titleOf(finding)));
  for (const finding of unexplained) console.error(`${finding.impact}: ${titleOf(finding)}\n${finding.description}`);
  const stale = Object.keys(explained).filter((title) => !titles.has(title));
  for (const title of stale) console.error(`explained in assurance/slither.json, but not found: ${title}`);
  if (unexplained.length + stale.length !== 0) process.exitCode = 1;
  else console.log(`slither: ${findings.length} findings of medium or high impact, each explained`);
}

main(process.argv.slice(2));
