//! From the name of a system call to its number.

use super::oci::Architecture;
use super::table::SYSCALLS;

/// The number of `name` on `architecture`; x32 numbers without their marking bit.
pub fn number(name: &str, architecture: Architecture) -> Option<u32> {
    let row = SYSCALLS[SYSCALLS.binary_search_by_key(&name, |row| row.0).ok()?];
    let number = match architecture {
        Architecture::X86_64 => row.1,
        Architecture::X86 => row.2,
        Architecture::X32 => row.3,
        _ => return None,
    };
    (number != u16::MAX).then_some(number.into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;

    /// `#define __NR_read 0`, also with `(__X32_SYSCALL_BIT + 0)`.
    fn header(file: &str) -> Option<BTreeMap<String, u32>> {
        let text = fs::read_to_string(format!("/usr/include/x86_64-linux-gnu/asm/{file}")).ok()?;
        let entry = |line: &str| {
            let (name, number) = line.strip_prefix("#define __NR_")?.split_once(' ')?;
            let digits: String = number.chars().filter(|c| !"()".contains(*c)).collect();
            Some((name.to_owned(), digits.rsplit(' ').next()?.parse().ok()?))
        };
        Some(text.lines().filter_map(entry).collect())
    }

    #[test]
    fn the_table_is_sorted_and_without_doubles() {
        assert!(SYSCALLS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn numbers_are_those_of_the_kernels_headers() {
        use Architecture::{X32, X86, X86_64};
        for (file, architecture) in [("unistd_64.h", X86_64), ("unistd_32.h", X86), ("unistd_x32.h", X32)] {
            // Debian's headers; elsewhere there is nothing to compare with.
            let Some(header) = header(file) else { continue };
            for (name, expected) in header {
                assert_eq!(number(&name, architecture), Some(expected), "{name} in {file}");
            }
        }
    }
}
