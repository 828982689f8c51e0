//! One question and one answer, and asking again where that may help.

use super::{Client, ClientError};
use crate::Problem;
use alloy::transports::http::reqwest::{self, RequestBuilder, Response, StatusCode, Url, header};
use quorate_core::text::escaped;
use serde::{Serialize, de::DeserializeOwned};
use std::{error::Error, time::Duration};
use tokio::time::{sleep, timeout};

/// The most bytes of an answer that is one wallet or proposal.
const LARGEST_SINGLE: usize = 8 << 20;

/// The most bytes of a page of a list.
pub(super) const LARGEST_PAGE: usize = 32 << 20;

/// The most characters that are kept of what a relayer wrote.
const LONGEST: usize = 400;

/// What an answer may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// From connecting to the last byte.
    pub(super) time: Duration,
    /// In bytes.
    pub(super) largest: usize,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// Nobody answered, or not now.
    Unreachable {
        reason: String,
        /// Whether the request may have got there.
        is_sent: bool,
    },
    /// No whole answer in time.
    Late { time: Duration },
    /// No answer of a relayer.
    Wrong { reason: String },
    /// The relayer said why not.
    Problem { status: StatusCode, problem: Problem },
}

impl Fault {
    fn unreachable(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let is_sent = !error.is_connect();
        // The innermost cause is the one that tells something.
        let mut innermost: &dyn Error = &error;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Self::Unreachable { reason: cut(&innermost.to_string()), is_sent }
    }

    /// Whether it is worth asking again at once, where nothing was handed in.
    fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Problem { problem, .. } => problem.code.is_passing(),
            Self::Late { .. } | Self::Wrong { .. } => false,
        }
    }

    /// Whether what was handed in may have arrived, or may arrive next time.
    fn leaves_open(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Late { .. } | Self::Wrong { .. } => true,
            Self::Problem { problem, .. } => problem.code.is_passing(),
        }
    }

    /// Whether what was handed in may have been taken. A relayer that gives a reason says so itself.
    const fn may_be_taken(&self) -> bool {
        match self {
            Self::Unreachable { is_sent, .. } => *is_sent,
            Self::Late { .. } | Self::Wrong { .. } => true,
            Self::Problem { .. } => false,
        }
    }
}

impl Client {
    /// The bounds of one wallet or proposal.
    pub(super) fn single(&self) -> Bounds {
        Bounds { time: self.patience.answer, largest: LARGEST_SINGLE }
    }

    /// Asks, and asks again where that may help.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        url: Url,
        bounds: Bounds,
    ) -> Result<T, ClientError> {
        let request = self.request(self.http.get(url));
        let body = self.persist(request, bounds, Fault::is_passing, |_| ()).await;
        Ok(body.map_err(|fault| self.error(fault))?.1)
    }

    /// Hands in, and hands in again where the answer was lost: the relayer knows what it has taken. Says whether it was
    /// new.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        url: Url,
        body: &impl Serialize,
    ) -> Result<(bool, T), ClientError> {
        let body = serde_json::to_vec(body).expect("every field has a form in JSON");
        let request = self.http.post(url).header(header::CONTENT_TYPE, "application/json");
        let request = self.request(request.body(body));
        let mut may_be_taken = false;
        let note = |fault: &Fault| may_be_taken |= fault.may_be_taken();
        let handed_in = self.persist(request, self.single(), Fault::leaves_open, note).await;
        let (status, answer) =
            handed_in.map_err(|fault| match (self.error(fault), may_be_taken) {
                (ClientError::Unreachable { relayer, reason }, true)
                | (ClientError::WrongAnswer { relayer, reason }, true) => {
                    ClientError::Unsure { relayer, reason }
                }
                (error, _) => error,
            })?;
        Ok((status == StatusCode::CREATED, answer))
    }

    /// A request in the name of whoever asks.
    pub(super) fn request(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, token.header()),
            None => request,
        }
    }

    /// Asks until there is an answer, or patience ends. Each failure is noted.
    async fn persist<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        bounds: Bounds,
        again: fn(&Fault) -> bool,
        mut note: impl FnMut(&Fault),
    ) -> Result<(StatusCode, T), Fault> {
        let once = || ask(request.try_clone().expect("a body in memory can be cloned"), bounds);
        for pause in &self.patience.pauses {
            match once().await.inspect_err(&mut note) {
                Err(fault) if again(&fault) => sleep(*pause).await,
                answer => return answer,
            }
        }
        once().await.inspect_err(note)
    }

    /// The error that a fault is to the outside.
    pub(super) fn error(&self, fault: Fault) -> ClientError {
        let relayer = self.name().to_owned();
        match fault {
            Fault::Unreachable { reason, .. } => ClientError::Unreachable { relayer, reason },
            Fault::Late { time } => {
                let reason = format!("no whole answer within {} seconds", time.as_secs_f32());
                ClientError::Unreachable { relayer, reason }
            }
            Fault::Wrong { reason } => ClientError::WrongAnswer { relayer, reason },
            Fault::Problem { status, problem } => {
                ClientError::Problem { relayer, status: status.as_u16(), problem }
            }
        }
    }
}

