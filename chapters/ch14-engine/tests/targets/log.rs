//! Any bytes as a log's files: what is behind the first byte 0xff is the older one, which is taken as a packed one, too.

use std::fs;

use engine::log::{LogConfig, LogQuery, LogReader, Sinks};

pub(crate) fn log(bytes: &[u8]) {
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
    let mut files = bytes.splitn(2, |byte| *byte == 0xff);
    let [newest, older] = [0; 2].map(|_| files.next().unwrap_or_default());
    fs::write(directory.path().join("x-json.log"), newest).expect("a file in memory");
    for name in ["x-json.log.1", "x-json.log.2.gz"] {
        fs::write(directory.path().join(name), older).expect("a file in memory");
    }
    let print = |tail| {
        let query = LogQuery { tail, details: true, timestamps: true, ..LogQuery::default() };
        let mut reader = LogReader::open(directory.path(), "x", &LogConfig::default(), query).expect("a log");
        let (mut out, mut err) = (Vec::new(), Vec::new());
        reader.print(&mut Sinks { stdout: &mut out, stderr: &mut err }).expect("any file can be read");
        (out, err)
    };
    let (out, err) = print(None);
    assert_eq!(print(Some(u64::MAX)), (out.clone(), err.clone()));
    for tail in 0..4 {
        let (last_out, last_err) = print(Some(tail));
        assert!(out.ends_with(&last_out) && err.ends_with(&last_err), "--tail {tail} shows the end");
    }
}
