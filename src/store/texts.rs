//! Texts that were made of the contents of files, kept while there is room for them. The key is the
//! hash of the content, so nothing here can be out of date; all of it may be lost at any time.
//!
//! Events are small and alike: they share zones, product names and most of their property names. A
//! log of segments keeps them. The first texts of a segment stand in it as they are and are the
//! dictionary with which the others are compressed, so what one person's calendar is full of is
//! written once: short ones in steps (`steps`), long ones, which repeat themselves, by LZ4. The
//! oldest segment goes when there is no room; what was asked for meanwhile is carried over into the
//! newest one.

mod steps;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lz4_flex::block;
use parking_lot::RwLock;

use super::by_content::ByContent;
use steps::Stretches;

type Hash = [u8; 16];

/// Bytes of one segment, its bookkeeping included.
const SEGMENT_BYTES: usize = 64 * 1024;
/// Bytes of a segment that are not compressed.
const DICTIONARY_BYTES: usize = 8 * 1024;
/// What a text costs beside its bytes.
const ENTRY_BYTES: usize = 80;
/// Longer texts may well repeat themselves more than others.
const SHORT_BYTES: usize = 8 * 1024;
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
    places: ByContent<Known>,
    segments: VecDeque<Arc<Segment>>,
    /// The number of the oldest segment; the others follow.
    oldest: u64,
    cost: usize,
    /// For the dictionary of the newest segment, when it is complete.
    stretches: Option<Stretches>,
}

#[derive(Clone, Debug, Default)]
struct Segment {
    bytes: Vec<u8>,
    members: Vec<Hash>,
}

/// A text that was found. It can be read for as long as this is kept, whatever has to make room
/// meanwhile: its segment stays until then.
#[derive(Clone, Debug)]
pub struct Text {
    segment: Arc<Segment>,
    place: Place,
}

impl Text {
    /// Bytes of the text.
    pub fn length(&self) -> usize {
        self.place.length as usize
    }

    /// Appends the text; false, and nothing is appended, should its segment be damaged.
    pub fn append(&self, out: &mut Vec<u8>) -> bool {
        self.segment.append(&self.place, out)
    }
}

/// Where a text stands in its segment.
#[derive(Clone, Copy, Debug)]
struct Place {
    at: u32,
    /// Bytes it takes there.
    taken: u32,
    length: u32,
    form: Form,
}

/// How a text stands in its segment.
#[derive(Clone, Copy, Debug)]
enum Form {
    AsItIs,
    Steps,
    Lz4,
}

#[derive(Debug)]
struct Known {
    segment: u64,
    place: Place,
    /// Whether somebody wanted it since it was put there.
    asked: AtomicBool,
}

impl Texts {
    /// Room for so many bytes of memory.
    pub fn new(limit: usize) -> Self {
        Self { limit, log: RwLock::default() }
    }

    /// The texts for these contents; absent when one is not known.
    pub fn find(&self, contents: impl Iterator<Item = Hash>) -> Option<Vec<Text>> {
        let log = self.log.read();
        contents.map(|content| log.find(&content)).collect()
    }

    /// Keeps the text for this content.
    pub fn keep(&self, content: Hash, text: &[u8]) {
        let mut log = self.log.write();
        if text.len() > TEXT_BYTES.min(self.limit / 4) || log.places.contains_key(&content.into()) {
            return;
        }
        while log.cost + text.len() + ENTRY_BYTES > self.limit && log.drop_oldest() {}
        log.add(content, text);
    }
}

impl Log {
    fn find(&self, content: &Hash) -> Option<Text> {
        let known = self.places.get(&(*content).into())?;
        let number = usize::try_from(known.segment.checked_sub(self.oldest)?).ok()?;
        let segment = self.segments.get(number)?.clone();
        if !known.asked.load(Ordering::Relaxed) {
            known.asked.store(true, Ordering::Relaxed);
        }
        Some(Text { segment, place: known.place })
    }

