//! What is on its way to the server.

/// An empty buffer keeps no more memory than this.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// The unsent bytes of a connection, in order.
#[derive(Debug, Default)]
pub(super) struct Output {
    bytes: Vec<u8>,
    /// How many of `bytes` are sent.
    sent: usize,
}

impl Output {
    pub(super) fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        // Moved to the front once most is sent, so that each byte is moved less than once on average.
        if self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        write(&mut self.bytes);
    }

    pub(super) fn unsent(&self) -> &[u8] {
        self.bytes.get(self.sent..).unwrap_or_default()
    }

    pub(super) fn advance(&mut self, len: usize) {
        self.sent = self.bytes.len().min(self.sent + len);
        if self.sent == self.bytes.len() {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES_MAX);
        self.sent = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_leave_in_order_and_an_empty_buffer_is_small() {
        let (mut output, mut all) = (Output::default(), Vec::new());
        for round in 0..100_u8 {
            output.append(|out| out.extend_from_slice(&[round; 3000]));
            let part = output.unsent().get(..2900).unwrap().to_vec();
            all.extend_from_slice(&part);
            output.advance(part.len());
        }
        let rest = output.unsent().to_vec();
        output.advance(rest.len() + 1);
        all.extend_from_slice(&rest);
        let expected: Vec<u8> = (0..100_u8).flat_map(|round| [round; 3000]).collect();
        assert_eq!(all, expected);
        assert!(output.unsent().is_empty() && output.bytes.capacity() <= KEPT_BYTES_MAX);
    }
}
