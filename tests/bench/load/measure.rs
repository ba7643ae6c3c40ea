//! Rounds: the limit and the row one after the other, again and again, so that what the machine
//! does beside it meets both.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use futures_util::stream::FuturesUnordered;

use crate::client::{Account, Call, Client};
use crate::limits;
use crate::rows::{self, Limit, Row};
use crate::server::{Bench, StaticServer, processor_seconds};

/// How long, or how much.
#[derive(Clone, Copy, Default)]
pub struct Length {
    pub time: Duration,
    /// Requests at most, for profiles.
    pub requests: Option<u64>,
    /// Requests per second to offer (open loop); latency then counts from the planned start.
    pub rate: Option<f64>,
    /// What is not answered by then is not waited for.
    pub until: Option<Instant>,
}

impl Length {
    /// Whether there is no time left.
    pub fn is_over(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() >= until)
    }
}

/// What a round of requests measured.
#[derive(Clone, Default)]
pub struct Round {
    pub answers: usize,
    pub per_second: f64,
    /// Milliseconds at 50, 90, 99 and 100 percent.
    pub percentiles: [f64; 4],
    /// Microseconds of the server's processor per request.
    pub processor_us: f64,
}

/// A runtime on this thread: the client must not need more than its processor.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// One round of a row.
pub fn row(bench: &Bench, row: &Row, length: Length, numbers: &Cell<u64>) -> Result<Round, String> {
    let next = || {
        let number = numbers.get();
        numbers.set(number + 1);
        (number, (row.call)(&bench.setting, number))
    };
    let check = |number, body: &[u8], first: bool| {
        if first {
            (row.verify)(&bench.setting, number, body)?;
        }
        match (row.check)(&bench.setting, number, body) {
            true => Ok(()),
            false => Err("a wrong answer".to_owned()),
        }
    };
    let before = processor_seconds(bench.pid);
    let mut round = drive(&bench.account, row.connections, row.statuses, length, &next, &check)?;
    if round.0 == 0 {
        return Ok(round.1);
    }
    let used = processor_seconds(bench.pid) - before;
    round.1.processor_us = used * 1e6 / round.0 as f64;
    Ok(round.1)
}

/// Hands the limit the answer that it is to serve; nothing for rows that write.
pub fn offer(bench: &Bench, nginx: &StaticServer, row: &Row) -> Result<(), String> {
    let row = match row.limit {
        Limit::Writes | Limit::WritesInParallel => return Ok(()),
        Limit::Static => row,
        Limit::Get => &rows::all()[0],
    };
    let call = (row.call)(&bench.setting, 0);
    nginx.offer(&once(&bench.account, &call, row.statuses).map_err(|error| error.to_string())?);
    Ok(())
}

/// One round of the row's limit.
pub fn limit(
    bench: &Bench,
    nginx: &StaticServer,
    row: &Row,
    length: Length,
) -> Result<Round, String> {
    let time = length.time;
    let written = |threads| {
        let per_second = limits::durable_writes(&bench.scratch(), threads, time);
        Ok(Round { per_second, ..Round::default() })
    };
    let connections = match row.limit {
        Limit::Writes => return written(1),
        Limit::WritesInParallel => return written(8),
        Limit::Static => row.connections,
        Limit::Get => rows::all()[0].connections,
    };
    let next = || (0, Call::new("GET", "/answer"));
    let check = |_, _: &[u8], _| Ok(());
    let length = Length { rate: None, requests: None, until: None, ..length };
    let before = processor_seconds(nginx.pid());
    let (count, mut round) = drive(&nginx.account, connections, &[200], length, &next, &check)?;
    round.processor_us = (processor_seconds(nginx.pid()) - before) * 1e6 / count as f64;
    Ok(round)
}

/// One request on a connection of its own.
pub fn once(account: &Account, call: &Call, statuses: &[u16]) -> io::Result<Vec<u8>> {
    runtime().block_on(async {
        Client::new(account.clone()).expect(call, statuses).await.map(<[u8]>::to_vec)
    })
}

pub type Checked<'a> = &'a dyn Fn(u64, &[u8], bool) -> Result<(), String>;

/// Keeps connections busy; the number of answers, and what was measured.
pub fn drive(
    account: &Account,
    connections: usize,
    statuses: &[u16],
    length: Length,
    next: &dyn Fn() -> (u64, Call),
    check: Checked<'_>,
) -> Result<(usize, Round), String> {
    let started = Instant::now();
    let times = std::cell::RefCell::new(Vec::new());
    let left = Cell::new(length.requests.unwrap_or(u64::MAX));
    let gap = length.rate.map(|rate| Duration::from_secs_f64(connections as f64 / rate));
    let one = async |index: usize| -> Result<(), String> {
        let mut client = Client::new(account.clone());
        let mut planned = started + gap.unwrap_or_default() * index as u32 / connections as u32;
        let mut first = index == 0;
        while started.elapsed() < length.time && left.get() > 0 {
            left.set(left.get() - 1);
            let (number, call) = next();
            match gap {
                Some(gap) => {
                    planned += gap;
                    tokio::time::sleep_until(planned.into()).await;
                }
                None => planned = Instant::now(),
            }
            let body = client.expect(&call, statuses).await.map_err(|error| error.to_string())?;
            times.borrow_mut().push(planned.elapsed().as_secs_f64());
            check(number, body, first).map_err(|why| {
                let text = String::from_utf8_lossy(&body[..body.len().min(300)]).into_owned();
                format!("{} {}: {why}: {text}", call.method, call.path)
            })?;
            first = false;
        }
        Ok(())
    };
    let mut tasks: FuturesUnordered<_> = (0..connections).map(one).collect();
    let all = async {
        while tasks.try_next().await?.is_some() {}
        Ok::<(), String>(())
    };
    runtime().block_on(async {
        match length.until {
            Some(until) => tokio::time::timeout_at(until.into(), all).await.unwrap_or(Ok(())),
            None => all.await,
        }
    })?;
    drop(tasks);
    let mut times = times.into_inner();
    // Of one connection only the time between request and answer counts: what this client does
    // with an answer nobody does for the limit. Of several, one is checked while others wait.
    let elapsed = match (connections, gap) {
        (1, None) => times.iter().sum(),
        _ => started.elapsed().as_secs_f64(),
    };
    times.sort_by(f64::total_cmp);
    if times.is_empty() && length.is_over() {
        return Ok((0, Round::default()));
    }
    if times.is_empty() {
        return Err("no request was answered".to_owned());
    }
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] * 1000.0;
    let round = Round {
        answers: times.len(),
        per_second: times.len() as f64 / elapsed,
        percentiles: [at(0.5), at(0.9), at(0.99), at(1.0)],
        processor_us: 0.0,
    };
    Ok((times.len(), round))
}
