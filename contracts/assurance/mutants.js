// The small changes that mutate.js makes to a source: one at a time, each one that a slip of the hand could make.
"use strict";

/** What each operator is exchanged for, in Solidity. */
const OPERATORS = {
  "==": ["!="],
  "!=": ["=="],
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "&&": ["||"],
  "||": ["&&"],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "<<": [">>"],
  ">>": ["<<"],
  "&": ["|"],
  "|": ["&"],
  "+=": ["-=", "="],
  "-=": ["+=", "="],
  "|=": ["&=", "="],
};

/** What each function is exchanged for, in assembly; an empty word leaves its argument. */
const FUNCTIONS = {
  add: ["sub"],
  sub: ["add"],
  mul: ["add"],
  lt: ["gt"],
  gt: ["lt"],
  slt: ["lt"],
  eq: ["xor"],
  and: ["or"],
  or: ["and", "xor"],
  xor: ["or"],
  shl: ["shr"],
  shr: ["shl"],
  iszero: [""],
  not: [""],
  call: ["staticcall"],
};

/** Comments and strings as blanks, so that offsets stay. */
function blanked(source) {
  return source.replace(/\/\/[^\n]*|\/\*[\s\S]*?\*\/|"[^"\n]*"/g, (text) => text.replace(/[^\n]/g, " "));
}

/** The index behind the bracket that closes the one at `open`. */
function behind(text, open) {
  const close = { "(": ")", "{": "}", "[": "]" }[text[open]];
  let depth = 0;
  for (let i = open; i < text.length; ++i) {
    if (text[i] === text[open]) ++depth;
    else if (text[i] === close && --depth === 0) return i + 1;
  }
  throw new Error(`no ${close} for the ${text[open]} at ${open}`);
}

/** [start, end] of every assembly block. */
function assemblyOf(text) {
  return [...text.matchAll(/\bassembly\b[^{]*\{/g)].map((match) => {
    const open = match.index + match[0].length - 1;
    return [open, behind(text, open)];
  });
}

/**
 * Every mutant of a source: `id` (the function it is in, the line of code before and after, and a count where one line
 * gives the same twice) stays the same when other lines change; `content` is the whole changed source.
 */
function mutantsOf(source) {
  const text = blanked(source);
  const first = text.search(/^(abstract )?(contract|library) /m);
  const assembly = assemblyOf(text);
  const isAssembly = (at) => assembly.some(([start, end]) => at >= start && at < end);
  const edits = [];
  const edit = (start, end, replacement) => {
    if (start >= first) edits.push({ start, end, replacement });
  };

  for (const match of text.matchAll(/(?<=[\s\w)\]])(==|!=|<=|>=|&&|\|\||<<|>>|\+=|-=|\|=|[<>+\-*&|])(?=\s)/g)) {
    if (isAssembly(match.index)) continue;
    for (const other of OPERATORS[match[1]]) edit(match.index, match.index + match[1].length, other);
  }
  for (const match of text.matchAll(/(?<![\w.])!(?=[\w(])|~(?=\w)/g)) edit(match.index, match.index + 1, "");
  for (const match of text.matchAll(/(?<![\w.$])(0x[0-9a-fA-F]+|\d[\d_]*)(?![\w.])(?!\s*days)/g)) {
    const value = BigInt(match[1].replaceAll("_", ""));
    // A literal the length of a hash or an address carries its type; its neighbour is no slip of the hand.
    if (match[1].length === 66) edit(match.index, match.index + 66, `0x${(value ^ 1n).toString(16).padStart(64, "0")}`);
    else if (match[1].startsWith("0x")) {
      edit(match.index, match.index + match[1].length, `0x${(value + 1n).toString(16).padStart(match[1].length - 2, "0")}`);
    } else edit(match.index, match.index + match[1].length, `${value + 1n}`);
  }
  for (const match of text.matchAll(/\b(if|while)\s*(?=\()/g)) {
    if (isAssembly(match.index)) continue;
    const open = match.index + match[0].length;
    const end = behind(text, open);
    edit(open, end, "(false)");
    if (match[1] === "if") edit(open, end, "(true)");
  }
  for (const match of text.matchAll(/\bif (?=[a-z]+\()/g)) {
    if (!isAssembly(match.index)) continue;
    const open = text.indexOf("(", match.index);
    const end = behind(text, open);
    edit(match.index + 3, end, "0");
    edit(match.index + 3, end, "1");
  }
  for (const match of text.matchAll(/\b([a-z]+)(?=\()/g)) {
    if (!isAssembly(match.index) || !Object.hasOwn(FUNCTIONS, match[1])) continue;
    for (const other of FUNCTIONS[match[1]]) {
      if (other === "staticcall") continue;
      edit(match.index, match.index + match[1].length, other);
    }
  }
  for (const match of text.matchAll(/\b(true|false)\b/g)) {
    edit(match.index, match.index + match[1].length, match[1] === "true" ? "false" : "true");
  }
  for (const match of text.matchAll(/(?<=[\w)]\s+)onlyWallet\b/g)) edit(match.index, match.index + match[0].length, "");
  for (const match of text.matchAll(/(?<=[;{})]\s*\n\s*|\belse )[\w(][^;{}]*;(?=\s*\n)/g)) {
    const isStatement = !/^(if|for|while|using|import|event|error|revert|mapping|_;)\b|^[\w[\]]+ (\w+ )*\w+( =|;)|^[^=]*\) = abi\.decode/.test(match[0]);
    if (isStatement && !isAssembly(match.index)) edit(match.index, match.index + match[0].length, "{}");
  }
  for (const match of text.matchAll(/(?<=\n\s*)(mstore|calldatacopy|extcodecopy|returndatacopy|pop)(?=\()/g)) {
    if (isAssembly(match.index)) edit(match.index, behind(text, match.index + match[0].length), "");
  }
  return named(source, text, edits);
}

function named(source, text, edits) {
  const seen = new Map();
  const squeezed = (code) => code.replace(/\s+/g, " ").trim();
  edits.sort((a, b) => a.start - b.start || a.end - b.end);
  return edits.map(({ start, end, replacement }) => {
    const content = source.slice(0, start) + replacement + source.slice(end);
    const from = source.lastIndexOf("\n", start - 1) + 1;
    const to = source.indexOf("\n", end);
    const functions = [...text.slice(0, start).matchAll(/\b(?:function|modifier)\s+(\w+)/g)];
    const before = squeezed(source.slice(from, to));
    const after = squeezed(source.slice(from, start) + replacement + source.slice(end, to));
    const base = `${functions.at(-1)?.[1] ?? ""}: ${before} => ${after}`;
    const count = (seen.get(base) ?? 0) + 1;
    seen.set(base, count);
    return { id: count === 1 ? base : `${base} #${count}`, content };
  });
}

module.exports = { mutantsOf };
