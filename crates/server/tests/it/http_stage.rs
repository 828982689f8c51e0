//! A chain with a wallet, a relayer that serves it over HTTP, and those who ask.

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    providers::Provider as _,
    signers::local::PrivateKeySigner,
    transports::http::reqwest::{self, Client, Method, Response},
};
use eyre::{OptionExt as _, Result, ensure, eyre};
use jsonschema::Validator;
use quorate_api::{ProblemCode, Proposal, problem::MEDIA_TYPE};
use quorate_core::{
    Action, Config as WalletConfig, Lane, Nonce, Request, action::Transfer, creation,
};
use quorate_lab::{anvil::Chain, deploy, fixtures::world, owners::owner, signatures};
use quorate_server::{
    Config, Overrides,
    http::{self, Bound},
    run::{RunError, run_at},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tempfile::TempDir;
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Longer than anything takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// What everybody may do on this machine.
pub(crate) const OPEN: &str = "open_registration = true\n";

/// A chain with the factory, and the relayer's folder.
pub(crate) struct Stage {
    pub(crate) chain: Chain,
    pub(crate) folder: TempDir,
}

/// A relayer.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    client: Client,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), RunError>>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

/// A wallet of two of three owners, by number.
#[derive(Clone, Debug)]
pub(crate) struct Wallet {
    pub(crate) chain_id: u64,
    pub(crate) address: Address,
    pub(crate) config: WalletConfig,
    pub(crate) salt: B256,
}

pub(crate) fn now() -> u64 {
    now_millis() / 1_000
}

pub(crate) fn now_millis() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a live chain keeps the machine's time")]
    let now = SystemTime::now();
    let millis = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    u64::try_from(millis).unwrap_or(u64::MAX)
}

/// Waits until `look` finds something.
pub(crate) async fn until<T, F: Future<Output = Result<Option<T>>>>(
    what: &str,
    look: impl Fn() -> F,
) -> Result<T> {
    #[expect(clippy::disallowed_methods, reason = "a deadline of a test")]
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        ensure!(begun.elapsed() < LONG, "{what} did not happen");
        sleep(Duration::from_millis(20)).await;
    }
}

impl Stage {
    pub(crate) async fn new() -> Result<Self> {
        let chain = Chain::start_live()?;
        deploy::canonical(&chain).await?;
        world::KEY_HOLDING.give(&chain, owner(world::SUBMITTER).address()).await?;
        let folder = tempfile::tempdir()?;
        crate::checking::write_key(&folder.path().join("keys.env"))?;
        Ok(Self { chain, folder })
    }

    /// The wallet with this number, which is there or not.
    pub(crate) fn wallet(&self, number: u64) -> Result<Wallet> {
        self.wallet_of(number, [0, 1, 2].map(|key| owner(key).address()).to_vec())
    }

    pub(crate) fn wallet_of(&self, number: u64, owners: Vec<Address>) -> Result<Wallet> {
        let config = WalletConfig::new(2, owners, Address::ZERO, Bytes::new())?;
        let salt = B256::from(U256::from(number));
        let address = creation::wallet_address(&config, salt)?;
        Ok(Wallet { chain_id: self.chain.id(), address, config, salt })
    }

    pub(crate) async fn deployed(&self, number: u64) -> Result<Wallet> {
        let wallet = self.wallet(number)?;
        deploy::wallet(&self.chain, &wallet.config, wallet.salt).await?;
        let holding = U256::from(10).pow(U256::from(18));
        self.chain.send(wallet.address, holding, Bytes::new()).await?;
        Ok(wallet)
    }

    /// Puts code at an address.
    pub(crate) async fn set_code(&self, at: Address, code: Bytes) -> Result<()> {
        Ok(self.chain.provider().raw_request("anvil_setCode".into(), (at, code)).await?)
    }

