use super::*;
use proptest::prelude::*;

const FILE: &str = include_str!("keys.pem");

/// The names in the file, and what stands below each.
fn forms() -> impl Iterator<Item = (&'static str, &'static str)> {
    FILE.split("\n= ").skip(1).filter_map(|form| form.split_once('\n'))
}

fn text_of(name: &str) -> &'static str {
    forms().find(|form| form.0 == name).unwrap().1
}

fn opened(text: &str, passphrase: &str) -> Result<PrivateKeyDer<'static>, String> {
    match Stored::find(text.as_bytes())? {
        Stored::Plain(key) => Ok(key),
        Stored::Encrypted(form) => form.open(passphrase.as_bytes()).map_err(|error| match error {
            NotOpened::WrongPassphrase => "wrong passphrase".to_owned(),
            NotOpened::Unusable(why) => why,
        }),
    }
}

/// The public key that belongs to it.
fn public(key: PrivateKeyDer<'static>) -> Vec<u8> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.key_provider.load_private_key(key).unwrap().public_key().unwrap().to_vec()
}

#[test]
fn a_key_is_the_same_in_all_forms_that_openssl_writes() {
    let expected = public(opened(text_of("PKCS#8"), "").unwrap());
    let mut encrypted = 0;
    for (name, text) in forms().filter(|(name, _)| !name.starts_with("unknown")) {
        assert_eq!(public(opened(text, "secret").unwrap()), expected, "{name}");
        // As it is written on other systems.
        assert_eq!(public(opened(&text.replace('\n', "\r\n"), "secret").unwrap()), expected, "{name}");
        if text.contains("ENCRYPTED") {
            encrypted += 1;
            for wrong in ["", "Secret", "secre", "secret "] {
                assert_eq!(opened(text, wrong).unwrap_err(), "wrong passphrase", "{name}");
            }
        }
    }
    assert_eq!(encrypted, 9);
}

/// With one passphrase in 256 the padding at the end is right by chance.
#[test]
fn no_wrong_passphrase_opens_a_key_by_chance() {
    for name in ["traditional, aes256", "traditional, des3"] {
        for number in 0..2000 {
            assert_eq!(opened(text_of(name), &number.to_string()).unwrap_err(), "wrong passphrase", "{name}");
        }
    }
}

#[test]
fn a_form_that_is_unknown_or_too_dear_is_an_error_before_there_is_a_passphrase() {
    for (name, error) in [
        ("unknown: PKCS#8, PKCS#5 1.5", "encrypted in a way that is not known; encrypt it anew with"),
        (
            "unknown: traditional, camellia128",
            "encrypted in an unknown way, \"CAMELLIA-128-CBC\"; known are AES-128-CBC",
        ),
        ("unknown: too dear", "takes too much time or memory"),
    ] {
        let why = Stored::find(text_of(name).as_bytes()).err().unwrap();
        assert!(why.contains(error), "{name}: {why}");
    }
}

#[test]
fn the_name_of_a_cipher_is_not_repeated_whatever_its_length() {
    let text = text_of("traditional, aes128").replace("AES-128-CBC", &"\u{1}".repeat(5000));
    let why = Stored::find(text.as_bytes()).err().unwrap();
    assert!(why.contains("in an unknown way, \"\\u{1}") && why.len() < 400, "{}", why.len());
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let traditional = text_of("traditional, aes128");
    for (text, error) in [
        ("no PEM", "it holds no private key in PEM"),
        (&FILE[FILE.find("-----END").unwrap()..][..30], "it holds no private key in PEM"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n", "it is no PEM: the private key is no base64, or has no end"),
        ("-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----", "it is no PEM"),
        (&traditional.replace("4,ENCRYPTED", "4,MIC-ONLY"), "its header Proc-Type is not 4,ENCRYPTED"),
        (&traditional.replace("DEK-Info", "X"), "does not say how it is encrypted"),
        (&traditional.replace("AES-128-CBC,", "AES-128-CBC,00"), "no initial vector of the right length"),
        (&traditional.replace("AES-128-CBC,", "AES-128-CBC,é"), "no initial vector of the right length"),
    ] {
        let why = Stored::find(text.as_bytes()).err().unwrap();
        assert!(why.contains(error), "{text}: {why}");
    }
}

#[test]
fn the_first_private_key_counts_whatever_stands_above_it() {
    let above = "text\n-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let plain = text_of("SEC 1");
    let both = format!("{above}{plain}{}", text_of("traditional, aes128"));
    assert!(matches!(Stored::find(both.as_bytes()), Ok(Stored::Plain(_))));
    let both = format!("{above}{}{plain}", text_of("traditional, aes128"));
    assert!(matches!(Stored::find(both.as_bytes()), Ok(Stored::Encrypted(_))));
}

proptest! {
    /// The file is the operator's, but a broken one must not end a broker that runs.
    #[test]
    fn a_broken_file_never_panics(form in 0..14usize, at in 0..600usize, byte: u8, cut: bool) {
        // The ways that take long are left out.
        if let Some((name, text)) = forms().nth(form) && !name.starts_with("PKCS#8,") {
            let mut bytes = text.as_bytes().to_vec();
            let at = at % bytes.len();
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            if let Ok(Stored::Encrypted(form)) = Stored::find(&bytes) {
                let _ = form.open(b"secret");
            }
        }
    }
}
