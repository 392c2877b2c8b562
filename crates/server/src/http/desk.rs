//! What others hand to the HTTP thread.

use super::access::Verdict;
use super::connections::Key;
use super::sites::Sites;
use crate::endpoint::Door;
use crate::seats::Seat;
use mio::Waker;
use mosquitto_transport::Stream;
use parking_lot::Mutex;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

/// Connections that may wait to be taken over. Beyond that they are closed.
const VISITORS_MAX: usize = 64;

/// Where the thread finds what it is to do.
#[derive(Debug)]
pub(crate) struct Desk {
    tray: Mutex<Tray>,
    stopping: AtomicBool,
    waker: Waker,
}

/// What lies there.
#[derive(Debug, Default)]
pub(super) struct Tray {
    pub(super) visitors: Vec<Visitor>,
    /// The operator's. There are as many as there were reloads.
    pub(super) orders: Vec<Order>,
    /// No more than there are passwords being looked at.
    pub(super) verdicts: Vec<(Key, Verdict)>,
}

/// What the operator wants.
#[derive(Debug)]
pub(super) enum Order {
    /// Goes on with other settings. A listener that they do not know has no sockets any more. What is beside them is dropped
    /// when they are in force.
    Configure(Arc<Sites>, Option<SyncSender<Infallible>>),
    /// Lets clients in through these doors, too.
    Open(Vec<Door>),
}

/// A connection to a WebSocket listener that has asked for something else.
#[derive(Debug)]
pub(crate) struct Visitor {
    pub(crate) stream: Stream,
    /// The number of its listener.
    pub(crate) listener: u16,
    pub(crate) seat: Seat,
    /// The head of its request, and perhaps more.
    pub(crate) head: Vec<u8>,
}

impl Desk {
    pub(super) fn new(waker: Waker) -> Self {
        Self { tray: Mutex::default(), stopping: AtomicBool::new(false), waker }
    }

    /// Hands a connection over. It is closed if too many wait already.
    pub(crate) fn visit(&self, visitor: Visitor) {
        self.put(|tray| {
            if tray.visitors.len() < VISITORS_MAX {
                tray.visitors.push(visitor);
            }
        });
    }

    /// Other settings, to be gone by from now on. `pending` is dropped when they are.
    pub(crate) fn configure(&self, sites: Sites, pending: Option<SyncSender<Infallible>>) {
        self.put(|tray| tray.orders.push(Order::Configure(Arc::new(sites), pending)));
    }

    /// New listening sockets, whose listeners the settings know already.
    pub(crate) fn open(&self, doors: Vec<Door>) {
        if !doors.is_empty() {
            self.put(|tray| tray.orders.push(Order::Open(doors)));
        }
    }

    pub(super) fn answer(&self, key: Key, verdict: Verdict) {
        self.put(|tray| tray.verdicts.push((key, verdict)));
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.wake();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// All that lies there.
    pub(super) fn clear(&self) -> Tray {
        std::mem::take(&mut *self.tray.lock())
    }

    fn put(&self, put: impl FnOnce(&mut Tray)) {
        put(&mut self.tray.lock());
        self.wake();
    }

    fn wake(&self) {
        // It fails only where the thread could not be woken in any way.
        let _ = self.waker.wake();
    }
}
