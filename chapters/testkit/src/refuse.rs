//! A kernel that says no: system calls that fail where nothing else could make them fail.

use nix::errno::Errno;

/// From now on the calls of this number fail with `errno`, here and in every child: by a seccomp filter, which nobody can
/// take off again. So it belongs into a process that is about to end, such as an [`Inmate`](crate::Inmate).
///
/// # Panics
/// Where the kernel takes no filter.
#[allow(unsafe_code, reason = "prctl(2) takes the filter by pointer, and the kit depends on no chapter that wraps it")]
pub fn refuse(call: i64, errno: Errno) {
    let number = u32::try_from(call).expect("a system call's number");
    let errno = libc::SECCOMP_RET_ERRNO | u32::try_from(errno as i32).expect("an errno");
    let instruction =
        |code: u32, jt, jf, k| libc::sock_filter { code: u16::try_from(code).expect("a code"), jt, jf, k };
    // The number is the first field of `struct seccomp_data` (seccomp(2)).
    let mut filter = [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, errno),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let length = u16::try_from(filter.len()).expect("a short program");
    let program = libc::sock_fprog { len: length, filter: filter.as_mut_ptr() };
    // SAFETY: PR_SET_SECCOMP(2const). The program and its instructions live until the call returns.
    let done = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, std::ptr::from_ref(&program)) };
    assert_eq!(done, 0, "a seccomp filter: {}", Errno::last());
}
