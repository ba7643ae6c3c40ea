//! One request and its answer: the only place where the asynchronous and the synchronous meet.
//!
//! Quick requests are answered on the thread of their connection, others on a blocking thread,
//! where long bodies are also made but for those that come in pieces (`threads`). A panic costs one
//! request.

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use tokio::sync::oneshot;

use super::access_log::Line;
use super::proxy::Peer;
use super::response::{self, Outgoing, Payload};
use super::threads::Threads;
use super::{Answered, Site, Transport, request, stream, tap};
use crate::dav::response::{Size, at_once};
use crate::dav::{self, Body, Request, Response};
use crate::limits;

/// When a refusal goes out that must not tell what was found.
const REFUSAL: Duration = Duration::from_millis(limits::REFUSAL_MS);
/// By how much the runtime's clock may be late: so long before a moment it is left for a thread's
/// own, which is exact. A thread for all of the time would be a thread for every guess.
const ROUNDING: Duration = Duration::from_millis(2);

/// Where a request comes from.
#[derive(Clone)]
pub(super) struct Arrival {
    pub(super) peer: Peer,
    pub(super) raw: Option<tap::RawHead>,
}

/// Answers one request.
pub(super) async fn exchange(
    site: Arc<Site>,
    arrival: Arrival,
    incoming: http::Request<Incoming>,
) -> Result<http::Response<Outgoing>, Infallible> {
    let transport = site.transport.load_full();
    let version = incoming.version();
    let (parts, body) = incoming.into_parts();
    let mut line =
        Line::begin(parts.method.as_str(), parts.uri.path(), arrival.peer.address, Instant::now());
    line.silent = transport.silent;
    let request = receive(parts, body, &arrival, &transport).await;
    line.received = Some(Instant::now());
    if let Some(raw) = &arrival.raw {
        raw.restart();
    }
    let (answered, payload) = match request {
        Ok(request) => {
            line.describe(&request);
            let secure = request.origin.scheme == "https";
            let (mut answered, payload) = answer(&site, request, &transport).await;
            if let (true, Some(received)) = (answered.unhurried, line.received) {
                wait_until(received + REFUSAL).await;
            }
            if secure && transport.hsts_seconds > 0 {
                let value = format!("max-age={}", transport.hsts_seconds);
                answered.response = answered.response.with("strict-transport-security", value);
            }
            (answered, payload)
        }
        Err(error) => ready(response::from_error(&error, "").into()),
    };
    line.answered = Some(Instant::now());
    line.status = answered.response.status;
    line.user = answered.user;
    Ok(response::finish(answered.response, payload, line, version))
}

/// Reads head and body.
async fn receive(
    parts: http::request::Parts,
    body: Incoming,
    arrival: &Arrival,
    transport: &Transport,
) -> dav::Result<Request> {
    let mut request = request::head(parts, arrival.raw.as_ref(), arrival.peer, transport)?;
    request.body = request::body(&request, body, transport).await?;
    Ok(request)
}

/// Has the application answer, on the right thread.
async fn answer(
    site: &Arc<Site>,
    request: Request,
    transport: &Arc<Transport>,
) -> (Answered, Payload) {
    let local = request.origin.client.is_none_or(|client| client.is_loopback());
    let work = Work {
        site: Arc::clone(site),
        compress: transport.compression && !local,
        request,
        transport: Arc::clone(transport),
    };
    let under_way = site.threads.begin();
    let pace = work.site.application.pace(&work.request);
    let Some(own) = under_way.own(pace) else {
        return on_blocking_thread(&site.threads, move |start| {
            let answered = work.answer();
            work.produce(answered, start);
        })
        .await;
    };
    let answered = work.answer();
    match &answered.response.body {
        Body::Empty | Body::Full(_) => ready(answered),
        Body::Stream(_, Some(about)) if *about <= limits::OWN_THREAD_ANSWER_BYTES => {
            work.produce_here(answered)
        }
        Body::Parts(..) => work.produce_here(answered),
        Body::Stream(..) => {
            drop(own);
            on_blocking_thread(&site.threads, move |start| work.produce(answered, start)).await
        }
    }
}

