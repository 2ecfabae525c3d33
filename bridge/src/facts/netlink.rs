// SPDX-License-Identifier: LGPL-2.1-or-later
//! Questions to the kernel over netlink. rustix opens the socket and leaves the messages to us.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};

/// The kernel answers at once or not at all.
const PATIENCE: Duration = Duration::from_secs(2);
/// Of one answer. The longest that we ask for is a list whose own length is a 16-bit number.
const REPLY_LIMIT: usize = 256 << 10;

// From <linux/netlink.h>.
const HEADER: usize = 16;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// The body of the kernel's one answer, and its type.
pub(super) fn ask(protocol: Option<Protocol>, kind: u16, body: &[u8]) -> io::Result<(u16, Vec<u8>)> {
    let socket = open(protocol)?;
    send(&socket, &message(kind, NLM_F_REQUEST, body), SendFlags::empty())?;
    let reply = receive(&socket)?;
    match messages(&reply).next() {
        Some(Ok((kind, _, body))) => Ok((kind, body.to_vec())),
        Some(Err(error)) => Err(error),
        None => Err(invalid()),
    }
}

/// All that the kernel lists: `take` is given the body of each message.
pub(super) fn list(
    protocol: Option<Protocol>,
    kind: u16,
    body: &[u8],
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let socket = open(protocol)?;
    send(&socket, &message(kind, NLM_F_REQUEST | NLM_F_DUMP, body), SendFlags::empty())?;
    loop {
        let reply = receive(&socket)?;
        if reply.is_empty() {
            return Err(invalid());
        }
        for message in messages(&reply) {
            let (kind, flags, body) = message?;
            if kind == NLMSG_DONE {
                return Ok(());
            }
            if flags & NLM_F_DUMP_INTR != 0 {
                return Err(io::Error::new(io::ErrorKind::Interrupted, "the list changed while it was read"));
            }
            take(body)?;
        }
    }
}

fn open(protocol: Option<Protocol>) -> io::Result<OwnedFd> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    Ok(socket)
}

fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER.saturating_add(body.len())).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    // Sequence and port: the socket is new, and has one question.
    message.extend([0; 8]);
    message.extend(body);
    message
}

fn receive(socket: &OwnedFd) -> io::Result<Vec<u8>> {
    let mut reply = vec![0; REPLY_LIMIT];
    let (_, length) = recv(socket, reply.as_mut_slice(), RecvFlags::TRUNC)?;
    if length > reply.len() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the kernel's answer is too long"));
    }
    reply.truncate(length);
    Ok(reply)
}

/// The messages of an answer: type, flags, body. Ends after the first error.
pub(super) fn messages(mut reply: &[u8]) -> impl Iterator<Item = io::Result<(u16, u16, &[u8])>> {
    std::iter::from_fn(move || {
        if reply.is_empty() {
            return None;
        }
        let one = one(reply);
        let length = word(reply, 0).map_or(usize::MAX, |length| length as usize);
        reply = match one {
            Ok(_) => reply.get(length.next_multiple_of(4)..).unwrap_or_default(),
            Err(_) => &[],
        };
        Some(one)
    })
}

fn one(reply: &[u8]) -> io::Result<(u16, u16, &[u8])> {
    let read = || {
        let body = reply.get(HEADER..word(reply, 0)? as usize)?;
        Some((short(reply, 4)?, short(reply, 6)?, body))
    };
    let (kind, flags, body) = read().ok_or_else(invalid)?;
    // A list that could not be finished ends with the number of an error, too.
    let number = word(body, 0).map_or(0, u32::cast_signed);
    match kind {
        NLMSG_ERROR if body.len() < 4 => Err(invalid()),
        NLMSG_ERROR | NLMSG_DONE if number < 0 => Err(io::Error::from_raw_os_error(number.saturating_neg())),
        _ => Ok((kind, flags, body)),
    }
}

pub(super) fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the kernel's answer is not understood")
}

pub(super) fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_ne_bytes)
}

pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reply: &[u8]) -> Vec<Result<(u16, usize), String>> {
        messages(reply)
            .map(|one| one.map(|(kind, _, body)| (kind, body.len())).map_err(|error| error.to_string()))
            .collect()
    }

    #[test]
    fn messages_follow_each_other() {
        let reply =
            [message(20, 2, &[1; 5]), vec![0; 3], message(20, 2, &[]), message(NLMSG_DONE, 2, &[0; 4])].concat();
        assert_eq!(read(&reply), [Ok((20, 5)), Ok((20, 0)), Ok((NLMSG_DONE, 4))]);
    }

    #[test]
    fn an_error_ends_the_answer() {
        let denied = (-1_i32).to_ne_bytes();
        for kind in [NLMSG_ERROR, NLMSG_DONE] {
            let reply = [message(20, 2, &[1; 4]), message(kind, 0, &denied), message(20, 2, &[])].concat();
            assert_eq!(read(&reply), [Ok((20, 4)), Err("Operation not permitted (os error 1)".to_owned())]);
        }
    }

    #[test]
    fn what_is_cut_off_is_not_understood() {
        let whole = message(20, 2, &[1; 8]);
        for length in 1..whole.len() {
            assert_eq!(read(&whole[..length]), [Err("the kernel's answer is not understood".to_owned())], "{length}");
        }
        let endless = [u32::MAX.to_ne_bytes().as_slice(), &[0; 40]].concat();
        assert_eq!(read(&endless).len(), 1);
    }
}
