//! What an endpoint answered, read. Members that should be there and are not, or are of another type, are no reason to
//! overlook an error.

use super::fault::{Fault, RpcFault};
use alloy::primitives::Bytes;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// A response of JSON-RPC, by the members that count.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    id: Option<Value>,
}

/// What came over HTTP.
pub(super) struct Received {
    pub(super) status: u16,
    /// How long the server wants no request, in seconds.
    pub(super) retry_after: Option<u64>,
    pub(super) body: Vec<u8>,
}

impl Received {
    /// The result of the request with this id, as JSON. `safe` makes fit to be shown what the endpoint wrote.
    pub(super) fn result(
        &self,
        id: u64,
        has_long_answers: bool,
        safe: impl Fn(&str) -> String,
    ) -> Result<&str, Fault> {
        let envelope = serde_json::from_slice::<Envelope<'_>>(&self.body).ok();
        let is_success = (200..300).contains(&self.status);
        let answered = envelope.as_ref().and_then(|envelope| envelope.id.as_ref());
        if answered.is_some_and(|answered| !is_id(answered, id)) {
            let reason = "an answer to another request".to_owned();
            return Err(Fault::Wrong { reason, is_passing: true });
        }
        if let Some(error) = envelope.as_ref().and_then(|envelope| envelope.error.as_ref()) {
            let fault = self.rpc_fault(error, safe);
            let is_busy = self.status == 429 || fault.is_limit(has_long_answers);
            return Err(if is_busy { self.busy(fault.message) } else { Fault::Rpc(fault) });
        }
        // Behind the error: `null` is a result, and then there is no other.
        let result = envelope.and_then(|envelope| envelope.result);
        match (result, is_success) {
            (Some(result), true) => Ok(result.get()),
            (None, true) if is_null(&self.body) => Ok("null"),
            _ => Err(self.no_answer()),
        }
    }

    /// An error of JSON-RPC, in whatever form.
    fn rpc_fault(&self, error: &Value, safe: impl Fn(&str) -> String) -> RpcFault {
        let code = &error["code"];
        let code = code.as_i64().or_else(|| code.as_str()?.trim().parse().ok()).unwrap_or_default();
        let message = error["message"].as_str().or_else(|| error.as_str());
        let message = message.map_or_else(|| error.to_string(), str::to_owned);
        RpcFault {
            code,
            message: safe(&message),
            data: error.get("data").and_then(returned),
            is_of_server: self.status >= 500,
        }
    }

    fn busy(&self, reason: String) -> Fault {
        let reason = if reason.is_empty() { "too many requests".to_owned() } else { reason };
        Fault::Busy { reason, after: self.retry_after.map(std::time::Duration::from_secs) }
    }

    /// Without anything of JSON-RPC the status tells.
    fn no_answer(&self) -> Fault {
        let reason = |what| format!("HTTP {}{what}", self.status);
        match self.status {
            429 => self.busy(reason("")),
            503 if self.retry_after.is_some() => self.busy(reason("")),
            500.. if self.status != 501 => Fault::Unreachable { reason: reason("") },
            401 | 403 | 404 | 405 | 501 => Fault::Forbidden { reason: reason(", no JSON-RPC") },
            200..300 => Fault::Wrong { reason: reason(", not JSON-RPC"), is_passing: true },
            _ => Fault::Wrong { reason: reason(", no JSON-RPC"), is_passing: false },
        }
    }
}

/// Whether an answer is to the request with this id. Some give none, or make a text of it.
fn is_id(answered: &Value, id: u64) -> bool {
    match answered {
        Value::Null => true,
        Value::String(text) => text.parse() == Ok(id),
        other => other.as_u64() == Some(id),
    }
}

/// Whether there is a result, and it is `null`: serde takes that for none.
fn is_null(body: &[u8]) -> bool {
    let value = serde_json::from_slice::<Value>(body).unwrap_or_default();
    value.get("result").is_some_and(Value::is_null)
}

