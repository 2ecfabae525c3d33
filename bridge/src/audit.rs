// SPDX-License-Identifier: LGPL-2.1-or-later
//! Facts × checks × policy → report.

use std::collections::BTreeMap;

use crate::checks::{CHECKS, Check, Domain, Drift, Judge, Judged, Neighbours, Outcome, Verdict};
use crate::facts::{Fact, Facts, Gap, Vm};
use crate::policy::{self, Profile, Standing};
use crate::report::{Finding, Findings, HostReport, LibvirtReport, Report, VERSION, VmReport};

/// Which subjects a report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The host and all VMs.
    All,
    /// The host and one VM, by UUID. All VMs are judged for what they share.
    Vm(String),
    /// The VMs without the host: definitions from files.
    Definitions,
}

/// Judges the facts. Pure: what is reported depends on nothing else.
pub fn audit(facts: &Facts, profile: Profile, scope: &Scope) -> Report {
    let mut host = Judging::new(profile);
    if *scope != Scope::Definitions {
        for check in CHECKS {
            if let Judge::Host(judge) = check.judge {
                host.add(check, judge(facts));
            }
        }
    }
    let mut neighbours = Neighbours::default();
    let mut judged: Vec<(&Vm, Judging)> = Vec::new();
    for vm in &facts.vms {
        let wanted = !matches!(scope, Scope::Vm(uuid) if *uuid != vm.uuid);
        let stored = Definition::parse(&vm.stored, false);
        let live = Definition::parse(&vm.live, true);
        neighbours.learn(facts, vm, stored.domain(), live.domain());
        if wanted {
            let mut judging = Judging::new(profile);
            judging.definitions(facts, vm, &stored, &live);
            judged.push((vm, judging));
        }
    }
    let mut vms = BTreeMap::new();
    for (vm, mut judging) in judged {
        for check in CHECKS {
            if let Judge::Vm(judge) = check.judge {
                judging.add(check, judge(facts, vm, &neighbours));
            }
        }
        let (meets, proven) = judging.standing.meets();
        let state = vm.state.value().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let (name, connection) = (vm.name.clone(), vm.connection.clone());
        vms.insert(vm.uuid.clone(), VmReport { name, connection, state, meets, proven, findings: judging.findings });
    }
    let (meets, proven) = host.standing.meets();
    Report {
        version: VERSION,
        generated: facts.recorded.clone(),
        profile,
        privileged: facts.privileged,
        libvirt: LibvirtReport { link: facts.libvirt.link.clone(), uri: facts.libvirt.uri.clone() },
        host: HostReport { name: facts.host.name.clone(), meets, proven, findings: host.findings },
        vms,
    }
}

/// One of a VM's two definitions, parsed once.
enum Definition<'a> {
    Known(Domain<'a>),
    /// A transient VM has no stored definition, one that is shut off no running one.
    None,
    Missing(Gap),
}

impl<'a> Definition<'a> {
    fn parse(fact: &'a Fact<Option<String>>, live: bool) -> Self {
        match fact {
            Fact::Known { value: Some(text), .. } => match Domain::parse(text, live) {
                Ok(domain) => Self::Known(domain),
                Err(gap) => Self::Missing(gap),
            },
            Fact::Known { value: None, .. } => Self::None,
            Fact::Missing(gap) => Self::Missing(gap.clone()),
        }
    }

    fn domain(&self) -> Option<&Domain<'a>> {
        match self {
            Self::Known(domain) => Some(domain),
            _ => None,
        }
    }

    fn judge(&self, facts: &Facts, vm: &Vm, judge: fn(&Facts, &Vm, &Domain) -> Judged) -> Option<Verdict> {
        match self {
            Self::Known(domain) => Some(judge(facts, vm, domain).unwrap_or_else(Verdict::from)),
            Self::Missing(gap) => Some(gap.clone().into()),
            Self::None => None,
        }
    }
}

/// The findings about one subject as they come together.
struct Judging {
    profile: Profile,
    standing: Standing,
    findings: Findings,
}

impl Judging {
    fn new(profile: Profile) -> Self {
        Self { profile, standing: Standing::new(), findings: Findings::new() }
    }

    fn definitions(&mut self, facts: &Facts, vm: &Vm, stored: &Definition, live: &Definition) {
        let mut drifts = Vec::new();
        for check in CHECKS {
            let Judge::Definition(judge) = check.judge else { continue };
            let verdict = match (stored.judge(facts, vm, judge), live.judge(facts, vm, judge)) {
                (Some(stored), Some(live)) => {
                    if stored.outcome != live.outcome {
                        drifts.push(Drift { id: check.id, stored: stored.outcome, live: live.outcome });
                    }
                    // The running one stands where they are equal: it is what a guest can use now.
                    if stored.outcome > live.outcome { stored } else { live }
                }
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => Verdict::unknown("This is not known: libvirt returned no definition of this VM."),
            };
            self.add(check, Ok(verdict));
        }
        for check in CHECKS {
            if let Judge::Drift(judge) = check.judge {
                // A definition that does not parse is no difference, but nothing to compare either.
                let judged = match (stored, live) {
                    (Definition::Missing(gap), _) | (_, Definition::Missing(gap)) => Err(gap.clone()),
                    _ => judge(vm, &drifts),
                };
                self.add(check, judged);
            }
        }
    }

    fn add(&mut self, check: &'static Check, judged: Judged) {
        let verdict = judged.unwrap_or_else(Verdict::from);
        self.standing.add(check, verdict.outcome);
        let needs = (verdict.outcome == Outcome::Unknown && verdict.needs_admin).then_some("admin");
        let finding = Finding {
            verdict: policy::shown(self.profile, check, verdict.outcome),
            severity: check.severity,
            message: verdict.message,
            evidence: verdict.evidence,
            basis: check.basis,
            apply: check.apply,
            needs,
        };
        self.findings.insert(check.id, finding);
    }
}
