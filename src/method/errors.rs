//! How failures of the lower layers are told to clients.

use crate::dav::{Error, Precondition};
use crate::store::StoreError;

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let reason = error.to_string();
        match error {
            StoreError::Full(_) => Error::from(Precondition::SufficientDiskSpace).because(reason),
            StoreError::QuotaExceeded { .. } => {
                Error::from(Precondition::QuotaNotExceeded).because(reason)
            }
            StoreError::Name { .. } => Error::status(403).because(reason),
            StoreError::NoParent(_) => Error::status(409).because(reason),
            StoreError::NotFound(_) => Error::not_found(),
            StoreError::Taken(_) => Error::status(405).because(reason),
            StoreError::Changed(_) | StoreError::UidBusy(_) => {
                Error::status(503).because(reason).with_header("retry-after", "2")
            }
            // Somebody removed a file or directory past the server, unseen until now.
            StoreError::Disk(ref disk) if disk.is_absent() => {
                Error::status(503).because(reason).with_header("retry-after", "2")
            }
            // A disk that cannot be written or read just now: the same request may work later.
            StoreError::Disk(ref disk) if disk.may_pass() => {
                tracing::error!(%error, "the disk fails");
                Error::status(503).because(reason).with_header("retry-after", "30")
            }
            other => Error::internal(other),
        }
    }
}

/// What a body is that is no iCalendar object (RFC 4791 §5.3.2.1).
pub(super) fn not_calendar_data(error: &dyn std::fmt::Display) -> Error {
    Error::from(Precondition::ValidCalendarData).because(error.to_string())
}
