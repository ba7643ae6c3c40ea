//! Dead properties as extended attributes: `user.` + percent-quoted `{namespace}name`.
//!
//! The value is the property element as XML, zlib-compressed where that is smaller. One property of
//! the server's own is a short text under a short name: attributes that fit beside the inode cost a
//! tenth of those that need a block of the disk (256 bytes of inode leave about 90). Older forms
//! (an XML declaration around the element, a `WebDAV:` prefix) are read as well. A file that is
//! not there has no attributes; an attribute that cannot be read is not a property.

use std::cell::RefCell;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::Path;

use flate2::{Compress, Compression, FlushCompress, Status};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rustix::io::Errno;
use xattr::FileExt;

use crate::dav::Name;
use crate::dav::name::TWISTED_PRIVATE;
use crate::limits;

use super::{DiskError, Result, fault};

/// Marks of the messages that an object has taken in, the latest first, with blanks between them
/// (`store::arrival`).
pub const DELIVERED: Name = Name::new(TWISTED_PRIVATE, "delivered");

const PREFIX: &str = "user.";
/// Properties whose value is a text and no element, and the attribute that each is.
const TEXTS: [(Name, &str); 1] = [(DELIVERED, "user.daybook.delivered")];
const OLD_PREFIXES: [&str; 2] = ["user.WebDAV:", "WebDAV:"];
/// What the reference system leaves unquoted.
const QUOTED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'{').remove(b'}').remove(b':').remove(b'.').remove(b'_').remove(b'-');
/// Values up to this size are not worth the time of compressing them.
const COMPRESS_ABOVE: usize = 300;
/// The longest attribute name of Linux, prefix included.
const NAME_BYTES: usize = 255;

/// Why an attribute was not written.
#[derive(Debug)]
pub enum SetError {
    /// The attributes of this file cannot hold it: it belongs into the overflow file.
    NoRoom,
    /// Anything else.
    Failed(DiskError),
}

/// The attribute's name; none when it would be too long.
pub fn key(name: &Name) -> Option<String> {
    if let Some((_, key)) = TEXTS.iter().find(|(known, _)| known == name) {
        return Some((*key).to_owned());
    }
    let mut key = String::with_capacity(name.namespace.len() + name.local.len() + 32);
    key.push_str(PREFIX);
    key.push('{');
    key.extend(utf8_percent_encode(&name.namespace, QUOTED));
    key.push('}');
    key.extend(utf8_percent_encode(&name.local, QUOTED));
    (key.len() <= NAME_BYTES).then_some(key)
}

/// The property of an attribute; none for attributes of others.
pub fn property(key: &str) -> Option<Name> {
    if let Some((name, _)) = TEXTS.iter().find(|(_, known)| *known == key) {
        return Some(name.clone());
    }
    let quoted =
        OLD_PREFIXES.iter().chain([&PREFIX]).find_map(|prefix| key.strip_prefix(*prefix))?;
    Name::from_clark(&percent_decode_str(quoted).decode_utf8().ok()?)
}

thread_local! {
    /// A compressor's tables are hundreds of kilobytes, and most values a few hundred bytes.
    static COMPRESSOR: RefCell<Compress> =
        RefCell::new(Compress::new(Compression::default(), true));
}

/// The bytes to store for a property's XML.
pub fn encode(xml: &str) -> Vec<u8> {
    if xml.len() > COMPRESS_ABOVE {
        let mut compressed = Vec::with_capacity(xml.len());
        let status = COMPRESSOR.with_borrow_mut(|compressor| {
            compressor.reset();
            compressor.compress_vec(xml.as_bytes(), &mut compressed, FlushCompress::Finish)
        });
        // What does not end in the room that the text itself takes is not smaller.
        if matches!(status, Ok(Status::StreamEnd)) && compressed.len() < xml.len() {
            return compressed;
        }
    }
    xml.as_bytes().to_vec()
}

/// The property element in stored bytes; none when there is none.
pub fn decode(bytes: &[u8]) -> Option<String> {
    let text = match bytes.first()? {
        0x78 => inflate(bytes)?,
        _ => bytes.to_vec(),
    };
    let text = String::from_utf8(text).ok()?;
    let mut element = text.trim_start_matches('\u{feff}').trim();
    if element.starts_with("<?xml") {
        element = element.split_once("?>")?.1.trim();
    }
    element.starts_with('<').then(|| element.to_owned())
}

