//! The attacks, in the order of the chapters that end them, and what the book says of each.

use std::path::Path;

/// One attack: a function of the program `attack` in the test kit.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// What that program calls it.
    pub(crate) name: &'static str,
    /// What the book calls it.
    pub(crate) title: &'static str,
    /// From this column on it fails.
    pub(crate) ends: &'static str,
    /// The same on a machine that has cgroup v2 alone, where that differs.
    pub(crate) ends_on_v2: Option<&'static str>,
    /// What it is, and what ends it.
    pub(crate) text: &'static str,
    /// Cells that say something else than they seem to: their columns, and why.
    pub(crate) note: Option<(&'static [&'static str], &'static str)>,
    /// Before this column there is nothing to attack.
    pub(crate) begins: &'static str,
}

/// Whether all control groups of this machine are in one tree.
pub(crate) fn has_v2_alone() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

impl Row {
    /// From this column on it fails on this machine.
    pub(crate) fn ends_here(&self) -> &'static str {
        self.ends_on_v2.filter(|_| has_v2_alone()).unwrap_or(self.ends)
    }
}

const fn row(name: &'static str, title: &'static str, ends: &'static str, text: &'static str) -> Row {
    Row { name, title, ends, ends_on_v2: None, text, note: None, begins: "host" }
}

const fn noted(row: Row, columns: &'static [&'static str], text: &'static str) -> Row {
    Row { note: Some((columns, text)), ..row }
}

const HOSTS_PROC: &str = "A PID namespace changes what numbers mean, not what is mounted. The `/proc` of chapter 2 is still the host's, and \
    shows the host's processes by the host's numbers. It is also a door: `/proc/PID/ns` leads back into namespaces, and \
    `/proc/PID/environ` into another process's memory.";
const NO_LIMIT: &str = "No limit is set where none is asked for. That is Docker's default too. The same program in \
    `mini-docker run --pids-limit 32 --memory 64m` loses.";

