// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a running guest's agent answers: claims of the guest, bounded in size, count and time.
//!
//! Asked through libvirt's own calls, which do not taint the VM as `virsh qemu-agent-command` does. libvirt wants a read-write connection
//! for them. It waits five seconds for a sign of life, but then for ever for the answer, unless somebody sets a time limit on the VM; that
//! limit would hold for everybody's commands, a backup's freeze among them, so that an audit leaves it alone. Each guest is asked in a
//! thread of its own instead. One that does not answer costs its own facts, a thread here, and a worker in libvirt's daemon; hence no more
//! than [`LANES`] may be left unanswered at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use virt::connect::Connect;
use virt::domain::Domain;
use virt::error::Error;

use super::libvirt::gap;
use super::{Fact, Gap, Vm, libvirt_sys};

/// Guests that are asked at once, and calls of this process that may stay unanswered.
const LANES: usize = 4;
/// How long one guest may take: an agent that is well answers within a tenth of a second, and everything else waits for this.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long all guests together may take.
const LIMIT: Duration = Duration::from_secs(9);
/// No answer is longer, and no guest is said to have more disks.
pub(super) const TEXT_LIMIT: usize = 128;
pub(super) const DISK_LIMIT: usize = 256;

pub(super) const INFO: &str = "virsh guestinfo";
const TIME: &str = "virsh domtime";
/// The channel's name, as libvirt and the agent know it.
pub const CHANNEL: &str = "org.qemu.guest_agent.0";

/// The answers of a guest's agent. They are what the guest claims.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Guest {
    pub os: Fact<GuestOs>,
    /// Names of the guest's block devices, and those that its device mapper gave them.
    pub disks: Fact<Vec<String>>,
    /// Seconds by which the guest's clock is ahead of the host's; negative when it is behind.
    pub clock_skew: Fact<i64>,
}

/// As the guest's `/etc/os-release` says it; empty where the guest does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuestOs {
    /// `fedora`, `rhel`, `mswindows`.
    pub id: String,
    /// `41`, `9.4`; for Windows `11`, `2022`.
    pub version_id: String,
    pub pretty_name: String,
}

impl Guest {
    fn missing(gap: &Gap) -> Self {
        let at = |origin: &str| Gap { origin: origin.to_owned(), ..gap.clone() };
        Self { os: at(INFO).into(), disks: at(INFO).into(), clock_skew: at(TIME).into() }
    }

    fn without(reason: impl Into<String>) -> Self {
        Self::missing(&Gap::new(INFO, reason))
    }
}

/// Whether an agent is connected, as libvirt notes it in the running definition.
pub(super) fn is_connected(live: &str) -> bool {
    // Most definitions name no agent at all.
    if memchr::memmem::find(live.as_bytes(), CHANNEL.as_bytes()).is_none() {
        return false;
    }
    let Ok(document) = roxmltree::Document::parse(live) else { return false };
    let devices = document.root_element().children().find(|node| node.has_tag_name("devices"));
    let channels = devices.into_iter().flat_map(|node| node.children()).filter(|node| node.has_tag_name("channel"));
    channels.flat_map(|channel| channel.children()).any(|target| {
        target.has_tag_name("target")
            && target.attribute("name") == Some(CHANNEL)
            && target.attribute("state") == Some("connected")
    })
}

/// Asks the agents of all VMs that have one. `connection` gives a read-write connection, or why there is none.
pub(super) fn ask(vms: &mut [Vm], connection: impl FnOnce() -> Result<Connect, Gap>) {
    let mut queue = Vec::new();
    for (index, vm) in vms.iter_mut().enumerate() {
        vm.guest = match vm.live.value() {
            Some(Some(live)) if is_connected(live) => {
                queue.push(index);
                continue;
            }
            Some(Some(_)) => Guest::without("no guest agent is connected"),
            Some(None) => Guest::without("the VM is not running"),
            None => Guest::without("libvirt did not return the running definition"),
        };
    }
    if queue.is_empty() {
        return;
    }
    match connection() {
        Ok(connection) => ask_all(vms, queue, &PATIENCE, |uuid: &str| {
            let domain = connection.lookup_domain_by_uuid_string(uuid)?;
            Ok(move || question(&domain))
        }),
        Err(gap) => {
            for index in queue {
                if let Some(vm) = vms.get_mut(index) {
                    vm.guest = Guest::missing(&gap);
                }
            }
        }
    }
}

