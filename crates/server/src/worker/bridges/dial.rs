//! Connections on their way.

use super::slot::Slot;
use super::{FIRST_BRIDGE, PROBE, SOCKETS, TO_REMOTE};
use crate::bridges::{Found, Setup, Target, Ticket};
use crate::worker::Worker;
use mio::{Registry, Token};
use mosquitto_broker::{LogLevel, Moment};
use mosquitto_config::{Bridge, BridgeAddress};
use mosquitto_transport::{Stream, error_text};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// How long one of several addresses of a name has time, in milliseconds.
const ONE_OF_SEVERAL_MS: u64 = 10_000;

/// How long a connection has time that is only tried, in milliseconds.
const PROBE_MS: u64 = 5000;

/// A connection that is looked up or being opened.
#[derive(Debug)]
pub(super) struct Dial {
    address: BridgeAddress,
    /// The look-up that it waits for.
    ticket: u64,
    /// Addresses that were not tried.
    targets: VecDeque<Target>,
    stream: Option<Stream>,
    /// When the next address is tried.
    until: Option<Moment>,
    /// Why the last one was not reached.
    error: Option<String>,
    /// Whether nothing is to be opened but the socket.
    is_probe: bool,
}

impl Dial {
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.until
    }

    /// None: it goes on. An error says why no address was reached.
    fn go_on(
        &mut self,
        now: Moment,
        setup: &Setup,
        registry: &Registry,
        token: Token,
    ) -> Option<Result<Stream, String>> {
        loop {
            if let Some(mut stream) = self.stream.take() {
                let outcome = stream.connected().and_then(|made| Ok(made && (self.is_probe || stream.open()?)));
                match outcome {
                    Ok(true) => return Some(Ok(stream)),
                    Ok(false) if self.until.is_none_or(|until| now < until) => {
                        self.stream = Some(stream);
                        return None;
                    }
                    Ok(false) => self.error = Some("the connection could not be opened in time".to_owned()),
                    Err(error) => self.error = Some(error_text(&error)),
                }
            }
            let Some(target) = self.targets.pop_front() else {
                return Some(Err(self.error.take().unwrap_or_else(|| "there is no address".to_owned())));
            };
            self.until = if self.is_probe {
                Some(now + PROBE_MS)
            } else {
                // The last one has as long as the bridge gives it.
                (!self.targets.is_empty()).then(|| now + ONE_OF_SEVERAL_MS)
            };
            match self.begin(target, setup, registry, token) {
                Ok(stream) => self.stream = Some(stream),
                Err(error) => self.error = Some(error_text(&error)),
            }
        }
    }

    fn begin(&self, target: Target, setup: &Setup, registry: &Registry, token: Token) -> io::Result<Stream> {
        let mut stream = Stream::connect_tcp(target.address, target.from)?;
        if !self.is_probe {
            if setup.nodelay {
                stream.set_nodelay(true)?;
            }
            set_options_of_tcp(&stream, &setup.config)?;
            stream.set_client_layers(&setup.layers(&self.address.host))?;
        }
        stream.register(registry, token)?;
        Ok(stream)
    }
}

/// What the system is to do about a remote broker that is silent.
fn set_options_of_tcp(stream: &Stream, config: &Bridge) -> io::Result<()> {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    if let Some(keepalive) = config.tcp_keepalive {
        stream.set_keepalive(seconds(keepalive.idle_s), seconds(keepalive.interval_s), keepalive.probes)?;
    }
    match config.tcp_user_timeout {
        Some(timeout) => stream.set_user_timeout(Duration::from_millis(timeout.into())),
        None => Ok(()),
    }
}

impl Worker {
    /// Begins to connect.
    pub(super) fn dial(&mut self, slot: &mut Slot, number: usize, address: BridgeAddress, is_probe: bool) {
        let ticket = Ticket { bridge: number, number: self.bridges.next_ticket() };
        let (targets, stream, until, error) = (VecDeque::new(), None, None, None);
        let place = (address.host.clone(), address.port);
        let dial = Dial { address, ticket: ticket.number, targets, stream, until, error, is_probe };
        *(if is_probe { &mut slot.probe } else { &mut slot.dial }) = Some(dial);
        let from = slot.setup.config.bind_address.clone();
        if let Some(found) = self.bridges.lookups.ask(self.id, ticket, (&place.0, place.1), from.as_deref()) {
            self.dial_found(slot, found);
        }
    }

    /// A name was looked up: perhaps nobody waits for it any more.
    pub(super) fn dial_found(&mut self, slot: &mut Slot, Found { ticket, targets }: Found) {
        let dials = [&mut slot.dial, &mut slot.probe].into_iter().flatten();
        let Some(dial) = dials.into_iter().find(|dial| dial.ticket == ticket.number) else { return };
        // It is not waited for any more.
        dial.ticket = 0;
        match targets {
            Ok(targets) => {
                dial.targets = targets.into();
                if !dial.is_probe {
                    let (name, BridgeAddress { host, port }) = (&slot.setup.config.name, &dial.address);
                    self.logger.log(LogLevel::Notice, format!("Connecting bridge (step 2) {name} ({host}:{port})"));
                }
            }
            Err(why) => dial.error = Some(why),
        }
    }

    /// In a tick: brings connections on that are being opened.
    pub(super) fn bring_dials_on(&mut self, slot: &mut Slot, number: usize, now: Moment) {
        let token = |socket| Token(FIRST_BRIDGE + number * SOCKETS + socket);
        let registry = self.poll.registry();
        if let Some(dial) = slot.dial.as_mut().filter(|dial| dial.ticket == 0)
            && let Some(outcome) = dial.go_on(now, &slot.setup, registry, token(TO_REMOTE))
        {
            slot.dial = None;
            slot.dialled(now, outcome);
        }
        if let Some(probe) = slot.probe.as_mut().filter(|dial| dial.ticket == 0)
            && let Some(outcome) = probe.go_on(now, &slot.setup, registry, token(PROBE))
        {
            slot.probe = None;
            slot.probed(now, outcome.is_ok());
        }
        self.carry_out(slot, number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosquitto_config::Config;
    use std::net::TcpListener;
    use std::path::Path;

    /// Of which no test of the program sees the effect.
    #[test]
    fn options_of_tcp_get_to_the_socket() {
        let text = "connection b\naddress a\ntopic t\nbridge_tcp_keepalive 7 3 2\nbridge_tcp_user_timeout 4000\n";
        let config = Config::parse(Path::new("test"), text.as_bytes()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = Stream::connect_tcp(listener.local_addr().unwrap(), None).unwrap();
        assert_eq!(stream.keepalive().unwrap(), None);
        set_options_of_tcp(&stream, &config.bridges[0]).unwrap();
        assert_eq!(stream.keepalive().unwrap(), Some((Duration::from_secs(7), Duration::from_secs(3), 2)));
        assert_eq!(stream.user_timeout().unwrap(), Some(Duration::from_secs(4)));
    }
}
