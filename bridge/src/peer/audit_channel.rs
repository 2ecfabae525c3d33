// SPDX-License-Identifier: LGPL-2.1-or-later
//! The views of the channel `vm-security1`.
//!
//! - `{"view": "audit", "connection": "system", "vm": UUID, "profile": "server", "watch": true}`: the report, then, with `watch`, a merge
//!   patch each time that it changes. Without `vm` the report is about the host and all VMs. `connection` is `system` (the default),
//!   `session` or a libvirt URI. `vm-name` instead of `vm` names one that need not be there (yet, or any more). `vm-verdicts` is a list of
//!   verdicts: what else is found about the VMs is left out, which of a thousand VMs is most.
//! - `{"view": "checks"}`: what there is to read about the checks, as `vm-security checks --format json`.

use std::path::PathBuf;

use super::watch::Watch;
use super::{Channel, Options, Problem};
use crate::audit::{Audit, Scope};
use crate::checks::Outcome;
use crate::facts::collect::{self, Progress, Sources};
use crate::facts::libvirt::Target;
use crate::facts::{Facts, Link};
use crate::policy::Profile;
use crate::report::Report;
use crate::report::catalogue::Catalogue;

/// Opens a channel's view, in the channel's own thread.
pub fn open(options: &Options, channel: &Channel) -> Result<(), Problem> {
    match options.require_str("view")? {
        "audit" => Request::new(options)?.serve(channel),
        "checks" => channel.send(&Catalogue::new()),
        other => Err(Problem::not_supported(format!("there is no view '{other}'"))),
    }
}

/// An `open` of the view `audit`.
#[derive(Clone, Debug)]
pub struct Request {
    pub target: Target,
    pub profile: Profile,
    pub scope: Scope,
    pub watch: bool,
    pub vm_verdicts: Option<Vec<Outcome>>,
}

impl Request {
    fn new(options: &Options) -> Result<Self, Problem> {
        let connection = options.get_str("connection")?.unwrap_or("system");
        // libvirt takes an empty URI for "whatever there is".
        if !matches!(connection, "system" | "session") && !connection.contains(':') {
            let message = format!("the connection '{connection}' is neither system nor session nor a libvirt URI");
            return Err(Problem::protocol_error(message));
        }
        let profile = match options.get_str("profile")? {
            None => Profile::default(),
            Some(name) => Profile::from_name(name)
                .ok_or_else(|| Problem::protocol_error(format!("there is no profile '{name}'")))?,
        };
        let scope = match (options.get_str("vm")?, options.get_str("vm-name")?) {
            (None, None) => Scope::All,
            (Some(uuid), None) => Scope::Vm(uuid.to_ascii_lowercase()),
            (None, Some(name)) => Scope::Named(name.to_owned()),
            (Some(_), Some(_)) => return Err(Problem::protocol_error("both vm and vm-name were given")),
        };
        let outcome = |name: &str| {
            Outcome::from_name(name).ok_or_else(|| Problem::protocol_error(format!("there is no verdict '{name}'")))
        };
        let vm_verdicts = options.get_strs("vm-verdicts")?;
        let vm_verdicts = vm_verdicts.map(|names| names.into_iter().map(outcome).collect()).transpose()?;
        Ok(Self { target: Target::new(connection), profile, scope, watch: options.get_bool("watch")?, vm_verdicts })
    }

    /// Judges facts as this request wants it.
    pub fn audit(&self, facts: &Facts) -> Report {
        Audit::new(facts, self.profile, &self.scope).only(self.vm_verdicts.as_deref()).whole()
    }

    pub fn sources(&self) -> Sources {
        Sources { target: Some(self.target.clone()), root: PathBuf::from("/") }
    }

    fn serve(self, channel: &Channel) -> Result<(), Problem> {
        if self.watch {
            return Watch::run(self, channel);
        }
        let facts = collect::read(&self.sources(), &Progress::default())
            .map_err(|error| Problem::internal_error(format!("{error:#}")))?;
        match &facts.libvirt.link {
            Link::Unreachable { message } => return Err(Problem::terminated(message)),
            Link::Denied { message } => return Err(Problem::access_denied(message)),
            Link::Connected | Link::NotUsed => {}
        }
        self.find(&facts)?;
        channel.send(&self.audit(&facts))
    }

    /// The VM that is asked for must be there when the channel opens.
    pub fn find(&self, facts: &Facts) -> Result<(), Problem> {
        match &self.scope {
            Scope::Vm(uuid) if facts.vms.iter().all(|vm| vm.uuid != *uuid) => {
                Err(Problem::not_found(format!("there is no VM with the UUID '{uuid}' at {}", self.target.uri)))
            }
            _ => Ok(()),
        }
    }
}
