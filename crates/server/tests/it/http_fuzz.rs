//! Requests made from the OpenAPI description, whole ones and spoilt ones: none may be answered by a server error, and
//! every answer has to be one that is described, in status, media type and form.

use crate::http_stage::{DESCRIPTION, OPEN, Server, Stage, Wallet, now, signature};
use alloy::{
    primitives::hex,
    transports::http::reqwest::{Method, Response},
};
use eyre::{OptionExt as _, Result, ensure, eyre};
use jsonschema::Validator;
use quorate_api::NewProposal;
use quorate_core::Request;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, env, time::Duration};
use tokio::time::timeout;

/// How many requests are made.
const REQUESTS: usize = 5_000;

/// In which time each is answered.
const PATIENCE: Duration = Duration::from_secs(30);

/// How deep a value is made at most.
const DEEPEST: usize = 6;

/// Texts that are no address, hash or number, or hardly.
const ODD_TEXTS: &[&str] = &[
    "",
    " ",
    "0",
    "00",
    "-1",
    "1e3",
    "0x",
    "0x0",
    "0X00",
    "null",
    "🦀\u{0}\u{202e}",
    "%00",
    "../..",
    "'; DROP TABLE proposals; --",
    "115792089237316195423570985008687907853269984665640564039457584007913129639935",
    "115792089237316195423570985008687907853269984665640564039457584007913129639936",
    "0x300e3856Fd8cB04236Ec5A81716aB896e1c28f92",
    "18446744073709551616",
];

/// Numbers at the edges of what anybody keeps numbers in.
fn odd_numbers() -> Vec<Value> {
    let whole = [0, 1, u64::from(u32::MAX), 1 << 53, i64::MAX as u64, u64::MAX];
    let whole = whole.into_iter().map(|number| json!(number));
    whole.chain([json!(-1), json!(i64::MIN), json!(0.5), json!(1e300)]).collect()
}

/// An operation of the description.
struct Operation {
    method: Method,
    template: String,
    description: Value,
}

/// Makes requests.
struct Maker<'d> {
    root: &'d Value,
    rng: StdRng,
    /// Addresses, digests and numbers that mean something to the relayer.
    known: Vec<String>,
    chain_id: u64,
}

