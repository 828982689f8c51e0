//! What happens, while it happens.

use super::{
    Client, ClientError,
    exchange::{Bounds, Fault, chunk, open},
    sse::{Message, Parser},
};
use crate::{Event, ProblemCode};
use alloy::{
    primitives::Address,
    transports::http::reqwest::{Response, Url},
};
use std::{collections::VecDeque, time::Duration};
use tokio::time::sleep;

/// The most bytes of an answer that says why there are no events.
const LARGEST_REFUSAL: usize = 64 << 10;

/// Of what events are told; of all where nothing is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this chain.
    pub chain_id: Option<u64>,
    /// Of this wallet.
    pub wallet: Option<Address>,
    /// Of the wallets of this owner.
    pub owner: Option<Address>,
}

/// What a stream tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It is open. What happened before the first time is not told; of later times nothing is left out, unless the
    /// relayer has forgotten the last event, or was gone before it told any. So whatever is followed is to be read anew.
    Connected,
    /// Something happened, by the relayer's word. To be taken as the hint that there is something to read.
    Event(Box<Event>),
    /// It was cut, or could not be opened. It is opened again when the next is asked for.
    Cut(ClientError),
}

/// A stream of events that goes on behind the last one after a cut.
#[derive(Debug)]
pub struct Events {
    client: Client,
    url: Url,
    filter: EventFilter,
    last: Option<u64>,
    open: Option<Open>,
    /// How long to wait before it is opened.
    back_off: Duration,
}

#[derive(Debug)]
struct Open {
    response: Response,
    parser: Parser,
    ready: VecDeque<Message>,
}

impl Client {
    /// A stream of events. It is opened when the first is asked for.
    pub fn events(&self, filter: EventFilter) -> Events {
        let EventFilter { chain_id, wallet, owner } = filter;
        let mut url = self.place.at(&["v1", "events"]);
        let pairs = [
            ("chainId", chain_id.map(|id| id.to_string())),
            ("address", wallet.map(|wallet| wallet.to_checksum(None))),
            ("owner", owner.map(|owner| owner.to_checksum(None))),
        ];
        for (name, value) in pairs {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        let client = self.clone();
        Events { client, url, filter, last: None, open: None, back_off: Duration::ZERO }
    }
}

impl Events {
    /// The next that is told. Waits for it as long as it takes; silence is a cut.
    ///
    /// After a cut the wait grows each time, until an event comes.
    ///
    /// # Errors
    ///
    /// If the relayer refuses for good, as to whoever has no right to it.
    pub async fn next(&mut self) -> Result<Told, ClientError> {
        if self.open.is_none() {
            sleep(self.back_off).await;
            return match self.connect().await {
                Ok(response) => {
                    let (parser, ready) = Default::default();
                    self.open = Some(Open { response, parser, ready });
                    Ok(Told::Connected)
                }
                Err(fault) => self.cut(fault),
            };
        }
        match self.read().await {
            Ok(event) => {
                self.back_off = Duration::ZERO;
                Ok(Told::Event(Box::new(event)))
            }
            Err(fault) => self.cut(fault),
        }
    }

    async fn connect(&self) -> Result<Response, Fault> {
        let mut request = self.client.request(self.client.http.get(self.url.clone()));
        if let Some(last) = self.last {
            request = request.header("Last-Event-ID", last.to_string());
        }
        let bounds = Bounds { time: self.client.patience.answer, largest: LARGEST_REFUSAL };
        open(request, bounds).await
    }

    /// The next event that is of what was asked for.
    async fn read(&mut self) -> Result<Event, Fault> {
        let silence = self.client.patience.silence;
        let wrong = |reason: &str| Fault::Wrong { reason: reason.to_owned() };
        let open = self.open.as_mut().ok_or_else(|| wrong("the stream is not open"))?;
        loop {
            while let Some(message) = open.ready.pop_front() {
                let event: Event = serde_json::from_str(&message.data)
                    .map_err(|_| wrong("something that is no event in the stream of events"))?;
                self.last = Some(event.sequence);
                if event.kind == Event::CONNECTED {
                    continue;
                }
                if self.filter.is_met_by(&event) {
                    return Ok(event);
                }
            }
            let Some(bytes) = chunk(&mut open.response, silence).await? else {
                let reason = "the stream of events ended".to_owned();
                return Err(Fault::Unreachable { reason, is_sent: true });
            };
            open.parser
                .read(bytes.as_ref(), &mut open.ready)
                .map_err(|_| wrong("an event that is too large"))?;
        }
    }

    fn cut(&mut self, fault: Fault) -> Result<Told, ClientError> {
        let error = self.client.error(fault);
        if let ClientError::Problem { problem, .. } = &error {
            // A relayer with another store never told the event to go on behind.
            let is_forgotten =
                problem.code == ProblemCode::InvalidParameter && self.last.take().is_some();
            if !is_forgotten && !error.is_retryable() {
                return Err(error);
            }
        }
        let patience = &self.client.patience;
        let longer = (self.back_off * 2).max(patience.first_back_off);
        self.back_off = longer.min(patience.longest_back_off);
        self.open = None;
        Ok(Told::Cut(error))
    }
}

impl EventFilter {
    /// Whether an event is of what is named. Whose the wallet is it does not tell.
    fn is_met_by(&self, event: &Event) -> bool {
        self.chain_id.is_none_or(|id| id == event.chain_id)
            && self.wallet.is_none_or(|wallet| wallet == event.wallet)
    }
}
