// SPDX-License-Identifier: LGPL-2.1-or-later
//! Listening TCP sockets as `ss -ltn` asks for them, of the network namespace that this program runs in.
//!
//! `/proc/net/tcp` says the same, but the kernel walks its table of all connections for each read of it: half of what all the other
//! facts about a host cost.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustix::net::netlink::SOCK_DIAG;

use super::host::Listener;
use super::netlink::{self, word};
use super::sockets::Socket;

// From <linux/sock_diag.h>, <linux/inet_diag.h> and <linux/tcp.h>.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const IPPROTO_TCP: u8 = 6;
const TCP_LISTEN: u32 = 10;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// Size of `inet_diag_req_v2`.
const REQUEST: usize = 56;
/// Places in `inet_diag_msg`.
const SOURCE_PORT: usize = 4;
const SOURCE: usize = 8;
const INODE: usize = 68;
/// As many as fit into the table of 4 MiB that is read otherwise.
const LIMIT: usize = 30_000;

pub(super) fn listening() -> io::Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    for family in [AF_INET, AF_INET6] {
        let mut request = vec![family, IPPROTO_TCP, 0, 0];
        request.extend((1_u32 << TCP_LISTEN).to_ne_bytes());
        request.resize(REQUEST, 0);
        netlink::list(Some(SOCK_DIAG), SOCK_DIAG_BY_FAMILY, &request, |message| {
            if sockets.len() >= LIMIT {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the kernel lists too many listening sockets"));
            }
            sockets.push(socket(message).ok_or_else(netlink::invalid)?);
            Ok(())
        })?;
    }
    Ok(sockets)
}

/// An address that is mapped (`::ffff:127.0.0.1`) stands for the IPv4 one.
pub(super) fn socket(message: &[u8]) -> Option<Socket> {
    let address = match *message.first()? {
        AF_INET => Ipv4Addr::from(*message.get(SOURCE..)?.first_chunk::<4>()?).into(),
        AF_INET6 => IpAddr::from(Ipv6Addr::from(*message.get(SOURCE..)?.first_chunk::<16>()?)).to_canonical(),
        _ => return None,
    };
    let port = u16::from_be_bytes(*message.get(SOURCE_PORT..)?.first_chunk()?);
    Some(Socket { inode: word(message, INODE)?.into(), listener: Listener { address, port } })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::fs::MetadataExt;

    use super::super::root::Root;
    use super::super::sockets;
    use super::*;

    #[test]
    fn a_socket_that_listens_is_listed_as_in_the_kernels_table() {
        let held: Vec<TcpListener> =
            ["127.0.0.1:0", "[::1]:0"].iter().filter_map(|address| TcpListener::bind(address).ok()).collect();
        assert!(!held.is_empty());
        let asked = listening().unwrap();
        let table = sockets::table_of(&Root::open("/".as_ref()).unwrap(), "/proc/net").unwrap();
        for listener in held {
            let address = listener.local_addr().unwrap();
            let inode = std::fs::File::from(std::os::fd::OwnedFd::from(listener)).metadata().unwrap().ino();
            let ours = Socket { inode, listener: Listener { address: address.ip(), port: address.port() } };
            assert!(asked.contains(&ours), "{ours:?} is not in {asked:?}");
            assert!(table.contains(&ours), "{ours:?} is not in {table:?}");
        }
    }

    #[test]
    fn a_message_that_is_cut_off_is_none() {
        let mut message = vec![0; INODE + 4];
        message[0] = AF_INET6;
        message[SOURCE_PORT..SOURCE_PORT + 2].copy_from_slice(&5900_u16.to_be_bytes());
        message[SOURCE + 10..SOURCE + 16].copy_from_slice(&[0xff, 0xff, 192, 0, 2, 1]);
        message[INODE..].copy_from_slice(&77_u32.to_ne_bytes());
        let listener = Listener { address: "192.0.2.1".parse().unwrap(), port: 5900 };
        assert_eq!(socket(&message), Some(Socket { inode: 77, listener }));
        for length in 0..message.len() {
            assert_eq!(socket(&message[..length]), None);
        }
        message[0] = 1;
        assert_eq!(socket(&message), None);
    }
}
