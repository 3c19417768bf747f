//! Becoming another program: which file it is, what it inherits, and what refuses.
mod common;

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use common::{as_printed_error, descriptors, output_of, program, shell, start, try_start};
use nix::fcntl::{OFlag, open};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout};
use process::{CANNOT_EXECUTE, ExitStatus, Failure, FailureKind, NOT_FOUND, Program, Spawn};
use testkit::{Host, judge, kernel_test};

const READ: &str = "ch01-process, \"Finding the program\"";

/// Puts a descriptor in the place of a standard stream.
type Replace = fn(&OwnedFd) -> nix::Result<()>;

/// What the program of this name is when `PATH` is this: its output, or the exit code and message of the failure.
fn run_with_path(name: &str, path: &str) -> Result<String, (u8, String)> {
    let program = Program::new(&[name], &[format!("PATH={path}")]).map_err(|error| (0, error.to_string()))?;
    match try_start(&program) {
        Ok(_) => Ok(output_of(&program).1.trim().to_owned()),
        Err(error) => {
            let failure = Failure::from(error);
            Err((failure.exit_code(), failure.message))
        }
    }
}

/// A script in `directory` that prints `text`.
fn script(directory: &Path, name: &str, text: &str, mode: u32) {
    fs::create_dir_all(directory).expect("a directory");
    let file = directory.join(name);
    fs::write(&file, format!("#!/bin/sh\necho {text}\n")).expect("a script");
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("its mode");
}

fn failure_of(program: &Program) -> String {
    as_printed_error(try_start(program).expect_err("a program that cannot start"))
}

/// Snapshots with the test's own directory as `[dir]`.
fn snapshot(host: &Host, name: &str, text: &str) {
    insta::assert_snapshot!(name, text.replace(&host.dir().display().to_string(), "[dir]"));
}

