//! A kernel that says no: system calls that fail where nothing else could make them fail.

use nix::errno::Errno;

use crate::{Inmate, judge};

/// A system call that is to fail: its name, its number, and its first argument where only that one is meant.
#[derive(Debug, Clone, Copy)]
pub struct Call(pub &'static str, pub i64, pub Option<u32>);

/// From now on this call fails with `errno`, here and in every child: by a seccomp filter, which nobody can take off again.
/// So it belongs into a process that is about to end, such as an [`Inmate`].
///
/// # Panics
/// Where the kernel takes no filter.
#[allow(unsafe_code, reason = "prctl(2) takes the filter by pointer, and the kit depends on no chapter that wraps it")]
pub fn refuse(Call(_, number, first): Call, errno: Errno) {
    let number = u32::try_from(number).expect("a system call's number");
    let errno = libc::SECCOMP_RET_ERRNO | u32::try_from(errno as i32).expect("an errno");
    let instruction =
        |code: u32, jt, jf, k| libc::sock_filter { code: u16::try_from(code).expect("a code"), jt, jf, k };
    let load = |at| instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, at);
    let equal = |k, jf| instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, jf, k);
    let give = |k| instruction(libc::BPF_RET | libc::BPF_K, 0, 0, k);
    // `struct seccomp_data` (seccomp(2)): the number is at 0, the low half of the first argument at 16.
    let mut filter = vec![load(0)];
    match first {
        Some(value) => filter.extend([equal(number, 3), load(16), equal(value, 1), give(errno)]),
        None => filter.extend([equal(number, 1), give(errno)]),
    }
    filter.push(give(libc::SECCOMP_RET_ALLOW));
    let length = u16::try_from(filter.len()).expect("a short program");
    let program = libc::sock_fprog { len: length, filter: filter.as_mut_ptr() };
    // SAFETY: PR_SET_SECCOMP(2const). The program and its instructions live until the call returns.
    let done = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, std::ptr::from_ref(&program)) };
    assert_eq!(done, 0, "a seccomp filter: {}", Errno::last());
}

/// Judges that `act`, for which the kernel refuses this call, ends with an error that says so. `act` gets the switch that
/// makes the kernel refuse it, to be used when everything is ready, and gives back the message of its error.
pub fn judge_refusal(call: Call, read: &str, act: impl FnOnce(&dyn Fn()) -> Result<(), String>) {
    const PASSED_ON: &str = "an error that says so";
    let inside = Inmate::new(|| match act(&|| refuse(call, Errno::EIO)) {
        Ok(()) => "no error".into(),
        Err(message) if [Errno::EIO.desc(), "os error 5", "EIO"].iter().any(|word| message.contains(word)) => {
            PASSED_ON.into()
        }
        Err(message) => format!("another error: {message}"),
    });
    let name = call.0;
    judge(&format!("what comes of it when the kernel refuses {name}"))
        .expected(PASSED_ON.to_owned())
        .seen(inside.said().to_owned())
        .cause(|_| format!("{name} was not called, or its error was lost"))
        .read(read);
}
