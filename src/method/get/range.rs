//! Byte ranges of a complete body (RFC 9110 §14). One range is answered with 206; several ranges
//! are answered with the whole body, which §14.2 allows.

/// What a Range field asks of a body of known length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it: no range, or one we need not honour.
    Whole,
    /// These bytes, the last one included.
    Bytes(u64, u64),
    /// A range that lies outside: 416.
    Unsatisfiable,
}

/// Reads a Range field for a body of `length` bytes.
pub fn part_of(field: Option<&str>, length: u64) -> Part {
    let Some(set) = field.and_then(|field| field.trim().strip_prefix("bytes=")) else {
        return Part::Whole;
    };
    if set.contains(',') {
        return Part::Whole;
    }
    let Some((first, last)) = set.trim().split_once('-') else { return Part::Whole };
    match (first.trim(), last.trim()) {
        ("", suffix) => match suffix.parse::<u64>() {
            Ok(0) => Part::Unsatisfiable,
            Ok(_) if length == 0 => Part::Unsatisfiable,
            Ok(count) => Part::Bytes(length.saturating_sub(count), length - 1),
            Err(_) => Part::Whole,
        },
        (first, last) => {
            let Ok(first) = first.parse::<u64>() else { return Part::Whole };
            let last = match last {
                "" => u64::MAX,
                last => match last.parse::<u64>() {
                    Ok(last) if last >= first => last,
                    _ => return Part::Whole,
                },
            };
            if first >= length {
                return Part::Unsatisfiable;
            }
            Part::Bytes(first, last.min(length - 1))
        }
    }
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
            (Some("bytes=4-2"), Part::Whole),
            (Some("bytes=0-1,4-5"), Part::Whole),
            (Some("lines=0-1"), Part::Whole),
            (Some("bytes=x-1"), Part::Whole),
        ] {
            assert_eq!(part_of(field, 10), part, "{field:?}");
        }
        assert_eq!(part_of(Some("bytes=-3"), 0), Part::Unsatisfiable);
        assert_eq!(part_of(Some("bytes=0-0"), 0), Part::Unsatisfiable);
    }
}
