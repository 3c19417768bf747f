//! `cargo wb doctor`: can containers run here, and if not, what to do.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::Result;

use super::facts::Facts;
use crate::workspace::Workspace;

/// What a line of the table means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    /// Something will be skipped.
    Weak,
    /// Containers do not run.
    Bad,
}

/// One line.
#[derive(Debug)]
struct Finding {
    verdict: Verdict,
    what: &'static str,
    seen: String,
    cure: &'static str,
}

/// Prints the table.
pub fn run() -> Result<ExitCode> {
    let findings = judge(&Facts::gather(Workspace::find()?.root()));
    anstream::print!("{}", render(&findings));
    let fine = findings.iter().all(|finding| finding.verdict != Verdict::Bad);
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn judge(facts: &Facts) -> Vec<Finding> {
    let needed = |good: bool| if good { Verdict::Good } else { Verdict::Bad };
    let useful = |good: bool| if good { Verdict::Good } else { Verdict::Weak };
    let yes = |good: bool| if good { "yes" } else { "no" }.to_owned();
    let finding = |verdict, what, seen, cure| Finding { verdict, what, seen, cure };
    let (major, minor) = facts.kernel;
    vec![
        finding(
            needed(facts.kernel >= (5, 12)),
            "Linux 5.12 or newer",
            format!("{major}.{minor}"),
            "the mount API and openat2 need it: update the system",
        ),
        root(facts),
        finding(
            needed(facts.overlay),
            "overlay file system",
            yes(facts.overlay),
            "modprobe overlay; the kernel needs CONFIG_OVERLAY_FS",
        ),
        finding(needed(facts.seccomp), "seccomp filters", yes(facts.seccomp), "the kernel needs CONFIG_SECCOMP_FILTER"),
        finding(
            needed(facts.cgroups.is_some()),
            "control groups",
            facts.cgroups.clone().unwrap_or_else(|| "none".into()),
            "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
        ),
        finding(
            useful(facts.controllers.iter().any(|name| name == "memory")),
            "controllers",
            if facts.controllers.is_empty() { "none".into() } else { facts.controllers.join(" ") },
            "boot with cgroup_enable=memory; tests of memory limits run in the guest: cargo wb vm",
        ),
        finding(
            useful(facts.user_namespaces),
            "user namespaces",
            match &facts.only_for_root[..] {
                [] => yes(facts.user_namespaces),
                settings => format!("for root only, by {}", settings.join(" and ")),
            },
            "sysctl -w user.max_user_namespaces=10000",
        ),
        finding(
            needed(facts.linker),
            "a linker",
            yes(facts.linker),
            "install a C compiler; in Debian and Ubuntu: apt-get install gcc libc6-dev",
        ),
        finding(
            useful(facts.busybox),
            "busybox",
            yes(facts.busybox),
            "install a static busybox; in Debian and Ubuntu: apt-get install busybox-static, or cargo wb try",
        ),
        finding(
            needed(facts.free_disk >= 2000),
            "2 GB of free disk",
            format!("{} MB", facts.free_disk),
            "building needs it: free some space",
        ),
        finding(Verdict::Good, "KVM", facts.kvm.clone(), ""),
    ]
}

fn root(facts: &Facts) -> Finding {
    let (verdict, seen, cure) = match (facts.root, facts.admin) {
        (true, true) => (Verdict::Good, "yes", ""),
        (true, false) => (
            Verdict::Bad,
            "yes, without CAP_SYS_ADMIN",
            "this looks like a container: start that with --privileged, or use a real or virtual machine",
        ),
        (false, _) => (Verdict::Bad, "no", "containers are made as root: sudo -E env PATH=$PATH cargo wb …"),
    };
    Finding { verdict, what: "root", seen: seen.into(), cure }
}

fn render(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { verdict, what, seen, cure } in findings {
        let mark = match verdict {
            Verdict::Good => "ok  ",
            Verdict::Weak => "weak",
            Verdict::Bad => "BAD ",
        };
        let _ = writeln!(text, "{mark}  {what:<22} {seen}");
        if *verdict != Verdict::Good {
            let _ = writeln!(text, "      do this: {cure}");
        }
    }
    let bad = findings.iter().filter(|finding| finding.verdict == Verdict::Bad).count();
    let last =
        if bad == 0 { "Containers can run here." } else { "Containers cannot run here yet: see the lines marked BAD." };
    let _ = writeln!(text, "{last}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            kernel: (6, 12),
            root: true,
            admin: true,
            user_namespaces: true,
            only_for_root: Vec::new(),
            overlay: true,
            seccomp: true,
            cgroups: Some("v2".into()),
            controllers: vec!["cpu".into(), "memory".into()],
            busybox: true,
            linker: true,
            free_disk: 20_000,
            kvm: "none: the guest is emulated in software".into(),
        }
    }

    #[test]
    fn a_good_machine() {
        insta::assert_snapshot!(render(&judge(&facts())));
    }

    #[test]
    fn a_bad_machine_is_told_what_to_do() {
        let bad = Facts {
            kernel: (4, 19),
            root: false,
            admin: false,
            user_namespaces: false,
            overlay: false,
            cgroups: None,
            controllers: Vec::new(),
            free_disk: 100,
            ..facts()
        };
        insta::assert_snapshot!(render(&judge(&bad)));
    }

    #[test]
    fn a_container_without_privileges_is_recognised() {
        let inside = Facts {
            admin: false,
            only_for_root: vec!["kernel.apparmor_restrict_unprivileged_userns"],
            busybox: false,
            ..facts()
        };
        insta::assert_snapshot!(render(&judge(&inside)));
    }
}
