//! Mounts and devices in the JSON of the runtime specification, as other writers write it.

use rootfs::{Device, DeviceKind, Mount};
use serde_json::{from_value, json, to_value};

#[test]
fn mounts_are_read_and_written_as_the_specification_says() {
    let text = json!({"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec"]});
    let mount: Mount = from_value(text.clone()).expect("a mount");
    assert_eq!(mount.kind, "proc");
    assert_eq!(to_value(mount).expect("JSON"), text);
    let little: Mount = from_value(json!({"destination": "/data"})).expect("a mount");
    assert_eq!(little, Mount { destination: "/data".into(), ..Mount::default() });
}

#[test]
fn devices_are_read_and_written_as_the_specification_says() {
    let text =
        json!({"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438, "uid": 1, "gid": 2});
    let device: Device = from_value(text.clone()).expect("a device");
    assert_eq!(to_value(device).expect("JSON"), text);
    let pipe: Device = from_value(json!({"path": "/dev/pipe", "type": "p"})).expect("a pipe");
    assert_eq!((pipe.kind, pipe.mode, pipe.uid, pipe.gid), (DeviceKind::Fifo, 0o666, 0, 0));
    let unbuffered: Device =
        from_value(json!({"path": "/dev/u", "type": "u", "major": 1, "minor": 3})).expect("a device");
    assert_eq!(unbuffered.kind, DeviceKind::Char);
}
