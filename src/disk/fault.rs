//! Test-only fault injection: every system call of `disk` passes a point.
//!
//! In tests a thread may ask for the n-th point it meets to fail, or to be the last thing the
//! thread ever does to the disk (as if the process had died there). Otherwise nothing happens.

use std::io;

#[cfg(test)]
use std::cell::Cell;

/// What happens at the armed point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This call fails with the error; later ones work again.
    Fail(i32),
    /// This call and all later ones of the thread fail: nothing more reaches the disk.
    Die,
}

#[cfg(test)]
thread_local! {
    static ARMED: Cell<Option<(usize, Fault)>> = const { Cell::new(None) };
    static DEAD: Cell<bool> = const { Cell::new(false) };
}

/// Arms the `n`-th point (from 0) that this thread meets from now on.
#[cfg(test)]
pub fn arm(n: usize, fault: Fault) {
    ARMED.set(Some((n, fault)));
    DEAD.set(false);
}

/// Ends all faults of this thread; says whether the armed point was met.
#[cfg(test)]
pub fn disarm() -> bool {
    DEAD.set(false);
    ARMED.take().is_none()
}

/// Whether nothing of this thread reaches the disk any more.
#[cfg(test)]
pub(super) fn is_dead() -> bool {
    DEAD.get()
}

/// Whether nothing of this thread reaches the disk any more: never outside of tests.
#[cfg(not(test))]
#[inline]
pub(super) fn is_dead() -> bool {
    false
}

/// A place where a fault may strike.
#[cfg(test)]
pub(super) fn point() -> io::Result<()> {
    if DEAD.get() {
        return Err(io::Error::other("the process is dead"));
    }
    match ARMED.get() {
        Some((0, fault)) => {
            ARMED.set(None);
            DEAD.set(fault == Fault::Die);
            Err(match fault {
                Fault::Fail(code) => io::Error::from_raw_os_error(code),
                Fault::Die => io::Error::other("the process dies"),
            })
        }
        Some((n, fault)) => {
            ARMED.set(Some((n - 1, fault)));
            Ok(())
        }
        None => Ok(()),
    }
}

/// A place where a fault may strike: none does outside of tests.
#[cfg(not(test))]
#[inline]
pub(super) fn point() -> io::Result<()> {
    Ok(())
}
