# Recipes, run from anywhere in the checkout: `just RECIPE`, or `npx --yes rust-just RECIPE` where there is no just.
# Foundry and the analysers come from this checkout, see scripts/.

set positional-arguments
set quiet
set shell := ["bash", "-euo", "pipefail", "-c"]

# forge resolves a relative path against the working directory, so the compiler is named in full here.
export FOUNDRY_SOLC := justfile_directory() / "contracts/scripts/solc"
export FOUNDRY_DISABLE_NIGHTLY_WARNING := "1"

# Everything at once, as the tests have it: one build of each dependency, whichever program is wanted. The feature lets
# an engine end at named places, for `just chaos`; no release has it.
everything := "--workspace --all-targets --locked --features quorate-trials/failpoints"
debug := env("CARGO_TARGET_DIR", "target") / "debug"

# List the recipes
default:
    "{{ just_executable() }}" --justfile "{{ justfile() }}" --list --unsorted

# Install what is needed into this checkout and run every test
test: install test-scripts test-interfaces test-contracts test-rust (chaos "--quick")

# Run what CI runs: formatting, lints, docs, drift, then the tests
ci:
    .ci/run

# Build everything, without optimisation; the program is target/debug/quorate
build:
    cargo build --workspace --locked

# Test the scripts of this repository
[no-exit-message]
test-scripts: install
    node --test --test-reporter=dot scripts/test/*.test.js

# Test what others read: the description of the HTTP API, the schemas of the files, what is signed; with others' tools
[no-exit-message]
test-interfaces: (install "contracts" "tests/node/interfaces" "tests/node/wallets")
    node --test --test-reporter=dot tests/node/interfaces/test/*.test.js tests/node/wallets/*.test.mjs

# Test the contracts; arguments go to `forge test`
[no-exit-message]
test-contracts *args: (install "contracts")
    forge=$(scripts/foundry forge); cd contracts; \
    "$forge" test "$@" | { grep -vE '^(\[PASS\].*|Ran [0-9]+ tests? for .*|Suite result: ok.*)?$' || true; }

# Test the Rust crates; arguments go to `cargo nextest run`, or to `cargo test` where there is no nextest
[no-exit-message]
test-rust *args: install
    if command -v cargo-nextest >/dev/null; then \
        cargo nextest run {{ everything }} --status-level fail "$@"; \
        cargo test --workspace --locked --features quorate-trials/failpoints --doc --quiet; \
    else \
        cargo test --workspace --locked --features quorate-trials/failpoints --quiet "$@"; \
    fi

# Format Rust and Solidity
[no-exit-message]
fmt: (install "contracts")
    cargo fmt --all
    forge=$(scripts/foundry forge); cd contracts; "$forge" fmt

# Check the formatting of Rust and Solidity
[no-exit-message]
fmt-check: (install "contracts")
    cargo fmt --all --check
    forge=$(scripts/foundry forge); cd contracts; "$forge" fmt --check

# Lint Rust and Solidity; every finding is an error
[no-exit-message]
lint: (install "contracts")
    cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
    # In folders of its own: lint leaves artifacts without code behind, which `forge test` would take for its own.
    forge=$(scripts/foundry forge); cd contracts; \
    export FOUNDRY_OUT=../target/forge-lint/out FOUNDRY_CACHE_PATH=../target/forge-lint/cache; \
    "$forge" lint --deny notes; \
    "$forge" lint src --severity high med low info --deny notes

# Build the documentation of the crates; a broken link is an error
[no-exit-message]
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

# Compile the contracts: rewrites contracts/artifacts and contracts/addresses.json
[no-exit-message]
contracts: (install "contracts")
    cargo run --package quorate-compile --locked --quiet

# Check that contracts/artifacts and contracts/addresses.json are what the sources compile to
[no-exit-message]
contracts-check: (install "contracts")
    cargo build {{ everything }} --quiet
    {{ debug }}/quorate-compile --check

# Rewrite anvil-fixtures: the vectors, which viem makes, and the state, accounts and payout files, made on an anvil
[no-exit-message]
fixtures: (install "." "contracts")
    node contracts/scripts/vectors.mjs
    cargo run --package quorate-lab --locked --quiet -- fixtures

# Check that anvil-fixtures is what would be made now
[no-exit-message]
fixtures-check: (install "." "contracts")
    node contracts/scripts/vectors.mjs --check
    cargo build {{ everything }} --quiet
    {{ debug }}/quorate-lab fixtures --check

# Rewrite docs/openapi.json, the description of the HTTP API, from the code; a test compares
[no-exit-message]
openapi:
    QUORATE_UPDATE=1 cargo test --package quorate-server --locked --quiet --test it the_description_in_the_repository

# Watch a treasury pay a real payout file and an escrow settle, on a local chain; --json, --keep
[no-exit-message]
demo *args: (install ".")
    cargo build --package quorate-cli --package quorate-lab --locked
    "${CARGO_TARGET_DIR:-target}/debug/quorate-lab" demo "$@"

# Measure gas against Safe; arguments go to `quorate-lab gas`
[no-exit-message]
gas *args: (install "." "contracts")
    cargo run --package quorate-lab --locked --quiet -- gas "$@"

# Let everything go wrong, compare the books, and write docs/chaos.md; --quick, --only TEXT, --json
[no-exit-message]
chaos *args: (install ".")
    cargo build {{ everything }} --quiet
    {{ debug }}/quorate-trials chaos "$@"

# Measure speed, calls and memory next to peers and limits (minutes); --quick, --json, --only TEXT
[no-exit-message]
bench *args: (install ".")
    cargo build --release --package quorate-cli --locked --quiet
    cargo run --release --package quorate-trials --locked --quiet -- bench "$@"

# Ask other nodes what they do differently (minutes); arguments go to tests/node/measure.mjs
[no-exit-message]
measure-nodes *args: install
    node tests/node/measure.mjs "$@"

# Rewrite the npm locks after a change of a package.json
[no-exit-message]
locks:
    scripts/locks

# Every slow analysis of the contracts: deep, halmos, slither, mutation (hours; not in CI)
assurance: deep halmos slither mutation

# Fuzz and invariants in depth, with other inputs each time; arguments go to `forge test`
[no-exit-message]
deep *args: (install "contracts")
    forge=$(scripts/foundry forge); cd contracts; \
    FOUNDRY_PROFILE=deep FOUNDRY_FUZZ_SEED="${FOUNDRY_FUZZ_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}" "$forge" test "$@"

# Prove the `check_` properties; arguments go to halmos
[no-exit-message]
halmos *args: (install "contracts")
    scripts/assurance halmos "$@"

# Look for known weaknesses; arguments go to slither
[no-exit-message]
slither *args: (install "contracts")
    scripts/assurance slither "$@"

# Break contracts/src on purpose and see whether the tests notice; arguments go to contracts/assurance/mutate.js
[no-exit-message]
mutation *args: (install "contracts")
    scripts/assurance mutation "$@"

# What the machine has to bring, then the npm packages of these folders, by default all
[no-exit-message]
[private]
install *folders:
    scripts/preflight
    scripts/install "$@"
