// SPDX-License-Identifier: LGPL-2.1-or-later
use super::super::root::tests::TestRoot;
use super::*;

fn found(sudoers: &str) -> Vec<String> {
    let test = TestRoot::new();
    test.file("/etc/sudoers", sudoers);
    let fact = read(&test.root());
    let rules = &fact.get().unwrap().rules;
    rules.iter().map(|rule| format!("{}: {}", rule.who.join(","), rule.command)).collect()
}

#[test]
fn rules_as_people_write_them() {
    assert_eq!(
        found("ann ALL=(root) NOPASSWD: /usr/bin/virsh, /bin/ls, PASSWD: /usr/bin/qemu-img\n"),
        ["ann: /usr/bin/virsh"]
    );
    assert_eq!(
        found("%ops, bob ALL = NOPASSWD:SETENV: /usr/bin/virsh list \\\n  --all\n"),
        ["%ops,bob: /usr/bin/virsh list   --all"]
    );
    assert_eq!(found("%wheel ALL=(ALL) NOPASSWD: ALL\n%sudo ALL=(ALL:ALL) ALL\n"), ["%wheel: ALL"]);
    assert_eq!(
        found("x ALL=NOPASSWD: sha256:ab= /usr/bin/virt-install, !/usr/bin/virsh\n"),
        ["x: sha256:ab= /usr/bin/virt-install"]
    );
    assert_eq!(found("x ALL=CWD=/tmp NOPASSWD: /usr/bin/vir*, /usr/bin/, ^/usr/bin/.*$, /opt/tool*\n").len(), 3);
    assert_eq!(
        found("#1000 ALL=NOPASSWD: /usr/bin/virsh # yes\n# y ALL=NOPASSWD: /usr/bin/virsh\n"),
        ["#1000: /usr/bin/virsh"]
    );
}

#[test]
fn aliases_and_defaults() {
    let text = "User_Alias OPS = ann, bob : DEV = cy\nCmnd_Alias VM = /usr/bin/virsh start *, QEMU\nCmnd_Alias QEMU = /usr/bin/qemu-img\nOPS ALL = NOPASSWD: VM\nDEV ALL = VM\n";
    assert_eq!(found(text), ["ann,bob: /usr/bin/virsh start *", "ann,bob: /usr/bin/qemu-img"]);
    assert_eq!(found(&format!("{text}Defaults !authenticate\n")).len(), 4);
    assert_eq!(found(&format!("{text}Defaults:cy !authenticate\n")).len(), 4);
    assert!(found("Cmnd_Alias A = B\nCmnd_Alias B = A\nx ALL = NOPASSWD: A\n").is_empty());
}

#[test]
fn aliases_that_multiply_cost_nothing_and_are_said() {
    let alias = |n| format!("Cmnd_Alias A{n} = {}\n", vec![format!("A{}", n + 1); 200].join(","));
    let aliases = (0..15).map(alias).collect::<Vec<_>>().concat();
    let text = format!(
        "{aliases}Cmnd_Alias A15 = /usr/bin/virsh\nx ALL = NOPASSWD: A0\nCmnd_Alias B = B, B, B\ny ALL = NOPASSWD: B\n"
    );
    assert_eq!(parse(&text).rules.len(), 1);
    let many = (0..1000).map(|n| format!("Cmnd_Alias C{n} = C{}\n", n + 1)).collect::<Vec<_>>().concat();
    assert!(parse(&format!("{many}z ALL = NOPASSWD: C0\n")).unclear.is_some());
    let many = vec!["u"; 1000].join(",");
    assert!(parse(&format!("{many} ALL = NOPASSWD: /usr/bin/virsh\n")).unclear.is_some());
}

#[test]
fn what_is_not_understood_is_said() {
    let test = TestRoot::new();
    assert_eq!(read(&test.root()).get().unwrap(), &Sudoers::default());
    test.file("/etc/sudoers", "@includedir sudoers.d\n@include /none\n")
        .file("/etc/sudoers.d/a", "Defaults!/usr/bin/x !authenticate\n")
        .file("/etc/sudoers.d/b.bak", "x ALL=NOPASSWD: /usr/bin/virsh\n")
        .file("/etc/sudoers.d/c~", "x ALL=NOPASSWD: /usr/bin/virsh\n");
    let fact = read(&test.root());
    assert_eq!(fact.get().unwrap().unclear.as_deref(), Some("/etc/sudoers.d/a: line 1"));
    assert!(fact.get().unwrap().rules.is_empty());
    test.file("/etc/sudoers.d/d", "@include d\n");
    assert!(read(&test.root()).value().is_none());
}

#[test]
fn patterns() {
    for (pattern, name, is) in [
        ("*.conf", "a.conf", true),
        ("*.conf", "a.conf~", false),
        ("vir*", "virsh", true),
        ("v?rsh", "virsh", true),
        ("v*s*h", "virssh", true),
        ("virsh", "virsh", true),
        ("virs", "virsh", false),
        ("virshx", "virsh", false),
        ("*", "", true),
    ] {
        assert_eq!(glob(pattern, name), is, "{pattern} {name}");
    }
}
