//! Any text as `--user`, and any bytes as the image's `/etc/passwd` and `/etc/group`; a line `--` stands between them.

use std::fs;

use rootfs::RootDir;
use runtime::user::resolve;

const LARGEST: u32 = i32::MAX.unsigned_abs();

pub(crate) fn user(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut parts = text.splitn(3, "\n--\n").map(str::to_owned);
    let [who, passwd, group] = [0; 3].map(|_| parts.next().unwrap_or_default());
    let directory = tempfile::tempdir_in("/dev/shm").expect("a directory in memory");
    fs::create_dir(directory.path().join("etc")).expect("a directory in memory");
    fs::write(directory.path().join("etc/passwd"), passwd).expect("a file in memory");
    fs::write(directory.path().join("etc/group"), group).expect("a file in memory");
    let root = RootDir::open(directory.path()).expect("a root");
    let Ok(resolved) = resolve(&who, &[], &root) else { return };
    let user = &resolved.user;
    assert!(user.uid <= LARGEST && user.gid <= LARGEST, "{who:?} is {user:?}");
    assert!(user.additional_gids.iter().all(|gid| *gid <= LARGEST), "{who:?} is {user:?}");
    assert!(user.additional_gids.contains(&user.gid), "{who:?} can leave its group (CVE-2022-36109): {user:?}");
    let name = who.split(':').next().unwrap_or_default();
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        assert_eq!(name.parse(), Ok(user.uid), "digits are an id, whatever the files say");
    }
}
