// SPDX-License-Identifier: LGPL-2.1-or-later
//! A domain definition as the checks see it: an XML tree whose every value knows its `XPath`.

use roxmltree::{Document, Node, NodeId, ParsingOptions};

use super::Evidence;
use crate::facts::Gap;

/// libvirt's own limit is far lower; a definition over this is not judged.
const NODE_LIMIT: u32 = 1_000_000;

/// Namespace of `<qemu:commandline>` and its siblings.
pub const QEMU_NAMESPACE: &str = "http://libvirt.org/schemas/domain/qemu/1.0";

/// Namespace of what virt-install and cockpit-machines note about the guest.
const LIBOSINFO_NAMESPACE: &str = "http://libosinfo.org/xmlns/libvirt/domain/1.0";

pub struct Domain<'a> {
    document: Document<'a>,
    /// The elements below `<devices>`, for which most checks ask.
    devices: Vec<NodeId>,
    live: bool,
}

impl<'a> Domain<'a> {
    /// Entities are refused: libvirt writes none, and whoever does means harm.
    pub fn parse(text: &'a str, live: bool) -> Result<Self, Gap> {
        let options = ParsingOptions { allow_dtd: false, nodes_limit: NODE_LIMIT, ..ParsingOptions::default() };
        let origin = if live { "live XML" } else { "stored XML" };
        let document = Document::parse_with_options(text, options)
            .map_err(|error| Gap::new(origin, format!("the {origin} does not parse ({error})")))?;
        if document.root_element().tag_name().name() != "domain" {
            let name = document.root_element().tag_name().name();
            return Err(Gap::new(origin, format!("the {origin} is not a domain definition but <{name}>")));
        }
        let all = child(document.root_element(), "devices").into_iter().flat_map(|devices| devices.children());
        let devices = all.filter(Node::is_element).map(|device| device.id()).collect();
        Ok(Self { document, devices, live })
    }

    /// Whether this is the running definition.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// `<domain>`.
    pub fn root(&self) -> Node<'_, 'a> {
        self.document.root_element()
    }

    /// The first element at a path below `<domain>`, such as `os/loader`.
    pub fn find(&self, path: &str) -> Option<Node<'_, 'a>> {
        path.split('/').try_fold(self.root(), |node, name| child(node, name))
    }

    /// All elements of one name below `<devices>`, in document order.
    pub fn devices<'b>(&'b self, name: &'b str) -> impl Iterator<Item = Node<'b, 'a>> + 'b {
        let devices = self.devices.iter().filter_map(|id| self.document.get_node(*id));
        devices.filter(move |device| is(*device, name))
    }

    /// Value of an attribute at `path/@name` below `<domain>`.
    pub fn attribute(&self, path: &str, name: &str) -> Option<&str> {
        self.find(path)?.attribute(name)
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.find(path)?.text().map(str::trim)
    }

    /// Where a node stands: `/domain/devices/graphics[1]`. In the running definition it ends with ` (live)`.
    pub fn path(&self, node: Node) -> String {
        self.origin(xpath(node))
    }

    fn origin(&self, path: String) -> String {
        if self.live { path + " (live)" } else { path }
    }

    /// An attribute as evidence; one that is absent says so.
    pub fn evidence(&self, node: Node, attribute: &str) -> Evidence {
        let value = node.attribute(attribute).unwrap_or("(not set)").to_owned();
        Evidence { origin: self.origin(format!("{}/@{attribute}", xpath(node))), value }
    }

    /// An element's text as evidence.
    pub fn text_evidence(&self, node: Node) -> Evidence {
        Evidence { origin: self.path(node), value: node.text().unwrap_or("").trim().to_owned() }
    }

    /// Why a check cannot go on without an attribute below `<domain>`.
    pub fn gap(&self, path: &str, attribute: &str, reason: &str) -> Gap {
        Gap::new(self.origin(format!("/domain/{path}/@{attribute}")), reason)
    }

    /// What libosinfo calls the guest's operating system: `http://microsoft.com/win/11`.
    pub fn guest_os(&self) -> Option<&str> {
        self.guest_os_node()?.attribute("id")
    }

