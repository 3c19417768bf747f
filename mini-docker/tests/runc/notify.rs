//! Somebody outside is asked about system calls of a container.

use std::io::{IoSliceMut, Read};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use nix::cmsg_space;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use serde_json::{Value, json};
use testkit::{Host, kernel_test};

use crate::bundle::{Bundle, STAY};
use crate::common::Said;

/// Calls in `asked` are the listener's to answer.
fn filtered(host: &Host, script: &str, asked: &[&str]) -> (Bundle, UnixListener) {
    let socket = host.dir().join("agent");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let filter = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": socket,
        "listenerMetadata": "for mkdir",
        "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
        "syscalls": [{ "names": asked, "action": "SCMP_ACT_NOTIFY" }],
    });
    (Bundle::new(host, script).with("/linux", "seccomp", filter), listener)
}

/// What the listener is told, and the descriptor by which it is asked.
fn told(listener: &UnixListener) -> (Value, OwnedFd) {
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut space = cmsg_space!([i32; 1]);
    let mut bytes = vec![0; 16384];
    let mut buffer = [IoSliceMut::new(&mut bytes)];
    let message =
        recvmsg::<()>(stream.as_raw_fd(), &mut buffer, Some(&mut space), MsgFlags::empty()).expect("a message");
    let number = message.cmsgs().expect("rights").find_map(|control| match control {
        ControlMessageOwned::ScmRights(rights) => rights.first().copied(),
        _ => None,
    });
    let length = message.bytes;
    #[allow(unsafe_code, reason = "a received descriptor is a bare number until somebody owns it")]
    // SAFETY: unix(7): made for us just now.
    let descriptor = unsafe { OwnedFd::from_raw_fd(number.expect("a descriptor")) };
    bytes.truncate(length);
    stream.read_to_end(&mut bytes).expect("the connection is closed");
    (serde_json::from_slice(&bytes).expect("JSON"), descriptor)
}

/// Waits until a call waits for an answer, and goes away: the kernel's answer then is that there is no such call.
fn leave_unanswered(descriptor: OwnedFd) {
    poll(&mut [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE).expect("a question");
    drop(descriptor);
}

fn spawned(mut command: Command) -> std::process::Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("mini-runc starts")
}

kernel_test! {
    fn the_listener_is_told_and_asked(host) {
        let (bundle, listener) = filtered(host, "mkdir /tmp/x", &["mkdir", "mkdirat"]);
        for privileges in [false, true] {
            let bundle = bundle.clone().with("/process", "noNewPrivileges", json!(privileges));
            let running = spawned(bundle.command());
            let (state, descriptor) = told(&listener);
            leave_unanswered(descriptor);
            let said = Said::from(running.wait_with_output().expect("an end"));
            assert!(said.stderr.contains("Function not implemented"), "{}", said.stderr);
            let pid = state["pid"].as_i64().expect("a number");
            assert!(pid > 1, "as the runtime counts, and not the container");
            assert_eq!(state, json!({
                "ociVersion": "1.3.0",
                "fds": ["seccompFd"],
                "pid": pid,
                "metadata": "for mkdir",
                "state": {
                    "ociVersion": "1.3.0", "id": "it", "status": "creating", "pid": pid,
                    "bundle": bundle.directory,
                },
            }));
        }
    }

    /// The runtime itself makes calls under the filter: whoever asks about those is asked, and can answer.
    fn who_joins_is_told_of_too(host) {
        let (bundle, listener) = filtered(host, STAY, &["mkdir", "mkdirat"]);
        let running = std::thread::scope(|scope| {
            let agent = scope.spawn(|| told(&listener));
            let running = bundle.start();
            (running, agent.join().expect("the agent"))
        });
        let (alive, (first, _kept)) = running;
        let mut exec = bundle.runtime(&["exec", "it", "mkdir", "/tmp/x"]);
        exec.stdin(Stdio::null());
        let joining = spawned(exec);
        let (state, descriptor) = told(&listener);
        leave_unanswered(descriptor);
        let said = Said::from(joining.wait_with_output().expect("an end"));
        assert!(said.stderr.contains("Function not implemented"), "{}", said.stderr);
        assert_eq!((&state["state"]["status"], &state["state"]["pid"]), (&json!("running"), &first["pid"]));
        assert_ne!(state["pid"], first["pid"]);
        drop(alive);
    }

    fn a_listener_that_cannot_be_told_is_an_error(host) {
        let (bundle, listener) = filtered(host, "true", &["mkdir"]);
        drop(listener);
        let of = |filter: Value| bundle.clone().with("/linux", "seccomp", filter).run().complaint();
        let socket = host.dir().join("agent");
        let rule = |name: &str| json!([{ "names": [name], "action": "SCMP_ACT_NOTIFY" }]);
        let said = [
            bundle.run().complaint(),
            of(json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": rule("mkdir") })),
            of(json!({ "defaultAction": "SCMP_ACT_ALLOW", "listenerMetadata": "x" })),
            of(json!({ "defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": socket })),
            of(json!({ "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": socket, "syscalls": rule("sendmsg") })),
        ];
        insta::assert_snapshot!(said.join("\n").replace(&host.dir().display().to_string(), "DIR"));
        assert_eq!(of(json!({ "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": socket })), "exit 0", "nobody is asked");
    }
}
