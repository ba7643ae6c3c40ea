//! Texts that were made of the contents of files, kept while there is room for them. The key is the
//! hash of the content, so nothing here can be out of date; all of it may be lost at any time.
//!
//! Events are small and alike: they share zones, product names and most of their property names. A
//! log of segments keeps them. The first texts of a segment stand in it as they are and are the
//! dictionary with which the others are compressed (LZ4), so what one person's calendar is full of
//! is written once. The oldest segment goes when there is no room; what was asked for meanwhile is
//! carried over into the newest one.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};

use lz4_flex::block;
use parking_lot::RwLock;

type Hash = [u8; 16];

/// Bytes of one segment, its bookkeeping included.
const SEGMENT_BYTES: usize = 64 * 1024;
/// Bytes of a segment that are not compressed.
const DICTIONARY_BYTES: usize = 8 * 1024;
/// What a text costs beside its bytes.
const ENTRY_BYTES: usize = 80;
/// Longer texts are not kept: they would push out hundreds of others.
const TEXT_BYTES: usize = 256 * 1024;

/// Texts by the hash of the content they were made of.
#[derive(Debug)]
pub struct Texts {
    limit: usize,
    log: RwLock<Log>,
}

#[derive(Debug, Default)]
struct Log {
    places: HashMap<Hash, Place>,
    segments: VecDeque<Segment>,
    /// The number of the oldest segment; the others follow.
    oldest: u64,
    cost: usize,
}

#[derive(Debug, Default)]
struct Segment {
    bytes: Vec<u8>,
    members: Vec<Hash>,
}

/// Where a text stands.
#[derive(Debug)]
struct Place {
    segment: u64,
    at: u32,
    /// Bytes it takes there.
    taken: u32,
    length: u32,
    compressed: bool,
    /// Whether somebody wanted it since it was put there.
    asked: AtomicBool,
}

impl Texts {
    /// Room for so many bytes of memory.
    pub fn new(limit: usize) -> Self {
        Self { limit, log: RwLock::default() }
    }

    /// Appends the text for this content; false, and nothing is appended, when it is not known.
    pub fn append(&self, content: &Hash, out: &mut Vec<u8>) -> bool {
        let log = self.log.read();
        let Some(place) = log.places.get(content) else { return false };
        if !place.asked.load(Ordering::Relaxed) {
            place.asked.store(true, Ordering::Relaxed);
        }
        let segment = log.segments.get(usize::try_from(place.segment - log.oldest).unwrap_or(0));
        segment.is_some_and(|segment| segment.append(place, out))
    }

    /// Whether the texts for all these contents are known.
    pub fn hold<'a>(&self, mut contents: impl Iterator<Item = &'a Hash>) -> bool {
        let log = self.log.read();
        contents.all(|content| log.places.contains_key(content))
    }

    /// Keeps the text for this content.
    pub fn keep(&self, content: Hash, text: &[u8]) {
        let mut log = self.log.write();
        if text.len() > TEXT_BYTES.min(self.limit / 4) || log.places.contains_key(&content) {
            return;
        }
        while log.cost + text.len() + ENTRY_BYTES > self.limit && log.drop_oldest() {}
        log.add(content, text);
    }
}

impl Log {
    fn add(&mut self, content: Hash, text: &[u8]) {
        if self.segments.back().is_none_or(|segment| segment.cost() >= SEGMENT_BYTES) {
            self.segments.push_back(Segment::default());
        }
        let number = self.oldest + self.segments.len() as u64 - 1;
        let Some(segment) = self.segments.back_mut() else { return };
        let before = segment.cost();
        if let Some(place) = segment.add(number, text) {
            segment.members.push(content);
            self.places.insert(content, place);
        }
        self.cost += segment.cost() - before;
    }

    /// Makes room by at least half of the oldest segment; false when there is none.
    fn drop_oldest(&mut self) -> bool {
        let Some(segment) = self.segments.pop_front() else { return false };
        let number = self.oldest;
        self.oldest += 1;
        self.cost -= segment.cost();
        let (mut carried, mut text) = (0, Vec::new());
        for content in &segment.members {
            let Some(place) = self.places.remove(content) else { continue };
            debug_assert_eq!(place.segment, number);
            let asked = place.asked.load(Ordering::Relaxed) && carried < segment.cost() / 2;
            text.clear();
            if asked && segment.append(&place, &mut text) {
                carried += place.taken as usize + ENTRY_BYTES;
                self.add(*content, &text);
            }
        }
        true
    }
}

impl Segment {
    fn cost(&self) -> usize {
        self.bytes.len() + self.members.len() * ENTRY_BYTES
    }

    fn dictionary(&self) -> &[u8] {
        &self.bytes[..self.bytes.len().min(DICTIONARY_BYTES)]
    }