/// What zlib made of at most as many bytes as a property may have; none for anything else.
pub fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let limit = limits::PROPERTY_BYTES as u64 + 1024;
    flate2::read::ZlibDecoder::new(bytes).take(limit + 1).read_to_end(&mut text).ok()?;
    (text.len() as u64 <= limit).then_some(text)
}

/// The value of a property in stored bytes: its element, or the text that it is; none when there is
/// none.
pub fn value(name: &Name, bytes: &[u8]) -> Option<String> {
    if !is_text(name) {
        return decode(bytes);
    }
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.is_empty() && !text.contains('<')).then(|| text.to_owned())
}

/// Whether the property's value is a text and no element.
pub fn is_text(name: &Name) -> bool {
    TEXTS.iter().any(|(known, _)| known == name)
}

/// An open file or directory, for the `xattr` crate.
struct Attributes<'a>(BorrowedFd<'a>);

impl AsRawFd for Attributes<'_> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl FileExt for Attributes<'_> {}

/// All properties in the attributes of an open file or directory.
pub fn read_all(fd: impl AsFd, path: &Path) -> Result<Vec<(Name, String)>> {
    let stored = read_stored(fd, path)?;
    let known = stored.into_iter().filter_map(|(name, bytes)| {
        let value = value(&name, &bytes)?;
        Some((name, value))
    });
    Ok(known.collect())
}

/// The same with the values as they are stored, whatever they are.
pub fn read_stored(fd: impl AsFd, path: &Path) -> Result<Vec<(Name, Vec<u8>)>> {
    let file = Attributes(fd.as_fd());
    fault::point().map_err(|error| DiskError::new("list attributes of", path, error))?;
    let mut properties = Vec::new();
    let keys = match file.list_xattr() {
        Ok(keys) => keys,
        Err(error) if is(&error, &[Errno::OPNOTSUPP]) => return Ok(properties),
        Err(error) => return Err(DiskError::new("list attributes of", path, error)),
    };
    for key in keys.filter_map(|key| key.into_string().ok()) {
        let Some(name) = property(&key) else { continue };
        let value = file.get_xattr(&key);
        let value = value.map_err(|error| DiskError::new("read attribute of", path, error))?;
        properties.extend(value.map(|value| (name, value)));
    }
    Ok(properties)
}

fn is(error: &io::Error, numbers: &[Errno]) -> bool {
    numbers.iter().any(|number| error.raw_os_error() == Some(number.raw_os_error()))
}

/// Sets one property.
pub fn set(
    fd: impl AsFd,
    path: &Path,
    name: &Name,
    xml: &str,
) -> std::result::Result<(), SetError> {
    let failed = |error| SetError::Failed(DiskError::new("set attribute of", path, error));
    fault::point().map_err(failed)?;
    let Some(key) = key(name) else { return Err(SetError::NoRoom) };
    match is_text(name) {
        true => store(fd.as_fd(), &key, xml.as_bytes(), failed),
        false => store(fd.as_fd(), &key, &encode(xml), failed),
    }
}

/// Sets an attribute that holds no property, and is none by its name.
pub fn set_other(
    fd: impl AsFd,
    path: &Path,
    key: &str,
    value: &[u8],
) -> std::result::Result<(), SetError> {
    let failed = |error| SetError::Failed(DiskError::new("set attribute of", path, error));
    fault::point().map_err(failed)?;
    store(fd.as_fd(), key, value, failed)
}

/// An attribute that holds no property.
pub fn read_other(fd: impl AsFd, path: &Path, key: &str) -> Result<Option<Vec<u8>>> {
    let failed = |error| DiskError::new("read attribute of", path, error);
    fault::point().map_err(failed)?;
    match Attributes(fd.as_fd()).get_xattr(key) {
        Err(error) if is(&error, &[Errno::OPNOTSUPP]) => Ok(None),
        other => other.map_err(failed),
    }
}

