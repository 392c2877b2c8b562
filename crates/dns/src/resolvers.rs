//! Which name servers to ask, and how: `/etc/resolv.conf`.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

/// The limits of the C library's resolver: resolv.conf(5).
const SERVERS_MAX: usize = 3;
const SEARCH_MAX: usize = 6;
const DOTS_MAX: usize = 15;
const TIMEOUT_S_MAX: u64 = 30;
const ATTEMPTS_MAX: u32 = 5;

const PORT: u16 = 53;

/// More of a file is not looked at.
const FILE_BYTES_MAX: usize = 64 * 1024;

/// Which name servers to ask, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolvers {
    /// The name servers, in the order in which they are asked.
    pub servers: Vec<SocketAddr>,
    /// Domains in which a name is looked up, besides as it is.
    pub search: Vec<String>,
    /// A name with so many dots is looked up as it is first, and then in the domains of `search`; else the other way round.
    pub dots: usize,
    /// How long an answer is waited for, each time.
    pub timeout: Duration,
    /// How often all servers are asked.
    pub attempts: u32,
}

impl Default for Resolvers {
    /// As without a file: the name server of this machine.
    fn default() -> Self {
        Self {
            servers: vec![(Ipv4Addr::LOCALHOST, PORT).into()],
            search: Vec::new(),
            dots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
        }
    }
}

impl Resolvers {
    /// The variable of the environment that names another file than `/etc/resolv.conf`.
    pub const VARIABLE: &str = "MOSQUITTO_RESOLV_CONF";

    /// What `/etc/resolv.conf` says, or the file that [`Self::VARIABLE`] names. Without a file, the name server is this
    /// machine.
    pub fn of_system() -> Self {
        let path = std::env::var_os(Self::VARIABLE).filter(|path| !path.is_empty());
        let path = PathBuf::from(path.unwrap_or_else(|| OsString::from("/etc/resolv.conf")));
        std::fs::read(path).map_or_else(|_| Self::default(), |bytes| Self::parse(&String::from_utf8_lossy(&bytes)))
    }

    /// What a file of the form of resolv.conf(5) says. Lines that it does not know are left out, as by other resolvers. A
    /// name server may have a port: `127.0.0.1:5353` or `[::1]:5353`.
    pub fn parse(text: &str) -> Self {
        let mut resolvers = Self { servers: Vec::new(), ..Self::default() };
        let end = text.floor_char_boundary(FILE_BYTES_MAX);
        for line in text.get(..end).unwrap_or_default().lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("nameserver") => resolvers.servers.extend(words.next().and_then(server)),
                // The last line of either kind counts.
                Some("search") => resolvers.search = words.take(SEARCH_MAX).map(str::to_owned).collect(),
                Some("domain") => resolvers.search = words.take(1).map(str::to_owned).collect(),
                Some("options") => words.for_each(|option| resolvers.option(option)),
                _ => {}
            }
        }
        resolvers.servers.truncate(SERVERS_MAX);
        if resolvers.servers.is_empty() {
            resolvers.servers = Self::default().servers;
        }
        resolvers
    }

    fn option(&mut self, option: &str) {
        let Some((name, Ok(value))) = option.split_once(':').map(|(name, value)| (name, value.parse::<u64>())) else {
            return;
        };
        match name {
            "ndots" => self.dots = usize::try_from(value).unwrap_or(DOTS_MAX).min(DOTS_MAX),
            "timeout" => self.timeout = Duration::from_secs(value.clamp(1, TIMEOUT_S_MAX)),
            "attempts" => self.attempts = u32::try_from(value).unwrap_or(ATTEMPTS_MAX).clamp(1, ATTEMPTS_MAX),
            _ => {}
        }
    }

    /// The names to look up, one after the other, where `name` is asked for.
    pub(crate) fn candidates(&self, name: &str) -> Vec<String> {
        if name.ends_with('.') {
            return vec![name.to_owned()];
        }
        let searched = self.search.iter().filter(|domain| domain.as_str() != ".");
        let mut candidates: Vec<_> = searched.map(|domain| format!("{name}.{domain}")).collect();
        let as_it_is = if name.matches('.').count() >= self.dots { 0 } else { candidates.len() };
        candidates.insert(as_it_is, name.to_owned());
        candidates
    }
}

fn server(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((address, PORT).into());
    }
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    // An address of a link needs the link: `fe80::1%eth0`. It is no name, so nobody is asked for it.
    let (address, _) = text.split_once('%')?;
    address.parse::<Ipv6Addr>().ok()?;
    (text, PORT).to_socket_addrs().ok()?.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_search_list_and_options_are_read_and_all_else_is_left_out() {
        let resolvers = Resolvers::parse(
            "# nameserver 192.0.2.9\n; search x\nnameserver 192.0.2.1\nnameserver nonsense\nnameserver ::1\n\
             nameserver 127.0.0.1:5353\nnameserver 192.0.2.4\nsortlist 192.0.2.0\ndomain c.test\n\
             search a.test b.test\noptions ndots:3 timeout:1 attempts:4 rotate edns0 timeout:x\n",
        );
        let servers: Vec<_> = resolvers.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1:53", "[::1]:53", "127.0.0.1:5353"]);
        assert_eq!(resolvers.search, ["a.test", "b.test"]);
        assert_eq!((resolvers.dots, resolvers.timeout, resolvers.attempts), (3, Duration::from_secs(1), 4));
    }

    #[test]
    fn what_a_file_may_say_is_bounded() {
        let many =
            "nameserver 192.0.2.1\n".repeat(9) + "search a b c d e f g h\noptions ndots:99 timeout:999 attempts:99";
        let resolvers = Resolvers::parse(&many);
        assert_eq!((resolvers.servers.len(), resolvers.search.len(), resolvers.dots), (3, 6, 15));
        assert_eq!((resolvers.timeout, resolvers.attempts), (Duration::from_secs(30), 5));
        let none = Resolvers::parse("options timeout:0 attempts:0");
        assert_eq!((none.timeout, none.attempts), (Duration::from_secs(1), 1));
    }

    #[test]
    fn without_a_server_this_machine_is_asked() {
        assert_eq!(Resolvers::parse(""), Resolvers::default());
    }

    #[test]
    fn a_name_is_looked_up_in_the_search_list_too() {
        let mut resolvers = Resolvers { search: vec!["a.test".to_owned()], ..Resolvers::default() };
        assert_eq!(resolvers.candidates("x.y"), ["x.y", "x.y.a.test"]);
        assert_eq!(resolvers.candidates("x.y."), ["x.y."]);
        resolvers.dots = 2;
        assert_eq!(resolvers.candidates("x.y"), ["x.y.a.test", "x.y"]);
    }
}