    fn add(&mut self, segment: u64, text: &[u8]) -> Option<Place> {
        let at = self.bytes.len();
        let packed = (at >= DICTIONARY_BYTES)
            .then(|| block::compress_with_dict(text, self.dictionary()))
            .filter(|packed| packed.len() < text.len());
        let compressed = packed.is_some();
        let bytes = packed.as_deref().unwrap_or(text);
        // Room is made once and not by doubling; the last text may need a little more.
        let room = SEGMENT_BYTES.saturating_sub(self.members.len() * ENTRY_BYTES).max(at);
        self.bytes.reserve_exact((room - at).max(bytes.len()));
        self.bytes.extend_from_slice(bytes);
        Some(Place {
            segment,
            at: u32::try_from(at).ok()?,
            taken: u32::try_from(bytes.len()).ok()?,
            length: u32::try_from(text.len()).ok()?,
            compressed,
            asked: AtomicBool::new(false),
        })
    }

    fn append(&self, place: &Place, out: &mut Vec<u8>) -> bool {
        let at = place.at as usize;
        let Some(bytes) = self.bytes.get(at..at + place.taken as usize) else { return false };
        if !place.compressed {
            out.extend_from_slice(bytes);
            return true;
        }
        let before = out.len();
        out.resize(before + place.length as usize, 0);
        let text = &mut out[before..];
        let length = block::decompress_into_with_dict(bytes, text, self.dictionary());
        let whole = length.is_ok_and(|length| length == text.len());
        if !whole {
            out.truncate(before);
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::{ENTRY_BYTES, Texts};

    fn key(number: u32) -> [u8; 16] {
        let mut key = [0; 16];
        key[..4].copy_from_slice(&number.to_le_bytes());
        key
    }

    fn text(number: u32) -> Vec<u8> {
        let mut text = String::from("BEGIN:VCALENDAR\nPRODID:-//Example//Calendar 1.0//EN\n");
        for line in 0..number % 40 {
            let noise = number.wrapping_mul(2_654_435_761).rotate_left(line);
            text.push_str(&format!("X-LINE-{line}:{noise:x}\n"));
        }
        text.into_bytes()
    }

    fn kept(texts: &Texts, numbers: std::ops::Range<u32>) -> usize {
        let mut found = b"abc".to_vec();
        numbers
            .filter(|number| {
                found.truncate(3);
                let known = texts.append(&key(*number), &mut found);
                let expected = if known { text(*number) } else { Vec::new() };
                assert!(found[..3] == *b"abc" && found[3..] == expected, "{number}");
                known
            })
            .count()
    }

    #[test]
    fn texts_come_back_as_they_were() {
        let texts = Texts::new(8 << 20);
        for number in 0..5000 {
            texts.keep(key(number), &text(number));
        }
        assert_eq!(kept(&texts, 0..5000), 5000);
        assert_eq!(kept(&texts, 5000..6000), 0);
        let long = vec![b'x'; 200_000];
        texts.keep(key(6000), &long);
        let mut found = Vec::new();
        assert!(texts.append(&key(6000), &mut found) && found == long);
        let raw: usize = (0..5000).map(|number| text(number).len()).sum();
        let cost = texts.log.read().cost;
        assert!(cost < raw + 5000 * ENTRY_BYTES, "{cost} for {raw}");
    }

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let texts = Texts::new(512 * 1024);
        for number in 0..20_000 {
            texts.keep(key(number), &text(number));
            assert_eq!(kept(&texts, 7..8), usize::from(number >= 7), "after {number}");
            let log = texts.log.read();
            assert!(log.cost <= 512 * 1024, "{}", log.cost);
            let own: usize = log.segments.iter().map(super::Segment::cost).sum();
            let room: usize = log.segments.iter().map(|segment| segment.bytes.capacity()).sum();
            assert_eq!(log.cost, own);
            assert!(room <= 512 * 1024 + super::SEGMENT_BYTES, "{room}");
            let members: usize = log.segments.iter().map(|segment| segment.members.len()).sum();
            assert_eq!(log.places.len(), members);
        }
        assert_eq!(kept(&texts, 0..7), 0);
        assert!(kept(&texts, 19_500..20_000) > 400);
    }

    #[test]
    fn nothing_is_kept_without_room() {
        let texts = Texts::new(0);
        texts.keep(key(1), &text(1));
        assert_eq!(kept(&texts, 0..2), 0);
    }

    proptest::proptest! {
        #[test]
        fn a_small_log_never_lies(numbers in proptest::collection::vec(0u32..300, 1..600)) {
            let texts = Texts::new(70 * 1024);
            for number in numbers {
                texts.keep(key(number), &text(number));
                assert_eq!(kept(&texts, number..number + 1), 1);
                kept(&texts, 0..20);
            }
        }
    }
}