/// Waits, the last of it on a blocking thread: the runtime counts in whole milliseconds from the
/// moment it has nothing else to do, and so would give away how long the work before was.
async fn wait_until(moment: Instant) {
    if let Some(almost) = moment.checked_sub(ROUNDING) {
        tokio::time::sleep_until(almost.into()).await;
    }
    let wait = move || std::thread::sleep(moment.saturating_duration_since(Instant::now()));
    // It cannot fail but with the whole server.
    let _ = tokio::task::spawn_blocking(wait).await;
}

type Start = oneshot::Sender<(Answered, Payload)>;

async fn on_blocking_thread(
    threads: &Threads,
    work: impl FnOnce(Start) + Send + 'static,
) -> (Answered, Payload) {
    let (start, started) = oneshot::channel();
    threads.elsewhere(move || work(start)).await;
    started.await.unwrap_or_else(|_| ready(Response::new(500).into()))
}

/// An answer that waits for nothing; empties it of its body.
fn ready(mut answered: Answered) -> (Answered, Payload) {
    let payload = match std::mem::take(&mut answered.response.body) {
        Body::Full(bytes) => Payload::full([bytes]),
        Body::Empty | Body::Stream(..) | Body::Parts(..) => Payload::default(),
    };
    (answered, payload)
}

/// A request with all that is needed to answer it on any thread.
struct Work {
    site: Arc<Site>,
    request: Request,
    transport: Arc<Transport>,
    compress: bool,
}

impl Work {
    fn answer(&self) -> Answered {
        let run = || {
            let mut decoded;
            let mut request = &self.request;
            if request.headers.contains_key(http::header::CONTENT_ENCODING) {
                decoded = request.clone();
                if let Err(error) = request::decode(&mut decoded, &self.transport) {
                    return response::from_error(&error, &request.origin.prefix).into();
                }
                request = &decoded;
            }
            let mut answered = self.site.application.answer(request);
            if self.compress && response::wants_gzip(&request.headers, &answered.response) {
                response::gzip(&mut answered.response);
            }
            answered
        };
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let reason = reason(panic.as_ref());
            let Request { method, path, .. } = &self.request;
            tracing::error!(%method, %path, reason, "panic");
            Response::new(500).into()
        })
    }

    /// Makes the body and hands over what can be sent.
    fn produce(&self, mut answered: Answered, start: Start) {
        let producer = match std::mem::take(&mut answered.response.body) {
            Body::Stream(producer, _) => producer,
            body => {
                answered.response.body = body;
                let _ = start.send(self.produce_here(answered));
                return;
            }
        };
        let mut start = Some(start);
        let mut hand_over = |answered, payload| {
            if let Some(start) = start.take() {
                let _ = start.send((answered, payload));
            }
        };
        let user = answered.user.clone();
        let begin = |payload| hand_over(answered, payload);
        let run = || stream::run(producer, self.transport.stall_timeout, begin);
        let (failed, payload) = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => self.failed(user, &error.to_string()),
            Err(panic) => self.failed(user, reason(panic.as_ref())),
        };
        hand_over(failed, payload);
    }

    /// Makes a body on this thread: a short one, or the beginning of one that its connection makes.
    fn produce_here(&self, mut answered: Answered) -> (Answered, Payload) {
        let run = || match std::mem::take(&mut answered.response.body) {
            Body::Stream(producer, _) => stream::whole(producer),
            Body::Parts(parts, Size::About(bytes)) if bytes <= limits::OWN_THREAD_ANSWER_BYTES => {
                stream::whole(at_once(parts))
            }
            Body::Parts(parts, size) => stream::Making::begin(parts, size),
            Body::Full(bytes) => Ok(Payload::full([bytes])),
            Body::Empty => Ok(Payload::default()),
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(payload)) => (answered, payload),
            Ok(Err(error)) => self.failed(answered.user, &error.to_string()),
            Err(panic) => self.failed(answered.user, reason(panic.as_ref())),
        }
    }

    /// The answer in the place of one whose body failed before any of it was sent.
    fn failed(&self, user: String, reason: &str) -> (Answered, Payload) {
        let Request { method, path, .. } = &self.request;
        tracing::warn!(%method, %path, reason, "body failed");
        let failed = Answered { response: Response::new(500), user, unhurried: false };
        (failed, Payload::default())
    }
}

fn reason(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic")
}
