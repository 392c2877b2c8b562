//! Encryption of listeners, with certificates or with pre-shared keys.

use super::Reload::{Contents, LaterConnections, Yes};
use super::Scope::{ExplicitListener, Listener};
use super::{Declaration, Repeat, Store};
use crate::by_hand;
use crate::changes::Effect;
use crate::reference::Referent;
use crate::written::Written;

pub(super) static OPTIONS: &[Declaration] = &[
    Declaration::text("certfile", Repeat::Replaces)
        .scope(Listener)
        .reload(Contents)
        .value("file")
        .examples(&["/etc/mosquitto/certs/server.crt"])
        .help("The server's certificate chain (PEM); together with keyfile it turns TLS on.")
        .manual(
            "The file holds the server's own certificate and then those above it, up to one that clients trust. It is read \
             again when the configuration is reloaded, as are all files that these options name; connections that are \
             there go on as they are. With a file that is of no use, the broker does not start, and a reload changes \
             nothing.\n\n\
             The versions of TLS are 1.2 and 1.3. Keys may be RSA of 2048 bits or more, of the curves P-256 and P-384, \
             or Ed25519.",
        )
        .store(Store::ByHand(by_hand::certfile))
        .listener_shows(Effect::LaterConnections, |l| l.tls.certfile.written()),
    Declaration::text("keyfile", Repeat::Replaces)
        .scope(Listener)
        .reload(Contents)
        .value("file")
        .examples(&["/etc/mosquitto/certs/server.key"])
        .help("The key of the server's certificate (PEM).")
        .manual(
            "The key may be encrypted, in PKCS#8 (`ENCRYPTED PRIVATE KEY`, with AES or triple DES, and PBKDF2 or scrypt) or in \
             the older form of OpenSSL (`DEK-Info`, with AES-128-CBC, AES-192-CBC, AES-256-CBC or DES-EDE3-CBC). Then its \
             passphrase is needed, of 1024 bytes at most. It comes from the command of `keyfile_passphrase_command` where \
             there is one; otherwise it is asked for at the start, on the terminal that the broker is started from: \
             `Enter PEM pass phrase:`. Nothing of it is shown, it is asked for once for each key, and a broker that goes into the \
             background (`-d`) asks before it does. Standard input is never read. The passphrase stays in memory, so that a \
             reload can read the key again; nobody is asked then. So a key that is encrypted in another way after that needs the \
             same passphrase, or a command.\n\n\
             The file is read as the user that the broker runs as (`user`).",
        )
        .store(Store::ListenerText(|l| &mut l.tls.keyfile))
        .listener_shows(Effect::LaterConnections, |l| l.tls.keyfile.written()),
    Declaration::text("keyfile_passphrase_command", Repeat::Replaces)
        .scope(Listener)
        .reload(LaterConnections)
        .since("none: this broker's own")
        .value("program [argument...]")
        .examples(&["/usr/local/bin/key-passphrase 8883"])
        .help("A command whose output is the passphrase of an encrypted keyfile.")
        .manual(
            "The program is run at the start, as the user that the broker runs as, where `keyfile` is encrypted, and the first \
             line that it writes to standard output is the passphrase. At a reload it is run only if the passphrase that is \
             known does not open the key any more. No shell takes part: what stands between blanks is passed on as it is, and \
             quotes mean nothing. Standard input leads nowhere; standard error is the broker's. It has to end with status 0, \
             within 60 seconds at the start and within 5 seconds at a reload, and write no more than 4096 bytes; anything else is an \
             error that says so.",
        )
        .store(Store::ListenerText(|l| &mut l.tls.keyfile_passphrase_command))
        .listener_shows(Effect::LaterConnections, |l| l.tls.keyfile_passphrase_command.written()),
    Declaration::text("cafile", Repeat::Replaces)
        .scope(ExplicitListener)
        .reload(Contents)
        .value("file")
        .examples(&["/etc/mosquitto/ca_certificates/ca.crt"])
        .help("Certificates of the authorities trusted to sign clients' certificates (PEM).")
        .manual(
            "Certificates are asked for with `require_certificate` only. An authority that is taken out of the file is not \
             trusted any more, after a reload, by connections made from then on.",
        )
        .store(Store::ByHand(by_hand::cafile))
        .listener_shows(Effect::LaterConnections, |l| l.tls.cafile.written()),
    Declaration::text("capath", Repeat::Replaces)
        .scope(Listener)
        .reload(Contents)
        .value("directory")
        .examples(&["/etc/ssl/certs"])
        .help("As cafile, a directory of files named by hash.")
        .manual(
            "The names are those that `openssl rehash` makes. Other files in the directory are left alone.",
        )
        .store(Store::ListenerText(|l| &mut l.tls.capath))
        .listener_shows(Effect::LaterConnections, |l| l.tls.capath.written()),
    Declaration::text("crlfile", Repeat::Replaces)
        .scope(Listener)
        .reload(Contents)
        .value("file")
        .examples(&["/etc/mosquitto/ca_certificates/ca.crl"])
        .help("Certificates that were revoked (PEM).")
        .manual(
            "It is looked at with `require_certificate`, and only for the clients' own certificates. There must be a list, \
             not out of date, of each authority that has signed one.",
        )
        .store(Store::ListenerText(|l| &mut l.tls.crlfile))
        .listener_shows(Effect::LaterConnections, |l| l.tls.crlfile.written()),
    Declaration::text("ciphers", Repeat::Replaces)
        .scope(Listener)
        .reload(LaterConnections)
        .value("list")
        .examples(&["ECDHE+AESGCM:ECDHE+CHACHA20"])
        .help("Ciphers for TLS up to 1.2, as OpenSSL writes them.")
        .manual(
            "A list as ciphers(1) of OpenSSL describes it; without one, all that there is may be used. There are the six suites that use ECDHE and encrypt with AES-GCM or \
             ChaCha20-Poly1305: `ECDHE-ECDSA-AES256-GCM-SHA384`, `ECDHE-ECDSA-AES128-GCM-SHA256`, \
             `ECDHE-ECDSA-CHACHA20-POLY1305`, and the same with `RSA`. Names and groups of others, which OpenSSL has \
             besides, choose nothing; a list that chooses nothing at all is an error, and so is a name that OpenSSL does \
             not know. The order of the list decides. Of the words with `@`, `@STRENGTH` sorts, and `@SECLEVEL` may ask \
             for 0 to 2, which all suites comply with.\n\n\
             With `psk_hint`, OpenSSL itself reads the list, and chooses from all that it has. One of them at least must \
             work with a pre-shared key.",
        )
        .store(Store::ListenerText(|l| &mut l.tls.ciphers))
        .listener_shows(Effect::LaterConnections, |l| l.tls.ciphers.written()),
    Declaration::text("ciphers_tls1.3", Repeat::Replaces)
        .scope(Listener)
        .reload(LaterConnections)
        .since("2.0")
        .value("list")
        .examples(&["TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"])
        .help("Cipher suites for TLS 1.3.")
        .manual(
            "The names, with colons between them, are TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256 and \
             TLS_AES_128_GCM_SHA256. The order of the list decides.",
        )
        .store(Store::ListenerText(|l| &mut l.tls.ciphers_tls13))
        .listener_shows(Effect::LaterConnections, |l| l.tls.ciphers_tls13.written()),
    Declaration::text("tls_version", Repeat::Refused)
        .scope(ExplicitListener)
        .value("tlsv1.3 | tlsv1.2")
        .examples(&["tlsv1.2"])
        .help("The lowest version of TLS accepted: tlsv1.2 or tlsv1.3.")
        .manual(
            "Unlike Mosquitto, this broker has no TLS 1.1: `tlsv1.1` is refused.",
        )
        .store(Store::ListenerText(|l| &mut l.tls.version))
        .listener_shows(Effect::LaterConnections, |l| l.tls.version.written()),
    Declaration::bool("require_certificate")
        .default("false")
        .scope(Listener)
        .reload(Yes)
        .help("Let only clients in that show a certificate.")
        .manual(
            "The certificate must be signed by one of the authorities in `cafile` or `capath`, perhaps through others that the \
             client sends; without any authority, nobody is let in. It must be one of X.509 version 3, and its time must have \
             come and not be over. Clients are asked for a certificate with this option only.",
        )
        .store(Store::ListenerBool(|l, on| l.tls.require_certificate = on))
        .listener_shows(Effect::LaterConnections, |l| l.tls.require_certificate.written()),
    Declaration::bool("disable_client_cert_date_checks")
        .default("false")
        .scope(ExplicitListener)
        .reload(LaterConnections)
        .since("2.1")
        .help("Accept client certificates outside the time for which they are valid.")
        .manual(
            "All else about the certificate has to be right.",
        )
        .store(Store::ListenerBool(|l, on| l.tls.disable_client_cert_date_checks = on))
        .listener_shows(Effect::LaterConnections, |l| l.tls.disable_client_cert_date_checks.written()),
    Declaration::bool("use_identity_as_username")
        .default("false")
        .scope(Listener)
        .reload(LaterConnections)
        .help("Take the certificate's common name, or the PSK identity, for the username.")
        .manual(
            "Username and password that the client sends are not looked at, and the client counts as known: `allow_anonymous` \
             does not matter. A client whose certificate has no common name, or that has shown none because of \
             `require_certificate false`, is refused. When the option is turned on by a reload, clients that are there \
             under another name are disconnected.\n\n\
             With `psk_hint`, the identity in `psk_file` is the username.",
        )
        .store(Store::ListenerBool(|l, on| l.tls.use_identity_as_username = on))
        .listener_shows(Effect::AtOnce, |l| l.tls.use_identity_as_username.written()),
    Declaration::bool("use_subject_as_username")
        .default("false")
        .scope(Listener)
        .reload(LaterConnections)
        .since("1.5")
        .help("Take the certificate's whole subject for the username.")
        .manual(
            "It is written as RFC 2253 has it, the last part first: `CN=test client,OU=Production,O=Server,C=GB`. All else is as \
             with `use_identity_as_username`, which comes first where both are given.",
        )
        .store(Store::ListenerBool(|l, on| l.tls.use_subject_as_username = on))
        .listener_shows(Effect::AtOnce, |l| l.tls.use_subject_as_username.written()),
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
        .help("Turn TLS-PSK on, and send this to clients as a hint which identity to use.")
        .manual(
            "Instead of certificates, client and server have a key in common; the keys are in `psk_file`. It is TLS 1.2: with \
             `tls_version tlsv1.3` there is none. A listener has either a certificate or a `psk_hint`.\n\n\
             Who gives an identity that is not in the file is refused exactly as who has another key is. Sessions of TLS \
             are never resumed, so each connection needs the key.\n\n\
             This kind of TLS is OpenSSL's. Its libraries, `libssl.so.3` and `libcrypto.so.3` or those of 1.1, must be there \
             when the broker starts (see `mosquitto(8)` for where); without them, the broker says so and does not start.",
        )
        .refers(Referent::PskHint)
        .store(Store::ByHand(by_hand::psk_hint))
        .listener_shows(Effect::LaterConnections, |l| l.tls.psk_hint.written()),
];
