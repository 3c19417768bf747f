//! A loaded filter, as the kernel enforces it.

mod common;

use std::path::Path;

use common::elf::{Way, write};
use common::inside::{code, complaint, outcome, output, status};
use common::machine::X32_BIT;
use confinement::seccomp::{Action, Architecture, number};
use confinement::{Capabilities, Filter, Seccomp, SeccompProfile, no_new_privs};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use process::sys;
use testkit::{Inmate, Need, kernel_test, require};

fn docker() -> Filter {
    Filter::compile(&SeccompProfile::docker_default().resolve(&Capabilities::docker_default())).expect("a filter")
}

/// A process under `filter` that still has all capabilities: what is refused is refused by the filter.
fn under(filter: &Filter, inside: impl FnOnce() -> String) -> Inmate {
    Inmate::new(|| {
        filter.load().expect("load");
        inside()
    })
}

/// A program of one call, run: its exit code is the error number.
fn ask(directory: &Path, way: Way, number: u32, arguments: [u64; 3]) -> String {
    code(&write(&directory.join("ask"), way, number, arguments))
}

fn on(architecture: Architecture, name: &str) -> u32 {
    number(name, architecture).expect(name)
}

kernel_test! {
    fn the_kernel_shows_the_filter(_host) {
        let inmate = under(&docker(), String::new);
        assert_eq!(status(&inmate, "Seccomp"), "2");
        assert_eq!(status(&inmate, "Seccomp_filters"), "1");
        assert_eq!(status(&inmate, "NoNewPrivs"), "0");
    }

    fn what_leads_out_is_refused_even_to_root(host) {
        let inmate = under(&docker(), || {
            let mounted = mount(Some("none"), host.dir(), Some("tmpfs"), MsFlags::empty(), None::<&str>);
            let left = unshare(CloneFlags::CLONE_NEWUSER);
            let keys = sys::join_session_keyring(c"mine");
            let program = sys::bpf_prog_load(8, &[0xb7, 0x95], c"GPL").map(drop);
            format!("{mounted:?} {left:?} {keys:?} {program:?}")
        });
        assert_eq!(inmate.said(), "Err(EPERM) Err(EPERM) Err(EPERM) Err(EPERM)");
    }

    /// `ENOSYS`, not `EPERM`: a C library then takes the older `clone`, whose flags a filter can read.
    fn clone3_does_not_exist(host) {
        let inmate = under(&docker(), || {
            let code = ask(host.dir(), Way::Syscall, on(Architecture::X86_64, "clone3"), [0; 3]);
            let threads = std::thread::spawn(|| "a thread").join().unwrap_or("no thread");
            format!("{code} {threads}")
        });
        assert_eq!(inmate.said(), format!("{} a thread", Errno::ENOSYS as i32));
    }

    fn arguments_decide(host) {
        use Architecture::X86_64;
        let calls = [
            ("personality", [0, 0, 0]),
            ("personality", [8, 0, 0]),
            // ADDR_NO_RANDOMIZE.
            ("personality", [0x4_0000, 0, 0]),
            // The last one allowed, and the same with a bit in the other half.
            ("personality", [0xffff_ffff, 0, 0]),
            ("personality", [0x1_ffff_ffff, 0, 0]),
            // Unix, AF_ALG, AF_VSOCK, and those again for a kernel that reads only 32 bits.
            ("socket", [1, 1, 0]),
            ("socket", [38, 5, 0]),
            ("socket", [40, 1, 0]),
            ("socket", [(1 << 32) + 38, 5, 0]),
            ("socket", [(1 << 32) + 40, 1, 0]),
        ];
        let inmate = under(&docker(), || {
            let seen = calls.map(|(name, arguments)| {
                let code = ask(host.dir(), Way::Syscall, on(X86_64, name), arguments);
                format!("{name}({:#x}) {}", arguments[0], if code == "1" { "refused" } else { "allowed" })
            });
            seen.join("\n")
        });
        insta::assert_snapshot!(inmate.said(), @r"
        personality(0x0) allowed
        personality(0x8) allowed
        personality(0x40000) refused
        personality(0xffffffff) allowed
        personality(0x1ffffffff) refused
        socket(0x1) allowed
        socket(0x26) refused
        socket(0x28) refused
        socket(0x100000026) refused
        socket(0x100000028) refused
        ");
    }

    fn the_other_doors_have_the_same_lock(host) {
        use Architecture::{X32, X86, X86_64};
        // CLONE_NEWUTS.
        let new_uts = [0x0400_0000, 0, 0];
        let inmate = under(&docker(), || {
            let ask = |way, number, arguments| ask(host.dir(), way, number, arguments);
            [
                ask(Way::Syscall, on(X86_64, "unshare"), new_uts),
                ask(Way::Syscall, X32_BIT | on(X32, "unshare"), new_uts),
                ask(Way::Int80, on(X86, "unshare"), new_uts),
                ask(Way::Int80, on(X86, "alarm"), [0, 0, 0]),
            ]
            .join(" ")
        });
        // EPERM three times, and no error. A kernel without 32-bit programs shuts the third door in its own way.
        let (doors, without) = ("1 1 1 0", "1 1 Exec format error (os error 8)");
        let seen = inmate.said();
        assert!(seen == doors || seen.starts_with(without), "{seen}");
    }

    fn an_unknown_way_in_ends_the_program(host) {
        let only_native = Seccomp {
            architectures: vec![Architecture::X86_64],
            ..SeccompProfile::docker_default().resolve(&Capabilities::docker_default())
        };
        let filter = Filter::compile(&only_native).expect("a filter");
        let inmate = under(&filter, || ask(host.dir(), Way::Syscall, X32_BIT | on(Architecture::X32, "getpid"), [0; 3]));
        assert!(inmate.said().starts_with("signal: 31 (SIGSYS)"), "{}", inmate.said());
    }

    fn every_busybox_program_works_under_dockers_filter(host) {
        require(Need::Busybox);
        let busybox = host.busybox();
        let script = "cd /tmp 2>/dev/null || cd /; id -u; echo a b | awk '{print $2}'; ls / | wc -l | grep -c .; \
                      seq 3 | sort -r | tr '\\n' ' '; sleep 0; date +%Y | grep -c 20";
        let inmate = under(&docker(), || output(busybox, &["sh", "-c", script]));
        assert_eq!(inmate.said(), "0\nb\n1\n3 2 1 1");
    }

    /// Loading takes `CAP_SYS_ADMIN`, or the promise that no setuid program can be tricked by it.
    fn an_ordinary_user_needs_no_new_privs(_host) {
        let filter = docker();
        let inmate = Inmate::new(|| {
            let user = nix::unistd::Uid::from_raw(1000);
            nix::unistd::setresuid(user, user, user).expect("setresuid");
            let refused = complaint(filter.load());
            no_new_privs().expect("no_new_privs");
            format!("{refused}\n{}", outcome(filter.load()))
        });
        insta::assert_snapshot!(inmate.said(), @r"
        load the seccomp filter: EACCES: Permission denied
        needs CAP_SYS_ADMIN, or no_new_privs
        ok
        ");
    }

    /// Each `exec` into a container adds one, and the kernel asks them all: the strictest answer counts.
    fn filters_add_up(_host) {
        let open = Seccomp {
            default_action: Action::Allow,
            default_errno_ret: None,
            architectures: vec![Architecture::X86_64],
            flags: vec!["SECCOMP_FILTER_FLAG_LOG".into()],
            listener_path: String::new(),
            listener_metadata: String::new(),
            syscalls: Vec::new(),
        };
        let open = Filter::compile(&open).expect("a filter");
        let inmate = under(&docker(), || {
            open.load().expect("load");
            format!("{:?}", unshare(CloneFlags::CLONE_NEWUTS))
        });
        assert_eq!(inmate.said(), format!("Err({:?})", Errno::EPERM));
        assert_eq!(status(&inmate, "Seccomp_filters"), "2");
    }
}
