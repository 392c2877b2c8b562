//! Standard input, line by line, without waiting for it.

use crate::payload::PAYLOAD_BYTES_MAX;
use mosquitto_client::Waker;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Chunks that wait to be published: beyond them standard input is not read.
const CHUNKS_MAX: usize = 4;

/// The lines that a thread reads from standard input.
#[derive(Debug)]
pub(crate) struct StdinLines {
    chunks: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    /// How much of `chunk` is taken.
    taken: usize,
    /// The beginning of a line that is not whole.
    partial: Vec<u8>,
    /// The next line, if it was put back.
    put_back: Option<Vec<u8>>,
    ended: bool,
}

/// A line that is longer than a message can be.
#[derive(Debug)]
pub(crate) struct LineTooLong;

impl StdinLines {
    /// Starts to read. The client is woken when there is something, and at the end.
    pub(crate) fn read(waker: Waker) -> Self {
        let (sender, chunks) = sync_channel(CHUNKS_MAX);
        std::thread::spawn(move || {
            read_chunks(io::stdin().lock(), &sender, &waker);
            drop(sender);
            waker.wake();
        });
        Self::new(chunks)
    }

    fn new(chunks: Receiver<Vec<u8>>) -> Self {
        Self { chunks, chunk: Vec::new(), taken: 0, partial: Vec::new(), put_back: None, ended: false }
    }

    /// The next line without its end, if it is there. The last one may have no end.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, LineTooLong> {
        if let Some(line) = self.put_back.take() {
            return Ok(Some(line));
        }
        loop {
            let rest = self.chunk.get(self.taken..).unwrap_or_default();
            if let Some(len) = rest.iter().position(|&byte| byte == b'\n') {
                let mut line = std::mem::take(&mut self.partial);
                line.extend_from_slice(rest.get(..len).unwrap_or_default());
                self.taken += len + 1;
                return if line.len() > PAYLOAD_BYTES_MAX { Err(LineTooLong) } else { Ok(Some(line)) };
            }
            self.partial.extend_from_slice(rest);
            if self.partial.len() > PAYLOAD_BYTES_MAX {
                return Err(LineTooLong);
            }
            (self.chunk, self.taken) = (Vec::new(), 0);
            match self.chunks.try_recv() {
                Ok(chunk) => self.chunk = chunk,
                Err(TryRecvError::Empty) => return Ok(None),
                Err(TryRecvError::Disconnected) => {
                    self.ended = true;
                    let last = std::mem::take(&mut self.partial);
                    return Ok(Some(last).filter(|line| !line.is_empty()));
                }
            }
        }
    }

    /// Has [`next`](Self::next) return this line again.
    pub(crate) fn put_back(&mut self, line: Vec<u8>) {
        self.put_back = Some(line);
    }

    /// Whether every line has been taken.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended && self.put_back.is_none()
    }
}

fn read_chunks(mut input: impl Read, chunks: &SyncSender<Vec<u8>>, waker: &Waker) {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        match input.read(&mut chunk) {
            Ok(len @ 1..) => chunk.truncate(len),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // What cannot be read has ended.
            Ok(0) | Err(_) => return,
        }
        if chunks.send(chunk).is_err() {
            return;
        }
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let (sender, receiver) = sync_channel(chunks.len());
        for chunk in chunks {
            sender.send(chunk.to_vec()).unwrap();
        }
        drop(sender);
        let mut lines = StdinLines::new(receiver);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push(line);
        }
        assert!(lines.is_ended());
        all
    }

    #[test]
    fn lines_are_whole_wherever_the_chunks_end() {
        let expected: Vec<Vec<u8>> = vec![b"one".to_vec(), b"".to_vec(), b"t\0wo\xff\r".to_vec(), b"last".to_vec()];
        let text = b"one\n\nt\0wo\xff\r\nlast";
        for len in 1..=text.len() {
            assert_eq!(lines(&text.chunks(len).collect::<Vec<_>>()), expected, "chunks of {len}");
        }
    }

    #[test]
    fn an_end_after_a_line_end_makes_no_empty_line() {
        assert_eq!(lines(&[b"a\n"]), [b"a".to_vec()]);
        assert_eq!(lines(&[]), Vec::<Vec<u8>>::new());
        assert_eq!(lines(&[b"\n"]), [b"".to_vec()]);
    }

    #[test]
    fn a_line_that_was_put_back_comes_again() {
        let (sender, receiver) = sync_channel(1);
        sender.send(b"a\nb\n".to_vec()).unwrap();
        drop(sender);
        let mut lines = StdinLines::new(receiver);
        let line = lines.next().unwrap().unwrap();
        lines.put_back(line);
        assert_eq!(lines.next().unwrap().unwrap(), b"a");
        assert_eq!(lines.next().unwrap().unwrap(), b"b");
        assert!(!lines.is_ended());
        assert!(lines.next().unwrap().is_none() && lines.is_ended());
    }
}
