//! Executables of one system call, for the ways into the kernel that Rust does not take.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A way into the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `syscall` on x86-64; with [`super::machine::X32_BIT`] in the number, x32.
    Syscall,
    /// `int $0x80` in a 32-bit program.
    Int80,
}

/// Writes a program that makes one call and exits with what that returned, negated: the error number, if it failed.
pub(crate) fn write(path: &Path, way: Way, number: u32, arguments: [u64; 3]) -> PathBuf {
    let image = match way {
        Way::Syscall => elf64(&code64(number, arguments)),
        Way::Int80 => elf32(&code32(number, arguments)),
    };
    fs::write(path, image).expect("a program");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod");
    path.into()
}

fn code64(number: u32, [first, second, third]: [u64; 3]) -> Vec<u8> {
    let mut code = vec![0xb8]; // mov eax, number
    code.extend(number.to_le_bytes());
    for (register, value) in [(0xbf, first), (0xbe, second), (0xba, third)] {
        code.extend([0x48, register]); // mov rdi / rsi / rdx, value
        code.extend(value.to_le_bytes());
    }
    code.extend([0x0f, 0x05]); // syscall
    code.extend([0xf7, 0xd8, 0x89, 0xc7]); // neg eax; mov edi, eax
    code.extend([0xb8, 60, 0, 0, 0, 0x0f, 0x05]); // mov eax, exit; syscall
    code
}

fn code32(number: u32, arguments: [u64; 3]) -> Vec<u8> {
    let mut code = vec![0xb8]; // mov eax, number
    code.extend(number.to_le_bytes());
    for (register, value) in [0xbb, 0xb9, 0xba].into_iter().zip(arguments) {
        code.push(register); // mov ebx / ecx / edx, value
        code.extend(u32::try_from(value).expect("32 bits").to_le_bytes());
    }
    code.extend([0xcd, 0x80]); // int 0x80
    code.extend([0xf7, 0xd8, 0x89, 0xc3]); // neg eax; mov ebx, eax
    code.extend([0xb8, 1, 0, 0, 0, 0xcd, 0x80]); // mov eax, exit; int 0x80
    code
}

/// `elf(5)`: a header, one segment that is the whole file, the code.
fn elf64(code: &[u8]) -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    let length = 120 + code.len() as u64;
    let mut image = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    image.extend([2, 0, 62, 0, 1, 0, 0, 0]); // executable, x86-64, version
    image.extend((BASE + 120).to_le_bytes());
    image.extend(64_u64.to_le_bytes());
    image.extend([0; 12]);
    image.extend([64, 0, 56, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    image.extend([1, 0, 0, 0, 5, 0, 0, 0]); // load, read and execute
    for field in [0, BASE, BASE, length, length, 0x1000] {
        image.extend(field.to_le_bytes());
    }
    image.extend(code);
    image
}

fn elf32(code: &[u8]) -> Vec<u8> {
    const BASE: u32 = 0x0804_8000;
    let length = 84 + u32::try_from(code.len()).expect("short");
    let mut image = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    image.extend([2, 0, 3, 0, 1, 0, 0, 0]); // executable, 80386, version
    for field in [BASE + 84, 52, 0, 0] {
        image.extend(field.to_le_bytes());
    }
    image.extend([52, 0, 32, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    for field in [1, 0, BASE, BASE, length, length, 5, 0x1000] {
        image.extend(field.to_le_bytes());
    }
    image.extend(code);
    image
}