impl Maker<'_> {
    fn resolve<'v>(&'v self, schema: &'v Value) -> &'v Value {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema)
    }

    /// A value that the schema allows, mostly.
    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        let schema = self.resolve(schema).clone();
        if depth > DEEPEST {
            return Value::Null;
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[key].as_array()
                && let Some(choice) = choices.choose(&mut self.rng)
            {
                return self.value(&choice.clone(), depth);
            }
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let mut whole = Map::new();
            for part in parts {
                if let Value::Object(fields) = self.value(part, depth) {
                    whole.extend(fields);
                }
            }
            return Value::Object(whole);
        }
        if let Some(values) = schema["enum"].as_array() {
            return values.choose(&mut self.rng).cloned().unwrap_or_default();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.choose(&mut self.rng).cloned().unwrap_or_default(),
            kind => kind.clone(),
        };
        match kind.as_str() {
            Some("string") => json!(self.text(&schema)),
            Some("integer" | "number") => self.number(&schema),
            Some("boolean") => json!(self.rng.gen_bool(0.5)),
            Some("array") => {
                let least = schema["minItems"].as_u64().unwrap_or(0);
                let count = self.rng.gen_range(least..least + 3);
                (0..count).map(|_| self.value(&schema["items"], depth + 1)).collect()
            }
            Some("object") => self.object(&schema, depth),
            _ => Value::Null,
        }
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let required: Vec<_> = schema["required"].as_array().into_iter().flatten().collect();
        let mut fields = Map::new();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let is_needed = required.iter().any(|needed| *needed == name);
            if is_needed || self.rng.gen_bool(0.4) {
                fields.insert(name.clone(), self.value(field, depth + 1));
            }
        }
        Value::Object(fields)
    }

    fn number(&mut self, schema: &Value) -> Value {
        let least = schema["minimum"].as_u64().unwrap_or(0);
        match self.rng.gen_range(0..4) {
            0 => odd_numbers().choose(&mut self.rng).cloned().unwrap_or_default(),
            1 => json!(least),
            _ => json!(least + self.rng.gen_range(0..4)),
        }
    }

    fn text(&mut self, schema: &Value) -> String {
        let pattern = schema["pattern"].as_str().unwrap_or_default();
        let length =
            [("{40}", 42), ("{64}", 66)].into_iter().find(|(part, _)| pattern.contains(part));
        let fits = |text: &&String| length.is_none_or(|(_, length)| text.len() == length);
        let known: Vec<_> = self.known.iter().filter(fits).cloned().collect();
        if self.rng.gen_bool(0.6)
            && let Some(known) = known.choose(&mut self.rng)
        {
            return known.clone();
        }
        if self.rng.gen_bool(0.2) {
            return (*ODD_TEXTS.choose(&mut self.rng).unwrap_or(&"")).to_owned();
        }
        let mut hexadecimal = |count: usize| {
            let bytes: Vec<u8> = (0..count).map(|_| self.rng.r#gen()).collect();
            hex::encode_prefixed(bytes)
        };
        if pattern.contains("{40}") {
            hexadecimal(20)
        } else if pattern.contains("{64}") {
            hexadecimal(32)
        } else if pattern.starts_with("^0x") {
            let count = *[0, 1, 64, 65, 66, 300].choose(&mut self.rng).unwrap_or(&0);
            let bytes: Vec<u8> = (0..count).map(|_| self.rng.r#gen()).collect();
            hex::encode_prefixed(bytes)
        } else {
            self.rng.gen_range(0..3_u8).to_string()
        }
    }

    /// Makes something in a value wrong.
    fn spoil(&mut self, value: &mut Value) {
        match value {
            Value::Object(fields) if !fields.is_empty() && self.rng.gen_bool(0.7) => {
                let index = self.rng.gen_range(0..fields.len());
                let name = fields.keys().nth(index).cloned().unwrap_or_default();
                match self.rng.gen_range(0..4) {
                    0 => drop(fields.remove(&name)),
                    1 => drop(fields.insert(format!("{name}x"), json!(1))),
                    _ => self.spoil(&mut fields[&name]),
                }
            }
            Value::Array(items) if !items.is_empty() && self.rng.gen_bool(0.7) => {
                let index = self.rng.gen_range(0..items.len());
                self.spoil(&mut items[index]);
            }
            place => *place = self.junk(),
        }
    }

    fn junk(&mut self) -> Value {
        match self.rng.gen_range(0..7) {
            0 => Value::Null,
            1 => json!([]),
            2 => json!({}),
            3 => json!("x".repeat(self.rng.gen_range(0..20_000))),
            4 => (0..100).fold(json!(1), |inner, _| json!([inner])),
            5 => json!(*ODD_TEXTS.choose(&mut self.rng).unwrap_or(&"")),
            _ => odd_numbers().choose(&mut self.rng).cloned().unwrap_or_default(),
        }
    }

    /// The bytes of a body; some of them no JSON.
    fn body(&mut self, schema: &Value) -> Vec<u8> {
        let mut value = self.value(schema, 0);
        if self.rng.gen_bool(0.4) {
            self.spoil(&mut value);
        }
        let mut bytes = value.to_string().into_bytes();
        match self.rng.gen_range(0..20) {
            0 => bytes.truncate(self.rng.gen_range(0..bytes.len().max(1))),
            1 => bytes.extend_from_slice(b"]"),
            2 => bytes.push(0xff),
            3 => bytes.extend(std::iter::repeat_n(b' ', 300_000)),
            _ => {}
        }
        bytes
    }

    fn parameters(&mut self, operation: &Operation) -> (String, Vec<(String, String)>) {
        let (mut path, mut query) = (operation.template.clone(), Vec::new());
        let parameters = operation.description["parameters"].as_array().cloned();
        for parameter in parameters.into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap_or_default().to_owned();
            let value = match self.value(&parameter["schema"], 0) {
                _ if name == "chainId" && self.rng.gen_bool(0.6) => self.chain_id.to_string(),
                Value::String(text) => text,
                Value::Null => String::new(),
                other => other.to_string(),
            };
            match parameter["in"].as_str() {
                Some("path") => {
                    let encoded: String = value.bytes().map(|b| format!("%{b:02x}")).collect();
                    path = path.replace(&format!("{{{name}}}"), &encoded);
                }
                Some("query") if self.rng.gen_bool(0.4) => {
                    // A wait would be waited for.
                    let value = if name == "timeoutSecs" { "0".to_owned() } else { value };
                    query.push((name, value));
                }
                _ => {}
            }
        }
        if self.rng.gen_bool(0.05) {
            query.push(("unknown".to_owned(), "1".to_owned()));
        }
        (path, query)
    }
}

