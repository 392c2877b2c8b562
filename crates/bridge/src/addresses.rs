//! Which of a bridge's addresses is next.

use mosquitto_config::BridgeAddress;

/// The addresses and which of them it is at.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    list: Vec<BridgeAddress>,
    round_robin: bool,
    current: usize,
}

impl Addresses {
    pub(crate) fn new(list: Vec<BridgeAddress>, round_robin: bool) -> Self {
        Self { list, round_robin, current: 0 }
    }

    /// The one to connect to. `None`: there are none.
    pub(crate) fn current(&self) -> Option<&BridgeAddress> {
        self.list.get(self.current)
    }

    /// No connection came about: the next one.
    pub(crate) fn failed(&mut self) {
        self.current = if self.current + 1 < self.list.len() { self.current + 1 } else { 0 };
    }

    /// A connection is over that had come about: the next one, or the first where that comes before all others.
    pub(crate) fn lost(&mut self) {
        if self.round_robin {
            self.failed();
        } else {
            self.current = 0;
        }
    }

    /// The first one, if that comes before all others and is not the one it is at.
    pub(crate) fn missed_primary(&self) -> Option<&BridgeAddress> {
        if self.round_robin || self.current == 0 { None } else { self.list.first() }
    }

    /// The first one is to be reached again.
    pub(crate) fn back_to_primary(&mut self) {
        self.current = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(round_robin: bool) -> Addresses {
        let list = ["a", "b", "c"].map(|host| BridgeAddress { host: host.to_owned(), port: 1 });
        Addresses::new(list.to_vec(), round_robin)
    }

    fn host(addresses: &Addresses) -> &str {
        &addresses.current().unwrap().host
    }

    #[test]
    fn failures_go_round() {
        for round_robin in [false, true] {
            let mut addresses = addresses(round_robin);
            for expected in ["a", "b", "c", "a", "b"] {
                assert_eq!(host(&addresses), expected);
                addresses.failed();
            }
        }
    }

    #[test]
    fn a_lost_connection_leads_to_the_next_or_to_the_first() {
        for (round_robin, expected) in [(false, "a"), (true, "c")] {
            let mut addresses = addresses(round_robin);
            addresses.failed();
            addresses.lost();
            assert_eq!(host(&addresses), expected);
        }
    }

    #[test]
    fn only_the_first_is_missed_and_only_where_it_comes_first() {
        let mut addresses = addresses(false);
        assert_eq!(addresses.missed_primary(), None);
        addresses.failed();
        assert_eq!(addresses.missed_primary().unwrap().host, "a");
        let mut addresses = self::addresses(true);
        addresses.failed();
        assert_eq!(addresses.missed_primary(), None);
    }
}
