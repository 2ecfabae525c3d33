// SPDX-License-Identifier: LGPL-2.1-or-later
//! Bytes ⇄ frames: `<length>\n<channel>\n<payload>`, where the length counts everything after its own newline.
//!
//! The same format and limits as Cockpit's `cockpitframe.c` and `protocol.py`, with a cap on what one frame may hold.

use std::fmt;
use std::io::{self, Read};

/// The largest frame that is read. Nothing that a page sends to a peer comes near it.
pub const MAX_READ: usize = 16 * 1024 * 1024;

/// The largest frame that is written: the C bridge (`cockpitframe.c`) reads eight digits of length and no more.
pub const MAX_WRITE: usize = 99_999_999;

/// The length's newline is within the first ten bytes, or there is none (Cockpit's `protocol.py` has the same rule).
const MAX_LENGTH_LINE: usize = 10;

/// How much is asked of the input at once; also bounds what a hostile length can make us allocate ahead of its bytes.
const CHUNK: usize = 64 * 1024;

/// One message: control when the channel is empty, otherwise data of that channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub channel: String,
    pub payload: Vec<u8>,
}

/// Why a byte stream is not a sequence of frames. Each is one line without any byte of the input in it.
#[derive(Debug)]
pub enum FrameError {
    Io(io::Error),
    /// No newline within the first ten bytes, or something other than digits before it.
    BadLength,
    LeadingZero,
    Empty,
    TooLarge {
        length: usize,
        limit: usize,
    },
    /// End of file inside a frame.
    Truncated,
    NoChannelLine,
    ChannelNotAscii,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot read: {error}"),
            Self::BadLength => write!(f, "malformed frame: it does not start with a decimal length"),
            Self::LeadingZero => write!(f, "malformed frame: its length starts with a zero"),
            Self::Empty => write!(f, "malformed frame: its length is zero"),
            Self::TooLarge { length, limit } => {
                write!(f, "malformed frame: its length {length} is over the limit of {limit} bytes")
            }
            Self::Truncated => write!(f, "malformed frame: the input ended inside it"),
            Self::NoChannelLine => write!(f, "malformed frame: no newline after the channel"),
            Self::ChannelNotAscii => write!(f, "malformed frame: its channel is not ASCII"),
        }
    }
}

impl std::error::Error for FrameError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// The bytes of one frame, in one piece so that one write sends them.
///
/// Fails with [`FrameError::TooLarge`] for what the other side would not read, and for a channel that would not come
/// out as it went in.
pub fn encode(channel: &str, payload: &[u8]) -> Result<Vec<u8>, FrameError> {
    if !channel.is_ascii() || channel.contains('\n') {
        return Err(FrameError::ChannelNotAscii);
    }
    let length = channel.len() + 1 + payload.len();
    if length > MAX_WRITE {
        return Err(FrameError::TooLarge { length, limit: MAX_WRITE });
    }
    let mut bytes = Vec::with_capacity(length + MAX_LENGTH_LINE);
    bytes.extend_from_slice(length.to_string().as_bytes());
    bytes.push(b'\n');
    bytes.extend_from_slice(channel.as_bytes());
    bytes.push(b'\n');
    bytes.extend_from_slice(payload);
    Ok(bytes)
}

/// Frames out of any reader, however their bytes are split or merged on the way.
pub struct FrameReader<R> {
    input: R,
    /// Bytes that were read and not yet given out.
    buffer: Vec<u8>,
    chunk: Vec<u8>,
}

impl<R: Read> FrameReader<R> {
    pub fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), chunk: vec![0; CHUNK] }
    }

    /// The next frame; `None` when the input ended between two frames. Blocks until either is known.
    ///
    /// After an error the stream has no known position any more: do not read on.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let (start, length) = loop {
            if let Some(found) = length_line(&self.buffer)? {
                break found;
            }
            if !self.fill()? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(FrameError::Truncated) };
            }
        };
        let end = start + length;
        while self.buffer.len() < end {
            if !self.fill()? {
                return Err(FrameError::Truncated);
            }
        }
        let frame = split(&self.buffer[start..end])?;
        self.buffer.drain(..end);
        if self.buffer.is_empty() {
            // One large frame must not hold its memory for the rest of the session.
            self.buffer.shrink_to(CHUNK);
        }
        Ok(Some(frame))
    }

    /// Takes what the input has; false at its end.
    fn fill(&mut self) -> Result<bool, FrameError> {
        loop {
            match self.input.read(&mut self.chunk) {
                Ok(count) => {
                    self.buffer.extend_from_slice(&self.chunk[..count]);
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FrameError::Io(error)),
            }
        }
    }
}

