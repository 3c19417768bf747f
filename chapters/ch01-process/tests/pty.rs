//! A terminal of the program's own: it controls the session, has a size, and says when it is over.
mod common;

use std::fs;
use std::os::fd::AsFd;

use common::{program, shell, stat};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, fstat};
use process::pty::{self, RawMode};
use process::{Child, Diagnose, ExitStatus, Failure, Pending, Program, Pty, Spawn};
use rustix::termios::{LocalModes, tcgetattr, tcgetwinsize};
use testkit::kernel_test;

fn start_on(terminal: &Pty, program: &Program) -> Child {
    Spawn::new()
        .start(|gate| -> Result<_, Failure> {
            gate.wait()?;
            nix::unistd::setsid().expect("a new session");
            pty::take_over(&terminal.slave)?;
            Ok(program.exec(gate)?)
        })
        .and_then(Pending::release)
        .expect("the program starts")
}

/// Everything that the program prints, and how the terminal says that this is all.
fn read_all(terminal: &Pty) -> (String, Errno) {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        match nix::unistd::read(&terminal.master, &mut buffer) {
            Ok(length) => text.push_str(&String::from_utf8_lossy(&buffer[..length])),
            Err(errno) => return (text, errno),
        }
    }
}

kernel_test! {
    /// Job control, `/dev/tty` and ^C need a controlling terminal, not only three descriptors.
    fn the_terminal_controls_the_session(_host) {
        let terminal = Pty::open().expect("a terminal");
        let child = start_on(&terminal, &program(&["sleep", "1000"]));
        let device = fstat(&terminal.slave).expect("the slave").st_rdev;
        let (major, minor) = (nix::sys::stat::major(device), nix::sys::stat::minor(device));
        // proc_pid_stat(5), field 7: "the major device number is contained in bits 15 to 8".
        assert_eq!(stat(child.pid(), 7), ((major << 8) | minor).to_string(), "controlling terminal");
        assert_eq!(stat(child.pid(), 6), child.pid().to_string(), "session");
        assert_eq!(stat(child.pid(), 8), child.pid().to_string(), "foreground process group");
        let streams = common::descriptors(child.pid());
        assert_eq!(streams, [0, 1, 2].map(|number| (number, terminal.name.clone())));
    }

    /// ^C is a byte that the terminal turns into a signal, for the program and not for us.
    fn the_interrupt_key_reaches_the_program(_host) {
        let terminal = Pty::open().expect("a terminal");
        let mut child = start_on(&terminal, &program(&["sleep", "1000"]));
        nix::unistd::write(&terminal.master, b"\x03").expect("a key");
        assert_eq!(child.wait().expect("the end of a child"), ExitStatus::Signal(Signal::SIGINT as i32));
    }

    /// When the last slave is closed the master reads what is left, and then `EIO`, not an end of file.
    fn the_end_is_eio(_host) {
        let mut terminal = Pty::open().expect("a terminal");
        let mut child = start_on(&terminal, &shell("echo last words"));
        let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).expect("/dev/null");
        // Our own slave would keep the terminal open.
        terminal.slave = null;
        assert_eq!(read_all(&terminal), ("last words\r\n".into(), Errno::EIO));
        assert_eq!(child.wait().expect("the end of a child"), ExitStatus::Code(0));
    }

    /// The size set on the master is the size that the program sees.
    fn the_size_is_the_programs(_host) {
        let (ours, mut terminal) = (Pty::open().expect("our terminal"), Pty::open().expect("a terminal"));
        ours.resize(40, 99);
        pty::copy_window_size(&ours.slave, &terminal.master);
        let mut child = start_on(&terminal, &shell("stty size"));
        terminal.slave = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).expect("/dev/null");
        assert_eq!(read_all(&terminal).0, "40 99\r\n");
        assert_eq!(child.wait().expect("the end of a child"), ExitStatus::Code(0));
        // No terminal, nothing to copy, no complaint.
        pty::copy_window_size(&terminal.slave, &terminal.master);
        assert_eq!(tcgetwinsize(&terminal.master).expect("a size").ws_col, 99);
    }

    /// Raw mode ends with its guard, also when that is dropped by a panic.
    fn raw_mode_is_undone(_host) {
        let terminal = Pty::open().expect("a terminal");
        let mode = || tcgetattr(&terminal.slave).expect("a mode").local_modes;
        let before = mode();
        assert!(before.contains(LocalModes::ECHO | LocalModes::ICANON));
        let raw = RawMode::enter(terminal.slave.as_fd()).expect("raw mode");
        assert!(!mode().intersects(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG));
        drop(raw);
        assert_eq!(mode(), before);
    }

    /// A file is no terminal, and a machine without devpts has none to give.
    fn what_is_no_terminal_says_so(host) {
        let file = fs::File::create(host.dir().join("file")).expect("a file");
        let no_terminal = RawMode::enter(file.as_fd()).expect_err("a file");
        let missing = Spawn::new()
            .namespaces(nix::sched::CloneFlags::CLONE_NEWNS)
            .start(|gate| -> Result<_, Failure> {
                gate.wait()?;
                let empty = host.dir();
                nix::unistd::chroot(empty).expect("root may do that");
                let terminal = Pty::open()?;
                panic!("a terminal in an empty directory: {terminal:?}")
            })
            .and_then(Pending::release)
            .expect_err("no terminal");
        let missing = (missing.to_string(), missing.hint());
        insta::assert_snapshot!(
            "no_terminal",
            format!("{no_terminal}\n{}\nhint: {}", missing.0, missing.1.unwrap_or_default())
        );
    }
}
