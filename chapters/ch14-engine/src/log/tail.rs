//! Where the last lines of a file begin, found from behind: what `--tail` costs depends on what it shows, not on what is
//! there.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use memchr::memrchr_iter;

const BLOCK: u64 = 64 * 1024;

/// Where the last `wanted` lines among the first `length` bytes begin, and how many of the wanted ones are not there. What
/// is behind the last newline is no line yet.
pub(super) fn tail(file: &File, length: u64, wanted: u64) -> io::Result<(u64, u64)> {
    let mut block = vec![0; usize::try_from(BLOCK).unwrap_or(usize::MAX)];
    let (mut seen, mut end) = (0, length);
    while end > 0 {
        let start = (end - 1) / BLOCK * BLOCK;
        let block = &mut block[..usize::try_from(end - start).unwrap_or(usize::MAX)];
        match file.read_exact_at(block, start) {
            Ok(()) => {}
            // It was shortened meanwhile; what is gone is gone.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok((0, 0)),
            Err(error) => return Err(error),
        }
        for newline in memrchr_iter(b'\n', block) {
            // The one that ends the line before the first wanted one.
            if seen == wanted {
                return Ok((start + newline as u64 + 1, 0));
            }
            seen += 1;
        }
        end = start;
    }
    Ok((0, wanted - seen))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_last_lines_are_found_from_behind() {
        let mut file = tempfile::tempfile().expect("a file");
        let long = vec![b'x'; 200_000];
        file.write_all(b"one\n").expect("a file");
        file.write_all(&long).expect("a file");
        file.write_all(b"\nthree\n\nhalf").expect("a file");
        let length = file.metadata().expect("a file").len();
        let place = |wanted| tail(&file, length, wanted).expect("a file");
        let three = 4 + 200_000 + 1;
        assert_eq!(place(0), (length - 4, 0));
        assert_eq!(place(1), (length - 5, 0));
        assert_eq!(place(2), (three, 0));
        assert_eq!(place(3), (4, 0));
        assert_eq!(place(4), (0, 0));
        assert_eq!(place(9), (0, 5));
        assert_eq!(tail(&file, 0, 3).expect("nothing"), (0, 3));
        assert_eq!(tail(&file, 2, 3).expect("half a line"), (0, 3));
        assert_eq!(tail(&file, length + 1, 3).expect("a file that was shortened"), (0, 0));
    }
}