    fn add(&mut self, content: Hash, text: &[u8]) {
        if self.segments.back().is_none_or(|segment| segment.cost() >= SEGMENT_BYTES) {
            self.segments.push_back(Arc::default());
            self.stretches = None;
        }
        let number = self.oldest + self.segments.len() as u64 - 1;
        let Some(segment) = self.segments.back_mut() else { return };
        // An answer under way that reads the newest segment keeps it as it was.
        let segment = Arc::make_mut(segment);
        let before = segment.cost();
        if let Some(place) = segment.add(text, &mut self.stretches) {
            segment.members.push(content);
            let asked = AtomicBool::new(false);
            self.places.insert(content.into(), Known { segment: number, place, asked });
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
            let Some(known) = self.places.remove(&(*content).into()) else { continue };
            let place = known.place;
            debug_assert_eq!(known.segment, number);
            let asked = known.asked.load(Ordering::Relaxed) && carried < segment.cost() / 2;
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

    fn add(&mut self, text: &[u8], stretches: &mut Option<Stretches>) -> Option<Place> {
        let at = self.bytes.len();
        let (packed, form) = match at >= DICTIONARY_BYTES {
            false => (None, Form::AsItIs),
            true if text.len() > SHORT_BYTES => {
                (Some(block::compress_with_dict(text, self.dictionary())), Form::Lz4)
            }
            true => {
                let stretches = stretches.get_or_insert_with(|| Stretches::of(self.dictionary()));
                (Some(stretches.pack(self.dictionary(), text)), Form::Steps)
            }
        };
        let packed = packed.filter(|packed| packed.len() < text.len());
        let form = if packed.is_some() { form } else { Form::AsItIs };
        let bytes = packed.as_deref().unwrap_or(text);
        // Room is made once and not by doubling; the last text may need a little more.
        let room = SEGMENT_BYTES.saturating_sub(self.members.len() * ENTRY_BYTES).max(at);
        self.bytes.reserve_exact((room - at).max(bytes.len()));
        self.bytes.extend_from_slice(bytes);
        Some(Place {
            at: u32::try_from(at).ok()?,
            taken: u32::try_from(bytes.len()).ok()?,
            length: u32::try_from(text.len()).ok()?,
            form,
        })
    }

    fn append(&self, place: &Place, out: &mut Vec<u8>) -> bool {
        let at = place.at as usize;
        let Some(bytes) = self.bytes.get(at..at + place.taken as usize) else { return false };
        let (before, length) = (out.len(), place.length as usize);
        out.reserve(length);
        let whole = match place.form {
            Form::AsItIs => {
                out.extend_from_slice(bytes);
                true
            }
            Form::Steps => steps::unpack(self.dictionary(), bytes, out),
            Form::Lz4 => {
                out.resize(before + length, 0);
                let text = &mut out[before..];
                let unpacked = block::decompress_into_with_dict(bytes, text, self.dictionary());
                unpacked.is_ok_and(|unpacked| unpacked == length)
            }
        };
        let whole = whole && out.len() == before + length;
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
                let text_of = texts.find([key(*number)].into_iter());
                let known = text_of.is_some_and(|texts| texts[0].append(&mut found));
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
        let held = texts.find([key(6000)].into_iter()).unwrap();
        let mut found = Vec::new();
        assert!(held[0].append(&mut found) && found == long);
        assert!(held[0].length() == 200_000 && held[0].place.taken < 2000);
        let raw: usize = (0..5000).map(|number| text(number).len()).sum();
        let cost = texts.log.read().cost;
        assert!(cost < raw + 5000 * ENTRY_BYTES, "{cost} for {raw}");
    }

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let texts = Texts::new(512 * 1024);
        (6..8).for_each(|number| texts.keep(key(number), &text(number)));
        let held = texts.find([key(6), key(7)].into_iter()).unwrap();
        assert!(texts.find([key(6), key(8)].into_iter()).is_none());
        for number in 0..20_000 {
            texts.keep(key(number), &text(number));
            assert_eq!(kept(&texts, 7..8), 1, "after {number}");
            let log = texts.log.read();
            assert!(log.cost <= 512 * 1024, "{}", log.cost);
            let own: usize = log.segments.iter().map(|segment| segment.cost()).sum();
            let room: usize = log.segments.iter().map(|segment| segment.bytes.capacity()).sum();
            assert_eq!(log.cost, own);
            assert!(room <= 512 * 1024 + super::SEGMENT_BYTES, "{room}");
            let members: usize = log.segments.iter().map(|segment| segment.members.len()).sum();
            assert_eq!(log.places.len(), members);
        }
        assert_eq!(kept(&texts, 0..7), 0);
        // What was found stays as it was, though one is gone and the other was moved.
        for (number, held) in (6..).zip(held) {
            let mut found = Vec::new();
            assert!(held.append(&mut found) && found == text(number), "{number}");
        }
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
