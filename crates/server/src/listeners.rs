//! The listeners of the running broker by number, and what becomes of them by a reload.

mod taken;

use crate::endpoint::{self, Door};
use crate::log::Logger;
use crate::passphrases::Passphrases;
use crate::psk::PskFiles;
use crate::seats::Seats;
use crate::settings::layers;
use crate::tls;
use mosquitto_broker::LogLevel;
use mosquitto_config::{Endpoint, Global, Place, Protocol};
use mosquitto_transport::{BindOptions, KeyLogFile, Security};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use taken::Taken;

/// The listeners of a broker. A connection carries the number of the one that it came through, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Listeners {
    slots: Vec<Slot>,
    all_seats: Seats,
    workers: usize,
    /// Where the keys of TLS connections are written down.
    key_log: Option<Arc<KeyLogFile>>,
    passphrases: Passphrases,
}

/// A number.
#[derive(Debug, Clone)]
struct Slot {
    /// None: the listener is gone. Its number serves again when no connection has it any more.
    endpoint: Option<Endpoint>,
    /// Where its sockets listen.
    addresses: Vec<SocketAddr>,
    seats: Seats,
    tls: Option<Security>,
}

/// The listeners to be: what is to be opened is open, and nothing else has happened. Dropped, it closes that again.
#[derive(Debug)]
pub(crate) struct Plan {
    slots: Vec<Slot>,
    doors: Doors,
    passphrases: Passphrases,
}

/// Listening sockets that are new.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    /// What each worker gets.
    pub(crate) of_workers: Vec<Vec<Door>>,
    /// What the HTTP thread gets.
    pub(crate) of_http: Vec<Door>,
}

impl Listeners {
    /// None yet, for so many workers.
    pub(crate) fn new(workers: usize, key_log: Option<Arc<KeyLogFile>>, passphrases: Passphrases) -> Self {
        Self { slots: Vec::new(), all_seats: Seats::new(None), workers, key_log, passphrases }
    }

    /// Those that are known.
    pub(crate) fn passphrases(&self) -> &Passphrases {
        &self.passphrases
    }

    /// What has to be for these endpoints: listeners at the same place are kept as they are, with their numbers; the
    /// others are opened or are to be closed. The error is a line for each that could not be opened.
    pub(crate) fn plan(
        &self,
        endpoints: Vec<Endpoint>,
        global: &Global,
        psk: &PskFiles,
        options: BindOptions,
        logger: &Logger,
    ) -> Result<Plan, Vec<String>> {
        // To be asked before the plan itself knows of the seats.
        let mut free: Vec<usize> = self.numbers_that_nobody_has().collect();
        let mut slots: Vec<Slot> =
            self.slots.iter().map(|slot| Slot { endpoint: None, tls: None, ..slot.clone() }).collect();
        let mut passphrases = self.passphrases.clone();
        let (endpoints, mut errors) = self.with_tls(endpoints, psk, &mut passphrases);
        let (new, leaving) = self.keep(endpoints, &mut slots);
        let mut taken = Taken::default();
        slots.iter().filter(|slot| slot.endpoint.is_some()).for_each(|slot| taken.insert(&slot.addresses));
        let of_workers = (0..self.workers).map(|_| Vec::new()).collect();
        let mut plan = Plan { slots, doors: Doors { of_workers, of_http: Vec::new() }, passphrases };
        let mut failed = Vec::new();
        for (endpoint, tls) in new {
            let replacing = leaving.contains(&endpoint.port);
            let is_http = endpoint.protocol == Protocol::HttpApi;
            let sockets = if is_http { 1 } else { self.workers };
            let opened = endpoint::open(&endpoint, sockets, BindOptions { replacing, ..options }, logger);
            match opened.and_then(|sockets| taken.add(sockets)) {
                Ok((sockets, addresses)) => {
                    let seats = self.all_seats.part(endpoint.max_connections);
                    let layers = layers(&endpoint, global);
                    let slot = Slot { endpoint: Some(endpoint), addresses, seats: seats.clone(), tls: tls.clone() };
                    let Some(number) = plan.add(free.pop(), slot) else {
                        return Err(vec!["Error: More than 65534 listeners.".to_owned()]);
                    };
                    let doors = sockets.into_iter().map(|mut socket| {
                        socket.set_layers(layers.clone());
                        Door { socket, listener: number, seats: seats.clone(), tls: tls.clone() }
                    });
                    if is_http {
                        plan.doors.of_http.extend(doors);
                    } else {
                        plan.doors.spread(usize::from(number), doors);
                    }
                }
                // In local only mode, as in Mosquitto: the next broker on this machine has none.
                Err(text) if endpoint.optional && is_http => logger.log(LogLevel::Debug, text),
                Err(text) if endpoint.optional => failed.push(text),
                Err(text) => errors.push(text),
            }
        }
        let serves_clients = plan.endpoints().flatten().any(|endpoint| endpoint.protocol != Protocol::HttpApi);
        errors.extend(failed.pop_if(|_| !serves_clients));
        if errors.is_empty() && !serves_clients {
            errors.push("Error: Unable to start any listening sockets, exiting.".to_owned());
        }
        // A broker that does without an endpoint says so.
        for text in failed {
            logger.log(LogLevel::Warning, text);
        }
        if errors.is_empty() { Ok(plan) } else { Err(errors) }
    }

