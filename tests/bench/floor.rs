// SPDX-License-Identifier: LGPL-2.1-or-later
//! What asking libvirt costs by itself: lists the VMs and fetches the XML documents that an audit needs, one after the other.
//! `make bench` compares the audit with this.
#![allow(clippy::print_stdout, reason = "its only output")]

use virt::connect::Connect;
use virt::error::Error;

fn main() -> Result<(), Error> {
    let uri = std::env::args().nth(1).unwrap_or_else(|| "qemu:///system".to_owned());
    let connection = Connect::open_read_only(Some(&uri))?;
    let (mut vms, mut bytes) = (0, 0);
    for domain in connection.list_all_domains(0)? {
        bytes += domain.xml_desc(virt_sys::VIR_DOMAIN_XML_INACTIVE)?.len();
        if domain.id().is_some() {
            bytes += domain.xml_desc(0)?.len();
        }
        vms += 1;
    }
    println!("{vms} VMs, {bytes} bytes of XML");
    Ok(())
}
