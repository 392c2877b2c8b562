//! The private key of a server as it stands in its file, perhaps encrypted.
//!
//! A file may hold other things as well; the first private key in it counts, as for OpenSSL. There are two ways in which
//! one is encrypted: PKCS#8 says in the key itself how (`ENCRYPTED PRIVATE KEY`, RFC 5958 and RFC 8018), the older one in
//! headers above it (`Proc-Type`, `DEK-Info`; RFC 1421).

mod pem;
mod traditional;

use super::files::{self, Why};
use super::server::TlsSetupError;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::pbes2::Kdf;
use pkcs8::pkcs5::{EncryptionScheme, Error as Pkcs5Error};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use std::fmt;
use std::path::{Path, PathBuf};
use traditional::Traditional;
use zeroize::Zeroizing;

/// Bytes of the longest passphrase: as many as OpenSSL takes.
pub const PASSPHRASE_BYTES_MAX: usize = 1024;

/// Rounds of PBKDF2, at most: some ten seconds. `openssl` makes 2048.
const PBKDF2_ROUNDS_MAX: u32 = 10_000_000;

/// Bytes that scrypt may need, and work it may be, counted as the bytes that it writes. `openssl` asks for 16 MiB of both.
const SCRYPT_BYTES_MAX: u64 = 256 << 20;

/// What opens an encrypted key. It is overwritten when it is dropped.
pub type Passphrase = Zeroizing<Vec<u8>>;

/// The file of a private key.
pub struct KeyFile {
    path: PathBuf,
    key: Stored,
}

/// A private key that can be used.
pub struct PrivateKey(pub(super) PrivateKeyDer<'static>);

/// Why a key file is of no use with a passphrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyError {
    /// Another one might do.
    WrongPassphrase(TlsSetupError),
    /// None would.
    Unusable(TlsSetupError),
}

enum Stored {
    Plain(PrivateKeyDer<'static>),
    Encrypted(Form),
}

/// An encrypted private key, in a form that is known.
enum Form {
    /// All of the `EncryptedPrivateKeyInfo`.
    Pkcs8(Vec<u8>),
    Traditional {
        kind: Kind,
        encrypted: Traditional,
    },
}

/// What is between `BEGIN` and `PRIVATE KEY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pkcs1,
    Sec1,
    Pkcs8,
    EncryptedPkcs8,
}

/// Why a key cannot be opened.
enum NotOpened {
    WrongPassphrase,
    Unusable(Why),
}

impl KeyFile {
    /// Reads it, and looks whether the way in which it may be encrypted is known.
    pub fn read(path: &Path) -> Result<Self, TlsSetupError> {
        let key = files::read(path).and_then(|contents| Stored::find(&Zeroizing::new(contents)));
        Ok(Self { path: path.to_owned(), key: key.map_err(|why| unusable(path, why))? })
    }

    /// The line that says that it is of no use.
    pub fn unusable(&self) -> String {
        unusable(&self.path, String::new()).text
    }

    /// Whether a passphrase is needed.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.key, Stored::Encrypted(_))
    }

    /// The key. A passphrase is looked at where one is needed only; that may take a second or so, since passphrases are
    /// meant to be dear to guess.
    pub fn open(&self, passphrase: &[u8]) -> Result<PrivateKey, KeyError> {
        let form = match &self.key {
            Stored::Plain(key) => return Ok(PrivateKey(key.clone_key())),
            Stored::Encrypted(form) => form,
        };
        form.open(passphrase).map(PrivateKey).map_err(|error| match error {
            NotOpened::WrongPassphrase => {
                KeyError::WrongPassphrase(unusable(&self.path, "the passphrase of the key is wrong".to_owned()))
            }
            NotOpened::Unusable(why) => KeyError::Unusable(unusable(&self.path, why)),
        })
    }
}

/// Without what it holds.
impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Without what it holds.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

/// What is said of a key file that is of no use.
pub(super) fn unusable(path: &Path, why: String) -> TlsSetupError {
    TlsSetupError { text: format!("Error: Unable to load server key file \"{}\". Check keyfile.", path.display()), why }
}

impl Kind {
    fn of(label: &[u8]) -> Option<Self> {
        match label {
            b"RSA PRIVATE KEY" => Some(Self::Pkcs1),
            b"EC PRIVATE KEY" => Some(Self::Sec1),
            b"PRIVATE KEY" => Some(Self::Pkcs8),
            b"ENCRYPTED PRIVATE KEY" => Some(Self::EncryptedPkcs8),
            _ => None,
        }
    }