/// What the description says of answers, ready to check them.
struct Answers {
    validators: BTreeMap<(String, u16, String), Option<Validator>>,
}

impl Answers {
    fn of(root: &Value, operations: &[Operation]) -> Result<Self> {
        let mut validators = BTreeMap::new();
        for operation in operations {
            let responses = operation.description["responses"].as_object();
            for (status, response) in responses.into_iter().flatten() {
                let status: u16 = status.parse()?;
                let contents = response["content"].as_object();
                if contents.is_none() {
                    validators.insert((operation.name(), status, String::new()), None);
                }
                for (media, content) in contents.into_iter().flatten() {
                    let validator = match content.get("schema") {
                        Some(schema) if media.ends_with("json") => {
                            let mut whole = root.clone();
                            whole["allOf"] = json!([schema]);
                            Some(jsonschema::validator_for(&whole)?)
                        }
                        _ => None,
                    };
                    validators.insert((operation.name(), status, media.clone()), validator);
                }
            }
        }
        Ok(Self { validators })
    }

    /// Whether the answer to an operation is described.
    fn check(&self, operation: &Operation, status: u16, media: &str, body: &[u8]) -> Result<()> {
        let key = (operation.name(), status, media.to_owned());
        let described = self.validators.get(&key).ok_or_eyre(format!("not described: {key:?}"))?;
        if let Some(validator) = described {
            let body: Value = serde_json::from_slice(body)?;
            if let Err(error) = validator.validate(&body) {
                eyre::bail!("{key:?}: {} {error}: {body}", error.instance_path());
            }
        }
        Ok(())
    }
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    fn all(root: &Value) -> Result<Vec<Self>> {
        let mut operations = Vec::new();
        for (template, item) in root["paths"].as_object().ok_or_eyre("no paths")? {
            for (method, description) in item.as_object().ok_or_eyre("no operations")? {
                let method = method.to_uppercase().parse()?;
                let (template, description) = (template.clone(), description.clone());
                operations.push(Self { method, template, description });
            }
        }
        Ok(operations)
    }
}

impl Maker<'_> {
    /// What an owner really signed, whatever the rest of it is.
    fn sign(&mut self, body: &mut Value, wallet: &Wallet) {
        let near = now() + self.rng.gen_range(0..1_000);
        for (name, value) in [("epoch", json!(0)), ("deadline", json!(near))] {
            if self.rng.gen_bool(0.9) {
                body[name] = value;
            }
        }
        if self.rng.gen_bool(0.7) {
            body["nonce"] = json!(self.rng.gen_range(0..300_u32).to_string());
        }
        let Ok(new) = serde_json::from_value::<NewProposal>(body.clone()) else { return };
        let request = Request {
            chain_id: wallet.chain_id,
            wallet: wallet.address,
            epoch: new.epoch,
            action: new.action,
            nonce: new.nonce,
            deadline: new.deadline,
        };
        if let Ok(signed) = signature(&request, self.rng.gen_range(0..4)) {
            body["signature"] = signed;
        }
    }

    /// A request of an operation, and the bytes of its body.
    fn request(
        &mut self,
        operation: &Operation,
        wallet: &Wallet,
    ) -> (String, Vec<(String, String)>, Option<Vec<u8>>) {
        let (mut path, query) = self.parameters(operation);
        let schema = &operation.description["requestBody"]["content"]["application/json"]["schema"];
        if schema.is_null() {
            return (path, query, None);
        }
        if operation.template.ends_with("/proposals") && self.rng.gen_bool(0.5) {
            path = format!("{}/proposals", wallet.path());
            let mut body = self.value(schema, 0);
            self.sign(&mut body, wallet);
            return (path, query, Some(body.to_string().into_bytes()));
        }
        let body = self.body(schema);
        (path, query, Some(body))
    }
}

