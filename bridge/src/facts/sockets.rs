// SPDX-License-Identifier: LGPL-2.1-or-later
//! Listening TCP sockets, from the kernel's tables `net/tcp` and `net/tcp6`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::host::Listener;
use super::root::{FILE_LIMIT, Root, is_absent};
use super::{Fact, Gap, socket_diag};

/// A listening socket with its inode, by which a process holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    pub(super) inode: u64,
    pub(super) listener: Listener,
}

/// The host's own network namespace: the one that this program runs in.
pub(super) fn of_host(root: &Root) -> Fact<Vec<Listener>> {
    let path = "/proc/net/tcp";
    let sockets = if root.is_host() { of_own_namespace(root, "/proc/net") } else { table_of(root, "/proc/net") };
    match sockets {
        Ok(sockets) => Fact::known(path, in_order(sockets.into_iter().map(|socket| socket.listener).collect())),
        Err(error) => Gap::from_io(path, &error).into(),
    }
}

pub(super) fn in_order(mut listeners: Vec<Listener>) -> Vec<Listener> {
    listeners.sort_by_key(|listener| (listener.port, listener.address));
    listeners.dedup();
    listeners
}

/// Of the namespace that this program runs in; `net` is the directory with its tables. A kernel need not have what `ss` asks.
pub(super) fn of_own_namespace(root: &Root, net: &str) -> io::Result<Vec<Socket>> {
    socket_diag::listening().or_else(|_| table_of(root, net))
}

/// The listening sockets in the tables of a directory `net`.
pub(super) fn table_of(root: &Root, net: &str) -> io::Result<Vec<Socket>> {
    let mut sockets = table(&root.read_start(&format!("{net}/tcp"), FILE_LIMIT)?)?;
    match root.read_start(&format!("{net}/tcp6"), FILE_LIMIT) {
        Ok(bytes) => sockets.append(&mut table(&bytes)?),
        // A kernel without IPv6.
        Err(error) if is_absent(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(sockets)
}

/// One table. The kernel lists the listening sockets before all others, so the start of a long table is enough if it reaches
/// a socket that does not listen.
fn table(bytes: &[u8]) -> io::Result<Vec<Socket>> {
    let text = String::from_utf8_lossy(bytes);
    let mut sockets = Vec::new();
    for line in text.lines().skip(1) {
        match row(line) {
            Some((true, socket)) => sockets.push(socket),
            Some((false, _)) => return Ok(sockets),
            None if bytes.len() as u64 == FILE_LIMIT => break,
            None => return Err(io::Error::new(io::ErrorKind::InvalidData, "a line is not in the kernel's form")),
        }
    }
    if bytes.len() as u64 == FILE_LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it lists more than 4 MiB of listening sockets"));
    }
    Ok(sockets)
}

/// Whether the socket of a line listens, and which it is.
fn row(line: &str) -> Option<(bool, Socket)> {
    let mut columns = line.split_whitespace().skip(1);
    let (address, port) = columns.next()?.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let state = columns.nth(1)?;
    let inode = columns.nth(5)?.parse().ok()?;
    Some((state == "0A", Socket { inode, listener: Listener { address: self::address(address)?, port } }))
}

/// Four bytes each as one number in the processor's own order. A mapped address (`::ffff:127.0.0.1`) stands for the IPv4 one.
fn address(text: &str) -> Option<IpAddr> {
    if !text.is_ascii() {
        return None;
    }
    let word = |index: usize| {
        let word = u32::from_str_radix(text.get(index * 8..index * 8 + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    match text.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let mut bytes = [0; 16];
            for (index, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(index)?);
            }
            Some(IpAddr::from(Ipv6Addr::from(bytes)).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    /// A table as the kernel of this processor writes it: address, port, state, inode.
    pub(in crate::facts) fn written(sockets: &[(&str, u16, &str, u64)]) -> String {
        let mut lines = vec![
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
                .to_owned(),
        ];
        for (number, (address, port, state, inode)) in sockets.iter().enumerate() {
            let word = |word: &[u8]| format!("{:08X}", u32::from_ne_bytes(word.try_into().unwrap()));
            let words = |bytes: &[u8]| bytes.chunks(4).map(word).collect::<Vec<_>>().concat();
            let address = match address.parse().unwrap() {
                IpAddr::V4(address) => words(&address.octets()),
                IpAddr::V6(address) => words(&address.octets()),
            };
            lines.push(format!(
                "{number:4}: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1"
            ));
        }
        lines.join("\n") + "\n"
    }

    #[test]
    fn listening_sockets_of_both_families() {
        let test = TestRoot::new();
        test.file(
            "/proc/net/tcp",
            written(&[("0.0.0.0", 5900, "0A", 1), ("127.0.0.1", 16509, "0A", 2), ("10.0.0.1", 22, "01", 3)]),
        )
        .file(
            "/proc/net/tcp6",
            written(&[
                ("::", 5900, "0A", 4),
                ("::ffff:127.0.0.1", 5901, "0A", 5),
                ("fe80::1", 80, "0A", 6),
                ("::1", 9, "06", 0),
            ]),
        );
        let shown: Vec<_> =
            of_host(&test.root()).get().unwrap().iter().map(|l| format!("{} {}", l.address, l.port)).collect();
        assert_eq!(shown, ["fe80::1 80", "0.0.0.0 5900", ":: 5900", "127.0.0.1 5901", "127.0.0.1 16509"]);
    }

    #[test]
    fn a_long_table_is_read_to_its_first_other_socket() {
        let test = TestRoot::new();
        let mut table = written(&[("0.0.0.0", 5900, "0A", 1), ("10.0.0.1", 22, "01", 2)]);
        table += &written(&vec![("10.0.0.1", 22, "01", 2); 60_000]);
        test.file("/proc/net/tcp", table);
        assert_eq!(of_host(&test.root()).get().unwrap().len(), 1);
        test.file("/proc/net/tcp", written(&vec![("0.0.0.0", 5900, "0A", 1); 60_000]));
        assert!(of_host(&test.root()).get().unwrap_err().reason.contains("4 MiB of listening sockets"));
    }

    #[test]
    fn nonsense_is_an_error_not_an_empty_table() {
        let test = TestRoot::new();
        for line in
            ["\0\u{fffd}", "0: ZZ:0016 0:0 0A 0 0 0 0 0 5", "0: éééé:0016 0:0 0A 0 0 0 0 0 5", "0: 0100007F:0016"]
        {
            test.file("/proc/net/tcp", format!("head\n{line}\n"));
            assert!(of_host(&test.root()).value().is_none(), "{line:?}");
        }
        assert!(of_host(&TestRoot::new().root()).value().is_none());
    }

    #[test]
    fn a_socket_of_this_very_process_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let all = of_host(&Root::open(std::path::Path::new("/")).unwrap());
        assert!(all.get().unwrap().iter().any(|l| l.address == here.ip() && l.port == here.port()));
    }
}
