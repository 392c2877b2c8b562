//! A look at what the system knows about the broker's process.

use super::{Broker, Client, PATIENCE, report_skipped};
use rustix::io::Errno;
use rustix::net::getpeername;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Instant;

impl Broker {
    /// Whether it is this process that listens on its port, and not one of somebody else who was given the same.
    pub(super) fn listens(&self) -> bool {
        // A process that has just ended has none.
        let Ok(descriptors) = std::fs::read_dir(self.proc("fd")) else { return false };
        let link = |descriptor: std::io::Result<std::fs::DirEntry>| std::fs::read_link(descriptor.ok()?.path()).ok();
        let open: HashSet<_> = descriptors.filter_map(link).collect();
        let port = format!(":{:04X}", self.port());
        let is_ours = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let socket = format!("socket:[{}]", fields[9]);
            fields[1].ends_with(&port) && fields[3] == "0A" && open.contains(Path::new(&socket))
        };
        ["net/tcp", "net/tcp6"].into_iter().any(|table| {
            let table = std::fs::read_to_string(self.proc(table)).unwrap_or_default();
            table.lines().skip(1).any(is_ours)
        })
    }

    /// The names of its threads, once each has the one that it is to have.
    pub(crate) fn threads(&self) -> Vec<String> {
        let name =
            |task: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.ok()?.path().join("comm")).ok();
        let until = Instant::now() + PATIENCE;
        loop {
            let tasks = std::fs::read_dir(self.proc("task")).unwrap();
            let names: Vec<_> = tasks.filter_map(name).map(|name| name.trim_end().to_owned()).collect();
            // A thread that has not begun yet has the name of the one that has made it.
            if names.iter().filter(|name| *name == "mosquitto").count() == 1 {
                return names;
            }
            assert!(Instant::now() < until, "{names:?}");
            std::thread::yield_now();
        }
    }

    /// How often each worker's thread has given up its core so far, be it to sleep: by the number of the worker.
    pub(crate) fn switches(&self) -> BTreeMap<String, u64> {
        let of_task = |task: std::io::Result<std::fs::DirEntry>| {
            let task = task.ok()?.path();
            let name = std::fs::read_to_string(task.join("comm")).ok()?.trim_end().strip_prefix("worker ")?.to_owned();
            let status = std::fs::read_to_string(task.join("status")).ok()?;
            let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
            Some((name, counts.filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok()).sum()))
        };
        std::fs::read_dir(self.proc("task")).unwrap().filter_map(of_task).collect()
    }

    /// The broker's own end of a client's connection. None where the system does not let others look at it, which is said.
    pub(crate) fn socket_of(&self, client: &Client) -> Option<OwnedFd> {
        let process = pidfd_open(self.pid(), PidfdFlags::empty()).unwrap();
        let peer = client.stream.local_addr().unwrap();
        for entry in std::fs::read_dir(self.proc("fd")).unwrap() {
            let number = entry.unwrap().file_name().to_str().unwrap().parse().unwrap();
            let fd = match pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) {
                Ok(fd) => fd,
                Err(Errno::BADF) => continue,
                Err(Errno::PERM | Errno::NOSYS) => {
                    report_skipped("the right to look at another process's sockets");
                    return None;
                }
                Err(error) => panic!("{error}"),
            };
            let address = getpeername(&fd).ok().flatten().and_then(|address| SocketAddr::try_from(address).ok());
            if address == Some(peer) {
                return Some(fd);
            }
        }
        panic!("no socket of {peer}");
    }
}