async fn ask(
    server: &Server,
    operation: &Operation,
    (path, query, body): (String, Vec<(String, String)>, Option<Vec<u8>>),
    media: &str,
) -> Result<Response> {
    let mut pairs = String::new();
    for (name, value) in query {
        let encoded: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
        pairs += &format!("{}{name}={encoded}", if pairs.is_empty() { "?" } else { "&" });
    }
    // Of its own connection: one that the server just closed behind a refusal is no answer to this.
    let request = server.request(operation.method.clone(), &format!("{path}{pairs}"));
    let mut request = request.header("connection", "close");
    if let Some(body) = body {
        request = request.header("content-type", media).body(body);
    }
    timeout(PATIENCE, request.send())
        .await?
        .map_err(|error| eyre!("{} {path}: {error}", operation.name()))
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_is_answered_as_described_and_by_no_server_error() -> Result<()> {
    let number =
        |name, default| env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default);
    let (seed, count) = (number("FUZZ_SEED", 1), number("FUZZ_REQUESTS", REQUESTS as u64));
    let stage = Stage::new().await?;
    let server = stage
        .serve(&format!(
            "{OPEN}[http.limits]\nrequests_per_second = 100000\nburst = 1000000\nopen_proposals = 10000\n"
        ))
        .await?;
    let wallet = stage.deployed(1).await?;
    ensure!(server.register(&wallet).await?.status == 201);
    let first = wallet.payment(1, 0);
    ensure!(server.propose(&first, 0).await?.status == 201);
    let operations = Operation::all(&DESCRIPTION)?;
    let answers = Answers::of(&DESCRIPTION, &operations)?;
    let known = [
        wallet.address.to_checksum(None),
        first.digest().to_string(),
        wallet.salt.to_string(),
        wallet.chain_id.to_string(),
        wallet.config.owners()[0].to_checksum(None),
    ];
    let rng = StdRng::seed_from_u64(seed);
    let chain_id = wallet.chain_id;
    let mut maker = Maker { root: &DESCRIPTION, rng, known: known.to_vec(), chain_id };
    let mut seen = BTreeMap::<(String, u16), u32>::new();
    for _ in 0..count {
        let operation = operations.choose(&mut maker.rng).ok_or_eyre("no operations")?;
        let request = maker.request(operation, &wallet);
        let media = if maker.rng.gen_bool(0.97) { "application/json" } else { "text/plain" };
        let shown = format!("{request:?}").chars().take(2_000).collect::<String>();
        let answer = ask(&server, operation, request, media).await?;
        let status = answer.status().as_u16();
        *seen.entry((operation.name(), status)).or_default() += 1;
        let media = answer.headers().get("content-type").and_then(|value| value.to_str().ok());
        let media = media.unwrap_or_default().split(';').next().unwrap_or_default().to_owned();
        // A stream has no end to wait for.
        let body =
            if media == "text/event-stream" { Vec::new() } else { answer.bytes().await?.to_vec() };
        ensure!(
            status < 500,
            "{} {shown}: {status} {}",
            operation.name(),
            String::from_utf8_lossy(&body)
        );
        answers
            .check(operation, status, &media, &body)
            .map_err(|error| eyre!("{error} to {shown}"))?;
    }
    // A fuzzer that gets nowhere finds nothing.
    let reached = |name: &str, status: u16| seen.contains_key(&(name.to_owned(), status));
    for (name, status) in [
        ("POST /v1/wallets/{chainId}/{address}/proposals", 201),
        ("POST /v1/wallets/{chainId}/{address}/proposals", 400),
        ("POST /v1/wallets/{chainId}/{address}/proposals", 413),
        ("POST /v1/wallets/{chainId}/{address}/proposals", 422),
        ("POST /v1/proposals/{digest}/signatures", 422),
        ("GET /v1/proposals", 200),
        ("GET /v1/proposals/{digest}", 200),
        ("GET /v1/wallets/{chainId}/{address}/proposals", 200),
    ] {
        ensure!(
            count < REQUESTS as u64 || reached(name, status),
            "never reached: {name} {status}: {seen:?}"
        );
    }
    server.stop().await
}