    pub fn guest_os_evidence(&self) -> Option<Evidence> {
        self.guest_os_node().map(|os| self.evidence(os, "id"))
    }

    fn guest_os_node(&self) -> Option<Node<'_, 'a>> {
        let named = |name| move |node: &Node| node.tag_name() == (LIBOSINFO_NAMESPACE, name).into();
        self.find("metadata")?.children().find(named("libosinfo"))?.children().find(named("os"))
    }

    /// That nothing stands at a path below `<domain>`.
    pub fn absence(&self, path: &str) -> Evidence {
        Evidence { origin: self.origin(format!("/domain/{path}")), value: "(not set)".to_owned() }
    }
}

/// The first child element of a name in no namespace.
pub fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| is(*child, name))
}

/// All child elements of a name in no namespace.
pub fn children<'a, 'i: 'a>(node: Node<'a, 'i>, name: &'a str) -> impl Iterator<Item = Node<'a, 'i>> + 'a {
    node.children().filter(move |child| is(*child, name))
}

fn is(node: Node, name: &str) -> bool {
    // The namespace is a look-up, so it comes last.
    node.is_element() && node.tag_name().name() == name && node.tag_name().namespace().is_none()
}

/// The number is given where a reader needs it: among devices, and among equal siblings.
fn xpath(node: Node) -> String {
    let mut steps = Vec::new();
    let mut current = Some(node);
    while let Some(node) = current.filter(Node::is_element) {
        let name = node.tag_name();
        let same = |other: &Node| other.is_element() && other.tag_name() == name;
        let before = node.prev_siblings().skip(1).filter(same).count();
        let among = node.parent_element().is_some_and(|parent| is(parent, "devices"));
        let prefix = name.namespace().and_then(|namespace| node.lookup_prefix(namespace));
        let prefix = prefix.map_or_else(String::new, |prefix| format!("{prefix}:"));
        let index = if among || before > 0 || node.next_siblings().skip(1).any(|other| same(&other)) {
            format!("[{}]", before + 1)
        } else {
            String::new()
        };
        steps.push(format!("/{prefix}{}{index}", name.name()));
        current = node.parent_element();
    }
    steps.reverse();
    steps.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_knows_its_place() {
        let text =
            "<domain><os><type>hvm</type></os><devices><disk/><graphics listen='::1'><listen/><listen/></graphics>
            <disk><source file='/a'/></disk></devices></domain>";
        let domain = Domain::parse(text, false).unwrap();
        assert_eq!(domain.text("os/type"), Some("hvm"));
        let graphics = domain.devices("graphics").next().unwrap();
        assert_eq!(domain.evidence(graphics, "listen").origin, "/domain/devices/graphics[1]/@listen");
        assert_eq!(domain.path(children(graphics, "listen").nth(1).unwrap()), "/domain/devices/graphics[1]/listen[2]");
        let disk = domain.devices("disk").nth(1).unwrap();
        assert_eq!(domain.path(child(disk, "source").unwrap()), "/domain/devices/disk[2]/source");
        let live = Domain::parse(text, true).unwrap();
        assert_eq!(live.path(live.find("os").unwrap()), "/domain/os (live)");
    }

    #[test]
    fn hostile_documents_are_refused_with_a_reason() {
        for (text, reason) in [
            ("<!DOCTYPE d [<!ENTITY a 'b'><!ENTITY c '&a;&a;'>]><domain>&c;</domain>", "DTD"),
            ("<network/>", "not a domain definition but <network>"),
            ("<domain>", "does not parse"),
            ("", "does not parse"),
        ] {
            let gap = Domain::parse(text, false).err().unwrap();
            assert!(gap.reason.contains(reason), "{text}: {}", gap.reason);
        }
    }

    #[test]
    fn a_document_of_too_many_elements_is_refused() {
        let text = format!("<domain>{}</domain>", "<a/>".repeat(NODE_LIMIT as usize));
        assert!(Domain::parse(&text, false).err().unwrap().reason.contains("does not parse"));
    }

    #[test]
    fn a_deep_document_does_not_overflow_the_stack() {
        let text = format!("<domain>{}{}</domain>", "<a>".repeat(200_000), "</a>".repeat(200_000));
        let _ = Domain::parse(&text, false);
    }
}
