//! Looking at passwords, beside the workers.
//!
//! A hash takes milliseconds, or whatever the password file asks for. A few threads of their own do it, from a queue with a
//! bound: who finds it full is told that the server is busy. The answers go back to the workers as orders, and to the HTTP thread.

use crate::broker::AbortOnPanic;
use crate::http::Login;
use crate::mailbox::PostOffice;
use crate::order::Order;
use mosquitto_broker::{PasswordAnswer, PasswordCheck, ShardId};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Passwords that may wait to be looked at. With Mosquitto's usual hashes that is less than a second of work.
const WAITING_MAX: usize = 512;

/// Threads: half of the cores, since the workers want to go on meanwhile, and no more than these.
const THREADS_MAX: usize = 4;

/// Where passwords go that are to be looked at. Cloned for every worker and the HTTP thread; without any the threads end.
#[derive(Debug, Clone)]
pub(crate) struct Checkers(SyncSender<Question>);

/// A password to be looked at.
#[derive(Debug)]
enum Question {
    OfClient(ShardId, PasswordCheck),
    OfHttp(Login),
}

impl Checkers {
    /// Starts the threads.
    pub(crate) fn start(office: &Arc<PostOffice>) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for at in 0..(cores / 2).clamp(1, THREADS_MAX) {
            let (receiver, office) = (Arc::clone(&receiver), Arc::clone(office));
            std::thread::Builder::new().name(format!("passwords {at}")).spawn(move || {
                let _guard = AbortOnPanic;
                serve(&receiver, &office);
            })?;
        }
        Ok(Self(sender))
    }

    /// Has a password looked at for a worker, or says at once that there is no room for it.
    pub(crate) fn offer(&self, worker: ShardId, check: PasswordCheck) -> Result<(), PasswordAnswer> {
        let busy = check.give_up();
        self.0.try_send(Question::OfClient(worker, check)).map_err(|_| busy)
    }

    /// Has a password looked at for the HTTP thread. False: there is no room for it.
    pub(crate) fn offer_login(&self, login: Login) -> bool {
        self.0.try_send(Question::OfHttp(login)).is_ok()
    }
}

fn serve(receiver: &Mutex<Receiver<Question>>, office: &PostOffice) {
    loop {
        // One of the threads waits for the next one, and the others for their turn to wait.
        let next = receiver.lock().recv();
        match next {
            Ok(Question::OfClient(worker, check)) => office.order(worker, Order::PasswordChecked(check.carry_out())),
            Ok(Question::OfHttp(login)) => login.carry_out(),
            Err(_) => return,
        }
    }
}
