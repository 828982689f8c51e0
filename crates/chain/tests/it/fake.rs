//! An endpoint that answers whatever a test wants.

use alloy::primitives::B256;
use eyre::Result;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What was asked, in order: method and parameters.
pub(crate) type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// A running endpoint, as long as the test runs.
pub(crate) struct Fake {
    pub(crate) port: u16,
    pub(crate) asked: Asked,
}

impl Fake {
    /// Answers each request with the raw HTTP response that `answer` makes of method and parameters.
    pub(crate) async fn start(
        answer: impl Fn(&str, &Value) -> Vec<u8> + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let asked = Asked::default();
        let (log, answer) = (asked.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = serve(stream, &log, &*answer).await;
            }
        });
        Ok(Self { port, asked })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How often a method was asked for.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.asked
            .lock()
            .expect("no test panics while it holds this")
            .iter()
            .filter(|(asked, _)| asked == method)
            .count()
    }
}

async fn serve(
    mut stream: TcpStream,
    asked: &Asked,
    answer: &(dyn Fn(&str, &Value) -> Vec<u8> + Send + Sync),
) -> Result<()> {
    let mut request = Vec::new();
    let body = loop {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
        let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else {
            continue;
        };
        if let Ok(body) = serde_json::from_slice::<Value>(&request[end + 4..]) {
            break body;
        }
    };
    let method = body["method"].as_str().unwrap_or_default().to_owned();
    let response = with_id(&answer(&method, &body["params"]), &body["id"]);
    asked
        .lock()
        .expect("no test panics while it holds this")
        .push((method, body["params"].clone()));
    stream.write_all(&response).await?;
    stream.shutdown().await?;
    Ok(())
}

/// The response with the number of the request in place of 1.
fn with_id(response: &[u8], id: &Value) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(response) else { return response.to_vec() };
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return response.to_vec() };
    let numbered = body.replacen("\"id\":1", &format!("\"id\":{id}"), 1);
    let length = |body: &str| format!("content-length: {}\r\n", body.len());
    let head = format!("{head}\r\n").replacen(&length(body), &length(&numbered), 1);
    format!("{head}\r\n{numbered}").into()
}

/// An HTTP response.
pub(crate) fn http(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
        .into()
}

/// The answer to `eth_getBlockByNumber`: a block of this number.
pub(crate) fn header(number: u64) -> Vec<u8> {
    let number = format!("{number:#x}");
    result(json!({
        "number": number, "hash": B256::ZERO, "parentHash": B256::ZERO, "timestamp": "0x1",
    }))
}

/// A result of JSON-RPC.
pub(crate) fn result(result: Value) -> Vec<u8> {
    http("200 OK", &json!({ "jsonrpc": "2.0", "id": 1, "result": result }).to_string())
}

/// An error of JSON-RPC.
pub(crate) fn error(code: i64, message: &str) -> Vec<u8> {
    let error = json!({ "code": code, "message": message });
    http("200 OK", &json!({ "jsonrpc": "2.0", "id": 1, "error": error }).to_string())
}
