//! The transport around an application that does what the path tells it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use daybook::config::Config;
use daybook::dav::response::{Sink, Size};
use daybook::dav::{Body, Request, Response};
use daybook::http::listener::Listener;
use daybook::http::threads::{self, Threads};
use daybook::http::{Answered, Application, Pace, Site, Transport};
use tokio::sync::watch;

use super::Client;

/// Where requests wait until they may go on.
#[derive(Default)]
pub struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    waiting: AtomicUsize,
}

impl Gate {
    fn pass(&self) {
        let is_open = self.is_open.lock().unwrap();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap());
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many requests stand at it.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Lets everybody through, who comes later too.
    pub fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

/// Paths are orders: `/echo`, `/panic`, `/stream/KIB`, `/stream-panic/KIB`, `/pieces/KIB`,
/// `/pieces-panic/KIB`, `/slow`, `/gate`, `/thread/ABOUT`; anything else is answered with 204.
/// `?quick` and
/// `?waiting` say what kind of request it is.
#[derive(Default)]
struct Puppet {
    gate: Arc<Gate>,
    /// Bodies that are being made.
    streaming: Arc<AtomicUsize>,
}

impl Application for Puppet {
    fn answer(&self, request: &Request) -> Answered {
        let segments: Vec<&str> = request.path.segments().iter().map(String::as_str).collect();
        let xml = "application/xml; charset=utf-8";
        let response = match segments[..] {
            ["echo"] => Response::new(200).with_body("text/plain", request.body.clone()),
            ["panic"] => panic!("as the test wants"),
            ["slow"] => {
                std::thread::sleep(Duration::from_millis(500));
                Response::new(200).with_body("text/plain", "at last")
            }
            ["stream", kib] => {
                let kib: usize = kib.parse().unwrap();
                let streaming = Arc::clone(&self.streaming);
                let producer = move |out: &mut dyn Sink| {
                    streaming.fetch_add(1, Ordering::Relaxed);
                    let done = (0..kib).try_for_each(|_| out.write_all(&[b'x'; 1024]));
                    streaming.fetch_sub(1, Ordering::Relaxed);
                    done
                };
                Response::new(207).with_stream(xml, Box::new(producer))
            }
            ["stream-panic", kib] => {
                let kib: usize = kib.parse().unwrap();
                let producer = move |out: &mut dyn Sink| -> std::io::Result<()> {
                    out.write_all(&vec![b'x'; kib * 1024])?;
                    panic!("in the middle")
                };
                Response::new(207).with_stream(xml, Box::new(producer))
            }
            [way @ ("pieces" | "pieces-panic" | "told" | "told-panic"), kib] => {
                let (breaks, kib) = (way.ends_with("panic"), kib.parse::<usize>().unwrap());
                let size = match way.starts_with("told") {
                    true => Size::Exact(kib as u64 * 1024),
                    false => Size::About(kib as u64 * 1024),
                };
                let mut left = kib;
                let pieces = move |out: &mut dyn Sink| {
                    let now = left.min(60);
                    out.write_all(&vec![b'x'; now * 1024])?;
                    left -= now;
                    assert!(!breaks || left > 0, "as the test wants");
                    Ok(left > 0)
                };
                Response::new(207).with_parts(xml, Box::new(pieces), size)
            }
            ["gate"] => {
                threads::aside(|| self.gate.pass());
                Response::new(200).with_body("text/plain", "through")
            }
            ["thread", about] => {
                let own = std::thread::current().id();
                let producer = move |out: &mut dyn Sink| {
                    let same = std::thread::current().id() == own;
                    out.write_all(if same { b"own" } else { b"other" })
                };
                let response = Response::new(207).with_stream(xml, Box::new(producer));
                response.of_about(about.parse().ok())
            }
            _ => Response { status: 204, body: Body::Empty, ..Response::default() },
        };
        response.into()
    }

    fn pace(&self, request: &Request) -> Pace {
        match request.query.as_deref() {
            Some("quick") => Pace::Quick,
            Some("waiting") => Pace::Waiting,
            _ => Pace::Slow,
        }
    }
}

/// A listener in this process that ends when it is dropped.
pub struct Inside {
    address: SocketAddr,
    gate: Arc<Gate>,
    streaming: Arc<AtomicUsize>,
    runtime: Option<tokio::runtime::Runtime>,
    stop: watch::Sender<bool>,
    served: Option<tokio::task::JoinHandle<()>>,
}

impl Inside {
    /// With these changes to the usual configuration.
    pub fn start(change: impl FnOnce(&mut Config)) -> Self {
        Self::with(Threads::default(), change)
    }

    /// The same with other bounds.
    pub fn with(threads: Threads, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.server.shutdown_timeout_seconds = 5;
        change(&mut config);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let (stop, stopped) = watch::channel(false);
        let puppet = Puppet::default();
        let (gate, streaming) = (Arc::clone(&puppet.gate), Arc::clone(&puppet.streaming));
        let site = Site::new(Arc::new(puppet), Transport::from(&config), &Arc::new(threads));
        let patience = Duration::from_secs(config.server.shutdown_timeout_seconds);
        let any = [SocketAddr::from(([127, 0, 0, 1], 0))];
        let listener = runtime.block_on(Listener::bind(&any)).unwrap();
        let address = listener.addresses()[0].0;
        let served = Some(runtime.spawn(listener.serve(site, stopped, patience)));
        Self { address, gate, streaming, runtime: Some(runtime), stop, served }
    }

    /// Somebody who sends requests.
    pub fn client(&self) -> Client {
        Client::new(self.address, None)
    }

    /// Where `/gate` waits.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// How many bodies of `/stream` are being made.
    pub fn streaming(&self) -> usize {
        self.streaming.load(Ordering::Relaxed)
    }

    /// Ends it as a signal would, and waits until it has ended.
    pub fn stop(&mut self) {
        self.stop.send_replace(true);
        let served = self.served.take().unwrap();
        self.runtime.as_ref().unwrap().block_on(served).unwrap();
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.gate.open();
        self.stop.send_replace(true);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}
