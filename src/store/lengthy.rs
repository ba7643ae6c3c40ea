//! Work that takes long on a thread that others wait for: reading what memory does not have, or
//! going through thousands of entries. Whoever owns the threads says what is to be done about it;
//! the store and what is above it only say where such work begins and ends.

/// Runs lengthy work on this very thread. Without a server around it nothing else happens.
#[derive(Clone, Copy, Debug)]
pub struct Lengthy(fn(&mut dyn FnMut()));

impl Default for Lengthy {
    fn default() -> Self {
        Self(|work| work())
    }
}

impl Lengthy {
    /// `around` must call its argument exactly once, before it returns. It may be called inside
    /// of itself.
    pub fn new(around: fn(&mut dyn FnMut())) -> Self {
        Self(around)
    }

    /// Does the work. A panic of the work comes out as it is.
    pub fn run<R>(self, work: impl FnOnce() -> R) -> R {
        let (mut work, mut result) = (Some(work), None);
        (self.0)(&mut || result = work.take().map(|work| work()));
        result.expect("`around` calls its argument")
    }
}