/// `prepare` makes a question that may hang.
fn ask_all<Q: FnOnce() -> Guest + Send + 'static>(
    vms: &mut [Vm],
    queue: Vec<usize>,
    patience: &Duration,
    prepare: impl Fn(&str) -> Result<Q, Error>,
) {
    let (sender, receiver) = mpsc::channel();
    let mut queue = queue.into_iter();
    let mut waiting: BTreeMap<usize, Instant> = BTreeMap::new();
    let end = Instant::now() + LIMIT.min(*patience * 3);
    loop {
        while waiting.len() < LANES
            && let Some(index) = queue.next()
        {
            let Some(vm) = vms.get_mut(index) else { continue };
            if let Err(reason) = may_ask(&vm.uuid, patience, Instant::now() >= end) {
                vm.guest = Guest::without(reason);
                continue;
            }
            match prepare(&vm.uuid) {
                Ok(question) => {
                    let call = Call::start(&vm.uuid);
                    let sender = sender.clone();
                    waiting.insert(index, Instant::now() + *patience);
                    std::thread::spawn(move || {
                        let guest = question();
                        drop(call);
                        // Nobody listens any more when it came too late.
                        let _ = sender.send((index, guest));
                    });
                }
                Err(error) => vm.guest = Guest::missing(&gap(INFO, &error)),
            }
        }
        let Some(next) = waiting.values().min() else { return };
        match receiver.recv_timeout(next.saturating_duration_since(Instant::now())) {
            Ok((index, guest)) => {
                if waiting.remove(&index).is_some()
                    && let Some(vm) = vms.get_mut(index)
                {
                    vm.guest = guest;
                }
            }
            Err(_) => waiting.retain(|index, until| {
                let waits = *until > Instant::now();
                if !waits && let Some(vm) = vms.get_mut(*index) {
                    let seconds = patience.as_secs();
                    vm.guest = Guest::without(format!("the guest agent did not answer within {seconds} seconds"));
                }
                waits
            }),
        }
    }
}

/// Questions of this process to which no answer has come.
static CALLS: Mutex<Vec<(u64, String, Instant)>> = Mutex::new(Vec::new());

/// One of them; it counts as answered when it is dropped.
struct Call(u64);

impl Call {
    fn start(uuid: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        CALLS.lock().unwrap_or_else(PoisonError::into_inner).push((number, uuid.to_owned(), Instant::now()));
        Self(number)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        CALLS.lock().unwrap_or_else(PoisonError::into_inner).retain(|(number, ..)| *number != self.0);
    }
}

/// Why a guest is not asked: it, or too many others, hold back an earlier answer.
fn may_ask(uuid: &str, patience: &Duration, late: bool) -> Result<(), &'static str> {
    let calls = CALLS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut stuck = calls.iter().filter(|(_, _, since)| since.elapsed() >= *patience).peekable();
    if stuck.clone().any(|(_, other, _)| other == uuid) {
        Err("the guest agent has not answered an earlier question")
    } else if late || stuck.by_ref().count() >= LANES {
        Err("it was not asked, as other guests took too long to answer")
    } else {
        Ok(())
    }
}

fn question(domain: &Domain) -> Guest {
    const OS: u32 = virt_sys::VIR_DOMAIN_GUEST_INFO_OS;
    let both = libvirt_sys::guest_info(domain, OS | virt_sys::VIR_DOMAIN_GUEST_INFO_DISKS, is_wanted);
    // Agents and libvirts of old refuse all when they cannot answer one.
    let (system, disks) = match both {
        Ok(answer) => (Ok(answer.clone()), Ok(answer)),
        Err(error) => (libvirt_sys::guest_info(domain, OS, is_wanted), Err(error)),
    };
    Guest {
        os: match system {
            Ok(answer) => os(&answer),
            Err(error) => gap(INFO, &error).into(),
        },
        disks: match disks {
            Ok(answer) => Fact::known(INFO, disk_names(&answer)),
            Err(error) => gap(INFO, &error).into(),
        },
        clock_skew: clock_skew(domain),
    }
}

pub(super) fn is_wanted(field: &str) -> bool {
    matches!(field, "os.id" | "os.version-id" | "os.pretty-name")
        || field.starts_with("disk.") && matches!(field.rsplit('.').next(), Some("name" | "guest_alias"))
}

pub(super) fn os(answer: &[(String, String)]) -> Fact<GuestOs> {
    let field = |name| answer.iter().find(|(field, _)| field == name).map(|(_, text)| bounded(text));
    let Some(id) = field("os.id") else {
        return Fact::missing(INFO, "the guest does not say which operating system it is");
    };
    Fact::known(
        INFO,
        GuestOs {
            id,
            version_id: field("os.version-id").unwrap_or_default(),
            pretty_name: field("os.pretty-name").unwrap_or_default(),
        },
    )
}

pub(super) fn disk_names(answer: &[(String, String)]) -> Vec<String> {
    let disks = answer.iter().filter(|(field, _)| field.starts_with("disk."));
    disks.take(DISK_LIMIT).map(|(_, text)| bounded(text)).collect()
}

/// What a guest says, without what could play tricks on whoever reads it.
fn bounded(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(TEXT_LIMIT).collect()
}

