//! Encryption of listeners, with certificates or with pre-shared keys.

use super::Reload::{Contents, LaterConnections, Yes};
use super::Scope::{ExplicitListener, Listener};
use super::{Declaration, Repeat};

pub(super) static OPTIONS: &[Declaration] = &[
    Declaration::text("certfile", Repeat::Replaces)
        .scope(Listener)
        .reload(Contents)
        .value("file")
        .examples(&["/etc/mosquitto/certs/server.crt"])
        .help("The server's certificate chain (PEM); together with keyfile it turns TLS on."),
    Declaration::text("keyfile", Repeat::Replaces)
        .scope(Listener)
        .reload(Contents)
        .value("file")
        .examples(&["/etc/mosquitto/certs/server.key"])
        .help("The key of the server's certificate (PEM)."),
    Declaration::text("cafile", Repeat::Replaces)
        .scope(ExplicitListener)
        .reload(Contents)
        .value("file")
        .examples(&["/etc/mosquitto/ca_certificates/ca.crt"])
        .help("Certificates of the authorities trusted to sign clients' certificates (PEM)."),
    Declaration::text("capath", Repeat::Replaces)
        .scope(Listener)
        .reload(Contents)
        .value("directory")
        .examples(&["/etc/ssl/certs"])
        .help("As cafile, a directory of files named by hash."),
    Declaration::text("crlfile", Repeat::Replaces)
        .scope(Listener)
        .reload(Contents)
        .value("file")
        .examples(&["/etc/mosquitto/ca_certificates/ca.crl"])
        .help("Certificates that were revoked (PEM)."),
    Declaration::text("ciphers", Repeat::Replaces)
        .default("DEFAULT:!aNULL:!eNULL:!LOW:!EXPORT:!SSLv2:@STRENGTH")
        .scope(Listener)
        .reload(LaterConnections)
        .value("list")
        .help("Ciphers for TLS up to 1.2, as OpenSSL writes them."),
    Declaration::text("ciphers_tls1.3", Repeat::Replaces)
        .scope(Listener)
        .reload(LaterConnections)
        .since("2.0")
        .value("list")
        .examples(&["TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"])
        .help("Cipher suites for TLS 1.3."),
    Declaration::text("tls_version", Repeat::Refused)
        .scope(ExplicitListener)
        .value("tlsv1.3 | tlsv1.2")
        .examples(&["tlsv1.2"])
        .help("The lowest version of TLS accepted: tlsv1.2 or tlsv1.3."),
    Declaration::bool("require_certificate")
        .default("false")
        .scope(Listener)
        .reload(Yes)
        .help("Let only clients in that show a certificate."),
    Declaration::bool("disable_client_cert_date_checks")
        .default("false")
        .scope(ExplicitListener)
        .reload(LaterConnections)
        .since("2.1")
        .help("Accept client certificates outside the time for which they are valid."),
    Declaration::bool("use_identity_as_username")
        .default("false")
        .scope(Listener)
        .reload(LaterConnections)
        .help("Take the certificate's common name, or the PSK identity, for the username."),
    Declaration::bool("use_subject_as_username")
        .default("false")
        .scope(Listener)
        .reload(LaterConnections)
        .since("1.5")
        .help("Take the certificate's whole subject for the username."),
    Declaration::ignored("dhparamfile")
        .since("1.6")
        .value("file")
        .help("Ignored: parameters are chosen by themselves.")
        .removed("Warning: dhparamfile is no longer required."),
    Declaration::text("tls_engine", Repeat::Refused)
        .scope(Listener)
        .since("1.6")
        .value("name")
        .examples(&["pkcs11"])
        .help("OpenSSL engine to use."),
    Declaration::text("tls_engine_kpass_sha1", Repeat::Refused)
        .scope(Listener)
        .since("1.6")
        .value("digits")
        .help("SHA-1 of the engine's password, in 40 hex digits."),
    Declaration::choice("tls_keyform", &["pem", "engine"])
        .default("pem")
        .scope(Listener)
        .since("1.6")
        .help("Whether keyfile is a file or a name that the engine knows."),
    Declaration::text("psk_hint", Repeat::Refused)
        .scope(Listener)
        .value("hint")
        .examples(&["hint"])
        .help("Turn TLS-PSK on, and send this to clients as a hint which identity to use."),
];
