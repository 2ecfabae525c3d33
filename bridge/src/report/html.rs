// SPDX-License-Identifier: LGPL-2.1-or-later
//! The report as one HTML file that needs nothing else: to be printed, mailed, kept. No script, no address that is loaded.

use std::borrow::Cow;
use std::io::{self, Write};

use super::terminal::{apply, rank, waived};
use super::{Finding, Findings, Report};
use crate::checks::{self, Outcome};
use crate::facts::Link;
use crate::policy::Profile;
use crate::vectors::VECTORS;

const STYLE: &str = include_str!("html.css");

pub fn write(out: &mut impl Write, report: &Report) -> io::Result<()> {
    let host = &report.host;
    let name = if host.name.is_empty() { "Definitions" } else { &host.name };
    let title = format!("VM security of {name}");
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <style>{STYLE}</style></head><body><h1>{title}</h1>",
        title = text(&title)
    )?;
    let rights = if report.privileged { "with" } else { "without" };
    let summary =
        format!("Read on {} {rights} administrative access, judged as {}.", report.generated, report.profile.name());
    write!(out, "<p>{}</p>", text(&summary))?;
    if let Link::Unreachable { message } | Link::Denied { message } = &report.libvirt.link {
        write!(out, "<p class=\"fail\">{}</p>", text(message))?;
    }
    let mut vms: Vec<_> = report.vms.iter().collect();
    vms.sort_by(|a, b| a.1.name.cmp(&b.1.name));
    if !vms.is_empty() {
        write!(out, "<table><thead><tr><th>Virtual machine<th>State<th>Meets<th>Worst finding</thead><tbody>")?;
        for (uuid, vm) in &vms {
            let worst = vm.findings.values().filter(|finding| finding.is_bad()).max_by_key(|finding| rank(finding));
            let worst = worst.map_or("none", |finding| &finding.message);
            write!(
                out,
                "<tr><td><a href=\"#vm-{}\">{}</a><td>{}<td>{}<td>{}",
                text(uuid),
                text(&vm.name),
                text(&vm.state),
                meets(vm.meets, vm.proven),
                text(worst)
            )?;
        }
        write!(out, "</tbody></table>")?;
    }
    if !host.findings.is_empty() {
        write!(out, "<section><h2>Host {}</h2>", text(&host.name))?;
        write!(out, "<p>Meets {}.</p>", meets(host.meets, host.proven))?;
        findings(out, &host.findings)?;
        write!(out, "</section>")?;
    }
    for (uuid, vm) in &vms {
        write!(out, "<section id=\"vm-{}\"><h2>Virtual machine {}</h2>", text(uuid), text(&vm.name))?;
        let facts = format!("{}, connection {}, UUID {uuid}", vm.state, vm.connection);
        write!(out, "<p>{}. Meets {}.", text(&facts), meets(vm.meets, vm.proven))?;
        if !host.findings.is_empty() {
            write!(out, " It is no safer than its host, which meets {}.", meets(host.meets, host.proven))?;
        }
        write!(out, "</p>")?;
        if !vm.vectors.is_empty() {
            write!(out, "<h3>Ways of attack</h3><table><thead><tr><th>Way<th>State<th>Barriers</thead><tbody>")?;
            for vector in VECTORS {
                let Some(standing) = vm.vectors.get(vector.id) else { continue };
                write!(out, "<tr><td>{}<td>{}<td>", text(vector.title), text(standing.state.text()))?;
                for (number, (barrier, strength)) in vector.barriers.iter().zip(&standing.barriers).enumerate() {
                    let separator = if number > 0 { "; " } else { "" };
                    write!(out, "{separator}{}: {}", text(barrier.title), strength.text())?;
                }
            }
            write!(out, "</tbody></table>")?;
        }
        findings(out, &vm.findings)?;
        write!(out, "</section>")?;
    }
    writeln!(out, "</body></html>")
}

fn meets(meets: Option<Profile>, proven: bool) -> String {
    let name = meets.map_or("no profile", Profile::name);
    if proven { name.to_owned() } else { format!("{name} (not proven)") }
}

