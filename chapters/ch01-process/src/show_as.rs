//! What `ps` shows of a process that stays what it is: the command line that it was started with, which is not its own, and
//! may say what others are not to read.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

/// Writes `words` where the kernel looks for the command line of this process (`proc_pid_cmdline(5)`), and zeros over the
/// rest of it. To be called while `/proc` is the kernel's, and by who needs its arguments no more.
///
/// # Errors
/// Where `/proc` cannot be used.
pub fn show_as(words: &str) -> io::Result<()> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (start, length) = place(&stat).ok_or(io::ErrorKind::InvalidData)?;
    let mut line = vec![0; length];
    // The last byte is a zero. Else the kernel takes what comes behind, the environment, for a part of it.
    let shown = words.len().min(length.saturating_sub(1));
    line[..shown].copy_from_slice(&words.as_bytes()[..shown]);
    File::options().write(true).open("/proc/self/mem")?.write_all_at(&line, start)
}

/// Fields 48 and 49 of `proc_pid_stat(5)`. The second is a name in parentheses, which may have anything in it.
fn place(stat: &str) -> Option<(u64, usize)> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(45);
    let mut next = || fields.next()?.parse::<u64>().ok();
    let (start, end) = (next()?, next()?);
    Some((start, usize::try_from(end.checked_sub(start)?).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_arguments_is_read_behind_any_name() {
        let fields: Vec<String> = (3..53).map(|number| number.to_string()).collect();
        let stat = |start: &str, end: &str| {
            let mut fields = fields.clone();
            (fields[45], fields[46]) = (start.into(), end.into());
            format!("1 (a) b (c)) {}", fields.join(" "))
        };
        assert_eq!(place(&stat("4096", "4106")), Some((4096, 10)));
        assert_eq!(place(&stat("4096", "4095")), None);
        assert_eq!(place("1 (x) R"), None);
    }
}