    /// Has an account, whose key anvil need not have, send a transaction.
    pub(crate) async fn send_as(&self, from: Address, to: Address, data: Bytes) -> Result<()> {
        let provider = self.chain.provider();
        let holding = U256::from(10).pow(U256::from(18));
        let () = provider.raw_request("anvil_setBalance".into(), (from, holding)).await?;
        let () = provider.raw_request("anvil_impersonateAccount".into(), [from]).await?;
        let transaction = json!({ "from": from, "to": to, "data": data });
        let _: B256 = provider.raw_request("eth_sendTransaction".into(), [transaction]).await?;
        Ok(())
    }

    /// A configuration with this endpoint, and this in the section `[http]`.
    pub(crate) fn config(&self, endpoint: &str, http: &str) -> String {
        let chain_id = self.chain.id();
        format!(
            "store = \"relayer.db\"\n[[chains]]\nchain_id = {chain_id}\nrpc_urls = [\"{endpoint}\"]\n\
             poll_millis = 50\nfinal_depth = 4\nblock_secs = 1\n[[chains.senders]]\nenv_file = \"keys.env\"\n\
             variable = \"KEY\"\n[http]\nlisten = \"127.0.0.1:0\"\n{http}"
        )
    }

    /// A relayer with this in the section `[http]`.
    pub(crate) async fn serve(&self, http: &str) -> Result<Server> {
        self.serve_at(&self.chain.endpoint(), http).await
    }

    /// As [`Self::serve`], looking at the chain so rarely.
    pub(crate) async fn serve_polling(&self, http: &str, millis: u64) -> Result<Server> {
        let text = self.config(&self.chain.endpoint(), http);
        let text = text.replace("poll_millis = 50", &format!("poll_millis = {millis}"));
        serve_text(&text, self.folder.path()).await
    }

    /// As [`Self::serve`], with another endpoint.
    pub(crate) async fn serve_at(&self, endpoint: &str, http: &str) -> Result<Server> {
        serve_text(&self.config(endpoint, http), self.folder.path()).await
    }
}

/// A relayer with this configuration.
pub(crate) async fn serve_text(text: &str, folder: &Path) -> Result<Server> {
    serve_text_at(text, folder, now_millis).await
}

/// As [`serve_text`], by another clock.
pub(crate) async fn serve_text_at(text: &str, folder: &Path, clock: fn() -> u64) -> Result<Server> {
    let config = Config::parse(text, folder, Overrides::default()).map_err(|e| eyre!("{e}"))?;
    let bound = Bound::take(&config.http).await?.ok_or_eyre("it serves no HTTP")?;
    let address = bound.address();
    let (stop, stopped) = oneshot::channel();
    let shutdown = async move { drop(stopped.await) };
    let running = tokio::spawn(run_at(Some(bound), config, clock, shutdown));
    let client = Client::builder().no_proxy().build()?;
    Ok(Server { address, client, stop: Some(stop), running })
}