kernel_test! {
    /// The messages that people see most often, with the codes that a shell gives.
    fn what_cannot_start_says_why(host) {
        let dir = host.dir();
        script(dir, "no-x-bit", "never", 0o644);
        fs::write(dir.join("no-interpreter"), "#!/nowhere/sh\n").expect("a file");
        fs::write(dir.join("no-format"), "\u{7f}ELF, or so it says").expect("a file");
        for name in ["no-interpreter", "no-format"] {
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).expect("a mode");
        }
        let path = |name: &str| dir.join(name).display().to_string();
        let commands = [
            "no-such-program".to_owned(),
            String::new(),
            path("missing"),
            path("no-x-bit"),
            path(""),
            path("no-interpreter"),
            path("no-format"),
            path("no-x-bit/below-a-file"),
        ];
        let all: Vec<String> =
            commands.iter().map(|name| format!("$ {name}\n{}", failure_of(&program(&[name])))).collect();
        snapshot(host, "what_cannot_start", &all.join("\n\n"));
    }

    /// Found is found: the first directory of PATH that has an executable file of that name.
    fn the_first_executable_in_path_wins(host) {
        let dir = |name: &str| host.dir().join(name);
        script(&dir("a"), "hello", "from a", 0o755);
        script(&dir("b"), "hello", "from b", 0o755);
        script(&dir("denied"), "hello", "never", 0o644);
        fs::create_dir_all(dir("directory/hello")).expect("a directory");
        let path =
            |names: &[&str]| names.iter().map(|name| dir(name).display().to_string()).collect::<Vec<_>>().join(":");
        // Each cause with the exit code that proves it: in that place the search ended.
        let verdict = |what: &str, names: &[&str], expected: &str, (proof, cause): (u8, &'static str)| {
            judge(what)
                .expected(Ok(expected.to_owned()))
                .seen(run_with_path("hello", &path(names)))
                .cause(|seen| match seen {
                    Ok(text) if text == "from b" => "the last match was taken, not the first".into(),
                    Err((code, _)) if *code == proof => cause.into(),
                    _ => "unknown".into(),
                })
                .read(READ);
        };
        verdict("what runs when two directories have it", &["a", "b"], "from a", (CANNOT_EXECUTE, "unknown"));
        verdict(
            "what runs when an earlier directory has it without the executable bit",
            &["denied", "a"],
            "from a",
            (
                CANNOT_EXECUTE,
                "the search ended at the file without the executable bit: a shell goes on, and reports it only \
                 if nothing better comes",
            ),
        );
        verdict(
            "what runs when an earlier directory has a directory of that name",
            &["directory", "a"],
            "from a",
            (CANNOT_EXECUTE, "a directory was taken for a program: its x bit means that it may be entered"),
        );
        verdict(
            "what runs when an earlier directory is missing",
            &["missing", "a"],
            "from a",
            (NOT_FOUND, "a missing directory ended the search"),
        );
    }

    /// Exit code 126 says "there, but not executable"; 127 says "not there".
    fn not_executable_and_not_found_differ(host) {
        script(&host.dir().join("denied"), "hello", "never", 0o644);
        let path = format!("/nowhere:{}", host.dir().join("denied").display());
        let code = |name: &str| run_with_path(name, &path).map_err(|(code, _)| code);
        let allowed = host.dir().join("allowed");
        script(&allowed, "hello", "from there", 0o755);
        let finds_what_is_allowed = || run_with_path("hello", &format!("/nowhere:{}", allowed.display())).is_ok();
        judge("the exit code for a file in PATH without the executable bit")
            .expected(Err(CANNOT_EXECUTE))
            .seen(code("hello"))
            .cause(|seen| match seen {
                Err(NOT_FOUND) if finds_what_is_allowed() => "the file that was found and refused is forgotten: it must win over \"not found\"".into(),
                _ => "unknown".into(),
            })
            .read(READ);
        script(&host.dir().join("denied-too"), "hello", "never", 0o644);
        let both = format!("{path}:{}", host.dir().join("denied-too").display());
        judge("the message for a file that two directories have without the executable bit")
            .expected(Err(format!("exec: {:?}: permission denied", host.dir().join("denied/hello"))))
            .seen(run_with_path("hello", &both).map_err(|(_, message)| message))
            .cause(|seen| match seen {
                Err(message) if message.contains("denied-too") => {
                    "it names the last file that was refused; the first is the one that a shell would have taken".into()
                }
                Err(message) if message.contains("/denied/hello") => {
                    "the kernel refused it with EACCES, and the error says something else".into()
                }
                Err(_) => "the message does not name the file that was found and refused".into(),
                Ok(_) => "unknown".into(),
            })
            .read(READ);
        judge("the exit code for a name that no directory has")
            .expected(Err(NOT_FOUND))
            .seen(code("hallo"))
            .cause(|seen| match seen {
                Err(CANNOT_EXECUTE) => "what was not found anywhere counts as found and refused: it must give NotInPath".into(),
                _ => "unknown".into(),
            })
            .read(READ);
    }

    /// A name with a slash is a path already: PATH has no say.
    fn a_name_with_a_slash_is_taken_as_it_is(host) {
        script(host.dir(), "hello", "from here", 0o755);
        std::env::set_current_dir(host.dir()).expect("the directory");
        assert_eq!(run_with_path("./hello", "/nowhere"), Ok("from here".into()));
        std::env::set_current_dir("/").expect("the root");
    }

    /// POSIX: an empty entry is the working directory. Nonsense entries are passed over.
    fn odd_entries_of_path_are_harmless(host) {
        script(&host.dir().join("sub"), "hello", "from sub", 0o755);
        script(host.dir(), "here", "from here", 0o755);
        std::env::set_current_dir(host.dir()).expect("the directory");
        let long = "x".repeat(5000);
        for path in ["sub", "::sub", "sub/../sub/", "/etc/passwd:sub", &format!("{long}:sub"), "/\u{1}:sub:"] {
            assert_eq!(run_with_path("hello", path), Ok("from sub".into()), "PATH={path}");
        }
        for path in ["", ":", "/nowhere:", ":/nowhere"] {
            assert_eq!(run_with_path("here", path), Ok("from here".into()), "PATH={path}");
        }
        std::env::set_current_dir("/").expect("the root");
    }

    /// Arguments and environment are what was given, byte for byte, and nothing else.
    fn arguments_and_environment_arrive(_host) {
        let program = Program::new(&["/usr/bin/env", "-0"], &["A=1", "EMPTY=", "UTF=é\n=x"]).expect("a program");
        assert_eq!(output_of(&program), (ExitStatus::Code(0), "A=1\0EMPTY=\0UTF=é\n=x\0".into()));
        let program = common::program(&["/bin/sh", "-c", "printf '[%s]' \"$0\" \"$@\"", "zero", "", "a b", "*"]);
        assert_eq!(output_of(&program).1, "[zero][][a b][*]");
    }

    /// CVE-2024-21626: a directory of the host that was left open is a way out of any root file system.
    fn no_descriptor_of_ours_reaches_the_program(_host) {
        // Without O_CLOEXEC, as a library or the shell that started us may have opened it.
        let leak = open("/", OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty()).expect("the host's root");
        let child = start(&program(&["sleep", "1000"]));
        let seen: Vec<(u32, String)> = descriptors(child.pid()).into_iter().filter(|(number, _)| *number > 2).collect();
        drop((child, leak));
        judge("descriptors of the program above standard error")
            .expected(Vec::<(u32, String)>::new())
            .seen(seen)
            .cause(|_| {
                "what was open between clone and exec stayed open: close everything from 3 on but the channel".into()
            })
            .read("ch01-process, \"What the program must not inherit\"");
    }

    /// A descriptor that only closes at exec is a path until then, and the program's name is a path of the image's choice.
    fn no_descriptor_of_ours_leads_to_the_program(host) {
        script(host.dir(), "outside", "I am outside", 0o755);
        let directory = open(host.dir(), OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
        let directory = directory.expect("a directory of the host");
        let through = format!("/proc/self/fd/{}/outside", directory.as_raw_fd());
        symlink(&through, host.dir().join("program")).expect("a link");
        for name in [through.into(), host.dir().join("program")] {
            let error = try_start(&program(&[&name])).expect_err("a program that is out of reach");
            assert_eq!(Failure::from(error).kind, FailureKind::CommandNotFound, "{}", name.display());
        }
    }

    /// With a directory of the host for its input, a program needs no more than fchdir to be outside.
    fn a_directory_is_no_standard_stream(_host) {
        let directory = open("/", OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty()).expect("the host's root");
        let replacements: [(&str, Replace); 3] =
            [("input", |fd| dup2_stdin(fd)), ("output", |fd| dup2_stdout(fd)), ("error", |fd| dup2_stderr(fd))];
        for (name, replace) in replacements {
            let started = Spawn::new().start(|gate| -> Result<_, Failure> {
                gate.wait()?;
                replace(&directory).expect("a stream");
                Ok(shell("true").exec(gate)?)
            });
            let failure = Failure::from(started.expect("a child at its gate").release().expect_err("a directory"));
            assert_eq!((failure.message, failure.kind), (format!("standard {name} is a directory"), FailureKind::Invalid));
        }
    }

    /// Ignored and blocked signals survive exec. A container must not start deaf because we are.
    fn signals_are_as_the_program_expects_them(_host) {
        for number in [Signal::SIGPIPE as i32, Signal::SIGINT as i32, libc::SIGRTMIN() + 3] {
            ignore(number);
        }
        let mut blocked = SigSet::empty();
        blocked.add(Signal::SIGTERM);
        blocked.thread_block().expect("a mask");
        let child = start(&program(&["sleep", "1000"]));
        let status = fs::read_to_string(format!("/proc/{}/status", child.pid())).expect("procfs");
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_whitespace().nth(1).unwrap_or_default().to_owned()
        };
        assert_eq!((field("SigIgn"), field("SigBlk")), ("0".repeat(16), "0".repeat(16)), "ignored and blocked signals");
    }

    /// Looking at a program must not wait for a writer that never comes.
    fn a_fifo_does_not_block(host) {
        let fifo = host.dir().join("fifo");
        nix::unistd::mkfifo(&fifo, Mode::from_bits_truncate(0o755)).expect("a FIFO");
        let error = try_start(&program(&[&fifo])).expect_err("not a program");
        assert_eq!(Failure::from(error).kind, FailureKind::CannotExecute);
    }

    /// A script works as a program, and its own exit status counts.
    fn a_script_runs_by_its_interpreter(host) {
        script(host.dir(), "hello", "from a script; exit 9", 0o755);
        let (status, text) = output_of(&program(&[host.dir().join("hello")]));
        assert_eq!((status, text.as_str()), (ExitStatus::Code(9), "from a script\n"));
        assert_eq!(output_of(&shell("echo $PPID")).1.trim(), "1");
    }
}

#[test]
fn impossible_commands_are_refused_before_there_is_a_process() {
    let none: [&str; 0] = [];
    let errors = [
        Program::new(&none, &none).expect_err("no command"),
        Program::new(&["a\0b"], &none).expect_err("a NUL byte"),
        Program::new(&["a"], &["B=\0"]).expect_err("a NUL byte"),
    ];
    insta::assert_snapshot!("impossible_commands", errors.map(as_printed_error).join("\n\n"));
}

#[allow(unsafe_code, reason = "nix has no names for real-time signals; ignoring one runs no code")]
fn ignore(number: i32) {
    // SAFETY: signal(2). SIG_IGN runs no code of ours.
    unsafe { libc::signal(number, libc::SIG_IGN) };
}
