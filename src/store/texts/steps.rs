//! Texts in steps: each step is some bytes of the text's own and then a stretch of a dictionary.
//! Short texts that are full of the dictionary's lines take fewer and longer steps than LZ4 would
//! take, so they are put together in half the time.
//!
//! A step is the number of its own bytes (one byte), the length of the stretch and where it begins
//! (two bytes each, little end first), and its own bytes.

/// Shorter stretches are not worth a step.
const LEAST: usize = 12;
/// Bytes by which stretches are found.
const KEY: usize = 8;
/// Places with the same key that are looked at.
const LOOKS: usize = 16;
/// Keys that are told apart.
const KEYS: usize = 4096;
/// No place.
const NONE: u16 = u16::MAX;

/// Finds stretches in one dictionary of less than 64 KB.
#[derive(Debug)]
pub(super) struct Stretches {
    /// For each key the last place that has it.
    last: Box<[u16]>,
    /// For each place the one before it with the same key.
    before: Box<[u16]>,
}

impl Stretches {
    pub(super) fn of(dictionary: &[u8]) -> Self {
        let places = dictionary.len().min(usize::from(NONE)).saturating_sub(KEY - 1);
        let mut last = vec![NONE; KEYS];
        let mut before = vec![NONE; places];
        for (at, key) in dictionary.windows(KEY).take(places).enumerate() {
            let slot = &mut last[slot(key)];
            before[at] = *slot;
            *slot = at as u16;
        }
        Self { last: last.into(), before: before.into() }
    }

    /// The longest stretch that was found for the beginning of a text: place and length.
    fn longest(&self, dictionary: &[u8], text: &[u8]) -> Option<(usize, usize)> {
        let mut at = self.last[slot(text.get(..KEY)?)];
        let mut best = (0, 0);
        for _ in 0..LOOKS {
            let Some(there) = dictionary.get(usize::from(at)..) else { break };
            let same = text.iter().zip(there).take_while(|(a, b)| a == b).count();
            if same > best.1 {
                best = (usize::from(at), same);
            }
            let Some(before) = self.before.get(usize::from(at)) else { break };
            at = *before;
        }
        (best.1 >= LEAST).then_some(best)
    }

    /// The text in steps.
    pub(super) fn pack(&self, dictionary: &[u8], text: &[u8]) -> Vec<u8> {
        let mut steps = Vec::new();
        let (mut own, mut at) = (0, 0);
        while at < text.len() {
            let Some((mut from, mut length)) = self.longest(dictionary, &text[at..]) else {
                at += 1;
                continue;
            };
            // It may begin earlier than its key was looked for.
            while at > own && from > 0 && text[at - 1] == dictionary[from - 1] {
                (at, from, length) = (at - 1, from - 1, length + 1);
            }
            step(&mut steps, &text[own..at], from, length);
            at += length;
            own = at;
        }
        if own < text.len() {
            step(&mut steps, &text[own..], 0, 0);
        }
        steps
    }
}

fn slot(key: &[u8]) -> usize {
    let mut bytes = [0; KEY];
    bytes.copy_from_slice(key);
    let mixed = u64::from_le_bytes(bytes).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed as usize >> (usize::BITS - KEYS.trailing_zeros())
}

fn step(steps: &mut Vec<u8>, own: &[u8], from: usize, length: usize) {
    const MOST: usize = u8::MAX as usize;
    let mut put = |own: &[u8], from: u16, length: u16| {
        steps.push(own.len() as u8);
        steps.extend_from_slice(&length.to_le_bytes());
        steps.extend_from_slice(&from.to_le_bytes());
        steps.extend_from_slice(own);
    };
    let chunks = own.len().saturating_sub(1) / MOST;
    own.chunks(MOST).take(chunks).for_each(|part| put(part, 0, 0));
    // The dictionary has less than 64 KB.
    put(&own[chunks * MOST..], from as u16, length as u16);
}

/// Appends the text that stands in these steps; false where they are not whole.
pub(super) fn unpack(dictionary: &[u8], mut steps: &[u8], out: &mut Vec<u8>) -> bool {
    while let [own, length0, length1, from0, from1, rest @ ..] = steps {
        let from = usize::from(u16::from_le_bytes([*from0, *from1]));
        let length = usize::from(u16::from_le_bytes([*length0, *length1]));
        let Some((own, rest)) = rest.split_at_checked(usize::from(*own)) else { return false };
        let Some(stretch) = dictionary.get(from..from + length) else { return false };
        out.extend_from_slice(own);
        out.extend_from_slice(stretch);
        steps = rest;
    }
    steps.is_empty()
}

#[cfg(test)]
mod tests {
    use super::{Stretches, unpack};

    const LINES: &str = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Example//EN\nBEGIN:VEVENT\nUID:1\n\
                         DTSTAMP:20250101T000000Z\nSUMMARY:a\nEND:VEVENT\nEND:VCALENDAR\n";

    fn there_and_back(dictionary: &[u8], text: &[u8]) -> usize {
        let steps = Stretches::of(dictionary).pack(dictionary, text);
        let mut out = b"before".to_vec();
        assert!(unpack(dictionary, &steps, &mut out));
        assert!(out.strip_prefix(b"before") == Some(text));
        for end in 0..steps.len() {
            let mut out = Vec::new();
            unpack(dictionary, &steps[..end], &mut out);
            assert!(text.starts_with(&out));
        }
        steps.len()
    }

    #[test]
    fn what_the_dictionary_has_takes_little() {
        let text = LINES.replace("UID:1", "UID:2").replace("SUMMARY:a", "SUMMARY:else");
        assert!(there_and_back(LINES.as_bytes(), text.as_bytes()) < 40);
        assert_eq!(there_and_back(LINES.as_bytes(), LINES.as_bytes()), 5);
    }

    #[test]
    fn what_it_does_not_have_is_kept_as_it_is() {
        for length in [0usize, 1, 254, 255, 256, 510, 511, 3000] {
            let text: Vec<u8> = (0..length).map(|at| (at * at / 7) as u8).collect();
            let steps = there_and_back(LINES.as_bytes(), &text);
            assert_eq!(steps, length + length.div_ceil(255) * 5, "{length}");
            there_and_back(b"", &text);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_comes_back(
            dictionary in "[ab]{0,300}|[a-z\n]{0,300}",
            parts in proptest::collection::vec(("[ab]{0,40}", 0usize..300, 0usize..300), 0..20),
        ) {
            let mut text = String::new();
            for (own, from, length) in parts {
                text.push_str(&own);
                let to = (from + length).min(dictionary.len());
                text.push_str(dictionary.get(from..to).unwrap_or(""));
            }
            there_and_back(dictionary.as_bytes(), text.as_bytes());
        }

        #[test]
        fn any_bytes_are_steps_or_none(bytes in proptest::collection::vec(0u8.., 0..80)) {
            unpack(LINES.as_bytes(), &bytes, &mut Vec::new());
        }
    }
}