pub(crate) const ROWS: [Row; 26] = [
    row(
        "descriptor",
        "leave by an open descriptor",
        "1",
        "Whoever started the container had a directory open and forgot about it; `fchdir` on it leads out \
         ([CVE-2024-21626](https://nvd.nist.gov/vuln/detail/CVE-2024-21626)). All descriptors above 2 are closed before `exec`.",
    ),
    row(
        "signal",
        "stop a process of the host",
        "2",
        "`kill(2)` with the number of a process outside. In a PID namespace there is no such number.",
    ),
    row(
        "memory-segment",
        "read shared memory",
        "2",
        "[`shmat`](https://man7.org/linux/man-pages/man2/shmat.2.html) takes a number, not a path, so no root file system helps. The \
         IPC namespace has numbers of its own.",
    ),
    row(
        "socket",
        "call an abstract socket",
        "2",
        "A socket whose name is no file: whoever shares the network can connect. containerd's shims once listened on one \
         ([CVE-2020-15257](https://nvd.nist.gov/vuln/detail/CVE-2020-15257)). Its name belongs to the network namespace.",
    ),
    row("hostname", "rename the host", "2", "`sethostname`. The UTS namespace has a name of its own to change."),
    noted(
        row(
            "list",
            "see the host's processes",
            "3",
            "Reading names out of `/proc`. It ends when the container mounts its own.",
        ),
        &["2"],
        HOSTS_PROC,
    ),
    noted(
        row(
            "environment",
            "read a process's environment",
            "3",
            "Where passwords are kept: `/proc/PID/environ` shows them to root. Without the host's `/proc` there is no such file.",
        ),
        &["2"],
        HOSTS_PROC,
    ),
    noted(
        row(
            "setns",
            "go back into a namespace",
            "3",
            "[`setns`](https://man7.org/linux/man-pages/man2/setns.2.html) on `/proc/PID/ns/net`, as `nsenter` does it. It needs \
             a file to name the namespace, and there is none.",
        ),
        &["2"],
        HOSTS_PROC,
    ),
    noted(
        row("file", "read a file of the host", "3", "By its path. It ends when `/` is another directory."),
        &["chroot"],
        "A path does not lead out of a `chroot`. The line below does.",
    ),
    row(
        "chroot",
        "`chroot` twice",
        "3",
        "Change the root and not the working directory, climb, change the root again: the old way out of \
         [`chroot`](https://man7.org/linux/man-pages/man2/chroot.2.html), which may be done in a container to this day. After \
         `pivot_root` there is nothing above to climb to.",
    ),
    row(
        "parameter",
        "write a kernel parameter",
        "3",
        "`/proc/sys/kernel/core_pattern` names a program that the kernel starts, as root of the host, when a process crashes \
         ([CVE-2022-0811](https://nvd.nist.gov/vuln/detail/CVE-2022-0811)). `/proc/sys` is made read-only.",
    ),
    noted(
        Row {
            begins: "chroot",
            ..row(
                "binary",
                "overwrite the runtime",
                "3",
                "The image makes the runtime execute itself inside, by a loader of the attacker's, who gets at its file through \
                 `/proc/self/exe` ([CVE-2019-5736](https://nvd.nist.gov/vuln/detail/CVE-2019-5736)). What is executed is a \
                 read-only view of the file.",
            )
        },
        &["1", "2"],
        "Chapter 1 closes the way through `/proc/self/exe`, but as long as the host's files are there, so is the runtime's, under \
         its plain name.",
    ),
    noted(
        row("fork", "start processes without end", "4", "Here it stops at 64. The `pids` controller refuses the 32nd."),
        &["14", "run"],
        NO_LIMIT,
    ),
    noted(
        row("memory", "take all memory", "4", "Here it stops at 96 MiB. The `memory` controller kills at 64."),
        &["14", "run"],
        NO_LIMIT,
    ),
    row(
        "device",
        "open a device of the host",
        "4",
        "[`mknod`](https://man7.org/linux/man-pages/man2/mknod.2.html) makes a node for the machine's disk anywhere, and docker \
         lets a container make it. It cannot be opened: the control group has a list of devices.",
    ),
    noted(
        Row {
            ends_on_v2: Some("2"),
            ..row(
                "release-agent",
                "have the kernel start a program",
                "4",
                "The root of a v1 tree of control groups names a program that is started on the host when a group becomes empty \
                 ([CVE-2022-0492](https://nvd.nist.gov/vuln/detail/CVE-2022-0492)). In a cgroup namespace the root of the tree is \
                 not the tree's root, the file is missing, and new trees may not be made.",
            )
        },
        &["2", "3"],
        "On a machine that has cgroup v2 alone, chapter 2 ends this: there a cgroup namespace is among Docker's defaults.",
    ),
    noted(
        row(
            "fresh-proc",
            "mount `/proc` anew",
            "5",
            "And write the kernel parameter there, where nothing is read-only. It takes `CAP_SYS_ADMIN`.",
        ),
        &["3", "4"],
        "What a mount forbids, another mount allows. Masks and read-only paths hold only for those who cannot mount.",
    ),
    Row {
        begins: "4",
        ..noted(
            row(
                "own-limit",
                "raise its own limit",
                "5",
                "A tree of control groups, mounted anew, in which the group's own limits can be written. Mounting takes \
                 `CAP_SYS_ADMIN`, too.",
            ),
            &["4"],
            "Chapter 4 mounts the tree read-only. See the line above.",
        )
    },
    row(
        "handle",
        "open a file by its number",
        "5",
        "`open_by_handle_at` finds a file on a disk without any path, and so without any root. In 2014 the program \
         [shocker](https://github.com/gabrtv/shocker) read the host's `/etc/shadow` out of a Docker container with it. It takes \
         `CAP_DAC_READ_SEARCH`.",
    ),
    noted(
        row(
            "user-namespace",
            "become root of a user namespace",
            "5",
            "And have every capability in it, with kernel code in reach that expects only root \
             ([CVE-2022-0185](https://nvd.nist.gov/vuln/detail/CVE-2022-0185)). The filter refuses `unshare`.",
        ),
        &["chroot"],
        "Not a merit of `chroot`. The kernel refuses this to whoever's root is not that of the mount namespace, for else any user \
         could leave a `chroot` by it.",
    ),
    row(
        "clock",
        "set the clock",
        "5",
        "There is one for all. Asked for is something impossible, and the kernel's answer tells whether it looked at the request or \
         only at who asks. It takes `CAP_SYS_TIME`.",
    ),
    row(
        "log",
        "read the kernel's log",
        "5",
        "Devices, addresses, what crashed on the host. The filter refuses [`syslog`](https://man7.org/linux/man-pages/man2/syslog.2.html).",
    ),
    row(
        "keyring",
        "read the session's keys",
        "5",
        "[Keys](https://man7.org/linux/man-pages/man7/keyrings.7.html) know users and no namespaces, and a child inherits the keyring \
         of its parent; the code behind it has had holes of its own \
         ([CVE-2016-0728](https://nvd.nist.gov/vuln/detail/CVE-2016-0728)). The filter refuses `keyctl`.",
    ),
    row(
        "bpf",
        "ask for programs in the kernel",
        "5",
        "`bpf(2)` lists them, replaces them, and has let attackers write to the kernel's memory \
         ([CVE-2021-31440](https://nvd.nist.gov/vuln/detail/CVE-2021-31440)). The filter refuses it.",
    ),
    row(
        "io-uring",
        "use `io_uring`",
        "5",
        "Calls that no filter sees, for they are no system calls, in code that was young for long \
         ([CVE-2022-29582](https://nvd.nist.gov/vuln/detail/CVE-2022-29582)). The filter refuses to set it up, as Docker's does since 2023.",
    ),
    noted(
        row(
            "terminal",
            "type into your terminal",
            "12",
            "The ioctl `TIOCSTI` puts characters into a terminal's input; your shell reads them when the container has ended \
             ([CVE-2017-5226](https://nvd.nist.gov/vuln/detail/CVE-2017-5226)). It works only on the terminal of one's own session: the \
             runtime makes a new one.",
        ),
        &["5", "6", "7", "8"],
        "No capability is needed, and no filter of Docker's looks at it. Distributions now compile their kernels without it for those who \
         are not root (`dev.tty.legacy_tiocsti`).",
    ),
];
