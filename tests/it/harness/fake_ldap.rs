//! An LDAP server of the test process: binds and searches over a handful of entries, in raw BER
//! (RFC 4511, X.690). It knows `and`, equality and presence in filters, which is what is asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// One entry: its name, its password, its attributes.
#[derive(Clone, Debug)]
pub struct Entry {
    pub dn: &'static str,
    pub password: &'static str,
    pub attributes: Vec<(&'static str, &'static str)>,
}

/// The server; it ends with the process.
pub struct FakeLdap {
    pub address: SocketAddr,
    entries: Arc<Mutex<Vec<Entry>>>,
    binds: Arc<AtomicUsize>,
}

impl FakeLdap {
    pub fn start(entries: Vec<Entry>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let entries = Arc::new(Mutex::new(entries));
        let binds = Arc::new(AtomicUsize::new(0));
        let (shared, counter) = (Arc::clone(&entries), Arc::clone(&binds));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (entries, binds) = (Arc::clone(&shared), Arc::clone(&counter));
                std::thread::spawn(move || serve(stream, &entries, &binds));
            }
        });
        Self { address, entries, binds }
    }

    /// How many binds were tried.
    pub fn binds(&self) -> usize {
        self.binds.load(Ordering::SeqCst)
    }

    /// Changes the entries.
    pub fn change(&self, change: impl FnOnce(&mut Vec<Entry>)) {
        change(&mut self.entries.lock().unwrap());
    }
}

fn serve(mut stream: TcpStream, entries: &Mutex<Vec<Entry>>, binds: &AtomicUsize) {
    while let Some((_, message)) = read_element(&mut stream) {
        let mut parts = elements(&message);
        let operation = parts.remove(1);
        let id = parts.remove(0).1;
        let fields = if matches!(operation.0, 0x60 | 0x63) {
            elements(&operation.1)
        } else {
            return;
        };
        let text = |index: usize| String::from_utf8_lossy(&fields[index].1).into_owned();
        let entries = entries.lock().unwrap().clone();
        let mut answer = Vec::new();
        if operation.0 == 0x60 {
            binds.fetch_add(1, Ordering::SeqCst);
            let (dn, password) = (text(1), text(2));
            // A bind without a password succeeds as nobody (RFC 4513 §5.1.2).
            let known = |entry: &&Entry| entry.dn == dn && entry.password == password;
            let good = password.is_empty() || entries.iter().find(known).is_some();
            answer.extend(reply(&id, 0x61, if good { 0 } else { 49 }));
        } else {
            let (base, scope) = (text(0), fields[1].1[0]);
            for entry in entries {
                let below = scope == 2 && entry.dn.ends_with(&format!(",{base}"));
                if (below || entry.dn == base) && matches(&entry, &fields[6]) {
                    answer.extend(found(&id, &entry));
                }
            }
            answer.extend(reply(&id, 0x65, 0));
        }
        if stream.write_all(&answer).is_err() {
            return;
        }
    }
}

fn matches(entry: &Entry, (tag, body): &(u8, Vec<u8>)) -> bool {
    let has = |name: &[u8], value: Option<&[u8]>| {
        entry.attributes.iter().any(|(own, text)| {
            own.as_bytes().eq_ignore_ascii_case(name)
                && value.is_none_or(|value| text.as_bytes().eq_ignore_ascii_case(value))
        })
    };
    match tag {
        0xA0 => elements(body).iter().all(|part| matches(entry, part)),
        0xA3 => {
            let parts = elements(body);
            has(&parts[0].1, Some(&parts[1].1))
        }
        0x87 => body.eq_ignore_ascii_case(b"objectClass") || has(body, None),
        other => panic!("a filter that the test does not use: {other:#x}"),
    }
}

fn found(id: &[u8], entry: &Entry) -> Vec<u8> {
    let attribute = |(name, value): &(&str, &str)| {
        let set = element(0x31, &element(4, value.as_bytes()));
        element(0x30, &[element(4, name.as_bytes()), set].concat())
    };
    let attributes: Vec<u8> = entry.attributes.iter().flat_map(attribute).collect();
    let body = [element(4, entry.dn.as_bytes()), element(0x30, &attributes)].concat();
    element(0x30, &[element(2, id), element(0x64, &body)].concat())
}

fn reply(id: &[u8], tag: u8, code: u8) -> Vec<u8> {
    let body = [element(0x0A, &[code]), element(4, b""), element(4, b"")].concat();
    element(0x30, &[element(2, id), element(tag, &body)].concat())
}

fn element(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap();
    let [high, low] = length.to_be_bytes();
    let head = if length < 128 { vec![tag, low] } else { vec![tag, 0x82, high, low] };
    [head, body.to_vec()].concat()
}

fn elements(mut rest: &[u8]) -> Vec<(u8, Vec<u8>)> {
    std::iter::from_fn(|| read_element(&mut rest)).collect()
}

fn read_element(from: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut byte = || -> Option<u8> {
        let mut one = [0];
        from.read_exact(&mut one).ok()?;
        Some(one[0])
    };
    let (tag, first) = (byte()?, byte()?);
    let mut length = usize::from(first);
    if first >= 0x80 {
        length = 0;
        for _ in 0..first & 0x7F {
            length = length << 8 | usize::from(byte()?);
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    Some((tag, body))
}
