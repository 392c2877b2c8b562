//! Frames that come: bytes that carry bytes.

use super::CloseCode;

/// The most bytes of a frame's head: two, eight for a length, four for the mask.
const HEAD_BYTES_MAX: usize = 14;

/// Bytes of the payload of a frame of control, at most.
const CONTROL_BYTES_MAX: u64 = 125;

/// Bytes of the payload of any frame, at most: those of the longest packet of MQTT.
const PAYLOAD_BYTES_MAX: u64 = 268_435_455;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;

/// A frame that is not one of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    Close,
    Ping,
    Pong,
}

/// Takes frames apart as they come, in whatever pieces.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// Whether they come from a server, and so without a mask.
    from_server: bool,
    /// What has come of a frame's head.
    head: [u8; HEAD_BYTES_MAX],
    head_len: usize,
    /// Bytes of the frame's payload that have not come yet; none while its head is coming.
    left: Option<u64>,
    /// The mask, the byte for the next byte of the payload first.
    mask: [u8; 4],
    /// None: its payload is data.
    control: Option<Control>,
    /// What has come of a control frame's payload.
    gathered: Vec<u8>,
    /// Whether a message goes on in the next frame.
    in_message: bool,
}

impl Decoder {
    /// Of frames that a server sends.
    pub(super) fn from_server() -> Self {
        Self { from_server: true, ..Self::default() }
    }

    /// Takes `bytes`, and leaves the data in them at their beginning: so many. Frames of control are told with their
    /// payload; behind one that closes nothing is looked at. An error ends it all.
    pub(super) fn decode(
        &mut self,
        bytes: &mut [u8],
        mut tell: impl FnMut(Control, &[u8]),
    ) -> (usize, Result<(), CloseCode>) {
        let (mut from, mut to) = (0, 0);
        while from < bytes.len() {
            let Some(left) = self.left else {
                match self.take_head(bytes.get(from..).unwrap_or_default()) {
                    Ok(len) => from += len,
                    Err(code) => return (to, Err(code)),
                }
                if self.left == Some(0) && self.end_frame(&mut tell) {
                    break;
                }
                continue;
            };
            let len = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - from);
            let payload = bytes.get_mut(from..from + len).unwrap_or_default();
            unmask(payload, &mut self.mask);
            if self.control.is_some() {
                self.gathered.extend_from_slice(payload);
            } else {
                bytes.copy_within(from..from + len, to);
                to += len;
            }
            from += len;
            self.left = Some(left.saturating_sub(len as u64));
            if self.left == Some(0) && self.end_frame(&mut tell) {
                break;
            }
        }
        (to, Ok(()))
    }

    /// Takes bytes of a head, and begins the frame when it is whole. Returns how many.
    fn take_head(&mut self, bytes: &[u8]) -> Result<usize, CloseCode> {
        let mut taken = 0;
        for &byte in bytes {
            if let Some(place) = self.head.get_mut(self.head_len) {
                *place = byte;
            }
            self.head_len += 1;
            taken += 1;
            if self.head_len == 2 {
                self.check()?;
            }
            if self.head_len >= 2 && self.head_len == self.whole_head_len() {
                self.begin_frame()?;
                break;
            }
        }
        Ok(taken)
    }

    /// Holds the first two bytes against the rules.
    fn check(&mut self) -> Result<(), CloseCode> {
        let [first, second, ..] = self.head;
        let (last, opcode) = (first & 0x80 != 0, first & 0x0f);
        self.control = match opcode {
            CONTINUATION if self.in_message => None,
            BINARY if !self.in_message => None,
            TEXT => return Err(CloseCode::Unsupported),
            0x8 => Some(Control::Close),
            0x9 => Some(Control::Ping),
            0xa => Some(Control::Pong),
            _ => return Err(CloseCode::ProtocolError),
        };
        let reserved = first & 0x70 != 0;
        let masked = second & 0x80 != 0;
        let long_control = self.control.is_some() && (!last || u64::from(second & 0x7f) > CONTROL_BYTES_MAX);
        if reserved || masked == self.from_server || long_control {
            return Err(CloseCode::ProtocolError);
        }
        if self.control.is_none() {
            self.in_message = !last;
        }
        Ok(())
    }

    fn length_len(&self) -> usize {
        match self.head[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    fn whole_head_len(&self) -> usize {
        2 + self.length_len() + if self.from_server { 0 } else { 4 }
    }

    fn begin_frame(&mut self) -> Result<(), CloseCode> {
        let length_len = self.length_len();
        let length = self.head.get(2..2 + length_len).unwrap_or_default();
        let payload_len = match length_len {
            0 => u64::from(self.head[1] & 0x7f),
            _ => length.iter().fold(0, |len, &byte| (len << 8) | u64::from(byte)),
        };
        if payload_len > PAYLOAD_BYTES_MAX {
            return Err(CloseCode::TooBig);
        }
        // Without a mask it stays what it is: nothing.
        if let Some(mask) = self.head.get(2 + length_len..).and_then(<[u8]>::first_chunk).filter(|_| !self.from_server)
        {
            self.mask = *mask;
        }
        self.left = Some(payload_len);
        self.head_len = 0;
        Ok(())
    }

    /// True if it was the last one.
    fn end_frame(&mut self, tell: &mut impl FnMut(Control, &[u8])) -> bool {
        self.left = None;
        let Some(control) = self.control else { return false };
        tell(control, &self.gathered);
        self.gathered = Vec::new();
        control == Control::Close
    }
}

/// Takes the mask off, and turns it to where the next byte of the payload needs it.
fn unmask(payload: &mut [u8], mask: &mut [u8; 4]) {
    if *mask == [0; 4] {
        return;
    }
    let [a, b, c, d] = *mask;
    let twice = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut words = payload.chunks_exact_mut(8);
    for word in words.by_ref() {
        if let Some(bytes) = word.first_chunk_mut::<8>() {
            *bytes = (u64::from_ne_bytes(*bytes) ^ twice).to_ne_bytes();
        }
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    mask.rotate_left(payload.len() % 4);
}