    /// Reads the files of all endpoints, also of those that are there: they may hold something else than before. With the
    /// lines that say what is wrong with them.
    fn with_tls(
        &self,
        endpoints: Vec<Endpoint>,
        psk: &PskFiles,
        passphrases: &mut Passphrases,
    ) -> (Vec<WithTls>, Vec<String>) {
        let (mut with_tls, mut errors) = (Vec::new(), Vec::new());
        for endpoint in endpoints {
            match tls::open(&endpoint, self.key_log.as_ref(), psk, passphrases) {
                Ok(tls) => with_tls.push((endpoint, tls)),
                Err(lines) => errors.extend(lines),
            }
        }
        (with_tls, errors)
    }

    /// Does as planned, and returns the sockets that are new. Limits hold at once.
    pub(crate) fn adopt(&mut self, plan: Plan, all: Option<u32>) -> Doors {
        self.slots = plan.slots;
        self.passphrases = plan.passphrases.running();
        self.all_seats.set_limit(all);
        for Slot { endpoint, seats, .. } in &self.slots {
            if let Some(endpoint) = endpoint {
                seats.set_limit(endpoint.max_connections);
            }
        }
        plan.doors
    }

    /// From the highest, so that the lowest is the last one in the list.
    fn numbers_that_nobody_has(&self) -> impl Iterator<Item = usize> {
        let numbered = self.slots.iter().enumerate().rev();
        numbered.filter(|(_, slot)| slot.endpoint.is_none() && slot.seats.are_forgotten()).map(|(number, _)| number)
    }

    /// Puts endpoints at places that are listened at already where they are, and returns the others, and the ports of the
    /// listeners that are not among those to be.
    fn keep(&self, endpoints: Vec<WithTls>, slots: &mut [Slot]) -> (Vec<WithTls>, HashSet<u16>) {
        let numbered = self.slots.iter().enumerate();
        let mut leaving: HashMap<Place, usize> =
            numbered.filter_map(|(number, slot)| Some((slot.endpoint.as_ref()?.place(), number))).collect();
        let mut new = Vec::new();
        for (endpoint, tls) in endpoints {
            // The second one at the same place cannot be opened, and says so.
            match leaving.remove(&endpoint.place()).and_then(|number| slots.get_mut(number)) {
                Some(slot) => (slot.endpoint, slot.tls) = (Some(endpoint), tls),
                None => new.push((endpoint, tls)),
            }
        }
        (new, leaving.into_keys().map(|place| place.port).collect())
    }
}

impl Doors {
    /// Gives the workers doors of the listener of this number. Where there is one for all, each listener has it with another
    /// worker.
    fn spread(&mut self, number: usize, doors: impl Iterator<Item = Door>) {
        let count = self.of_workers.len();
        for (worker, door) in (0..count).cycle().skip(number % count.max(1)).zip(doors) {
            if let Some(of_worker) = self.of_workers.get_mut(worker) {
                of_worker.push(door);
            }
        }
    }
}

/// An endpoint, and what its connections need for TLS.
type WithTls = (Endpoint, Option<Security>);

impl Plan {
    /// What connections need for TLS, by number.
    pub(crate) fn tls(&self) -> Arc<[Option<Security>]> {
        self.slots.iter().map(|slot| slot.tls.clone()).collect()
    }