/// Where the frame at the front starts, and its length; `None` while the length line is not complete.
fn length_line(buffer: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
    let window = &buffer[..buffer.len().min(MAX_LENGTH_LINE)];
    let newline = window.iter().position(|&byte| byte == b'\n');
    let digits = &window[..newline.unwrap_or(window.len())];
    // Complain at once: with junk and no newline the rest may never come.
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(FrameError::BadLength);
    }
    match digits {
        [] if newline.is_some() => return Err(FrameError::BadLength),
        [b'0'] if newline.is_some() => return Err(FrameError::Empty),
        [b'0', _, ..] => return Err(FrameError::LeadingZero),
        _ => {}
    }
    let Some(newline) = newline else {
        return if window.len() == MAX_LENGTH_LINE { Err(FrameError::BadLength) } else { Ok(None) };
    };
    // At most nine digits: this cannot overflow.
    let length = digits.iter().fold(0, |sum: usize, digit| sum * 10 + usize::from(digit - b'0'));
    if length > MAX_READ {
        return Err(FrameError::TooLarge { length, limit: MAX_READ });
    }
    Ok(Some((newline + 1, length)))
}

fn split(body: &[u8]) -> Result<Frame, FrameError> {
    let newline = memchr::memchr(b'\n', body).ok_or(FrameError::NoChannelLine)?;
    let channel = str::from_utf8(&body[..newline]).ok().filter(|channel| channel.is_ascii());
    let channel = channel.ok_or(FrameError::ChannelNotAscii)?.to_owned();
    Ok(Frame { channel, payload: body[newline + 1..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes in the pieces it was built with, then end of file.
    struct Pieces(Vec<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buf[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    /// Every other read is interrupted by a signal, the others give one byte.
    struct Interrupted {
        bytes: io::Cursor<Vec<u8>>,
        now: bool,
    }

    impl Read for Interrupted {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.now = !self.now;
            if self.now { Err(io::ErrorKind::Interrupted.into()) } else { self.bytes.read(&mut buf[..1]) }
        }
    }

    fn read_all(input: impl Read) -> Result<Vec<Frame>, FrameError> {
        let mut reader = FrameReader::new(input);
        let mut frames = Vec::new();
        while let Some(frame) = reader.next_frame()? {
            frames.push(frame);
        }
        Ok(frames)
    }

    fn frame(channel: &str, payload: &[u8]) -> Frame {
        Frame { channel: channel.into(), payload: payload.into() }
    }

    /// Control with a newline at its end, newlines inside data, an empty payload, bytes that are not UTF-8.
    const STREAM: &[u8] = b"17\n\n{\"command\":\"x\"}\n7\n4:1\na\nb4\n4:2\n10\n4:2\n\xff\x00\n12\n";

    fn stream_frames() -> Vec<Frame> {
        vec![
            frame("", b"{\"command\":\"x\"}\n"),
            frame("4:1", b"a\nb"),
            frame("4:2", b""),
            frame("4:2", b"\xff\x00\n12\n"),
        ]
    }

    #[test]
    fn every_split_gives_the_same_frames() {
        for first in 0..=STREAM.len() {
            for second in first..=STREAM.len() {
                // An empty piece would be the end of the file.
                let pieces = [&STREAM[..first], &STREAM[first..second], &STREAM[second..]];
                let pieces = pieces.iter().filter(|piece| !piece.is_empty()).map(|piece| piece.to_vec()).collect();
                assert_eq!(read_all(Pieces(pieces)).unwrap(), stream_frames(), "split at {first} and {second}");
            }
        }
        let single = STREAM.iter().map(|&byte| vec![byte]).collect();
        assert_eq!(read_all(Pieces(single)).unwrap(), stream_frames());
        let interrupted = Interrupted { bytes: io::Cursor::new(STREAM.to_vec()), now: false };
        assert_eq!(read_all(interrupted).unwrap(), stream_frames());
    }

    #[test]
    fn the_end_is_clean_only_between_frames() {
        let boundaries: Vec<usize> = stream_frames()
            .iter()
            .scan(0, |end, frame| {
                *end += encode(&frame.channel, &frame.payload).unwrap().len();
                Some(*end)
            })
            .collect();
        assert_eq!(boundaries.last(), Some(&STREAM.len()));
        for cut in 0..STREAM.len() {
            let got = read_all(&STREAM[..cut]);
            if cut == 0 || boundaries.contains(&cut) {
                assert!(got.is_ok(), "{cut}");
            } else {
                assert!(matches!(got, Err(FrameError::Truncated)), "{cut}: {got:?}");
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let written: Vec<u8> =
            stream_frames().iter().flat_map(|frame| encode(&frame.channel, &frame.payload).unwrap()).collect();
        assert_eq!(written, STREAM);
    }

    #[test]
    fn malformed_frames() {
        let over = format!("{}\n", MAX_READ + 1);
        let table: &[(&[u8], &str)] = &[
            (b"x", "does not start with a decimal length"),
            (b"\n", "does not start with a decimal length"),
            (b"-1\n\n", "does not start with a decimal length"),
            (b"+1\n\n", "does not start with a decimal length"),
            (b" 1\n\n", "does not start with a decimal length"),
            (b"1 \n\n", "does not start with a decimal length"),
            (b"1\r\n\n", "does not start with a decimal length"),
            (b"0x1\n\n", "does not start with a decimal length"),
            (b"\xff", "does not start with a decimal length"),
            (b"1234567890\n", "does not start with a decimal length"),
            (b"1234567890123456789012345678901234567890", "does not start with a decimal length"),
            (b"{\"command\":\"init\",\"version\":1}\n", "does not start with a decimal length"),
            (b"0\n", "its length is zero"),
            (b"01\n\n", "starts with a zero"),
            (b"00\n", "starts with a zero"),
            (b"999999999\n", "999999999 is over the limit of 16777216 bytes"),
            (over.as_bytes(), "16777217 is over the limit of 16777216 bytes"),
            (b"3\nabc", "no newline after the channel"),
            (b"4\n\xc3\xa9\nx", "its channel is not ASCII"),
            (b"3\n\xff\nx", "its channel is not ASCII"),
            (b"3", "the input ended inside it"),
            (b"3\n", "the input ended inside it"),
            (b"3\na\n", "the input ended inside it"),
        ];
        for (bytes, reason) in table {
            let error = read_all(*bytes).unwrap_err().to_string();
            assert!(error.contains(reason), "{:?}: {error}", String::from_utf8_lossy(bytes));
            assert!(!error.contains('\n'));
        }
    }

    #[test]
    fn junk_is_refused_before_more_of_it_comes() {
        /// A read past the first byte would block for ever on a real pipe.
        struct Junk(bool);
        impl Read for Junk {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                assert!(!std::mem::replace(&mut self.0, true), "asked for more");
                buf[0] = b'x';
                Ok(1)
            }
        }
        assert!(matches!(FrameReader::new(Junk(false)).next_frame(), Err(FrameError::BadLength)));
    }

    #[test]
    fn the_largest_frame_passes() {
        let payload = vec![b'.'; MAX_READ - 2];
        let bytes = encode("c", &payload).unwrap();
        assert_eq!(read_all(&bytes[..]).unwrap(), vec![frame("c", &payload)]);
    }

    #[test]
    fn an_announced_length_allocates_nothing() {
        let mut reader = FrameReader::new(&b"16777216\n\nabc"[..]);
        assert!(matches!(reader.next_frame(), Err(FrameError::Truncated)));
        assert!(reader.buffer.capacity() <= 2 * CHUNK, "{}", reader.buffer.capacity());
    }

    #[test]
    fn a_failing_input_is_told() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let error = FrameReader::new(Broken).next_frame().unwrap_err();
        assert!(matches!(&error, FrameError::Io(inner) if inner.kind() == io::ErrorKind::ConnectionReset));
    }

    #[test]
    fn what_the_other_side_would_not_read_is_not_written() {
        assert!(matches!(encode("a\nb", b""), Err(FrameError::ChannelNotAscii)));
        assert!(matches!(encode("é", b""), Err(FrameError::ChannelNotAscii)));
        let payload = vec![0; MAX_WRITE - 1];
        assert!(encode("", &payload[..MAX_WRITE - 1]).is_ok());
        assert!(matches!(encode("c", &payload), Err(FrameError::TooLarge { .. })));
    }
}
