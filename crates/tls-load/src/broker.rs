//! A broker under measurement: a process of its own.

use crate::Result;
use crate::certificates::{Certificates, Pair};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const START_TIME_MAX: Duration = Duration::from_secs(10);

/// Ended when it is dropped.
pub(crate) struct Broker {
    process: Child,
    pub(crate) address: SocketAddr,
    conf: PathBuf,
}

impl Broker {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(command: &str, own: &Pair, certificates: &Certificates) -> Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let conf = certificates.directory().join(format!("{}.conf", address.port()));
        fs::write(&conf, configuration(address.port(), own, certificates))?;
        let command = command.replace("{conf}", &conf.to_string_lossy());
        let mut words = command.split_whitespace();
        let program = words.next().ok_or("a command is empty")?;
        let process = Command::new(program).args(words).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let broker = Self { process, address, conf };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if start.elapsed() > START_TIME_MAX {
                return Err(format!("{command} does not listen").into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(broker)
    }

    /// Seconds of CPU, user and system, of all its threads up to now (proc_pid_stat(5)).
    pub(crate) fn cpu_s(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name, the second field, may hold anything.
        let (_, fields) = stat.rsplit_once(')').ok_or("/proc/PID/stat is strange")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
        let ticks = ticks.sum::<Result<u32, _>>()?;
        let ticks_per_s = u32::try_from(rustix::param::clock_ticks_per_second())?;
        Ok(f64::from(ticks) / f64::from(ticks_per_s))
    }

    /// Bytes of memory that it has.
    pub(crate) fn resident_bytes(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("there is no VmRSS")?;
        let kib: u32 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(f64::from(kib) * 1024.0)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It is ours, and has nothing to lose.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.conf);
    }
}

/// As for the other measurements, but for TLS.
fn configuration(port: u16, own: &Pair, certificates: &Certificates) -> String {
    format!(
        "listener {port} 127.0.0.1\n\
         cafile {}\n\
         certfile {}\n\
         keyfile {}\n\
         allow_anonymous true\n\
         max_queued_messages 0\n\
         max_inflight_messages 1000\n\
         set_tcp_nodelay true\n\
         persistence false\n\
         log_dest none\n",
        certificates.authority().display(),
        own.certificate.display(),
        own.key.display(),
    )
}