    /// The endpoints by number; none where the listener is gone.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = Option<&Endpoint>> + Clone {
        self.slots.iter().map(|slot| slot.endpoint.as_ref())
    }

    /// Under a number that is free, or a new one. None where there are no more numbers.
    fn add(&mut self, free: Option<usize>, slot: Slot) -> Option<u16> {
        let number = free.unwrap_or(self.slots.len());
        // One number is that of bridges.
        let checked = u16::try_from(number).ok().filter(|number| *number < mosquitto_broker::BRIDGE_LISTENER)?;
        match self.slots.get_mut(number) {
            Some(place) => *place = slot,
            None => self.slots.push(slot),
        }
        Some(checked)
    }
}

#[cfg(test)]
#[path = "../tests/it/harness/ports.rs"]
mod ports;

#[cfg(test)]
mod tests {
    use super::ports::free_port;
    use super::*;
    use crate::log;
    use mosquitto_config::{Config, Destinations, Log};
    use std::net::TcpListener;

    fn endpoints(ports: &[u16]) -> Vec<Endpoint> {
        let lines: Vec<_> = ports.iter().map(|port| format!("listener {port} 127.0.0.1\n")).collect();
        Config::parse("test".as_ref(), lines.concat().as_bytes()).unwrap().endpoints(&[])
    }

    /// The listeners' numbers by port.
    fn numbers(listeners: &Listeners, ports: &[u16]) -> Vec<Option<usize>> {
        let has = |slot: &Slot, port| slot.endpoint.as_ref().is_some_and(|endpoint| endpoint.port == port);
        ports.iter().map(|port| listeners.slots.iter().position(|slot| has(slot, *port))).collect()
    }

    #[test]
    fn a_number_serves_again_when_nobody_has_it_any_more_and_not_before() {
        let (logger, _writer) = log::open(&Log { destinations: Destinations::NONE, ..Log::default() }).unwrap();
        let (kept, first, second, third) = (free_port(), free_port(), free_port(), free_port());
        let mut listeners = Listeners::new(1, None, Passphrases::default());
        let change = |listeners: &mut Listeners, ports: &[u16]| {
            let plan = listeners
                .plan(endpoints(ports), &Global::default(), &PskFiles::default(), BindOptions::default(), &logger)
                .unwrap();
            listeners.adopt(plan, None).of_workers.remove(0)
        };
        let _kept_door = change(&mut listeners, &[kept]);
        let mut doors = change(&mut listeners, &[kept, first]);
        assert_eq!(numbers(&listeners, &[kept, first]), [Some(0), Some(1)]);
        // A connection that is still under way.
        let seat = doors.pop().and_then(|door| door.seats.take()).unwrap();
        change(&mut listeners, &[kept]);
        let doors = change(&mut listeners, &[second, kept]);
        assert_eq!(numbers(&listeners, &[kept, first, second]), [Some(0), None, Some(2)]);
        assert_eq!(doors.iter().map(|door| door.listener).collect::<Vec<_>>(), [2]);
        drop((seat, doors));
        change(&mut listeners, &[kept]);
        for port in [third, second, third, second] {
            change(&mut listeners, &[kept, port]);
            assert_eq!(numbers(&listeners, &[kept, port]), [Some(0), Some(1)]);
            change(&mut listeners, &[kept]);
        }
        assert_eq!(listeners.slots.len(), 3);
    }

    #[test]
    fn a_plan_that_fails_changes_nothing_and_leaves_no_port_open() {
        let (logger, _writer) = log::open(&Log { destinations: Destinations::NONE, ..Log::default() }).unwrap();
        let (old, new) = (free_port(), free_port());
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mut listeners = Listeners::new(2, None, Passphrases::default());
        let plan = listeners
            .plan(endpoints(&[old]), &Global::default(), &PskFiles::default(), BindOptions::default(), &logger)
            .unwrap();
        let _doors = listeners.adopt(plan, None);
        let taken_port = taken.local_addr().unwrap().port();
        let errors = listeners
            .plan(
                endpoints(&[new, taken_port]),
                &Global::default(),
                &PskFiles::default(),
                BindOptions::default(),
                &logger,
            )
            .unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(numbers(&listeners, &[old, new]), [Some(0), None]);
        TcpListener::bind(("127.0.0.1", new)).unwrap();
    }
}
