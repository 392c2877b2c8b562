//! The lock of each of the two trees that all shards share: that of `parking_lot`, and with the feature `lock-times` a look
//! at how often it is taken and how long it is held and waited for.

use parking_lot::{ArcRwLockReadGuard, RawRwLock, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// Which tree a lock is that of.
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
pub(crate) enum Tree {
    Subscriptions,
    Retained,
}

/// A tree behind a lock.
#[derive(Debug)]
pub(crate) struct Lock<T> {
    lock: Arc<RwLock<T>>,
    #[cfg(feature = "lock-times")]
    tree: Tree,
}

/// A tree that is locked; for reading until the end of a tick, with [`Lock::read_on`].
#[derive(Debug)]
pub(crate) struct Held<G> {
    guard: G,
    /// Dropped after the guard.
    #[cfg(feature = "lock-times")]
    _watch: crate::lock_times::Watch,
}

/// For reading, beyond the borrow of the lock.
pub(crate) type HeldOn<T> = Held<ArcRwLockReadGuard<RawRwLock, T>>;

#[cfg(not(feature = "lock-times"))]
impl<T> Lock<T> {
    pub(crate) fn new(_: Tree, value: T) -> Self {
        Self { lock: Arc::new(RwLock::new(value)) }
    }

    pub(crate) fn read(&self) -> Held<RwLockReadGuard<'_, T>> {
        Held { guard: self.lock.read() }
    }

    pub(crate) fn write(&self) -> Held<RwLockWriteGuard<'_, T>> {
        Held { guard: self.lock.write() }
    }

    pub(crate) fn read_on(&self) -> HeldOn<T> {
        Held { guard: self.lock.read_arc() }
    }
}

#[cfg(feature = "lock-times")]
impl<T> Lock<T> {
    pub(crate) fn new(tree: Tree, value: T) -> Self {
        Self { lock: Arc::new(RwLock::new(value)), tree }
    }

    pub(crate) fn read(&self) -> Held<RwLockReadGuard<'_, T>> {
        self.watched(false, || self.lock.read())
    }

    pub(crate) fn write(&self) -> Held<RwLockWriteGuard<'_, T>> {
        self.watched(true, || self.lock.write())
    }

    pub(crate) fn read_on(&self) -> HeldOn<T> {
        self.watched(false, || self.lock.read_arc())
    }

    fn watched<G>(&self, exclusive: bool, lock: impl FnOnce() -> G) -> Held<G> {
        let asked = crate::lock_times::now();
        let guard = lock();
        Held { guard, _watch: crate::lock_times::Watch::begin(self.tree as usize, exclusive, asked) }
    }
}

#[cfg(test)]
impl<T> Lock<T> {
    /// Whether nobody holds it.
    pub(crate) fn is_free(&self) -> bool {
        self.lock.try_write().is_some()
    }
}

impl<G: Deref> Deref for Held<G> {
    type Target = G::Target;

    #[inline]
    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Held<G> {
    #[inline]
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}