impl Server {
    /// A request, to which more may be added.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// The answer to a `GET`, once the store is open.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer> {
        let ask = || async {
            let answer = self.send(self.request(Method::GET, path)).await?;
            Ok((answer.code() != Some(ProblemCode::StoreUnavailable)).then_some(answer))
        };
        until("an open store", ask).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.post_text(path, &body.to_string()).await
    }

    pub(crate) async fn post_text(&self, path: &str, body: &str) -> Result<Answer> {
        let ask = || async {
            let request =
                self.request(Method::POST, path).header("content-type", "application/json");
            let answer = self.send(request.body(body.to_owned())).await?;
            Ok((answer.code() != Some(ProblemCode::StoreUnavailable)).then_some(answer))
        };
        until("an open store", ask).await
    }

    /// Sends a request. Nothing is made of the answer.
    pub(crate) async fn send_unchecked(&self, request: reqwest::RequestBuilder) -> Result<Answer> {
        Answer::read(timeout(LONG, request.send()).await??).await
    }

    /// Sends a request; every problem that is answered has to be one that is described.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer> {
        let request = request.build()?;
        let (method, path) = (request.method().to_string(), request.url().path().to_owned());
        let answer = Answer::read(timeout(LONG, self.client.execute(request)).await??).await?;
        answer.check(&method, &path)?;
        Ok(answer)
    }

    /// Stops it, and waits until it is.
    pub(crate) async fn stop(mut self) -> Result<()> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        timeout(LONG, &mut self.running).await???;
        Ok(())
    }

    /// Tells it to stop.
    pub(crate) fn begin_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// How it ended.
    pub(crate) async fn ended(mut self) -> Result<Result<(), RunError>> {
        Ok(timeout(LONG, &mut self.running).await??)
    }

    pub(crate) async fn register(&self, wallet: &Wallet) -> Result<Answer> {
        let Wallet { chain_id, config, salt, .. } = wallet;
        self.post("/v1/wallets", &json!({ "chainId": chain_id, "config": config, "salt": salt }))
            .await
    }

    /// Proposes, as the owner with this number.
    pub(crate) async fn propose(&self, request: &Request, by: u64) -> Result<Answer> {
        let path = format!("/v1/wallets/{}/{}/proposals", request.chain_id, request.wallet);
        self.post(&path, &proposal(request, &signature(request, by)?)).await
    }

    /// Signs, as the owner with this number.
    pub(crate) async fn sign(&self, request: &Request, by: u64) -> Result<Answer> {
        let path = format!("/v1/proposals/{}/signatures", request.digest());
        self.post(&path, &signature(request, by)?).await
    }

    pub(crate) async fn proposal(&self, request: &Request, query: &str) -> Result<Proposal> {
        self.get(&format!("/v1/proposals/{}{query}", request.digest())).await?.read_as()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Answer {
    async fn read(response: Response) -> Result<Self> {
        let status = response.status().as_u16();
        let header =
            |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
                (name.to_string(), value.to_str().unwrap_or_default().to_owned())
            };
        let headers = response.headers().iter().map(header).collect();
        let bytes = response.bytes().await?;
        let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| text());
        Ok(Self { status, headers, body })
    }

    /// The code of a problem.
    pub(crate) fn code(&self) -> Option<ProblemCode> {
        serde_json::from_value(self.body.get("code")?.clone()).ok()
    }

    /// What is wrong, in words.
    pub(crate) fn detail(&self) -> &str {
        self.body["detail"].as_str().unwrap_or_default()
    }

    /// The body of an answer that is no problem.
    pub(crate) fn read_as<T: serde::de::DeserializeOwned>(self) -> Result<T> {
        ensure!(self.status < 300, "{self:?}");
        Ok(serde_json::from_value(self.body)?)
    }

    /// Whether an answer in JSON has the form that is described.
    fn check_form(&self, method: &str, path: &str) -> Result<()> {
        let media_type = self.headers.get("content-type").map(String::as_str);
        if media_type != Some("application/json") || path == "/openapi.json" {
            return Ok(());
        }
        let answer = described(method, path, self.status);
        let name = answer["content"]["application/json"]["schema"]["$ref"].as_str();
        let name =
            name.ok_or_else(|| eyre!("{method} {path} does not describe {}", self.status))?;
        let form = form(name)?;
        let fault = form.validate(&self.body).err();
        let fault = fault.map(|fault| format!("{}: {fault}", fault.instance_path()));
        ensure!(fault.is_none(), "{method} {path}: {fault:?} in {}", self.body);
        Ok(())
    }

    /// Whether everything is as it is said to be of every answer.
    fn check(&self, method: &str, path: &str) -> Result<()> {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
        ] {
            let found = self.headers.get(name).map(String::as_str);
            ensure!(found == Some(value), "{method} {path}: {name} is {found:?}");
        }
        ensure!(!self.headers.contains_key("access-control-allow-origin"), "{self:?}");
        if self.status < 400 || path == "/readyz" {
            return self.check_form(method, path);
        }
        ensure!(self.headers["content-type"] == MEDIA_TYPE, "{method} {path}: {self:?}");
        let code = self.code().ok_or_eyre("a problem without a code")?;
        ensure!(code.status() == self.status && self.body["status"] == self.status, "{self:?}");
        ensure!(!self.detail().is_empty(), "{self:?}");
        if self.status == 429 || self.status == 503 {
            ensure!(self.headers.contains_key("retry-after"), "{self:?}");
        }
        if matches!(code, ProblemCode::NoSuchPath | ProblemCode::MethodNotAllowed) {
            return Ok(());
        }
        ensure!(is_described(method, path, code), "{method} {path} does not describe {code:?}");
        Ok(())
    }
}

