//! Frames (RFC 6455, section 5), read slowly and with all bytes at hand.

/// What a client's frames come to.
pub(super) struct Told {
    pub(super) data: Vec<u8>,
    pub(super) pings: Vec<Vec<u8>>,
    pub(super) end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Open,
    /// By the client, with this code.
    Closed(Option<u16>),
    /// With this code, by the server.
    Broken(u16),
}

/// Reads what a client has sent after the handshake, up to the end of it or of the bytes.
pub(super) fn client(mut bytes: &[u8]) -> Told {
    let mut told = Told { data: Vec::new(), pings: Vec::new(), end: End::Open };
    let mut continues = false;
    while let [first, second, rest @ ..] = bytes {
        let control = first & 0x08 != 0;
        let short_len = second & 0x7f;
        let good = match first & 0x0f {
            0x1 => return Told { end: End::Broken(1003), ..told },
            0x0 => continues,
            0x2 => !continues,
            0x8..=0xa => first & 0x80 != 0 && short_len <= 125,
            _ => false,
        };
        if !good || first & 0x70 != 0 || second & 0x80 == 0 {
            return Told { end: End::Broken(1002), ..told };
        }
        if !control {
            continues = first & 0x80 == 0;
        }
        let length_len = [0, 2, 8][usize::from(short_len.saturating_sub(125))];
        if rest.len() < length_len + 4 {
            return told;
        }
        let (length, rest) = rest.split_at(length_len);
        let len = match length_len {
            0 => u64::from(short_len),
            _ => length.iter().fold(0, |len, &byte| len * 256 + u64::from(byte)),
        };
        if len > 268_435_455 {
            return Told { end: End::Broken(1009), ..told };
        }
        let (mask, rest) = rest.split_at(4);
        let whole = rest.len() as u64 >= len;
        let payload: Vec<u8> = rest.iter().take(len as usize).zip(mask.iter().cycle()).map(|(a, b)| a ^ b).collect();
        match first & 0x0f {
            0x0 | 0x2 => told.data.extend(&payload),
            0x9 if whole => told.pings.push(payload.clone()),
            0x8 if whole => {
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                return Told { end: End::Closed(code), ..told };
            }
            _ => {}
        }
        bytes = &rest[payload.len()..];
    }
    told
}

/// A frame as it is written.
pub(super) struct Frame {
    pub(super) first: u8,
    pub(super) payload: Vec<u8>,
}

/// What a server's frames come to.
pub(super) struct Said {
    pub(super) frames: Vec<Frame>,
    pub(super) data: Vec<u8>,
    pub(super) pongs: Vec<Vec<u8>>,
    /// None: it is not closed; else the code with which it is.
    #[allow(clippy::option_option, reason = "the outer: whether it is closed; the inner: whether with a code")]
    pub(super) close: Option<Option<u16>>,
    /// Bytes of a frame that is not whole.
    pub(super) rest: usize,
}

/// Reads what a server has sent after its answer. It says nothing more once it has closed.
pub(super) fn server(mut bytes: &[u8]) -> Said {
    let mut said = Said { frames: Vec::new(), data: Vec::new(), pongs: Vec::new(), close: None, rest: 0 };
    while let Some((first, payload, rest)) = unmasked(bytes) {
        assert_eq!(said.close, None, "nothing follows what closes");
        match first {
            0x82 => said.data.extend(payload),
            0x8a => said.pongs.push(payload.to_vec()),
            0x88 => said.close = Some(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            other => panic!("a server does not send {other:#x}"),
        }
        assert!(first == 0x82 || payload.len() <= 125);
        said.frames.push(Frame { first, payload: payload.to_vec() });
        bytes = rest;
    }
    said.rest = bytes.len();
    said
}

fn unmasked(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let ([first, short_len], rest) = bytes.split_first_chunk()?;
    let (len, rest) = match short_len {
        0..=125 => (u64::from(*short_len), rest),
        126 => rest.split_first_chunk().map(|(len, rest)| (u64::from(u16::from_be_bytes(*len)), rest))?,
        127 => rest.split_first_chunk().map(|(len, rest)| (u64::from_be_bytes(*len), rest))?,
        _ => panic!("a server masks nothing"),
    };
    let shortest = [126, 65_536, u64::MAX][usize::from(short_len.saturating_sub(125))];
    assert!(
        len < shortest && (*short_len < 126 || len > 125) && (*short_len < 127 || len > 65_535),
        "a length has one form"
    );
    let (payload, rest) = rest.split_at_checked(len as usize)?;
    Some((*first, payload, rest))
}

/// A frame of a client.
pub(super) fn masked(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ ..126 => frame.push(0x80 | len as u8),
        len @ ..65_536 => frame.extend([&[0xfe][..], &(len as u16).to_be_bytes()].concat()),
        len => frame.extend([&[0xff][..], &(len as u64).to_be_bytes()].concat()),
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}
