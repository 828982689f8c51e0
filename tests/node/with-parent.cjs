// Loaded into a node before it starts: it ends when standard input does, and so with the test that started it, however
// that one ended.
"use strict";

process.stdin.resume().on("end", () => process.exit());
