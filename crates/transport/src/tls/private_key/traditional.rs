//! The way in which OpenSSL encrypted private keys before PKCS#8 (`openssl rsa -aes256`, `openssl genrsa -aes256`): the key is
//! made of passphrase and salt with one round of MD5. Better than nothing: who has such a file can try passphrases fast.

use super::super::files::Why;
use super::pem::Section;
use aes::{Aes128, Aes192, Aes256};
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit};
use des::TdesEde3;
use md5::{Digest, Md5};
use zeroize::Zeroizing;

/// Bytes of the salt: the first ones of the initial vector.
const SALT_BYTES: usize = 8;

/// Characters that are shown of the name of a cipher that is not known.
const NAME_SHOWN: usize = 40;

/// The names in `DEK-Info` that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    TripleDes,
}

/// A key that is encrypted in this way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Traditional {
    cipher: Cipher,
    /// As long as the cipher's blocks.
    iv: Vec<u8>,
    encrypted: Vec<u8>,
}

impl Cipher {
    fn of(name: &str) -> Option<Self> {
        match name {
            "AES-128-CBC" => Some(Self::Aes128),
            "AES-192-CBC" => Some(Self::Aes192),
            "AES-256-CBC" => Some(Self::Aes256),
            "DES-EDE3-CBC" => Some(Self::TripleDes),
            _ => None,
        }
    }

    fn key_bytes(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 | Self::TripleDes => 24,
            Self::Aes256 => 32,
        }
    }

    fn block_bytes(self) -> usize {
        if self == Self::TripleDes { 8 } else { 16 }
    }
}

impl Traditional {
    /// What the headers of a section say about its contents; none: they are not encrypted in this way.
    pub(super) fn of(section: &Section<'_>, der: &[u8]) -> Result<Option<Self>, Why> {
        let Some(kind) = section.header("Proc-Type") else { return Ok(None) };
        if kind.split(',').map(str::trim).ne(["4", "ENCRYPTED"]) {
            return Err("its header Proc-Type is not 4,ENCRYPTED".to_owned());
        }
        let info = section.header("DEK-Info").and_then(|info| info.split_once(','));
        let (name, iv) = info.ok_or("the header DEK-Info of the encrypted key does not say how it is encrypted")?;
        let cipher = Cipher::of(name.trim()).ok_or_else(|| {
            let known = "AES-128-CBC, AES-192-CBC, AES-256-CBC and DES-EDE3-CBC";
            let name: String = name.trim().chars().take(NAME_SHOWN).collect();
            format!("the key is encrypted in an unknown way, \"{}\"; known are {known}", name.escape_default())
        })?;
        let iv = hex(iv.trim()).filter(|iv| iv.len() == cipher.block_bytes());
        let iv = iv.ok_or("the header DEK-Info of the encrypted key has no initial vector of the right length")?;
        Ok(Some(Self { cipher, iv, encrypted: der.to_vec() }))
    }

    /// What was encrypted; none: with another passphrase.
    pub(super) fn decrypt(&self, passphrase: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = derive(passphrase, self.iv.get(..SALT_BYTES)?, self.cipher.key_bytes());
        match self.cipher {
            Cipher::Aes128 => self.decrypt_with::<Aes128>(&key),
            Cipher::Aes192 => self.decrypt_with::<Aes192>(&key),
            Cipher::Aes256 => self.decrypt_with::<Aes256>(&key),
            Cipher::TripleDes => self.decrypt_with::<TdesEde3>(&key),
        }
    }

    fn decrypt_with<C: BlockCipherDecrypt + KeyInit>(&self, key: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let cipher = Decryptor::<C>::new_from_slices(key, &self.iv).ok()?;
        cipher.decrypt_padded_vec::<Pkcs7>(&self.encrypted).ok().map(Zeroizing::new)
    }
}

/// `EVP_BytesToKey` with MD5 and one round: hashes of the hash before, the passphrase and the salt, one after the other.
fn derive(passphrase: &[u8], salt: &[u8], len: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(len + 16));
    let mut before = Zeroizing::new(Vec::new());
    while key.len() < len {
        let hash = Md5::new().chain_update(&*before).chain_update(passphrase).chain_update(salt).finalize();
        *before = hash.to_vec();
        key.extend_from_slice(&hash);
    }
    key.truncate(len);
    key
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|digit| digit.is_ascii_hexdigit()) || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = text.as_bytes().chunks(2).map(str::from_utf8);
    pairs.map(|pair| u8::from_str_radix(pair.ok()?, 16).ok()).collect()
}
