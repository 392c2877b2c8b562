//! Looking up names for bridges, beside the workers: the system may take as long as it likes for that.

use crate::broker::AbortOnPanic;
use crate::mailbox::PostOffice;
use crate::order::Order;
use mosquitto_broker::ShardId;
use mosquitto_transport::error_text;
use parking_lot::Mutex;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};

/// Names that may wait to be looked up.
const WAITING_MAX: usize = 1024;

/// Threads: a name server that does not answer stops as many names as there are.
const THREADS: usize = 4;

/// Addresses of one name that are tried.
const TARGETS_MAX: usize = 16;

/// What a bridge of a worker has asked for; no two are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The bridge's number on its worker.
    pub(crate) bridge: usize,
    /// Counts up.
    pub(crate) number: u64,
}

/// Where to connect to, and from which local address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) from: Option<SocketAddr>,
}

/// What came of a look-up: at least one target, or why there is none.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) ticket: Ticket,
    pub(crate) targets: Result<Vec<Target>, String>,
}

/// Where names go that are to be looked up. The threads are started when there is one.
#[derive(Debug, Clone)]
pub(crate) struct Lookups(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    office: Arc<PostOffice>,
    sender: OnceLock<SyncSender<Question>>,
}

#[derive(Debug)]
struct Question {
    worker: ShardId,
    ticket: Ticket,
    name: Name,
}

#[derive(Debug)]
struct Name {
    host: String,
    port: u16,
    from: Option<String>,
}

impl Lookups {
    pub(crate) fn new(office: Arc<PostOffice>) -> Self {
        Self(Arc::new(Shared { office, sender: OnceLock::new() }))
    }

    /// Has a name looked up, or says at once what is known of it: nothing comes from a thread then.
    pub(crate) fn ask(
        &self,
        worker: ShardId,
        ticket: Ticket,
        (host, port): (&str, u16),
        from: Option<&str>,
    ) -> Option<Found> {
        let is_number = |name: &str| name.parse::<IpAddr>().is_ok();
        let name = Name { host: host.to_owned(), port, from: from.map(str::to_owned) };
        if is_number(host) && from.is_none_or(is_number) {
            return Some(Found { ticket, targets: name.look_up() });
        }
        let refused = |why: &str| Some(Found { ticket, targets: Err(why.to_owned()) });
        let sender = match self.0.sender.get() {
            Some(sender) => sender,
            None => match start(&self.0.office) {
                Ok(sender) => self.0.sender.get_or_init(|| sender),
                Err(error) => return refused(&error_text(&error)),
            },
        };
        match sender.try_send(Question { worker, ticket, name }) {
            Ok(()) => None,
            Err(_) => refused("too many names wait to be looked up"),
        }
    }
}

fn start(office: &Arc<PostOffice>) -> io::Result<SyncSender<Question>> {
    let (sender, receiver) = sync_channel(WAITING_MAX);
    let receiver = Arc::new(Mutex::new(receiver));
    for at in 0..THREADS {
        let (receiver, office) = (Arc::clone(&receiver), Arc::clone(office));
        std::thread::Builder::new().name(format!("names {at}")).spawn(move || {
            let _guard = AbortOnPanic;
            serve(&receiver, &office);
        })?;
    }
    Ok(sender)
}

fn serve(receiver: &Mutex<Receiver<Question>>, office: &PostOffice) {
    loop {
        // One of the threads waits for the next one, and the others for their turn to wait.
        let next = receiver.lock().recv();
        let Ok(Question { worker, ticket, name }) = next else { return };
        office.order(worker, Order::Found(Found { ticket, targets: name.look_up() }));
    }
}

impl Name {
    fn look_up(&self) -> Result<Vec<Target>, String> {
        let Self { host, port, from } = self;
        let from = from.as_deref().map(|from| addresses(from, 0)).transpose()?;
        let targets = addresses(host, *port)?.into_iter().filter_map(|address| match &from {
            None => Some(Target { address, from: None }),
            // It has to be of the same family.
            Some(from) => {
                let from = from.iter().find(|from| from.is_ipv4() == address.is_ipv4())?;
                Some(Target { address, from: Some(*from) })
            }
        });
        let targets: Vec<_> = targets.take(TARGETS_MAX).collect();
        match targets.as_slice() {
            [] => Err(format!("{host} has no address that bridge_bind_address can reach")),
            _ => Ok(targets),
        }
    }
}

fn addresses(name: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    let found = (name, port).to_socket_addrs().map_err(|error| {
        let text = error_text(&error);
        format!("{name}: {}", text.strip_prefix("failed to lookup address information: ").unwrap_or(&text))
    })?;
    let found: Vec<_> = found.collect();
    if found.is_empty() { Err(format!("{name} has no address")) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(host: &str, from: Option<&str>) -> Result<Vec<Target>, String> {
        Name { host: host.to_owned(), port: 1883, from: from.map(str::to_owned) }.look_up()
    }

    #[test]
    fn the_local_address_is_of_the_same_family() {
        let from = name("127.0.0.1", Some("127.0.0.2")).unwrap();
        let expected =
            Target { address: "127.0.0.1:1883".parse().unwrap(), from: Some("127.0.0.2:0".parse().unwrap()) };
        assert_eq!(from, [expected]);
        assert!(name("::1", Some("127.0.0.2")).unwrap_err().contains("bridge_bind_address"));
        assert_eq!(name("::1", None).unwrap().len(), 1);
    }

    #[test]
    fn a_name_that_is_none_is_named() {
        let error = name("no such name.invalid", None).unwrap_err();
        assert!(error.starts_with("no such name.invalid: "), "{error}");
    }
}
