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

    /// New calls have one number everywhere, counted up from the last one; below those that only x32 has.
    fn newest() -> u32 {
        let numbers = SYSCALLS.iter().filter(|row| row.1 == row.2).map(|row| row.1);
        numbers.filter(|number| *number != u16::MAX).max().expect("numbers").into()
    }

    #[test]
    fn the_newest_calls_have_numbers_on_every_architecture() {
        use Architecture::{X32, X86, X86_64};
        for (name, expected) in [("map_shadow_stack", 453), ("listns", 470), ("rseq_slice_yield", 471)] {
            assert_eq!([X86_64, X86, X32].map(|way| number(name, way)), [Some(expected); 3], "{name}");
        }
        assert_eq!(newest(), 471, "Linux 7.2");
    }

    #[test]
    fn numbers_are_those_of_the_kernels_headers() {
        use Architecture::{X32, X86, X86_64};
        for (file, architecture) in [("unistd_64.h", X86_64), ("unistd_32.h", X86), ("unistd_x32.h", X32)] {
            // Debian's headers; elsewhere there is nothing to compare with.
            let Some(header) = header(file) else { continue };
            // Headers may be of a kernel that is newer than the table.
            for (name, expected) in header.into_iter().filter(|(_, number)| !(newest() + 1..512).contains(number)) {
                assert_eq!(number(&name, architecture), Some(expected), "{name} in {file}");
            }
        }
    }
}
