//! The HTML page for a person who opens a collection or a principal in a browser. Every text is
//! escaped here; nobody else writes HTML.

use std::fmt::Write;

/// One member in the table of a page.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The href, with prefix.
    pub href: String,
    /// What people see.
    pub name: String,
    /// Bytes, where that means something.
    pub size: Option<u64>,
    /// The time of the last change, ready to print.
    pub modified: String,
    /// The media type or the kind of collection.
    pub media_type: String,
}

/// A page: a title, facts about the resource, and its members.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The title and heading.
    pub title: String,
    /// The href of the collection above.
    pub up: Option<String>,
    /// Facts: a name, and one value a line.
    pub facts: Vec<(String, Vec<String>)>,
    /// The members; `None` where there is no table at all.
    pub rows: Option<Vec<Row>>,
    /// Properties with their XML.
    pub properties: Vec<(String, String)>,
}

const STYLE: &str = "body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}\
    td,th{padding:.2em .8em;text-align:left;border-bottom:1px solid #ddd}";

impl Page {
    /// The page as HTML.
    pub fn to_html(&self) -> String {
        let mut out = String::with_capacity(1024);
        let title = escape(&self.title);
        let _ = write!(
            out,
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <title>{title}</title><style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n"
        );
        if let Some(up) = &self.up {
            let _ = writeln!(out, "<p><a href=\"{}\">Up</a></p>", escape(up));
        }
        self.write_facts(&mut out);
        self.write_rows(&mut out);
        self.write_properties(&mut out);
        out.push_str("</body></html>\n");
        out
    }

    fn write_facts(&self, out: &mut String) {
        if self.facts.is_empty() {
            return;
        }
        out.push_str("<table>\n");
        for (name, values) in &self.facts {
            let values: Vec<String> = values.iter().map(|value| escape(value)).collect();
            let _ =
                writeln!(out, "<tr><th>{}</th><td>{}</td></tr>", escape(name), values.join("<br>"));
        }
        out.push_str("</table>\n");
    }

    fn write_rows(&self, out: &mut String) {
        let Some(rows) = &self.rows else { return };
        out.push_str(
            "<h2>Members</h2>\n<table>\n<tr><th>Name</th><th>Size</th><th>Last modified</th>\
             <th>Type</th></tr>\n",
        );
        for row in rows {
            let size = row.size.map(|size| size.to_string()).unwrap_or_default();
            let _ = writeln!(
                out,
                "<tr><td><a href=\"{}\">{}</a></td><td>{size}</td><td>{}</td><td>{}</td></tr>",
                escape(&row.href),
                escape(&row.name),
                escape(&row.modified),
                escape(&row.media_type)
            );
        }
        out.push_str("</table>\n");
    }

    fn write_properties(&self, out: &mut String) {
        if self.properties.is_empty() {
            return;
        }
        out.push_str("<h2>Properties</h2>\n<table>\n");
        for (name, value) in &self.properties {
            let _ = writeln!(
                out,
                "<tr><th>{}</th><td><code>{}</code></td></tr>",
                escape(name),
                escape(value)
            );
        }
        out.push_str("</table>\n");
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Page, Row};

    #[test]
    fn nothing_reaches_the_page_unescaped() {
        let evil = "\"><script>alert('x')</script>&";
        let row = Row {
            href: evil.into(),
            name: evil.into(),
            size: Some(3),
            modified: evil.into(),
            media_type: evil.into(),
        };
        let page = Page {
            title: evil.into(),
            up: Some(evil.into()),
            facts: vec![(evil.into(), vec![evil.into()])],
            rows: Some(vec![row]),
            properties: vec![(evil.into(), evil.into())],
        };
        let html = page.to_html();
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("='x'"), "{html}");
        assert!(html.contains("<td>3</td>"), "{html}");
    }
}
