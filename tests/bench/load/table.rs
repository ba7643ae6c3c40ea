//! Files of raw figures: tab-separated, the first line names the columns.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

/// A file that grows line by line; nothing is kept without one.
pub struct Table(Option<File>);

impl Table {
    /// Opens the file; names the columns when it is new.
    pub fn open(path: Option<&Path>, columns: &str) -> Self {
        let Some(path) = path else { return Self(None) };
        let new = !path.exists();
        let file = OpenOptions::new().create(true).append(true).open(path);
        let mut table = Self(Some(file.expect("the file of raw figures opens")));
        if new {
            table.line(&columns.split(' ').map(str::to_owned).collect::<Vec<_>>());
        }
        table
    }

    pub fn line(&mut self, cells: &[String]) {
        if let Some(file) = &mut self.0 {
            writeln!(file, "{}", cells.join("\t")).expect("the figures are written");
        }
    }
}

/// Minimum, median and maximum.
pub fn spread(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => [0.0; 3],
        count => [values[0], values[count / 2], values[count - 1]],
    }
}
