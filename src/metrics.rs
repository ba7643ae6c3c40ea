//! What the server counts, for the whole process, and its text for Prometheus (exposition format
//! 0.0.4). Labels are methods, statuses and phases only: never names or paths.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;

use crate::dav::Method;

/// Upper bounds of the buckets, in microseconds; one more takes the rest.
const BUCKETS: [u64; 10] =
    [500, 1_000, 2_500, 5_000, 10_000, 50_000, 100_000, 500_000, 2_500_000, 10_000_000];

/// A part of the time that a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Head and body arrive.
    Receive,
    /// Until the answer begins.
    Answer,
    /// Until the answer is with the client.
    Send,
}

const PHASES: [(Phase, &str); 3] =
    [(Phase::Receive, "receive"), (Phase::Answer, "answer"), (Phase::Send, "send")];
/// Methods, and one row for what is none.
const ROWS: usize = Method::ALL.len() + 1;

struct Histogram {
    buckets: [AtomicU64; BUCKETS.len() + 1],
    microseconds: AtomicU64,
}

impl Histogram {
    const fn new() -> Self {
        let buckets = [const { AtomicU64::new(0) }; BUCKETS.len() + 1];
        Self { buckets, microseconds: AtomicU64::new(0) }
    }

    fn observe(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let at = BUCKETS.iter().position(|bound| micros <= *bound).unwrap_or(BUCKETS.len());
        self.buckets[at].fetch_add(1, Relaxed);
        self.microseconds.fetch_add(micros, Relaxed);
    }

    fn write(&self, out: &mut String, name: &str, labels: &str) {
        let mut count = 0;
        for (at, bucket) in self.buckets.iter().enumerate() {
            count += bucket.load(Relaxed);
            let bound = BUCKETS.get(at).map(|micros| (*micros as f64 / 1e6).to_string());
            let bound = bound.as_deref().unwrap_or("+Inf");
            let _ = writeln!(out, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}");
        }
        let seconds = self.microseconds.load(Relaxed) as f64 / 1e6;
        let _ = writeln!(out, "{name}_sum{{{labels}}} {seconds}");
        let _ = writeln!(out, "{name}_count{{{labels}}} {count}");
    }

    fn is_empty(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.load(Relaxed) == 0)
    }
}

type Row = [Histogram; PHASES.len()];

static REQUESTS: Mutex<BTreeMap<(&str, u16), u64>> = Mutex::new(BTreeMap::new());
static SECONDS: [Row; ROWS] = [const { [const { Histogram::new() }; PHASES.len()] }; ROWS];
static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
static MESSAGES: AtomicU64 = AtomicU64::new(0);

fn name_of(method: Option<Method>) -> &'static str {
    method.map_or("other", Method::as_str)
}

/// Counts a request that has been answered.
pub fn count_request(method: Option<Method>, status: u16) {
    *REQUESTS.lock().entry((name_of(method), status)).or_default() += 1;
}

/// Counts the time of one phase.
pub fn count_time(method: Option<Method>, phase: Phase, time: Duration) {
    let row = method.and_then(|method| Method::ALL.iter().position(|known| *known == method));
    SECONDS[row.unwrap_or(ROWS - 1)][phase as usize].observe(time);
}

/// Counts a connection.
pub fn count_connection() {
    CONNECTIONS.fetch_add(1, Relaxed);
}

/// Counts a scheduling message that has reached its recipient.
pub fn count_message() {
    MESSAGES.fetch_add(1, Relaxed);
}

/// Values that are looked up when somebody asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauges {
    /// Homes that are open.
    pub homes: usize,
    /// Bytes of memory that their indexes take, about.
    pub index_bytes: u64,
    /// Damaged and misplaced files and directories in them.
    pub damaged: usize,
    /// Edits past the server that must not be told to others.
    pub refused_edits: usize,
    /// Scheduling messages that wait.
    pub waiting: usize,
}

/// Everything as text.
pub fn text(gauges: Gauges) -> String {
    let mut out = String::with_capacity(4096);
    let head = |out: &mut String, name: &str, kind: &str, help: &str| {
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    };
    let name = "daybook_requests_total";
    head(&mut out, name, "counter", "Requests by method and status.");
    for ((method, status), count) in REQUESTS.lock().iter() {
        let _ = writeln!(out, "{name}{{method=\"{method}\",status=\"{status}\"}} {count}");
    }
    let name = "daybook_request_seconds";
    head(&mut out, name, "histogram", "Time of requests by method and phase.");
    for (at, row) in SECONDS.iter().enumerate() {
        let method = name_of(Method::ALL.get(at).copied());
        for (histogram, (_, phase)) in row.iter().zip(PHASES) {
            if !histogram.is_empty() {
                let labels = format!("method=\"{method}\",phase=\"{phase}\"");
                histogram.write(&mut out, name, &labels);
            }
        }
    }
    for (name, kind, help, value) in [
        (
            "daybook_connections_total",
            "counter",
            "Connections accepted.",
            CONNECTIONS.load(Relaxed),
        ),
        (
            "daybook_messages_delivered_total",
            "counter",
            "Scheduling messages delivered.",
            MESSAGES.load(Relaxed),
        ),
        (
            "daybook_messages_waiting",
            "gauge",
            "Scheduling messages that wait for delivery.",
            gauges.waiting as u64,
        ),
        ("daybook_homes_open", "gauge", "Calendar homes in memory.", gauges.homes as u64),
        (
            "daybook_index_bytes",
            "gauge",
            "About how many bytes of memory the indexes of these homes take.",
            gauges.index_bytes,
        ),
        (
            "daybook_damaged_files",
            "gauge",
            "Files and directories in open homes that daybook check would name.",
            gauges.damaged as u64,
        ),
        (
            "daybook_refused_edits",
            "gauge",
            "Edits past the server in open homes that must not be told to others.",
            gauges.refused_edits as u64,
        ),
    ] {
        head(&mut out, name, kind, help);
        let _ = writeln!(out, "{name} {value}");
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Gauges, Phase, count_request, count_time, text};
    use crate::dav::Method;

    #[test]
    fn buckets_add_up() {
        // Nothing else in these tests acts under this method.
        for micros in [400, 700, 90_000_000] {
            count_time(Some(Method::Unlock), Phase::Answer, Duration::from_micros(micros));
        }
        count_request(None, 400);
        let text = text(Gauges { damaged: 7, ..Gauges::default() });
        let labels = "method=\"UNLOCK\",phase=\"answer\"";
        for line in [
            format!("daybook_request_seconds_bucket{{{labels},le=\"0.0005\"}} 1"),
            format!("daybook_request_seconds_bucket{{{labels},le=\"10\"}} 2"),
            format!("daybook_request_seconds_bucket{{{labels},le=\"+Inf\"}} 3"),
            format!("daybook_request_seconds_sum{{{labels}}} 90.0011"),
            format!("daybook_request_seconds_count{{{labels}}} 3"),
            "daybook_requests_total{method=\"other\",status=\"400\"} 1".to_owned(),
            "daybook_damaged_files 7".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
