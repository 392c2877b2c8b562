//! The way to the service manager: a datagram to the socket that `NOTIFY_SOCKET` names.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a manager that has more to read than fits is waited for, once: after that, until it takes something, what does
/// not fit is not said.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether it was waited for in vain.
static HOPELESS: AtomicBool = AtomicBool::new(false);

/// Tells it this, if there is one. An error: it does not know.
pub(super) fn tell(text: &str) -> io::Result<()> {
    let Some(name) = env::var_os("NOTIFY_SOCKET") else { return Ok(()) };
    let sent = send(&address(&name)?, text.as_bytes(), HOPELESS.load(Ordering::Relaxed));
    HOPELESS.store(sent.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock), Ordering::Relaxed);
    sent
}

/// Behind an `@` is a name that stands in no directory (unix(7), "abstract").
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(name),
    }
}

fn send(address: &SocketAddr, bytes: &[u8], at_once: bool) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(at_once)?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.send_to_addr(bytes, address).map(drop)
}
