// SPDX-License-Identifier: LGPL-2.1-or-later
//! SELinux switched off and on again while somebody looks.
#![allow(clippy::print_stdout, reason = "the times that were measured, for whoever runs it with --nocapture")]

use std::time::Duration;

use serde_json::{Value, json};

use crate::bed::bed;
use crate::followed::Followed;
use crate::subjects::{TENANTS, booted_enforcing, evidence};

/// A watch looks at SELinux every two seconds, but an audit under emulation takes some.
const SOON: Duration = Duration::from_secs(120);

fn mode(watch: &Followed) -> &Value {
    &watch.report["host"]["findings"]["host.selinux-enforcing"]
}

#[test]
fn setenforce_is_seen() {
    let bed = bed();
    let (booted, other) = if booted_enforcing() { (1, 0) } else { (0, 1) };
    let words = |mode| if mode == 1 { ("pass", "enforcing") } else { ("fail", "permissive") };
    let _back = bed.after(format!("setenforce {booted}"));
    let mut transcript = bed.peer();
    let mut watch = Followed::open(&mut transcript, "1:1", &json!({"connection": "system"}));
    assert_eq!(mode(&watch)["verdict"], words(booted).0);
    let labels = TENANTS.map(|uuid| watch.finding(uuid, "proc.mcs-unique").clone());
    for now in [other, booted] {
        bed.sh(&format!("setenforce {now}"));
        let (verdict, word) = words(now);
        let took = watch.until(&mut transcript, word, SOON, |watch| mode(watch)["verdict"] == verdict);
        println!("setenforce {now}: the patch was there {took:?} after it had ended");
        assert_eq!(evidence(mode(&watch), "/sys/fs/selinux/enforce"), word);
        let whole = bed.audit();
        assert_eq!(whole["host"]["findings"]["host.selinux-enforcing"], *mode(&watch));
        let lasting = &whole["host"]["findings"]["host.selinux-persistent"];
        let expected = match (now, booted) {
            (0, _) => "not-applicable",
            (_, 1) => "pass",
            // Enforcing now, but the kernel was told otherwise, and will be again.
            _ => "warn",
        };
        assert_eq!(lasting["verdict"], expected, "{lasting}");
        if expected == "warn" {
            assert!(evidence(lasting, "/proc/cmdline").contains("enforcing=0"), "{lasting}");
        }
        // The labels stay, but confine only while the policy behind them is enforced.
        assert_eq!(TENANTS.map(|uuid| watch.finding(uuid, "proc.mcs-unique").clone()), labels);
        for uuid in TENANTS {
            let label = watch.finding(uuid, "proc.selinux-label");
            assert_eq!(label["verdict"], if now == 1 { "pass" } else { "warn" }, "{label}");
            assert_eq!(evidence(label, "/sys/fs/selinux/enforce"), word);
        }
    }
    assert!(transcript.hang_up().ok);
}
