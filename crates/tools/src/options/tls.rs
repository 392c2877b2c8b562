//! What stands between the socket and MQTT: TLS, WebSockets, a proxy.

use super::{CommandOption, GO_ON, proxy, text};
use crate::settings::PreSharedKey;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

pub(super) const OPTIONS: &[CommandOption] = &[
    CommandOption::value("--cafile", "file", "no file", |settings, value| {
        settings.connection.tls.cafile = Some(OsStr::from_bytes(value).into());
        Ok(())
    })
    .only_long()
    .help(&["use TLS, and trust the authorities whose certificates are in this file."]),
    CommandOption::value("--capath", "dir", "no directory", |settings, value| {
        settings.connection.tls.capath = Some(OsStr::from_bytes(value).into());
        Ok(())
    })
    .only_long()
    .help(&["the same, in files of this directory that are named by hash (openssl rehash)."]),
    CommandOption::flag("--tls-use-os-certs", |settings| {
        settings.connection.tls.use_os_certs = true;
        GO_ON
    })
    .only_long()
    .help(&["use TLS, and trust the authorities that this machine trusts. At port 8883 that is usual."]),
    CommandOption::value("--cert", "file", "no file", |settings, value| {
        settings.connection.tls.certfile = Some(OsStr::from_bytes(value).into());
        Ok(())
    })
    .only_long()
    .help(&["the own certificate, for servers that ask for one."]),
    CommandOption::value("--key", "file", "no file", |settings, value| {
        settings.connection.tls.keyfile = Some(OsStr::from_bytes(value).into());
        Ok(())
    })
    .only_long()
    .help(&["the private key of the own certificate. The passphrase of one that is encrypted is asked for."]),
    CommandOption::value("--psk", "hex-key", "no key", |settings, value| {
        settings.connection.tls.psk = Some(PreSharedKey(value.to_vec()));
        Ok(())
    })
    .only_long()
    .help(&[
        "use TLS 1.2 with this key, in hexadecimal without a leading 0x, which the server has as well.",
        "Needs the system's OpenSSL. Without -p, the port is 8883.",
    ]),
    CommandOption::value("--psk-identity", "identity", "no identity", |settings, value| {
        settings.connection.tls.psk_identity = Some(text(value, "--psk-identity")?);
        Ok(())
    })
    .only_long()
    .help(&["whose key that of --psk is."]),
    CommandOption::value("--ciphers", "ciphers", "no ciphers", |settings, value| {
        settings.connection.tls.ciphers = Some(text(value, "--ciphers")?);
        Ok(())
    })
    .only_long()
    .help(&[
        "the cipher suites to offer, as ciphers(1) of OpenSSL writes them: those for TLS 1.2, or with",
        "--tls-version tlsv1.3 those for TLS 1.3; with --psk those for a key.",
    ]),
    CommandOption::value("--tls-version", "version", "no version", |settings, value| {
        settings.connection.tls.version = Some(String::from_utf8_lossy(value).into_owned());
        Ok(())
    })
    .only_long()
    .help(&["the lowest version of TLS: tlsv1.2 or tlsv1.3; tlsv1.2 if not given."]),
    CommandOption::value("--tls-alpn", "protocol", "no protocol", |settings, value| {
        settings.connection.tls.alpn = Some(text(value, "--tls-alpn")?);
        Ok(())
    })
    .only_long()
    .help(&["the application protocol to ask for."]),
    CommandOption::flag("--insecure", |settings| {
        settings.connection.tls.insecure = true;
        GO_ON
    })
    .only_long()
    .help(&[
        "do not check whether the certificate is that of this server; together with --tls-version or",
        "--ciphers, do not check the certificate at all. For tests: anybody can be at the other end.",
    ]),
    CommandOption::value("--tls-keylog", "file", "no file", |settings, value| {
        settings.connection.tls.keylog = Some(OsStr::from_bytes(value).into());
        Ok(())
    })
    .only_long()
    .help(&["append the keys of the connection to this file, so that a recording of it can be read."]),
    CommandOption::flag("--ws", |settings| {
        settings.connection.websocket = true;
        GO_ON
    })
    .only_long()
    .help(&["speak MQTT over WebSockets, at the path /mqtt."]),
    CommandOption::value("--proxy", "url", "no proxy url", |settings, value| {
        settings.connection.proxy = Some(proxy::read(&String::from_utf8_lossy(value))?);
        Ok(())
    })
    .only_long()
    .help(&["connect through a SOCKS5 proxy: socks5h://[username[:password]@]host[:port]"]),
];
