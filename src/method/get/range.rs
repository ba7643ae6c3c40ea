//! Byte ranges of a complete body (RFC 9110 §14): one is answered with 206 and the bytes, several
//! with `multipart/byteranges`. Sets that only cost (too many ranges, overlaps) are answered with
//! the whole body, which §14.2 allows.

use bytes::Bytes;

use crate::dav::Response;
use crate::limits;

/// Parts a multipart answer ends with; no line of ours that begins with `--` is in between.
const BOUNDARY: &str = "daybook-byteranges-4f1d9a6c0b2e";

/// What a Range field asks of a body of known length; the last byte of a range is included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it: no range, or a set we need not honour.
    Whole,
    /// These bytes.
    Bytes(u64, u64),
    /// These runs of bytes, in the client's order.
    Several(Vec<(u64, u64)>),
    /// Every range lies outside: 416.
    Unsatisfiable,
}

/// One range of a set.
enum Range {
    Bytes(u64, u64),
    Outside,
}

/// Reads a Range field for a body of `length` bytes.
pub fn part_of(field: Option<&str>, length: u64) -> Part {
    let Some(set) = field.and_then(|field| field.trim().strip_prefix("bytes=")) else {
        return Part::Whole;
    };
    let mut wanted = Vec::new();
    for text in set.split(',').map(str::trim).filter(|text| !text.is_empty()) {
        match range(text, length) {
            None => return Part::Whole,
            Some(Range::Outside) => {}
            Some(Range::Bytes(first, last)) => wanted.push((first, last)),
        }
        if wanted.len() > limits::RANGES {
            return Part::Whole;
        }
    }
    let mut sorted = wanted.clone();
    sorted.sort_unstable();
    match wanted.as_slice() {
        [] => Part::Unsatisfiable,
        [(first, last)] => Part::Bytes(*first, *last),
        _ if sorted.windows(2).any(|pair| pair[1].0 <= pair[0].1) => Part::Whole,
        _ => Part::Several(wanted),
    }
}

/// One `first-last`, `first-` or `-length`; none when it is nothing of the kind.
fn range(text: &str, length: u64) -> Option<Range> {
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    if first.is_empty() {
        let count: u64 = last.parse().ok()?;
        return Some(match count.min(length) {
            0 => Range::Outside,
            count => Range::Bytes(length - count, length - 1),
        });
    }
    let first: u64 = first.parse().ok()?;
    let last = match last {
        "" => u64::MAX,
        last => last.parse().ok().filter(|last| *last >= first)?,
    };
    Some(match first < length {
        true => Range::Bytes(first, last.min(length - 1)),
        false => Range::Outside,
    })
}

/// The answer with the wanted part of a body.
pub fn respond(wanted: Option<&str>, bytes: Bytes, media_type: &str) -> Response {
    let length = bytes.len();
    // Every range lies below the length, which is a usize.
    let slice = |first: u64, last: u64| bytes.slice(first as usize..=last as usize);
    let response = match part_of(wanted, length as u64) {
        Part::Whole => Response::new(200).with_body(media_type, bytes),
        Part::Unsatisfiable => {
            Response::new(416).with("content-range", format!("bytes */{length}"))
        }
        Part::Bytes(first, last) => Response::new(206)
            .with("content-range", format!("bytes {first}-{last}/{length}"))
            .with_body(media_type, slice(first, last)),
        Part::Several(ranges) => {
            let mut body = Vec::new();
            for (first, last) in ranges {
                body.extend_from_slice(
                    format!(
                        "--{BOUNDARY}\r\nContent-Type: {media_type}\r\n\
                         Content-Range: bytes {first}-{last}/{length}\r\n\r\n"
                    )
                    .as_bytes(),
                );
                body.extend_from_slice(&slice(first, last));
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
            let media_type = format!("multipart/byteranges; boundary={BOUNDARY}");
            Response::new(206).with_body(&media_type, body)
        }
    };
    response.with("accept-ranges", "bytes")
}

#[cfg(test)]
mod tests {
    use super::{Part, part_of};

    #[test]
    fn ranges_of_ten_bytes() {
        for (field, part) in [
            (None, Part::Whole),
            (Some("bytes=0-"), Part::Bytes(0, 9)),
            (Some("bytes=2-4"), Part::Bytes(2, 4)),
            (Some("bytes=2-400"), Part::Bytes(2, 9)),
            (Some("bytes=-3"), Part::Bytes(7, 9)),
            (Some("bytes=-30"), Part::Bytes(0, 9)),
            (Some("bytes=-0"), Part::Unsatisfiable),
            (Some("bytes=10-"), Part::Unsatisfiable),
            (Some("bytes=10-,30-40"), Part::Unsatisfiable),
            (Some("bytes=4-2"), Part::Whole),
            (Some("bytes=0-1,4-5"), Part::Several(vec![(0, 1), (4, 5)])),
            (Some("bytes=-1, 0-0"), Part::Several(vec![(9, 9), (0, 0)])),
            (Some("bytes=0-1,30-"), Part::Bytes(0, 1)),
            // Overlaps and long lists only cost.
            (Some("bytes=0-5,4-8"), Part::Whole),
            (Some("bytes=0-0,2-2,4-4,6-6,8-8,1-1,3-3,5-5,7-7"), Part::Whole),
            (Some("bytes=0-1,x"), Part::Whole),
            (Some("lines=0-1"), Part::Whole),
            (Some("bytes=x-1"), Part::Whole),
        ] {
            assert_eq!(part_of(field, 10), part, "{field:?}");
        }
        assert_eq!(part_of(Some("bytes=-3"), 0), Part::Unsatisfiable);
        assert_eq!(part_of(Some("bytes=0-0"), 0), Part::Unsatisfiable);
    }
}
