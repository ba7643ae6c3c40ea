//! The only reader of the system clock, so that tests can say what time it is.

use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use parking_lot::Mutex;

/// Where every part of the server asks for the time.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Mutex<DateTime<Utc>>>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still at `start` until it is told to move.
    pub fn simulated(start: DateTime<Utc>) -> Self {
        Self(Some(Arc::new(Mutex::new(start))))
    }

    /// The present instant.
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            None => Utc::now(),
            Some(instant) => *instant.lock(),
        }
    }

    /// Moves a simulated clock; the system's clock does not move for anybody.
    pub fn advance(&self, step: Duration) {
        if let Some(instant) = &self.0 {
            *instant.lock() += step;
        }
    }
}