async fn ask<T: DeserializeOwned>(
    request: RequestBuilder,
    bounds: Bounds,
) -> Result<(StatusCode, T), Fault> {
    let exchange = async {
        let request = request.header(header::ACCEPT, "application/json, application/problem+json");
        let response = request.send().await.map_err(Fault::unreachable)?;
        let status = response.status();
        Ok((status, body(response, bounds.largest).await?))
    };
    let Bounds { time, .. } = bounds;
    let (status, body) = timeout(time, exchange).await.map_err(|_| Fault::Late { time })??;
    Ok((status, interpret(status, &body)?))
}

/// The body, if it is no larger.
async fn body(mut response: Response, largest: usize) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Fault::unreachable)? {
        if body.len() + chunk.len() > largest {
            let reason = format!("it is larger than {} MiB", largest >> 20);
            return Err(Fault::Wrong { reason });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What a status and a body say.
fn interpret<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, Fault> {
    if matches!(status, StatusCode::OK | StatusCode::CREATED) {
        return serde_json::from_slice(body)
            .map_err(|error| Fault::Wrong { reason: cut(&error.to_string()) });
    }
    Err(refusal(status, body))
}

/// Why there is none, of an answer that is no success.
fn refusal(status: StatusCode, body: &[u8]) -> Fault {
    let number = status.as_u16();
    if status.is_redirection() {
        let reason = format!(
            "HTTP {number}, a redirect, and none is followed: give the URL that it leads to"
        );
        return Fault::Wrong { reason };
    }
    if let Ok(mut problem) = serde_json::from_slice::<Problem>(body) {
        if let Some((end, _)) = problem.detail.char_indices().nth(LONGEST) {
            problem.detail.truncate(end);
            problem.detail.push('…');
        }
        return Fault::Problem { status, problem };
    }
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        let is_sent = status != StatusCode::TOO_MANY_REQUESTS;
        return Fault::Unreachable { reason: format!("HTTP {number}"), is_sent };
    }
    Fault::Wrong {
        reason: format!("HTTP {number}, and not as a relayer says it: is the URL right?"),
    }
}

/// Opens a stream of events. Nothing is asked again here.
pub(super) async fn open(request: RequestBuilder, bounds: Bounds) -> Result<Response, Fault> {
    let opening = async {
        let request = request.header(header::ACCEPT, "text/event-stream");
        let response = request.send().await.map_err(Fault::unreachable)?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(refusal(status, &body(response, bounds.largest).await?));
        }
        Ok(response)
    };
    let Bounds { time, .. } = bounds;
    timeout(time, opening).await.map_err(|_| Fault::Late { time })?
}

/// The next bytes of a stream; none at its end.
pub(super) async fn chunk(
    response: &mut Response,
    silence: Duration,
) -> Result<Option<impl AsRef<[u8]>>, Fault> {
    let chunk = timeout(silence, response.chunk()).await;
    chunk.map_err(|_| Fault::Late { time: silence })?.map_err(Fault::unreachable)
}

/// Escapes text from elsewhere and cuts it.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => escaped(text),
        Some((end, _)) => format!("{}…", escaped(&text[..end])),
    }
}
