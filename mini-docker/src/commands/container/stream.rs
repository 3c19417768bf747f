//! An archive on standard output. Whoever reads it may have seen enough before its end: that is no failure.

use std::io::{self, BufWriter, Stdout, Write};

use process::Failure;

/// Has `write` write to standard output.
///
/// # Errors
/// Those of `write`, unless nobody reads any more.
pub(crate) fn to_stdout(write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>) -> Result<u8, Failure> {
    let mut out = BufWriter::with_capacity(1 << 16, Reader { out: io::stdout(), gone: false });
    let written = write(&mut out);
    let (reader, _) = out.into_parts();
    if reader.gone { Ok(0) } else { written.map(|()| 0) }
}

/// Somebody who reads what we write.
struct Reader {
    out: Stdout,
    gone: bool,
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.gone |= written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.gone |= flushed.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        flushed
    }
}