fn clock_skew(domain: &Domain) -> Fact<i64> {
    let before = now();
    match domain.time(0) {
        Ok((seconds, _)) => Fact::known(TIME, distance(seconds, before, now())),
        Err(error) => gap(TIME, &error).into(),
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// How far the guest's time is from the time in which it was asked, so that a slow answer is no skew.
fn distance(guest: i64, before: i64, after: i64) -> i64 {
    if guest < before {
        guest.saturating_sub(before)
    } else if guest > after {
        guest.saturating_sub(after)
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(uuid: &str, state: &str) -> Vm {
        let xml = format!(
            "<domain><devices><channel type='unix'><target type='virtio' name='{CHANNEL}'{state}/></channel></devices></domain>"
        );
        Vm { uuid: uuid.to_owned(), live: Fact::known("live XML", Some(xml)), ..Vm::default() }
    }

    #[test]
    fn only_connected_agents_are_asked() {
        assert!(is_connected(live("", " state='connected'").live.value().unwrap().as_ref().unwrap()));
        for state in ["", " state='disconnected'"] {
            let mut vms = [live("", state)];
            ask(&mut vms, || panic!("nobody is to be asked"));
            assert_eq!(vms[0].guest.os.get().unwrap_err().reason, "no guest agent is connected");
        }
        assert!(!is_connected("<domain><metadata>org.qemu.guest_agent.0 state='connected'</metadata></domain>"));
        assert!(!is_connected("org.qemu.guest_agent.0"));
        let mut off = [Vm { live: Fact::known("virsh domstate", None), ..Vm::default() }];
        ask(&mut off, || panic!("nobody is to be asked"));
        assert_eq!(off[0].guest.clock_skew.get().unwrap_err().reason, "the VM is not running");
    }

    #[test]
    fn without_the_right_connection_administrative_access_is_missing() {
        let mut vms = [live("a", " state='connected'")];
        ask(&mut vms, || Err(Gap::needs_admin(INFO)));
        let gap = vms[0].guest.clock_skew.get().unwrap_err();
        assert!(gap.admin && gap.origin == TIME);
    }

    #[test]
    fn a_guest_that_does_not_answer_costs_its_own_facts() {
        let mut vms: Vec<Vm> = (0..8).map(|number| live(&format!("guest {number}"), "")).collect();
        let patience = Duration::from_millis(300);
        let (hold, answer) = mpsc::channel::<()>();
        let answer = std::sync::Arc::new(Mutex::new(answer));
        let prepare = |uuid: &str| {
            let hangs = uuid == "guest 0" || uuid == "guest 3";
            let answer = std::sync::Arc::clone(&answer);
            Ok(move || {
                if hangs {
                    let _ = answer.lock().map(|answer| answer.recv());
                }
                Guest { clock_skew: Fact::known(TIME, 0), ..Guest::default() }
            })
        };
        ask_all(&mut vms, (0..8).collect(), &patience, prepare);
        for (number, vm) in vms.iter().enumerate() {
            assert_eq!(vm.guest.clock_skew.value().is_some(), number != 0 && number != 3, "{number}");
        }
        ask_all(&mut vms, vec![0, 1], &patience, prepare);
        let reason = vms[0].guest.os.get().unwrap_err().reason;
        assert_eq!(reason, "the guest agent has not answered an earlier question");
        assert!(vms[1].guest.clock_skew.value().is_some());
        drop(hold);
    }

    #[test]
    fn libvirts_test_driver_answers() {
        let connection = Connect::open(Some("test:///default")).unwrap();
        let domain = connection.lookup_domain_by_name("test").unwrap();
        let guest = question(&domain);
        // Its clock stands in 1989, and it may know no more than that.
        assert!(guest.clock_skew.value().is_none_or(|skew| *skew < -1_000_000_000), "{guest:?}");
        assert!(guest.os.value().is_none(), "{guest:?}");
    }

    #[test]
    fn answers_are_bounded_and_harmless() {
        let answer = |field: &str, text: &str| (field.to_owned(), text.to_owned());
        let long = "x".repeat(1 << 20);
        let mut all = vec![
            answer("os.id", "fedora\u{1b}[31m\n"),
            answer("os.pretty-name", &long),
            answer("disk.0.name", "/dev/vda"),
        ];
        let os = os(&all);
        let os = os.get().unwrap();
        assert_eq!(os.id, "fedora\u{fffd}[31m\u{fffd}");
        assert_eq!((os.pretty_name.len(), os.version_id.as_str()), (TEXT_LIMIT, ""));
        all.extend((0..9999).map(|number| answer(&format!("disk.{number}.name"), "/dev/x")));
        assert_eq!(disk_names(&all).len(), DISK_LIMIT);
        assert!(is_wanted("disk.0.guest_alias") && is_wanted("os.id"));
        assert!(!is_wanted("user.0.name") && !is_wanted("disk.0.serial") && !is_wanted("hostname"));
    }

    #[test]
    fn a_slow_answer_is_no_skew() {
        assert_eq!([distance(7, 5, 9), distance(5, 5, 9), distance(9, 5, 9)], [0, 0, 0]);
        assert_eq!([distance(4, 5, 9), distance(10, 5, 9)], [-1, 1]);
        assert_eq!(distance(i64::MIN, 5, 9), i64::MIN);
    }
}