/// The forms of answers, by name.
static FORMS: LazyLock<Mutex<BTreeMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// The form with this name.
fn form(name: &str) -> Result<Arc<Validator>> {
    let mut forms = FORMS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(form) = forms.get(name) {
        return Ok(form.clone());
    }
    let mut schema = DESCRIPTION.clone();
    schema["$ref"] = json!(name);
    let form = Arc::new(jsonschema::validator_for(&schema)?);
    forms.insert(name.to_owned(), form.clone());
    Ok(form)
}

/// The description of the API.
pub(crate) static DESCRIPTION: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&http::description()).unwrap_or_default());

fn is_described(method: &str, path: &str, code: ProblemCode) -> bool {
    let answer = described(method, path, code.status());
    let word = format!("`{}`", code.word());
    answer["description"].as_str().is_some_and(|text| text.contains(&word))
}

/// What is said of an answer with this status.
fn described<'a>(method: &str, path: &str, status: u16) -> &'a Value {
    let segments: Vec<_> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<_> = template.split('/').collect();
        parts.len() == segments.len()
            && parts
                .iter()
                .zip(&segments)
                .all(|(part, segment)| part.starts_with('{') || part == segment)
    };
    let paths = DESCRIPTION["paths"].as_object();
    let found = paths.and_then(|paths| paths.iter().find(|(template, _)| fits(template)));
    let answer =
        found.map(|(_, item)| &item[method.to_lowercase()]["responses"][status.to_string()]);
    answer.unwrap_or(&Value::Null)
}

impl Wallet {
    /// Where it is served.
    pub(crate) fn path(&self) -> String {
        format!("/v1/wallets/{}/{}", self.chain_id, self.address)
    }

    /// A payment of so many wei at this sequence of lane 0.
    pub(crate) fn payment(&self, amount: u64, sequence: u64) -> Request {
        let transfers =
            vec![Transfer { to: Address::repeat_byte(0x77), amount: U256::from(amount) }];
        self.request(Action::Payout { token: Address::ZERO, transfers }, sequence)
    }

    pub(crate) fn request(&self, action: Action, sequence: u64) -> Request {
        Request {
            chain_id: self.chain_id,
            wallet: self.address,
            epoch: 0,
            action,
            nonce: Nonce::new(Lane::ZERO, sequence),
            deadline: now() + 86_400,
        }
    }
}

/// The body of a signature by the owner with this number.
pub(crate) fn signature(request: &Request, by: u64) -> Result<Value> {
    signature_by(request, &owner(by))
}

pub(crate) fn signature_by(request: &Request, key: &PrivateKeySigner) -> Result<Value> {
    let signed = signatures::sign(&request.digest(), [key])?;
    let (owner, signature) = signed.into_iter().next().ok_or_eyre("one key, one signature")?;
    Ok(json!({ "owner": owner.to_checksum(None), "signature": signature.to_bytes() }))
}

/// The body of a proposal.
pub(crate) fn proposal(request: &Request, signature: &Value) -> Value {
    json!({
        "epoch": request.epoch,
        "action": request.action,
        "nonce": request.nonce,
        "deadline": request.deadline,
        "signature": signature,
    })
}