    fn key(self, der: Vec<u8>) -> PrivateKeyDer<'static> {
        match self {
            Self::Pkcs1 => PrivatePkcs1KeyDer::from(der).into(),
            Self::Sec1 => PrivateSec1KeyDer::from(der).into(),
            Self::Pkcs8 | Self::EncryptedPkcs8 => PrivatePkcs8KeyDer::from(der).into(),
        }
    }
}

impl Stored {
    /// Finds the first private key.
    fn find(contents: &[u8]) -> Result<Self, Why> {
        let found = pem::sections(contents).find_map(|section| Some((Kind::of(section.label)?, section)));
        let Some((kind, section)) = found else { return Err("it holds no private key in PEM".to_owned()) };
        let der =
            section.der().ok_or_else(|| "it is no PEM: the private key is no base64, or has no end".to_owned())?;
        if let Some(encrypted) = Traditional::of(&section, &der)? {
            return Ok(Self::Encrypted(Form::Traditional { kind, encrypted }));
        }
        if kind == Kind::EncryptedPkcs8 {
            check_pkcs8(&der)?;
            return Ok(Self::Encrypted(Form::Pkcs8(der.to_vec())));
        }
        Ok(Self::Plain(kind.key(der.to_vec())))
    }
}

impl Form {
    fn open(&self, passphrase: &[u8]) -> Result<PrivateKeyDer<'static>, NotOpened> {
        match self {
            Self::Pkcs8(der) => open_pkcs8(der, passphrase),
            Self::Traditional { kind, encrypted } => {
                let der = encrypted.decrypt(passphrase).ok_or(NotOpened::WrongPassphrase)?;
                if is_whole_sequence(&der) { Ok(kind.key(der.to_vec())) } else { Err(NotOpened::WrongPassphrase) }
            }
        }
    }
}

/// Whether the way in which it is encrypted is known, and asks for no more than is fair.
fn check_pkcs8(der: &[u8]) -> Result<(), Why> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| unknown("a way that is not known"))?;
    let EncryptionScheme::Pbes2(parameters) = &info.encryption_algorithm else {
        return Err(unknown("an old way, which is not secure"));
    };
    let is_fair = match &parameters.kdf {
        Kdf::Pbkdf2(parameters) => parameters.iteration_count <= PBKDF2_ROUNDS_MAX,
        Kdf::Scrypt(parameters) => {
            let bytes = parameters.cost_parameter.saturating_mul(128 * u64::from(parameters.block_size));
            bytes.saturating_mul(u64::from(parameters.parallelization)) <= SCRYPT_BYTES_MAX
        }
        _ => return Err(unknown("a way that is not known")),
    };
    if is_fair { Ok(()) } else { Err("the key is encrypted in a way that takes too much time or memory".to_owned()) }
}

fn unknown(how: &str) -> Why {
    format!(
        "the key is encrypted in {how}; encrypt it anew with `openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out FILE`"
    )
}

fn open_pkcs8(der: &[u8], passphrase: &[u8]) -> Result<PrivateKeyDer<'static>, NotOpened> {
    let unusable = |error: &dyn fmt::Display| NotOpened::Unusable(format!("the key cannot be decrypted: {error}"));
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|error| unusable(&error))?;
    let decrypted = info.encryption_algorithm.decrypt(passphrase, info.encrypted_data.as_bytes());
    let decrypted = Zeroizing::new(decrypted.map_err(|error| match error {
        Pkcs5Error::DecryptFailed | Pkcs5Error::EncryptFailed => NotOpened::WrongPassphrase,
        other => unusable(&other),
    })?);
    // With a wrong passphrase the padding at the end may look right by chance, and nothing else will.
    if is_whole_sequence(&decrypted) {
        Ok(Kind::Pkcs8.key(decrypted.to_vec()))
    } else {
        Err(NotOpened::WrongPassphrase)
    }
}

/// Whether these bytes are one SEQUENCE of ASN.1 (DER), and nothing but that.
fn is_whole_sequence(der: &[u8]) -> bool {
    let Some((&0x30, rest)) = der.split_first() else { return false };
    match rest.split_first() {
        Some((&len @ ..=0x7F, body)) => body.len() == usize::from(len),
        Some((&more @ 0x81..=0x83, rest)) => {
            let Some((len, body)) = rest.split_at_checked(usize::from(more & 0x7F)) else { return false };
            body.len() == len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