/// Removes an attribute that holds no property; nothing happens when it is not there.
pub fn remove_other(fd: impl AsFd, path: &Path, key: &str) -> Result<()> {
    let failed = |error| DiskError::new("remove attribute of", path, error);
    fault::point().map_err(failed)?;
    match Attributes(fd.as_fd()).remove_xattr(key) {
        Err(error) if !is(&error, &[Errno::NODATA, Errno::OPNOTSUPP]) => Err(failed(error)),
        _ => Ok(()),
    }
}

fn store(
    fd: BorrowedFd<'_>,
    key: &str,
    value: &[u8],
    failed: impl FnOnce(io::Error) -> SetError,
) -> std::result::Result<(), SetError> {
    match Attributes(fd).set_xattr(key, value) {
        Ok(()) => Ok(()),
        // A full disk says the same as a full inode: the overflow file will find out which.
        Err(error) if is(&error, &[Errno::NOSPC, Errno::TOOBIG, Errno::RANGE]) => {
            Err(SetError::NoRoom)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Removes one property, in every form of its name; nothing happens when it is not there.
pub fn remove(fd: impl AsFd, path: &Path, name: &Name) -> Result<()> {
    let file = Attributes(fd.as_fd());
    let Some(key) = key(name) else { return Ok(()) };
    let quoted = key.strip_prefix(PREFIX).unwrap_or_default();
    for key in [key.clone(), format!("{}{quoted}", OLD_PREFIXES[0])] {
        fault::point().map_err(|error| DiskError::new("remove attribute of", path, error))?;
        match file.remove_xattr(key) {
            Err(error) if !is(&error, &[Errno::NODATA, Errno::RANGE]) => {
                return Err(DiskError::new("remove attribute of", path, error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{DELIVERED, decode, encode, key, property, value};
    use crate::dav::Name;

    #[test]
    fn keys_are_those_of_the_reference_system() {
        let ctag = Name::calendarserver("getctag");
        let text = key(&ctag).unwrap();
        assert_eq!(text, "user.{http:%2F%2Fcalendarserver.org%2Fns%2F}getctag");
        assert_eq!(property(&text), Some(ctag.clone()));
        let mac = text.replace("user.", "user.WebDAV:");
        assert_eq!(property(&mac), Some(ctag));
        assert_eq!(property("user.mime_type"), None);
        assert_eq!(property("security.selinux"), None);
        let odd = Name::owned("urn:x y/ä%", "größe");
        assert_eq!(property(&key(&odd).unwrap()), Some(odd));
        assert_eq!(key(&Name::owned("a".repeat(260), "b")), None);
    }

    #[test]
    fn a_text_fits_beside_the_inode() {
        let text = key(&DELIVERED).unwrap();
        assert_eq!(property(&text), Some(DELIVERED));
        // ext4: a header of 16 bytes, the name without its prefix and the value by fours, and four
        // bytes behind the last one, in what 256 bytes of inode leave.
        let name = text.len() - "user.".len();
        assert!(16 + name.next_multiple_of(4) + 36usize.next_multiple_of(4) + 4 <= 92);
        assert_eq!(value(&DELIVERED, b"0f16 1f16").as_deref(), Some("0f16 1f16"));
        for bad in [&b""[..], b"<a/>", b"\xff"] {
            assert_eq!(value(&DELIVERED, bad), None);
        }
        assert_eq!(value(&Name::dav("x"), b"0f16"), None);
    }

    #[test]
    fn values_come_back_in_every_form() {
        let small = "<a xmlns=\"x\">1</a>".to_owned();
        assert_eq!(encode(&small), small.as_bytes());
        let large = format!("<a xmlns=\"x\">{}</a>", "y".repeat(5000));
        assert!(encode(&large).len() < 100);
        for xml in [&small, &large] {
            assert_eq!(decode(&encode(xml)).as_ref(), Some(xml));
        }
        let old = format!("<?xml version='1.0' encoding='UTF-8'?>\r\n{small}\r\n");
        assert_eq!(decode(old.as_bytes()), Some(small.clone()));
        for bad in [&b""[..], b"\x78\x9cgarbage", b"plain", b"\xff\xfe"] {
            assert_eq!(decode(bad), None);
        }
    }
}
