//! `mini-docker run`, from outside: what comes out, what the kernel shows, what is left.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use common::{Docker, Said};
use testkit::{Need, kernel_test, require};

/// Runs `sh -c SCRIPT` in a container with these flags.
fn sh(docker: &Docker, flags: &[&str], script: &str) -> Said {
    let mut arguments = vec!["run", "--rm"];
    arguments.extend(flags);
    arguments.extend(["busybox", "sh", "-c", script]);
    docker.run(&arguments)
}

fn out(docker: &Docker, flags: &[&str], script: &str) -> String {
    let said = sh(docker, flags, script);
    assert_eq!(said.code, Some(0), "{flags:?} {script}: {}", said.stderr);
    said.stdout.trim_end().to_owned()
}

kernel_test! {
    fn output_errors_and_exit_status_come_through_apart(host) {
        let docker = Docker::new(host);
        let said = sh(&docker, &[], "echo out; echo err >&2; exit 7");
        assert_eq!(said, Said { stdout: "out\n".into(), stderr: "err\n".into(), code: Some(7) });
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }

    fn input_goes_in_only_if_asked_for(host) {
        let docker = Docker::new(host);
        for (flags, expected) in [(&["run", "--rm", "-i", "busybox", "cat"][..], "typed"), (&["run", "--rm", "busybox", "cat"], "")] {
            let mut child = docker.command().args(flags).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("mini-docker starts");
            // Without -i nobody reads, and the pipe may be closed already.
            let _ = child.stdin.take().expect("a pipe").write_all(b"typed");
            let output = child.wait_with_output().expect("an end");
            assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        }
    }

    fn a_large_output_arrives_whole(host) {
        let docker = Docker::new(host);
        let said = sh(&docker, &[], "dd if=/dev/zero bs=1M count=8 2>/dev/null");
        assert_eq!((said.stdout.len(), said.code), (8 << 20, Some(0)));
    }

    fn names_and_numbers_are_its_own(host) {
        let docker = Docker::new(host);
        assert_eq!(out(&docker, &["-h", "ship"], "hostname; echo $HOSTNAME; echo $$"), "ship\nship\n1");
        let id = out(&docker, &[], "hostname");
        assert!(id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        assert_eq!(out(&docker, &["--uts", "host"], "hostname"), "workbench");
        assert!(out(&docker, &["--pid", "host"], "ls -d /proc/1/exe; echo $$") != "/proc/1/exe\n1");
        assert_eq!(out(&docker, &[], "ls /sys/class/net"), "lo");
        assert_eq!(out(&docker, &[], "ip addr show lo | grep -c 'inet 127.0.0.1'"), "1");
    }

    fn the_environment_is_dockers(host) {
        let docker = Docker::new(host);
        let file = host.dir().join("env");
        fs::write(&file, "# comment\nFROM_FILE=1\nBOTH=file\n").expect("a file");
        let file = file.display().to_string();
        let flags = ["-h", "h", "--env-file", &file, "-e", "BOTH=flag", "-e", "A=b=c", "-w", "/srv/here", "-u", "www-data"];
        insta::assert_snapshot!(out(&docker, &flags, "env -u SHLVL -u PWD -u OLDPWD | sort; pwd; id"), @r"
        A=b=c
        BOTH=flag
        FROM_FILE=1
        HOME=/var/www
        HOSTNAME=h
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        /srv/here
        uid=33(www-data) gid=33(www-data) groups=33(www-data)
        ");
    }

    fn entrypoint_and_command_are_combined_as_in_docker(host) {
        let docker = Docker::new(host);
        assert_eq!(docker.ok(&["run", "--rm", "--entrypoint", "echo", "busybox", "-n", "one", "two"]), "one two");
        assert_eq!(docker.ok(&["run", "--rm", "busybox"]), "", "the image's own command is a shell, whose input is empty");
    }

    fn what_follows_the_image_is_the_programs_and_not_ours(host) {
        let docker = Docker::new(host);
        let effective = ["run", "--rm", "--entrypoint", "grep", "busybox", "CapEff", "/proc/self/status"];
        let said = docker.run(&["run", "--rm", "--entrypoint", "grep", "busybox", "--privileged", "CapEff", "/proc/self/status"]);
        assert!(said.stderr.contains("unrecognized option"), "grep does not know it: {said:?}");
        assert_eq!(docker.ok(&effective), "CapEff:\t00000000a80425fb\n");
        let said = docker.run(&["run", "--rm", "--entrypoint", "sh", "busybox", "-c", "echo x"]);
        assert_eq!((said.stdout.as_str(), said.code), ("x\n", Some(0)), "{}", said.stderr);
        // The program gets each word, also those that would be options, or the end of options, before the image.
        for words in ["--rm -it", "-- --rm", "-u alice", "--help", "-h", "--root /tmp/x", "--explain", "-", "--"] {
            let mut line = vec!["run", "--rm", "--entrypoint", "echo", "busybox"];
            line.extend(words.split(' '));
            assert_eq!(docker.ok(&line), format!("{words}\n"));
            let mut line = vec!["run", "--rm", "--", "busybox", "echo", "first"];
            line.extend(words.split(' '));
            assert_eq!(docker.ok(&line), format!("first {words}\n"));
        }
    }

    fn what_is_not_unicode_reaches_the_program(host) {
        use std::os::unix::ffi::OsStrExt;
        let docker = Docker::new(host);
        let script = "printf %s \"$A\" | od -An -tx1; printf %s \"$1\" | od -An -tx1";
        let mut command = docker.command();
        command.args(["run", "--rm", "-e"]).arg(std::ffi::OsStr::from_bytes(b"A=\xff"));
        command.args(["busybox", "sh", "-c", script, "sh"]).arg(std::ffi::OsStr::from_bytes(b"\xfe\xc3"));
        let said = Said::from(command.stdin(Stdio::null()).output().expect("mini-docker starts"));
        assert_eq!((said.stdout.as_str(), said.code), (" ff\n fe c3\n", Some(0)), "{}", said.stderr);
    }

    fn a_file_of_variables_or_a_profile_may_be_a_pipe(host) {
        let docker = Docker::new(host);
        let fed = |flags: &[&str], script: &str, input: &str| {
            let mut command = docker.command();
            command.args(["run", "--rm"]).args(flags).args(["busybox", "sh", "-c", script]);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("mini-docker starts");
            child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("written");
            String::from_utf8_lossy(&child.wait_with_output().expect("an end").stdout).into_owned()
        };
        assert_eq!(fed(&["--env-file", "/proc/self/fd/0"], "echo $A", "A=1\n"), "1\n");
        let profile = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}"#;
        assert_eq!(fed(&["--security-opt", "seccomp=/proc/self/fd/0"], "mkdir /x 2>/dev/null || echo refused", profile), "refused\n");
    }

    fn surroundings_are_as_asked_for(host) {
        let docker = Docker::new(host);
        let is = |flags: &[&str], script: &str, expected: &str| assert_eq!(out(&docker, flags, script), expected, "{flags:?}");
        is(&["--shm-size", "1m"], "grep -c ' /dev/shm .*size=1024k' /proc/mounts", "1");
        is(&["--ipc", "none"], "grep -c ' /dev/shm ' /proc/mounts; true", "0");
        is(&["--ipc", "shareable"], "grep -c ' /dev/shm ' /proc/mounts", "1");
        is(&["--domainname", "example"], "cat /proc/sys/kernel/domainname", "example");
        is(&["--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.shmmni=5"], "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni", "1\n5");
        is(&["--oom-score-adj", "500"], "cat /proc/self/oom_score_adj", "500");
        is(&["--group-add", "5", "--group-add", "nogroup", "-u", "1000"], "id -G", "0 5 65534");
        is(&["--add-host", "db:10.0.0.2", "--add-host", "six=[::2]"], "tail -n 2 /etc/hosts", "10.0.0.2\tdb\n::2\tsix");
        is(&["--dns", "1.1.1.1", "--dns-search", "a.b", "--dns-option", "ndots:2"], "grep -E '^(nameserver|search|options)' /etc/resolv.conf", "nameserver 1.1.1.1\nsearch a.b\noptions ndots:2");
        is(&["--ulimit", "nofile=100", "--ulimit", "nofile=200:300"], "ulimit -n; ulimit -Hn", "200\n300");
        is(&["--read-only", "--read-only=false"], "touch /x && echo written", "written");
        is(&["-w", "/tmp/../etc/."], "pwd", "/etc");
        is(&["-e", "HOME=", "-e", "B=1", "-e", "PATH"], "echo $HOME $B", "/root 1");
        let own = fs::read_link("/proc/self/ns/cgroup").expect("a namespace").display().to_string();
        is(&["--cgroupns", "host"], "readlink /proc/self/ns/cgroup", &own);
        assert_ne!(out(&docker, &[], "readlink /proc/self/ns/cgroup"), own);
    }

    fn the_privileged_keep_what_was_dropped(host) {
        let docker = Docker::new(host);
        let effective = "grep CapEff /proc/self/status";
        let all = out(&docker, &["--privileged"], effective);
        assert_ne!(all, out(&docker, &[], effective));
        assert_eq!(out(&docker, &["--privileged", "--cap-drop", "ALL"], effective), all);
    }

    fn processor_time_and_devices_are_limited_as_asked_for(host) {
        require(Need::CgroupV1("cpu"));
        require(Need::CgroupV1("devices"));
        let docker = Docker::new(host);
        let read = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us /sys/fs/cgroup/cpu/cpu.shares";
        assert_eq!(out(&docker, &["--cpu-quota", "20000", "--cpu-period", "50000", "-c", "512"], read), "20000\n50000\n512");
        let list = "grep -c '^c 10:[*] rw$' /sys/fs/cgroup/devices/devices.list";
        assert_eq!(out(&docker, &["--device-cgroup-rule", "c 10:* rw"], list), "1");
    }

    fn the_root_is_confined(host) {
        let docker = Docker::new(host);
        let status = out(&docker, &[], "grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status");
        insta::assert_snapshot!(status, @r"
        CapInh:	0000000000000000
        CapPrm:	00000000a80425fb
        CapEff:	00000000a80425fb
        CapBnd:	00000000a80425fb
        CapAmb:	0000000000000000
        NoNewPrivs:	0
        Seccomp:	2
        ");
        assert_eq!(out(&docker, &["--cap-drop", "ALL", "--cap-add", "CHOWN"], "grep CapEff /proc/self/status"), "CapEff:\t0000000000000001");
        assert_eq!(out(&docker, &["--security-opt", "no-new-privileges"], "grep NoNewPrivs /proc/self/status"), "NoNewPrivs:\t1");
        assert_eq!(out(&docker, &["--security-opt", "seccomp=unconfined"], "grep Seccomp: /proc/self/status"), "Seccomp:\t0");
        assert_eq!(sh(&docker, &[], "mount -t tmpfs x /tmp").code, Some(1));
        assert_eq!(sh(&docker, &["--privileged"], "mount -t tmpfs x /tmp").code, Some(0));
        assert_eq!(out(&docker, &["-u", "1000"], "grep -E 'Cap(Eff|Prm)' /proc/self/status | cut -f2 | sort -u"), "0000000000000000");
        assert_eq!(out(&docker, &["--ulimit", "nofile=100:200"], "ulimit -n; ulimit -Hn"), "100\n200");
    }

    fn its_files_are_its_own(host) {
        let docker = Docker::new(host);
        assert_eq!(out(&docker, &[], "rm -r /home; ls -d /home 2>/dev/null | wc -l"), "0");
        assert_eq!(out(&docker, &[], "ls -d /home"), "/home", "the image is as it was");
        assert_eq!(sh(&docker, &["--read-only"], "touch /x").code, Some(1));
        let tmpfs = out(&docker, &["--read-only", "--tmpfs", "/run:size=1m"], "touch /run/x; grep ' /run ' /proc/mounts");
        // Some kernels add options of their own.
        assert!(tmpfs.starts_with("tmpfs /run tmpfs rw,nosuid,nodev,noexec,relatime,size=1024k"), "{tmpfs}");
        assert_eq!(out(&docker, &["-h", "me"], "cat /etc/hostname; head -n 1 /etc/hosts"), "me\n127.0.0.1\tlocalhost");
        assert_eq!(out(&docker, &["--device", "/dev/null:/dev/nothing:r"], "ls /dev/nothing"), "/dev/nothing");
    }

    /// CVE-2022-0492, CVE-2023-25809: whoever writes `release_agent` of a v1 tree runs a program on the host, and whoever
    /// writes to a group has no limit. Mounting a tree anew is no way either.
    fn control_groups_cannot_be_written(host) {
        let docker = Docker::new(host);
        let script = "cd /sys/fs/cgroup
            for file in $(find . -maxdepth 2 -type f); do echo 1 2>/dev/null >$file && echo wrote to $file; done
            for tree in . */; do mkdir $tree/new 2>/dev/null && echo made $tree/new; done
            for kind in cgroup cgroup2; do mount -t $kind -o rw none /tmp 2>/dev/null && echo mounted $kind; done
            unshare -U true 2>/dev/null && echo a user namespace
            find . -type f | wc -l";
        let said = out(&docker, &[], script);
        assert!(said.parse::<u32>().is_ok_and(|files| files > 10), "{said}");
    }

    /// What is mounted later hides what lies below, whoever asked for which.
    fn mounts_are_put_into_an_order_that_hides_nothing(host) {
        let docker = Docker::new(host);
        let kinds = "grep -c -e ' /run tmpfs' -e ' /run/lock tmpfs' /proc/mounts";
        assert_eq!(out(&docker, &["--tmpfs", "/run/lock", "--tmpfs", "/run"], kinds), "2");
        let sizes = out(&docker, &["--tmpfs", "/run:size=1m", "--tmpfs", "/run:size=2m"], "grep -o ' /run .*size=[^ ,]*' /proc/mounts");
        assert!(sizes.ends_with("size=2048k") && sizes.lines().count() == 1, "the last one is meant: {sizes}");
        assert_eq!(out(&docker, &["--tmpfs", "/etc", "-h", "me"], "cat /etc/hostname; grep -c localhost /etc/hosts; ls /etc"), "me\n2\nhostname\nhosts\nresolv.conf");
        assert_eq!(out(&docker, &["--tmpfs", "/root", "--tmpfs", "/tmp", "--tmpfs", "/new"], "stat -c '%a' /root /tmp /new"), "700\n1777\n1777");
        let where_to = ["--read-only", "--tmpfs", "/run", "-w", "/run/app/here"];
        assert_eq!(out(&docker, &where_to, "pwd; stat -c '%a %u' ."), "/run/app/here\n755 0");
        assert_eq!(out(&docker, &["--read-only", "-w", "/srv/new"], "pwd"), "/srv/new");
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }

    /// Images of running machines have links in the place of our files.
    fn our_files_are_seen_through_links_and_below_a_tmpfs(host) {
        let docker = Docker::new(host);
        let image = host.rootfs_named("linked");
        fs::create_dir(image.join("run")).expect("a directory");
        std::os::unix::fs::symlink("../run/resolve/stub-resolv.conf", image.join("etc/resolv.conf")).expect("a link");
        std::os::unix::fs::symlink("/run/hostname", image.join("etc/hostname")).expect("a link");
        let archive = host.dir().join("linked.tar").display().to_string();
        let image = image.display().to_string();
        assert!(std::process::Command::new("tar").args(["-C", &image, "-cf", &archive, "."]).status().expect("tar").success());
        docker.ok(&["import", &archive, "linked"]);
        let seen = |flags: &[&str]| {
            let script = "cat /etc/hostname; wc -l </etc/hosts; test -e /etc/resolv.conf && echo resolv.conf";
            docker.ok(&[&["run", "--rm", "-h", "me"], flags, &["linked", "/bin/sh", "-c", script]].concat())
        };
        let expected = "me\n6\nresolv.conf\n";
        for flags in [&[][..], &["--tmpfs", "/run"], &["--tmpfs", "/etc"], &["--tmpfs", "/etc", "--tmpfs", "/run"]] {
            assert_eq!(seen(flags), expected, "{flags:?}");
        }
    }

    fn read_only_is_meant_for_our_files_too(host) {
        let docker = Docker::new(host);
        let write = "for file in hosts hostname resolv.conf; do echo x 2>/dev/null >>/etc/$file && echo $file; done; true";
        assert_eq!(out(&docker, &["--read-only"], write), "");
        assert_eq!(out(&docker, &[], write), "hosts\nhostname\nresolv.conf");
    }

    fn a_program_can_see_that_it_is_in_a_container(host) {
        let docker = Docker::new(host);
        assert_eq!(out(&docker, &[], "stat -c '%F %a %u:%g' /.dockerenv"), "regular empty file 755 0:0");
    }

    fn the_root_is_no_place_for_a_mount(host) {
        let docker = Docker::new(host);
        let complaints = ["/", "//", "/etc/.."].map(|place| docker.run(&["run", "--rm", "--tmpfs", place, "busybox", "true"]).complaint());
        insta::assert_snapshot!(complaints.join("\n"), @r"
        Error: invalid specification: destination can't be '/'
        exit 125
        Error: invalid specification: destination can't be '/'
        exit 125
        Error: invalid specification: destination can't be '/'
        exit 125
        ");
    }

    fn devices_that_are_not_given_cannot_be_used(host) {
        let docker = Docker::new(host);
        // 7:0 is a loop device; making a node is allowed, opening it is not.
        let said = sh(&docker, &[], "mknod /d b 7 0 && cat /d >/dev/null");
        assert!(said.stderr.contains("Operation not permitted") && said.code == Some(1), "{said:?}");
    }

    fn memory_is_limited_and_its_end_is_a_kill(host) {
        require(Need::CgroupV1("memory"));
        limited_memory(&Docker::new(host));
    }

    fn memory_is_limited_and_its_end_is_a_kill_on_v2(host) {
        require(Need::CgroupV2("memory"));
        limited_memory(&Docker::new(host));
    }

    fn six_megabytes_are_enough_for_true(host) {
        let docker = Docker::new(host);
        docker.ok(&["run", "--rm", "--memory", "6m", "busybox", "true"]);
    }

    fn signals_are_passed_on(host) {
        let docker = Docker::new(host);
        let script = "trap 'echo caught; exit 9' TERM; echo ready; while :; do read x </dev/null; sleep 0.1; done";
        let mut child = docker.command().args(["run", "--rm", "busybox", "sh", "-c", script]).stdout(Stdio::piped()).spawn().expect("mini-docker starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n");
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("a signal");
        let mut rest = String::new();
        output.read_to_string(&mut rest).expect("the rest");
        assert_eq!((rest.as_str(), child.wait().expect("an end").code()), ("caught\n", Some(9)));
    }

    /// Who removes a container after its engine has answered begins with the control group. Killed before, it leaves both.
    fn what_a_killed_remover_leaves_is_removed_by_the_next_command(host) {
        let docker = Docker::new(host);
        let id = "0123456789abcdef".repeat(4);
        let layout = cgroups::Layout::detect().expect("control groups");
        let group = cgroups::Cgroup::create(&layout, &Path::new("/mini-docker").join(&id), &cgroups::Limits::default()).expect("a group");
        fs::create_dir(docker.root().join("tmp").join(format!("{id}-1"))).expect("a directory");
        docker.ok(&["image", "ls"]);
        assert_eq!(docker.left_behind(), Vec::<String>::new());
        assert!(group.paths().iter().all(|path| !path.exists()), "{:?}", group.paths());
    }

    /// A file that makes everybody root: what a container's root can write must be out of reach of the host's users.
    fn a_setuid_file_of_a_container_is_out_of_reach(host) {
        let docker = Docker::new(host);
        let mut child = docker.command().args(["run", "--rm", "-i", "busybox", "sh", "-c", "cp /bin/busybox /x; chmod 4755 /x /etc/hosts; echo ready; cat"])
            .stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("mini-docker starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let mut containers = fs::read_dir(docker.root().join("containers")).expect("a directory");
        let container = containers.next().expect("one").expect("an entry").path();
        let files = [container.join("upper/x"), container.join("hosts"), docker.root().join("images"), docker.root().join("layers")];
        for file in &files {
            assert!(file.exists(), "{}", file.display());
            let error = std::process::Command::new(file).uid(65534).gid(65534).current_dir("/").status().expect_err("out of reach");
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{}", file.display());
        }
        fs::set_permissions(docker.root(), fs::Permissions::from_mode(0o755)).expect("chmod");
        docker.ok(&["image", "ls"]);
        assert_eq!(fs::metadata(docker.root()).expect("it").permissions().mode() & 0o777, 0o700);
        drop(child.stdin.take());
        assert_eq!(child.wait().expect("an end").code(), Some(0));
    }

    /// They lie on the disk with all else that the container writes, not in the memory of the host.
    fn small_files_are_writable_and_leave_no_trace(host) {
        let docker = Docker::new(host);
        let script = "for file in /etc/hosts /etc/hostname /etc/resolv.conf; do echo mine >>$file; chmod 4777 $file; chattr +i $file; done; stat -c %d /etc/hosts";
        let device = out(&docker, &["--privileged"], script);
        assert_eq!(device, fs::metadata(docker.root()).expect("the data root").dev().to_string());
        assert_eq!(docker.left_behind(), Vec::<String>::new());
        let said = out(&docker, &[], "cat /etc/hosts");
        assert!(!said.contains("mine"), "{said}");
    }

    fn names_are_unique_and_ids_are_written_down(host) {
        let docker = Docker::new(host);
        let cidfile = host.dir().join("cid").display().to_string();
        docker.ok(&["run", "--rm", "--name", "web", "--cidfile", &cidfile, "busybox", "true"]);
        let id = fs::read_to_string(&cidfile).expect("the file");
        assert!(id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        let again = docker.run(&["run", "--rm", "--cidfile", &cidfile, "busybox", "true"]);
        assert_eq!(again.code, Some(125));
        assert!(again.stderr.contains("container ID file found"), "{}", again.stderr);
    }

    fn a_terminal_is_a_terminal(host) {
        require(Need::Program("script", "bsdutils"));
        let docker = Docker::new(host);
        let line = format!(
            "stty rows 33 cols 77; {} --root {} run --rm -it busybox sh -c 'tty; stty size; test -t 1 && echo terminal; ls /dev/console'",
            env!("CARGO_BIN_EXE_mini-docker"),
            docker.root().display()
        );
        let output = std::process::Command::new("script").args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).output().expect("script");
        let text = String::from_utf8_lossy(&output.stdout).replace('\r', "");
        for expected in ["/dev/pts/0\n", "33 77\n", "terminal\n", "/dev/console\n"] {
            assert!(text.contains(expected), "{expected:?} in {text:?}");
        }
    }

    fn without_a_terminal_t_says_so(host) {
        let docker = Docker::new(host);
        insta::assert_snapshot!(docker.run(&["run", "--rm", "-it", "busybox"]).complaint(), @r"
        Error: the input device is not a TTY
        hint: -t needs a terminal on standard input; leave it out in pipes and scripts
        exit 1
        ");
    }

    fn the_start_is_narrated(host) {
        let docker = Docker::new(host);
        let said = docker.run(&["run", "--rm", "--explain", "-h", "ship", "busybox", "true"]);
        let text: Vec<String> = said
            .stderr
            .lines()
            .filter_map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                // Number, chapter, time, and then the step.
                (words.len() > 3 && words[2].contains('.')).then(|| format!("{} {}", words[1], words[3..].join(" ")))
            })
            .collect();
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(r"process \d+", "process PID");
        settings.add_filter(r"[0-9a-f]{64}", "ID");
        settings.add_filter(r"on v[12]( \(hybrid\))?: .*", "on this machine");
        settings.add_filter(r"\d+ file systems", "N file systems");
        settings.add_filter(r"\d+ paths masked, \d+ made", "N paths masked, N made");
        settings.add_filter(r"of \d+ instructions, (compiled|from the cache)", "of N instructions");
        settings.add_filter(r"of \d+ capabilities", "of all capabilities");
        settings.bind(|| insta::assert_snapshot!(text.join("\n")));
    }

    fn users_of_its_own_own_the_files(host) {
        // tmpfs, where the guest keeps its files, can be id-mapped from 6.3 on.
        require(Need::Kernel(6, 3));
        require(Need::UserNamespaces);
        let docker = Docker::new(host);
        insta::assert_snapshot!(out(&docker, &["--userns", "private"], "id; cat /proc/self/uid_map; touch /x; stat -c '%u:%g %n' / /bin/busybox /x /etc/hosts; rm /bin/ls; echo 1.1.1.1 a >>/etc/hosts"), @r"
        uid=0(root) gid=0(root) groups=0(root)
                 0     100000      65536
        0:0 /
        0:0 /bin/busybox
        0:0 /x
        0:0 /etc/hosts
        ");
        assert_eq!(docker.left_behind(), Vec::<String>::new());
    }

    fn init_reaps_and_passes_signals(host) {
        // The reaper is our own binary inside the container, so it must be the static one.
        let binary = common::static_binary();
        require(Need::Program(binary, "cargo wb try builds it"));
        let docker = Docker::new(host).with(binary);
        let script = "cat /proc/1/comm; sh -c 'sh -c \"exit 3\" & exit 0'; sleep 0.2; ps -o stat | grep -c Z; exit 4";
        let said = sh(&docker, &["--init"], script);
        assert_eq!((said.stdout.as_str(), said.code), ("docker-init\n0\n", Some(4)), "{}", said.stderr);
        let mut child = docker.command().args(["run", "--rm", "--init", "busybox", "sh", "-c", "echo ready; exec sleep 1000"]).stdout(Stdio::piped()).spawn().expect("mini-docker starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).expect("a signal");
        assert_eq!(child.wait().expect("an end").code(), Some(143), "sleep has no handler: without the reaper it would live on");
    }
}

fn limited_memory(docker: &Docker) {
    let said = docker.run(&[
        "run",
        "--rm",
        "--memory",
        "16m",
        "--memory-swap",
        "16m",
        "busybox",
        "dd",
        "if=/dev/zero",
        "of=/dev/null",
        "bs=64M",
        "count=1",
    ]);
    assert_eq!(said.code, Some(137), "{said:?}");
    assert_eq!(docker.left_behind(), Vec::<String>::new());
}
