//! Rows of a table in a SQLite file (file format 3), read without any SQL: the two small databases
//! of the reference system have two columns each.
//!
//! Only what those need: table b-trees, overflow pages, texts and whole numbers. Every page is
//! visited once at most, so that damaged files end too.

/// Why a file's table cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum SqliteError {
    /// It does not begin like one.
    #[error("it is no SQLite database")]
    NotOne,
    /// There is no such table.
    #[error("it has no table {0}")]
    NoTable(String),
    /// A page, cell or record leads nowhere.
    #[error("the database is damaged at page {0}")]
    Damaged(usize),
}

/// A column of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Column {
    /// NULL, a fraction or a blob: nothing that is asked for.
    Other,
    Number(i64),
    Text(String),
}

type Result<T> = std::result::Result<T, SqliteError>;

/// The content of a database file.
#[derive(Debug)]
pub(super) struct Database<'a> {
    bytes: &'a [u8],
    page_size: usize,
    /// What of a page is not reserved.
    usable: usize,
    encoding: u32,
}

impl<'a> Database<'a> {
    /// Reads the file's header.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self> {
        if !bytes.starts_with(b"SQLite format 3\0") || bytes.len() < 100 {
            return Err(SqliteError::NotOne);
        }
        let page_size = match u16::from_be_bytes([bytes[16], bytes[17]]) {
            1 => 65536,
            size => usize::from(size),
        };
        let usable = page_size.saturating_sub(usize::from(bytes[20]));
        if !page_size.is_power_of_two() || usable < 480 {
            return Err(SqliteError::NotOne);
        }
        let encoding = u32::from_be_bytes([bytes[56], bytes[57], bytes[58], bytes[59]]);
        Ok(Self { bytes, page_size, usable, encoding })
    }

    /// All rows of a table, in the order of their keys.
    pub(super) fn rows(&self, table: &str) -> Result<Vec<Vec<Column>>> {
        let is = |column: Option<&Column>, wanted: &str| match column {
            Some(Column::Text(text)) => text.eq_ignore_ascii_case(wanted),
            _ => false,
        };
        // type, name, tbl_name, rootpage, sql
        let schema = self.table(1)?;
        let root = schema.iter().find(|row| is(row.first(), "table") && is(row.get(1), table));
        match root.and_then(|row| row.get(3)) {
            Some(Column::Number(root)) => self.table(usize::try_from(*root).unwrap_or(0)),
            _ => Err(SqliteError::NoTable(table.to_owned())),
        }
    }

    fn page(&self, number: usize) -> Result<&'a [u8]> {
        let start = number.checked_sub(1).and_then(|before| before.checked_mul(self.page_size));
        let page = start.and_then(|start| self.bytes.get(start..start + self.page_size));
        page.ok_or(SqliteError::Damaged(number))
    }

    fn table(&self, root: usize) -> Result<Vec<Vec<Column>>> {
        let mut rows = Vec::new();
        let mut waiting = vec![root];
        let mut budget = self.bytes.len() / self.page_size;
        while let Some(number) = waiting.pop() {
            let damaged = || SqliteError::Damaged(number);
            budget = budget.checked_sub(1).ok_or_else(damaged)?;
            let page = self.page(number)?;
            let head = if number == 1 { 100 } else { 0 };
            let kind = page[head];
            let count = usize::from(u16::from_be_bytes([page[head + 3], page[head + 4]]));
            let array = head + if kind == 5 { 12 } else { 8 };
            let pointers = page.get(array..array + 2 * count).ok_or_else(damaged)?;
            let cells =
                pointers.chunks_exact(2).map(|at| u16::from_be_bytes([at[0], at[1]]).into());
            match kind {
                13 => {
                    for cell in cells {
                        rows.push(self.row(page, cell).ok_or_else(damaged)?);
                    }
                }
                5 => {
                    let last = number_at(page, head + 8).ok_or_else(damaged)?;
                    let mut children = vec![last];
                    for cell in cells.collect::<Vec<usize>>().into_iter().rev() {
                        children.push(number_at(page, cell).ok_or_else(damaged)?);
                    }
                    // The first child is taken next.
                    waiting.extend(children);
                }
                _ => return Err(damaged()),
            }
        }
        Ok(rows)
    }

    /// The record of one cell of a leaf.
    fn row(&self, page: &[u8], cell: usize) -> Option<Vec<Column>> {
        let (length, at) = varint(page, cell)?;
        let (key, at) = varint(page, at)?;
        let length = usize::try_from(length).ok().filter(|length| *length <= self.bytes.len())?;
        // How much of a record stays on its page (file format, section 1.6).
        let (most, least) = (self.usable - 35, (self.usable - 12) * 32 / 255 - 23);
        let local = match length {
            length if length <= most => length,
            length => match least + (length - least) % (self.usable - 4) {
                local if local <= most => local,
                _ => least,
            },
        };
        let mut record = page.get(at..at + local)?.to_vec();
        let mut next = if local < length { number_at(page, at + local)? } else { 0 };
        while record.len() < length {
            let page = self.page(next).ok()?;
            let part = (length - record.len()).min(self.usable - 4);
            record.extend_from_slice(page.get(4..4 + part)?);
            next = number_at(page, 0)?;
        }
        self.columns(&record, key)
    }

    fn columns(&self, record: &[u8], key: u64) -> Option<Vec<Column>> {
        let (head, mut at) = varint(record, 0)?;
        let mut body = usize::try_from(head).ok()?;
        let mut columns = Vec::new();
        while at < usize::try_from(head).ok()? {
            let (code, after) = varint(record, at)?;
            at = after;
            let size = match code {
                0 | 8 | 9 => 0,
                1..=4 => code as usize,
                5 => 6,
                6 | 7 => 8,
                10 | 11 => return None,
                code => usize::try_from((code - 12) / 2).ok()?,
            };
            let bytes = record.get(body..body.checked_add(size)?)?;
            body += size;
            columns.push(match code {
                // A column that stands for the key of the row is not stored.
                0 if columns.is_empty() => Column::Number(key as i64),
                1..=6 => Column::Number(signed(bytes)),
                8 => Column::Number(0),
                9 => Column::Number(1),
                code if code >= 13 && code % 2 == 1 => Column::Text(self.text(bytes)),
                _ => Column::Other,
            });
        }
        Some(columns)
    }

    fn text(&self, bytes: &[u8]) -> String {
        let units = |from: fn([u8; 2]) -> u16| {
            bytes.chunks_exact(2).map(|pair| from([pair[0], pair[1]])).collect::<Vec<u16>>()
        };
        match self.encoding {
            2 => String::from_utf16_lossy(&units(u16::from_le_bytes)),
            3 => String::from_utf16_lossy(&units(u16::from_be_bytes)),
            _ => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

fn number_at(page: &[u8], at: usize) -> Option<usize> {
    let bytes: [u8; 4] = page.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(bytes)).ok()
}

fn signed(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
    bytes.iter().fold(if negative { -1 } else { 0 }, |number, byte| number << 8 | i64::from(*byte))
}

/// A number of one to nine bytes, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut number = 0_u64;
    for more in 0..9 {
        let byte = *bytes.get(at.checked_add(more)?)?;
        if more == 8 {
            return Some((number << 8 | u64::from(byte), at + 9));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((number, at + more + 1));
        }
    }
    None
}