/// The bytes that a reverted call returned: as hex, with a word before it (Nethermind), or one level down.
fn returned(data: &Value) -> Option<Bytes> {
    let text = data.as_str().or_else(|| data.get("data")?.as_str())?;
    text.split(' ').next_back()?.strip_prefix("0x")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Result<String, Fault> {
        let received = Received { status, retry_after: Some(7), body: body.into() };
        received.result(1, false, str::to_owned).map(str::to_owned)
    }

    #[test]
    fn a_result_is_handed_on_as_it_is() {
        for body in ["\"0x1\"", "null", "[]", "{\"a\":1}"] {
            let response = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{body}}}"#);
            assert_eq!(read(200, &response).expect("it is a result"), body);
        }
        let both = r#"{"result":null,"error":{"code":3,"message":"x"}}"#;
        assert!(matches!(read(200, both), Err(Fault::Rpc(_))));
        let no_error = r#"{"id":1,"error":null,"result":"0x2"}"#;
        assert_eq!(read(200, no_error).expect("it is a result"), "\"0x2\"");
    }

    /// What was asked before, by whomever, is not what is asked now.
    #[test]
    fn an_answer_to_another_request_is_none() {
        for (id, is_ours) in [
            ("1", true),
            ("\"1\"", true),
            ("null", true),
            ("2", false),
            ("\"x\"", false),
            ("[]", false),
        ] {
            for answer in [r#""result":"0x1""#, r#""error":{"code":3,"message":"reverted"}"#] {
                let read = read(200, &format!(r#"{{"id":{id},{answer}}}"#));
                let is_other = matches!(read, Err(Fault::Wrong { is_passing: true, .. }));
                assert_eq!(is_other, !is_ours, "{id} {answer}: {read:?}");
            }
        }
    }

    /// Case 15: an error is one of JSON-RPC whatever the status and whatever else is missing.
    #[test]
    fn an_error_is_read_at_any_status() {
        for status in [200, 400, 404, 500, 503] {
            for body in [
                r#"{"jsonrpc":"2.0","id":null,"error":{"code":3,"message":"execution reverted","data":"0x01"}}"#,
                r#"{"error":{"code":"3","message":"execution reverted","data":{"data":"0x01"}}}"#,
            ] {
                let Err(Fault::Rpc(fault)) = read(status, body) else { panic!("{status} {body}") };
                assert!(fault.is_execution() && fault.has_data() && fault.code == 3, "{fault:?}");
                assert_eq!(fault.is_of_server, status >= 500);
            }
        }
    }

    /// Case 14: too many requests, in all the forms in which it is said.
    #[test]
    fn too_many_requests_are_told_in_many_ways() {
        for (status, body) in [
            (429, "busy"),
            (503, "busy"),
            (429, r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"x"}}"#),
            (200, r#"{"error":{"code":429,"message":"x"}}"#),
            (200, r#"{"error":"rate limit exceeded"}"#),
        ] {
            let read = read(status, body);
            let is_busy = matches!(&read, Err(Fault::Busy { after, .. }) if after.is_some());
            assert!(is_busy, "{status} {body}: {read:?}");
        }
    }

    #[test]
    fn what_is_no_json_rpc_is_told_by_its_status() {
        let page = "<html>";
        assert!(matches!(read(200, page), Err(Fault::Wrong { is_passing: true, .. })));
        assert!(matches!(read(200, "{}"), Err(Fault::Wrong { is_passing: true, .. })));
        assert!(matches!(read(302, ""), Err(Fault::Wrong { is_passing: false, .. })));
        assert!(matches!(read(403, page), Err(Fault::Forbidden { .. })));
        assert!(matches!(read(502, page), Err(Fault::Unreachable { .. })));
        let result = r#"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#;
        assert!(matches!(read(500, result), Err(Fault::Unreachable { .. })));
    }
}
