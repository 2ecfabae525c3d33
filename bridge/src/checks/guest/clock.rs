// SPDX-License-Identifier: LGPL-2.1-or-later
//! The guest's clock, and when the guest ran last.

use jiff::Timestamp;

use super::{silent, unheard};
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

/// Seconds of difference that are usual, and that Kerberos still takes.
const USUAL: u64 = 5;
const KERBEROS: u64 = 300;
const DORMANT_DAYS: i64 = 90;
const DAY: i64 = 24 * 60 * 60;

pub static TIME_SKEW: Check = Check {
    id: "guest.time-skew",
    title: "The guest's clock agrees with the host's",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Guest,
    basis: &["https://docs.kernel.org/virt/kvm/x86/timekeeping.html"],
    why: "A guest with a wrong clock takes certificates that have run out, refuses those that are good, fails with Kerberos, and writes logs \
          that cannot be compared with others after an attack.",
    fix: "In the guest, run a time service, such as chrony with `refclock PHC /dev/ptp0` after `modprobe ptp_kvm`. After a pause of the VM \
          set its clock once with `virsh domtime VM --sync`.",
    impact: "A clock that jumps can confuse databases and cron; chrony moves small differences slowly.",
    apply: Apply::Manual,
    needs: "The time that the guest agent reports (virsh domtime)",
    judge: Judge::Definition(|_, vm, domain| time_skew(vm, domain)),
};

fn time_skew(vm: &Vm, domain: &Domain) -> Judged {
    if let Some(silent) = silent(vm)? {
        return Ok(silent);
    }
    let skew = &vm.guest.clock_skew;
    let seconds = match skew.get() {
        Ok(seconds) => *seconds,
        Err(gap) => return unheard(domain, gap),
    };
    let side = if seconds.is_negative() { "behind" } else { "ahead of" };
    let message = || format!("The guest's clock is {} seconds {side} the host's.", seconds.unsigned_abs());
    Ok(match seconds.unsigned_abs() {
        skew if skew <= USUAL => {
            return Ok(Verdict::pass("The guest's clock agrees with the host's within five seconds."));
        }
        skew if skew <= KERBEROS => Verdict::warn(message()),
        _ => Verdict::fail(message()),
    }
    .and(skew.origin(), format!("{seconds} s")))
}

pub static DORMANT: Check = Check {
    id: "guest.dormant",
    title: "The VM has run within the last three months",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Guest,
    basis: &[
        "https://docs.vmware.com/en/VMware-vSphere/7.0/com.vmware.vsphere.security.doc/GUID-8B93E01D-AB37-41F2-A225-892E40BAFB35.html",
    ],
    why: "A guest that was off for months starts with the weaknesses of then, in the network of today. Nobody watches its image meanwhile, and \
          its accounts and certificates live on.",
    fix: "Start it on an isolated network (`virsh net-define` with a network without `<forward>`), update it there, and only then \
          connect it again. Delete it with `virsh undefine VM --nvram --remove-all-storage` if nobody needs it.",
    impact: "An update may restart services of the guest. Deleting cannot be undone.",
    apply: Apply::Manual,
    needs: "The VM's state, and the age of /var/log/libvirt/qemu/VM.log",
    judge: Judge::Vm(|facts, vm, _| dormant(facts, vm)),
};

fn dormant(facts: &Facts, vm: &Vm) -> Judged {
    if vm.is_active()? {
        return Ok(Verdict::pass("The VM is running."));
    }
    let log = &vm.log_modified;
    let Some(last) = *log.get()? else {
        return Ok(Verdict::info("There is no log of this VM: it never ran here, or its log was deleted.")
            .and(log.origin(), "(does not exist)"));
    };
    let now: Timestamp =
        facts.recorded.parse().map_err(|_| Gap::new("", "the time at which the facts were read is not known"))?;
    let days = now.as_second().saturating_sub(last) / DAY;
    if days <= DORMANT_DAYS {
        return Ok(Verdict::pass("The VM has run within the last 90 days."));
    }
    Ok(Verdict::warn(format!("The VM has not run for {days} days, so that its guest has missed all updates since."))
        .and(log.origin(), format!("last written {days} days ago")))
}