/// All of them, worst first; what passes or does not apply in one line each.
fn findings(out: &mut impl Write, findings: &Findings) -> io::Result<()> {
    let mut sorted: Vec<(&&str, &Finding)> = findings.iter().collect();
    sorted.sort_by_key(|(id, finding)| (std::cmp::Reverse(rank(finding)), **id));
    let quiet = |finding: &Finding| matches!(finding.verdict, Outcome::Pass | Outcome::NotApplicable);
    write!(out, "<h3>Findings</h3>")?;
    for (id, finding) in sorted.iter().filter(|(_, finding)| !quiet(finding)) {
        one(out, id, finding)?;
    }
    write!(out, "<h3>What is good or does not apply</h3><table class=\"quiet\"><tbody>")?;
    for (id, finding) in sorted.iter().filter(|(_, finding)| quiet(finding)) {
        write!(out, "<tr><td>{}<td><code>{id}</code><td>{}", finding.verdict.name(), text(&finding.message))?;
    }
    write!(out, "</tbody></table>")
}

fn one(out: &mut impl Write, id: &str, finding: &Finding) -> io::Result<()> {
    let check = checks::find(id);
    let class = if finding.is_waived() { "waived" } else { finding.verdict.name() };
    write!(
        out,
        "<article class=\"{class}\"><h4><span>{}{}</span> {} <small>{}, {id}</small></h4><p>{}</p>",
        if finding.is_waived() { "waived, " } else { "" },
        finding.verdict.name(),
        text(check.map_or(id, |check| check.title)),
        finding.severity.name(),
        text(&finding.message)
    )?;
    if let Some(waiver) = &finding.waiver {
        write!(out, "<p><em>{}</em></p>", text(&waived(waiver)))?;
    }
    if !finding.evidence.is_empty() {
        write!(out, "<dl>")?;
        for evidence in &finding.evidence {
            write!(out, "<dt>{}<dd><code>{}</code>", text(&evidence.origin), text(&evidence.value))?;
        }
        write!(out, "</dl>")?;
    }
    if let Some(check) = check.filter(|_| matches!(finding.verdict, Outcome::Fail | Outcome::Warn)) {
        let fix = format!("{} (takes effect {})", check.fix, apply(finding.apply));
        for (heading, words) in [("Why it matters", check.why), ("Fix", &fix), ("What the fix costs", check.impact)] {
            write!(out, "<p><b>{heading}.</b> {}</p>", text(words))?;
        }
    }
    write!(out, "</article>")
}

/// Whoever names a VM must not write our page.
fn text(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) && !text.contains(|char: char| char.is_control() || turns(char)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(char),
            char if char.is_control() || turns(char) => out.push('\u{fffd}'),
            char => out.push(char),
        }
    }
    Cow::Owned(out)
}

/// What makes the text around it run in the other direction.
fn turns(char: char) -> bool {
    matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Scope, audit};
    use crate::facts::{Fact, Facts, Vm};

    #[test]
    fn what_a_person_writes_stays_text() {
        let name = "<script>alert('1')</script>\u{1b}\u{202e}&\"";
        let xml = "<domain type='qemu'><name>x</name><devices><disk device='floppy'/></devices></domain>".to_owned();
        let vm = Vm {
            name: name.to_owned(),
            uuid: "\"><b>".to_owned(),
            stored: Fact::known("x", Some(xml)),
            ..Vm::default()
        };
        let facts = Facts { vms: vec![vm], ..Facts::default() };
        let mut out = Vec::new();
        write(&mut out, &audit(&facts, Profile::Server, &Scope::All)).unwrap();
        let page = String::from_utf8(out).unwrap();
        assert!(!page.contains("<script") && !page.contains("<b>\"") && !page.contains('\u{1b}'), "{page}");
        assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\u{fffd}\u{fffd}&amp;&quot;"));
        assert!(page.contains("The VM has a floppy drive"));
        for loaded in ["src=", "http-equiv=\"refresh\"", "@import", "url("] {
            assert!(!page.contains(loaded), "{loaded}");
        }
    }
}
