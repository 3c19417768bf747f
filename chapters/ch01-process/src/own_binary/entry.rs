//! The first half of [`super::protect`], before there is a C library: for release binaries, which are linked with this as
//! their entry point (`-e`) in the place of `_start`.
//!
//! A program that executes itself again starts twice, and a start is dear: the C library asks the processor what it can do,
//! and in a virtual machine each of those questions (`CPUID`) is answered by the host, 0.2 ms in all; then Rust sets up its
//! main thread. None of it is of use to whoever is about to call `execveat`. So that call is made first, by hand. Whatever
//! does not work here goes on to `_start` as if nothing had been, and [`super::protect`] does it again, with care and with
//! words.
//!
//! At a program's entry the stack holds the number of arguments, the arguments, a null, the environment, a null; `rdx` is
//! for the C library, and everything else is free (System V ABI, AMD64, "Process Initialization"). Nothing is called: not
//! even `memcpy` has an address yet.

#![expect(unsafe_code, reason = "what runs before the C library cannot be written in anything else")]

use core::arch::global_asm;

use libc::{
    AT_EMPTY_PATH, AT_FDCWD, MOUNT_ATTR_RDONLY, O_CLOEXEC, O_PATH, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE, SYS_close,
    SYS_execveat, SYS_fstatfs, SYS_mount_setattr, SYS_open_tree, SYS_openat,
};

global_asm!(
    ".section .rodata.mini_docker_entry, \"a\"",
    "2: .asciz \"/proc/self/exe\"",
    "3: .byte 0",
    ".balign 8",
    // struct mount_attr: what to set, to clear, propagation, user namespace.
    "4: .quad {rdonly}, 0, 0, 0",
    ".section .text.mini_docker_entry, \"ax\"",
    ".globl mini_docker_entry",
    "mini_docker_entry:",
    "mov r12, rsp",
    "mov r13, rdx",
    "mov r15d, -1",
    "sub rsp, 128",
    // The file itself.
    "mov edi, {at_fdcwd}",
    "lea rsi, [rip + 2b]",
    "mov edx, {o_path}",
    "xor r10d, r10d",
    "mov eax, {openat}",
    "syscall",
    "test eax, eax",
    "js 9f",
    "mov r14d, eax",
    // On a read-only mount? f_flags is at 80, ST_RDONLY is 1.
    "mov edi, r14d",
    "mov rsi, rsp",
    "mov eax, {fstatfs}",
    "syscall",
    "test eax, eax",
    "jnz 8f",
    "test byte ptr [rsp + 80], 1",
    "jnz 8f",
    // A mount of its own, attached nowhere, and read-only.
    "mov edi, r14d",
    "lea rsi, [rip + 3b]",
    "mov edx, {clone}",
    "mov eax, {open_tree}",
    "syscall",
    "test eax, eax",
    "js 8f",
    "mov r15d, eax",
    "mov edi, r15d",
    "lea rsi, [rip + 3b]",
    "mov edx, {at_empty_path}",
    "lea r10, [rip + 4b]",
    "mov r8d, 32",
    "mov eax, {mount_setattr}",
    "syscall",
    "test eax, eax",
    "jnz 8f",
    // Is it? Where it is not, we would execute ourselves for ever.
    "mov edi, r15d",
    "mov rsi, rsp",
    "mov eax, {fstatfs}",
    "syscall",
    "test eax, eax",
    "jnz 8f",
    "test byte ptr [rsp + 80], 1",
    "jz 8f",
    // The arguments begin after their number, the environment after the null that ends them.
    "mov edi, r15d",
    "lea rsi, [rip + 3b]",
    "lea rdx, [r12 + 8]",
    "mov rax, [r12]",
    "lea r10, [r12 + 8*rax + 16]",
    "mov r8d, {at_empty_path}",
    "mov eax, {execveat}",
    "syscall",
    // Still here: close what was opened.
    "8: mov edi, r14d",
    "mov eax, {close}",
    "syscall",
    "cmp r15d, 0",
    "jl 9f",
    "mov edi, r15d",
    "mov eax, {close}",
    "syscall",
    "9: mov rsp, r12",
    "mov rdx, r13",
    "xor ebp, ebp",
    "jmp _start",
    ".text",
    rdonly = const MOUNT_ATTR_RDONLY,
    at_fdcwd = const AT_FDCWD,
    o_path = const O_PATH | O_CLOEXEC,
    clone = const OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH as u32,
    at_empty_path = const AT_EMPTY_PATH,
    openat = const SYS_openat,
    fstatfs = const SYS_fstatfs,
    open_tree = const SYS_open_tree,
    mount_setattr = const SYS_mount_setattr,
    execveat = const SYS_execveat,
    close = const SYS_close,
);
