//! `If` (RFC 4918 §10.4): state lists, tagged or not, and the tokens submitted in them.

use super::{field, malformed};
use crate::dav::{DavPath, ETag, Request, Result};

/// The field. It holds when any of its lists does.
#[derive(Clone, Debug, PartialEq)]
pub struct If {
    /// The lists in order.
    pub lists: Vec<List>,
}

/// One list. It holds when all of its conditions do.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    /// The resource it speaks of.
    pub tag: Tag,
    /// What must be true.
    pub conditions: Vec<Condition>,
}

/// The resource a list speaks of.
#[derive(Clone, Debug, PartialEq)]
pub enum Tag {
    /// The resource of the request.
    Request,
    /// Another resource of this server.
    Path(DavPath),
    /// Something elsewhere, of which nothing can be true.
    Foreign,
}

/// One condition; `negated` turns it round.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// The resource has this state token.
    Token {
        /// Whether `Not` stands before it.
        negated: bool,
        /// The token without angle brackets.
        token: String,
    },
    /// The resource has this entity tag.
    ETag {
        /// Whether `Not` stands before it.
        negated: bool,
        /// The tag.
        etag: ETag,
        /// Whether it was written as a weak one.
        weak: bool,
    },
}

/// What is known of a resource that a list speaks of; of a missing one nothing (§10.4.4).
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Its entity tag.
    pub etag: Option<ETag>,
    /// The tokens of all locks that cover it.
    pub tokens: Vec<String>,
}

impl If {
    /// The field of a request, if there is one.
    pub fn of(request: &Request) -> Result<Option<Self>> {
        let Some(text) = field(request, "if")? else { return Ok(None) };
        let path_of = |href: &str| request.origin.path_of(href).map_or(Tag::Foreign, Tag::Path);
        parse(&text, &path_of).map(Some).ok_or_else(|| malformed("If"))
    }

    /// Every state token that the client submits, whatever becomes of the lists (§10.4.1).
    pub fn submitted(&self) -> impl Iterator<Item = &str> {
        self.lists.iter().flat_map(|list| &list.conditions).filter_map(
            |condition| match condition {
                Condition::Token { token, .. } => Some(token.as_str()),
                Condition::ETag { .. } => None,
            },
        )
    }

    /// Whether the field holds; `state` is asked once for each list of a resource of ours.
    pub fn holds(&self, state: impl Fn(Option<&DavPath>) -> State) -> bool {
        self.lists.iter().any(|list| {
            let state = match &list.tag {
                Tag::Request => state(None),
                Tag::Path(path) => state(Some(path)),
                Tag::Foreign => State::default(),
            };
            list.conditions.iter().all(|condition| condition.holds(&state))
        })
    }
}

impl Condition {
    fn holds(&self, state: &State) -> bool {
        match self {
            Self::Token { negated, token } => state.tokens.contains(token) != *negated,
            // Our tags are strong, so a weak comparison would never say anything else.
            Self::ETag { negated, etag, .. } => {
                state.etag.as_ref().is_some_and(|current| etag.is_of(current)) != *negated
            }
        }
    }
}

/// Lists of either kind; a header that mixes them is taken as it reads.
fn parse(text: &str, path_of: &dyn Fn(&str) -> Tag) -> Option<If> {
    let mut rest = text.trim_start();
    let mut tag = Tag::Request;
    let mut lists = Vec::new();
    let mut tag_used = true;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('(') {
            let (conditions, after) = parse_list(after)?;
            lists.push(List { tag: tag.clone(), conditions });
            tag_used = true;
            rest = after.trim_start();
        } else {
            let (href, after) = between(rest, '<', '>')?;
            if !tag_used {
                return None;
            }
            tag = path_of(href);
            tag_used = false;
            rest = after.trim_start();
        }
        // Several fields arrive joined by commas.
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    (tag_used && !lists.is_empty()).then_some(If { lists })
}

/// The conditions of a list whose parenthesis is already open, and what follows it.
fn parse_list(text: &str) -> Option<(Vec<Condition>, &str)> {
    let mut conditions = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix(')') {
            return (!conditions.is_empty()).then_some((conditions, after));
        }
        let negated = rest.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("not"));
        if negated {
            rest = rest[3..].trim_start();
        }
        if rest.starts_with('[') {
            let (etag, weak, after) = parse_etag(rest)?;
            conditions.push(Condition::ETag { negated, etag, weak });
            rest = after.trim_start();
        } else {
            let (token, after) = between(rest, '<', '>')?;
            conditions.push(Condition::Token { negated, token: token.to_owned() });
            rest = after.trim_start();
        }
    }
}

/// `["tag"]`: the tag may itself hold a bracket, so quotes decide where it ends.
fn parse_etag(text: &str) -> Option<(ETag, bool, &str)> {
    let inner = text.strip_prefix('[')?;
    let open = inner.find('"')?;
    let close = open + 1 + inner[open + 1..].find('"')?;
    let (etag, weak) = ETag::parse(&inner[..=close])?;
    let after = inner[close + 1..].strip_prefix(']')?;
    Some((etag, weak, after))
}

fn between(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    let (inner, after) = text.strip_prefix(open)?.split_once(close)?;
    (!inner.is_empty() && !inner.contains([open, ' ', '\t'])).then_some((inner, after))
}
