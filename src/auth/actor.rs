//! The one who makes a request, as everything after authentication knows it.

use std::sync::Arc;

use crate::principal::Record;

/// The one who makes a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Actor {
    /// Nobody said who they are.
    #[default]
    Anonymous,
    /// A known user.
    User {
        /// Whose rights count.
        record: Arc<Record>,
        /// The name that signed in, if it is another one that may act as anybody.
        sudo: Option<String>,
    },
}

impl Actor {
    /// A user acting in their own name.
    pub fn user(record: Arc<Record>) -> Self {
        Self::User { record, sudo: None }
    }

    /// Whose rights count; nobody's for anonymous requests.
    pub fn record(&self) -> Option<&Arc<Record>> {
        match self {
            Self::Anonymous => None,
            Self::User { record, .. } => Some(record),
        }
    }

    /// The GUID of the principal whose rights count.
    pub fn guid(&self) -> Option<&str> {
        self.record().map(|record| record.guid.as_str())
    }

    /// Whether nobody said who they are.
    pub fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }

    /// The name for the access log: `-`, `alice`, or `portal as alice`.
    pub fn log_name(&self) -> String {
        match self {
            Self::Anonymous => "-".to_owned(),
            Self::User { record, sudo: None } => record.name().to_owned(),
            Self::User { record, sudo: Some(sudo) } => format!("{sudo} as {}", record.name()),
        }
    }
}
