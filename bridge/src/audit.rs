// SPDX-License-Identifier: LGPL-2.1-or-later
//! Facts × checks × policy → report.

use std::collections::BTreeMap;
use std::convert::Infallible;

use crate::ahead;
use crate::checks::{CHECKS, Check, Domain, Drift, Judge, Judged, Neighbours, Outcome, Verdict};
use crate::facts::{Fact, Facts, Gap, Vm};
use crate::policy::{self, Profile, Standing};
use crate::report::{Finding, Findings, HostReport, LibvirtReport, Report, VERSION, VmReport, Waived};
use crate::vectors::{self, VECTORS};
use crate::waivers::{self, Waiver};

/// Which subjects a report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The host and all VMs.
    All,
    /// The host and one VM, by UUID. All VMs are judged for what they share.
    Vm(String),
    /// The same by name; there may be none, or none any more.
    Named(String),
    /// The VMs without the host: definitions from files.
    Definitions,
}

impl Scope {
    pub fn is_about(&self, vm: &Vm) -> bool {
        match self {
            Self::Vm(uuid) => *uuid == vm.uuid,
            Self::Named(name) => *name == vm.name,
            Self::All | Self::Definitions => true,
        }
    }
}

/// Judges the facts. Pure: what is reported depends on nothing else.
pub fn audit(facts: &Facts, profile: Profile, scope: &Scope) -> Report {
    Audit::new(facts, profile, scope).whole()
}

/// An audit that gives its VMs one by one: those of a thousand need not be held at once.
pub struct Audit<'a> {
    facts: &'a Facts,
    profile: Profile,
    scope: &'a Scope,
    verdicts: Option<&'a [Outcome]>,
    neighbours: Neighbours<'a>,
    host: HostReport,
}

impl<'a> Audit<'a> {
    /// Reads all definitions for what the VMs share.
    pub fn new(facts: &'a Facts, profile: Profile, scope: &'a Scope) -> Self {
        let mut neighbours = Neighbours { mounts: facts.host.mounts.value(), ..Neighbours::default() };
        let parse = |vm: &'a Vm| (vm, Definition::both(vm));
        let Ok(()) = ahead::each::<_, _, Infallible>(&facts.vms, parse, |(vm, (stored, live))| {
            neighbours.learn(facts, vm, stored.domain(), live.domain());
            Ok(())
        });
        let host = judge_host(facts, profile, scope, &neighbours);
        Self { facts, profile, scope, verdicts: None, neighbours, host }
    }

    /// Leaves out what else is found about the VMs: most of a report is what is good or does not apply.
    #[must_use]
    pub fn only(self, verdicts: Option<&'a [Outcome]>) -> Self {
        Self { verdicts, ..self }
    }

    /// The VMs that it is about.
    pub fn vms(&self) -> impl Iterator<Item = &'a Vm> {
        self.facts.vms.iter().filter(|vm| self.scope.is_about(vm))
    }

    pub fn vm(&self, vm: &Vm) -> VmReport {
        let (stored, live) = Definition::both(vm);
        let definition = stored.domain().or_else(|| live.domain());
        let waivers = definition.map(|domain| waivers::in_definition(domain.root())).unwrap_or_default();
        let mut judging = Judging::new(self.profile, &waivers, &self.facts.recorded);
        judging.definitions(self.facts, vm, &stored, &live);
        for check in CHECKS {
            if let Judge::Vm(judge) = check.judge {
                judging.add(check, judge(self.facts, vm, &self.neighbours));
            }
        }
        let mut vectors = BTreeMap::new();
        if let Some(verdicts) = self.verdicts {
            judging.findings.retain(|_, finding| verdicts.contains(&finding.verdict));
        } else if *self.scope != Scope::Definitions {
            let standing = |vector| vectors::judge(vector, &judging.findings, &self.host.findings);
            vectors.extend(VECTORS.iter().map(|vector| (vector.id, standing(vector))));
        }
        let (meets, proven) = judging.standing.meets();
        let state = vm.state.value().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let (name, connection) = (vm.name.clone(), vm.connection.clone());
        VmReport { name, connection, state, meets, proven, findings: judging.findings, vectors }
    }

    /// The report with all its VMs.
    pub fn whole(&self) -> Report {
        self.report(self.vms().map(|vm| (vm.uuid.clone(), self.vm(vm))).collect())
    }

    /// The report, with the VMs in whatever form they are given.
    pub fn report<Vms>(&self, vms: Vms) -> Report<Vms> {
        let libvirt = &self.facts.libvirt;
        Report {
            version: VERSION,
            generated: self.facts.recorded.clone(),
            profile: self.profile,
            privileged: self.facts.privileged,
            libvirt: LibvirtReport { link: libvirt.link.clone(), uri: libvirt.uri.clone() },
            host: self.host.clone(),
            vms,
        }
    }
}

fn judge_host(facts: &Facts, profile: Profile, scope: &Scope, neighbours: &Neighbours) -> HostReport {
    let waivers = facts.host.waivers.value().map_or(&[][..], Vec::as_slice);
    let mut host = Judging::new(profile, waivers, &facts.recorded);
    if *scope != Scope::Definitions {
        for check in CHECKS {
            if let Judge::Host(judge) = check.judge {
                host.add(check, judge(facts, neighbours));
            }
        }
    }
    let (meets, proven) = host.standing.meets();
    HostReport { name: facts.host.name.clone(), meets, proven, findings: host.findings }
}

/// One of a VM's two definitions, parsed once.
enum Definition<'a> {
    Known(Domain<'a>),
    /// A transient VM has no stored definition, one that is shut off no running one.
    None,
    Missing(Gap),
}

impl<'a> Definition<'a> {
    /// The stored and the running one.
    fn both(vm: &'a Vm) -> (Self, Self) {
        (Self::parse(&vm.stored, false), Self::parse(&vm.live, true))
    }

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
struct Judging<'a> {
    profile: Profile,
    waivers: &'a [Waiver],
    /// RFC 3339.
    now: &'a str,
    standing: Standing,
    findings: Findings,
}

impl<'a> Judging<'a> {
    fn new(profile: Profile, waivers: &'a [Waiver], now: &'a str) -> Self {
        Self { profile, waivers, now, standing: Standing::new(), findings: Findings::new() }
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
        let waiver = self.waiver(check);
        if waiver.as_ref().is_none_or(|waiver| waiver.expired) || verdict.outcome != Outcome::Fail {
            self.standing.add(check, verdict.outcome);
        }
        let needs = (verdict.outcome == Outcome::Unknown && verdict.needs_admin).then_some("admin");
        let finding = Finding {
            verdict: policy::shown(self.profile, check, verdict.outcome),
            outcome: verdict.outcome,
            severity: check.severity,
            message: verdict.message,
            evidence: verdict.evidence,
            basis: check.basis,
            apply: check.apply,
            needs,
            waiver,
        };
        self.findings.insert(check.id, finding);
    }

    fn waiver(&self, check: &Check) -> Option<Box<Waived>> {
        let waiver = self.waivers.iter().find(|waiver| waiver.check == check.id)?;
        let Waiver { reason, by, since, until, .. } = waiver.clone();
        Some(Box::new(Waived { reason, by, since, until, expired: !waiver.counts(self.now) }))
    }
}
