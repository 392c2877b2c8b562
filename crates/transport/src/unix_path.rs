//! The file of a listening Unix socket.

use socket2::{Domain, SockAddr, Socket, Type};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Who may connect: owner and group, as with umask 0007.
const MODE: u32 = 0o770;

/// A file that is removed when this is dropped, unless another one has taken its place.
#[derive(Debug)]
pub(crate) struct UnixPath {
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

impl UnixPath {
    /// Listens at `path`, where nobody may be listening. A socket that an earlier process left behind is removed first;
    /// what is no socket is left alone and is an error.
    pub(crate) fn bind(path: &Path, backlog: i32) -> io::Result<(UnixListener, Self)> {
        let address = SockAddr::unix(path)?;
        remove_stale(path, &address)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address)?;
        let made = fs::symlink_metadata(path)?;
        let path = Self { path: path.to_owned(), identity: (made.dev(), made.ino()) };
        // The umask is the whole process's, and other threads open files. Before `listen` nobody can connect anyway.
        fs::set_permissions(&path.path, Permissions::from_mode(MODE))?;
        socket.listen(backlog)?;
        Ok((socket.into(), path))
    }
}

impl Drop for UnixPath {
    fn drop(&mut self) {
        let is_ours = |found: &fs::Metadata| (found.dev(), found.ino()) == self.identity;
        if fs::symlink_metadata(&self.path).is_ok_and(|found| is_ours(&found)) {
            // There is nobody who could do more about it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket at which nobody listens.
fn remove_stale(path: &Path, address: &SockAddr) -> io::Result<()> {
    if !fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        return Ok(());
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Where too many others wait, connecting would wait, too.
    probe.set_nonblocking(true)?;
    match probe.connect(address) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        // Somebody is there, or it cannot be told: `bind` will say that the address is in use.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Listener, Read, Stream};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
    use std::path::PathBuf;

    /// A directory of a test's own.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("transport-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn clients_come_under_the_name_of_the_path_and_the_file_goes_with_the_listener() {
        let directory = Directory::new("accept");
        let path = directory.0.join("x.sock");
        let listener = Listener::bind_unix(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o770);
        assert!(listener.accept().unwrap().is_none());
        let mut client = Stream::connect_unix(&path).unwrap();
        assert!(client.connected().unwrap());
        let (mut stream, peer) = listener.accept().unwrap().unwrap();
        assert_eq!(peer.to_string(), format!("{}:0", path.display()));
        assert_eq!(client.peer().unwrap(), peer);
        client.write(&[std::io::IoSlice::new(b"hello")]).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(stream.read(&mut buffer).unwrap(), Read::Drained(5));
        assert_eq!(&buffer[..5], b"hello");
        client.finish().unwrap();
        assert_eq!(stream.read(&mut buffer).unwrap(), Read::End);
        drop(listener);
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_that_was_left_behind_is_replaced() {
        let directory = Directory::new("stale");
        let path = directory.0.join("x.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let _listener = Listener::bind_unix(&path).unwrap();
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn what_is_in_use_or_no_socket_is_left_alone() {
        let directory = Directory::new("used");
        let path = directory.0.join("x.sock");
        let refused = |path| Listener::bind_unix(path).unwrap_err().kind();
        let used = UnixListener::bind(&path).unwrap();
        assert_eq!(refused(&path), std::io::ErrorKind::AddrInUse);
        UnixStream::connect(&path).unwrap();
        drop(used);
        let datagrams = directory.0.join("y.sock");
        let _used = UnixDatagram::bind(&datagrams).unwrap();
        assert_eq!(refused(&datagrams), std::io::ErrorKind::AddrInUse);
        let file = directory.0.join("file");
        fs::write(&file, "precious").unwrap();
        assert_eq!(refused(&file), std::io::ErrorKind::AddrInUse);
        assert_eq!(fs::read(&file).unwrap(), b"precious");
    }

    #[test]
    fn a_file_that_has_taken_the_place_of_the_socket_stays() {
        let directory = Directory::new("replaced");
        let path = directory.0.join("x.sock");
        let first = Listener::bind_unix(&path).unwrap();
        fs::rename(&path, directory.0.join("moved.sock")).unwrap();
        let _second = Listener::bind_unix(&path).unwrap();
        drop(first);
        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_path_that_is_too_long_is_an_error() {
        let path = PathBuf::from(format!("/tmp/{}", "x".repeat(200)));
        assert!(Listener::bind_unix(&path).is_err());
    }
}
