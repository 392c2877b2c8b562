//! A message for each line of standard input.

use super::Publisher;
use crate::connecting::{RECONNECT_PAUSE, connect};
use crate::progress::{self, Progress};
use crate::report::is_final;
use crate::stdin_lines::StdinLines;
use mosquitto_client::{End, Event, Next, RequestError};
use std::ops::ControlFlow;
use std::time::Instant;

/// Publishes the lines of standard input until it ends and the last of them is through. Returns the exit status.
///
/// Lines are read only as fast as the server takes them. A connection that is lost on the way is made again; meanwhile
/// nothing is read.
pub(super) fn run(publisher: Publisher) -> u8 {
    let mut work = Lines { publisher, input: None, reconnect_at: None, published: Published::default(), ending: false };
    loop {
        let timeout = work.reconnect_at.map(|at| at.saturating_duration_since(Instant::now()));
        let flow = match work.publisher.client.next(timeout) {
            Ok(next) => work.next(next),
            Err(error) => return work.publisher.report.unreachable(&error),
        };
        if let ControlFlow::Break(status) = flow {
            return status;
        }
    }
}

struct Lines {
    publisher: Publisher,
    /// From the first connection on.
    input: Option<StdinLines>,
    reconnect_at: Option<Instant>,
    published: Published,
    /// All is done, and the connection is being closed.
    ending: bool,
}

/// What is published so far.
#[derive(Debug, Default)]
struct Published {
    lines: u64,
    bytes: usize,
}

impl Published {
    fn add(&mut self, line: &[u8], progress: &mut Progress) {
        self.lines += 1;
        self.bytes = self.bytes.saturating_add(line.len());
        progress.show(|| format!("{} lines published, {}", self.lines, progress::bytes(self.bytes)));
    }
}

impl Lines {
    fn next(&mut self, next: Next) -> ControlFlow<u8> {
        match next {
            Next::Event(Event::Log(text)) => self.publisher.print_packet(&text),
            Next::Event(Event::Connected { .. }) => {
                let waker = self.publisher.client.waker();
                self.input.get_or_insert_with(|| StdinLines::read(waker));
                self.publish();
            }
            Next::Event(Event::Published { packet_id, reason, properties }) => {
                self.publisher.acknowledged(packet_id, reason, &properties);
                self.finish();
            }
            Next::Event(Event::Disconnected(end)) => return self.disconnected(&end),
            Next::Event(_) => {}
            Next::Unreachable(error) if self.input.is_none() || is_final(&error) => {
                return ControlFlow::Break(self.publisher.report.unreachable(&error));
            }
            Next::Unreachable(_) => self.reconnect_later(),
            Next::TimedOut => self.reconnect(),
            Next::Room | Next::Woken => self.publish(),
        }
        ControlFlow::Continue(())
    }

    /// Publishes what lines there are and as many as there is room for.
    fn publish(&mut self) {
        let Some(lines) = &mut self.input else { return };
        while self.publisher.client.session().is_connected() {
            let line = match lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(_) => {
                    self.publisher.report.error("Error: Message payload is too large.");
                    self.publisher.refused = Some(crate::report::FAILURE);
                    self.ending = true;
                    self.publisher.disconnect();
                    return;
                }
            };
            match self.publisher.publish(&line) {
                Ok(()) => self.published.add(&line, &mut self.publisher.progress),
                Err(RequestError::Full | RequestError::NotConnected) => {
                    lines.put_back(line);
                    return;
                }
                // The connection ends.
                Err(_) => {
                    self.ending = true;
                    return;
                }
            }
        }
        self.finish();
    }

    /// Ends the connection when everything is through.
    fn finish(&mut self) {
        let read = self.input.as_ref().is_some_and(StdinLines::is_ended);
        let session = self.publisher.client.session();
        if read && !self.ending && session.is_connected() && session.unfinished_count() == 0 {
            self.ending = true;
            self.publisher.disconnect();
        }
    }

    fn disconnected(&mut self, end: &End) -> ControlFlow<u8> {
        let report = self.publisher.report;
        match end {
            End::Requested => ControlFlow::Break(self.publisher.refused.unwrap_or(0)),
            End::Refused { reason, .. } => {
                let status = report.refused(*reason, self.publisher.settings.connection.version);
                report.end(end);
                ControlFlow::Break(status)
            }
            // Messages of QoS 0 that were on the way are lost, the others are sent again.
            End::Lost | End::KeepAlive | End::ByServer { .. } if self.input.is_some() => {
                self.reconnect_later();
                ControlFlow::Continue(())
            }
            end => ControlFlow::Break(report.end(end)),
        }
    }

    fn reconnect_later(&mut self) {
        self.reconnect_at = Some(Instant::now() + RECONNECT_PAUSE);
    }

    fn reconnect(&mut self) {
        self.reconnect_at = None;
        let Publisher { client, settings, .. } = &mut self.publisher;
        if connect(client, &settings.connection).is_err() {
            self.reconnect_later();
        }
    }
}
