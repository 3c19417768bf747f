//! The overlay: read-only layers below, one writable directory above, and one file system to see.
//!
//! It is made detached, as a descriptor; whoever has that may attach it where nobody else looks.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen,
};
use rustix::system::uname;

use crate::beneath;
use crate::mount_error::OverlayError;
use crate::one_string::{self, OPTIONS};
use crate::upper::Upper;
use crate::xattr::Privilege;

/// fsconfig(2) takes strings of less than 256 bytes.
const LONGEST_PARAMETER: usize = 255;
/// The first Linux that takes lower layers one by one.
const ONE_BY_ONE: (u32, u32) = (6, 8);

/// An overlay to be mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    lower: Vec<PathBuf>,
    /// Without one nobody can write to it.
    upper: Option<Upper>,
    volatile: bool,
}

impl Overlay {
    /// An overlay of `lower`, topmost first, below `upper`.
    pub fn new(lower: Vec<PathBuf>, upper: &Upper) -> Self {
        Self { lower, upper: Some(upper.clone()), volatile: false }
    }

    /// An overlay of `lower`, topmost first, to be read only. There must be two at least: overlayfs wants it so.
    pub fn read_only(lower: Vec<PathBuf>) -> Self {
        Self { lower, upper: None, volatile: false }
    }

    /// Whether to never wait for the disk: after a crash of the machine, the upper directory is worth nothing.
    #[must_use]
    pub fn volatile(self, volatile: bool) -> Self {
        Self { volatile, ..self }
    }

    /// Makes the overlay, detached.
    ///
    /// # Errors
    /// [`OverlayError::Mount`], [`OverlayError::NoLower`].
    pub fn mount(&self) -> Result<OwnedFd, OverlayError> {
        if self.lower.is_empty() {
            return Err(OverlayError::NoLower(self.place()));
        }
        let mounted = if kernel() >= ONE_BY_ONE { self.one_by_one()? } else { self.by_one_string()? };
        let layers = self.lower.len();
        process::step!(6, "overlay of {layers} layer{} mounted", if layers == 1 { "" } else { "s" });
        Ok(mounted)
    }

    fn one_by_one(&self) -> Result<OwnedFd, OverlayError> {
        let context =
            fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC).map_err(|error| self.failed(errno(error), String::new()))?;
        let refused = |error| self.failed(errno(error), log_of(&context));
        let mut open = Vec::new();
        for (key, path) in self.lower.iter().map(|path| ("lowerdir+", path)).chain(self.writable()) {
            // The kernel does not say which one it is about.
            let about = |errno, log: String| {
                self.failed(errno, if log.is_empty() { format!(" ({})", path.display()) } else { log })
            };
            let place = short(path, &mut open).map_err(|errno| about(errno, String::new()))?;
            fsconfig_set_string(&context, key, place.as_path())
                .map_err(|error| about(errno(error), log_of(&context)))?;
        }
        // ANCHOR: options
        for (key, value) in OPTIONS {
            fsconfig_set_string(&context, key, value).map_err(refused)?;
        }
        for flag in self.flags() {
            fsconfig_set_flag(&context, flag).map_err(refused)?;
        }
        fsconfig_create(&context).map_err(refused)?;
        fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty()).map_err(refused)
        // ANCHOR_END: options
    }

    fn by_one_string(&self) -> Result<OwnedFd, OverlayError> {
        let lower: Vec<&Path> = self.lower.iter().map(PathBuf::as_path).collect();
        one_string::mount(&lower, self.upper.as_ref(), &self.flags()).map_err(|errno| self.failed(errno, String::new()))
    }

    fn writable(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        self.upper.iter().flat_map(|upper| [("upperdir", &upper.upper), ("workdir", &upper.work)])
    }

    /// What the mount is about, for messages.
    fn place(&self) -> PathBuf {
        self.upper.as_ref().map(|upper| &upper.upper).or(self.lower.first()).cloned().unwrap_or_default()
    }

    fn flags(&self) -> Vec<&'static str> {
        let mut flags = Vec::new();
        if Privilege::own() == Privilege::UserNamespace {
            flags.push("userxattr");
        }
        if self.volatile {
            flags.push("volatile");
        }
        flags
    }

    fn failed(&self, errno: Errno, log: String) -> OverlayError {
        OverlayError::Mount { layers: self.lower.len(), upper: self.place(), errno, log }
    }
}

/// `path`, or a short name for it if it is too long, or has characters that overlayfs would take for its own syntax.
fn short(path: &Path, open: &mut Vec<OwnedFd>) -> Result<PathBuf, Errno> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.len() <= LONGEST_PARAMETER && !bytes.iter().any(|byte| b":,\\".contains(byte)) {
        return Ok(path.into());
    }
    let descriptor = beneath::root(path)?;
    let name = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    open.push(descriptor);
    Ok(name.into())
}

fn kernel() -> (u32, u32) {
    let name = uname();
    let release = name.release().to_string_lossy();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
}

/// What overlayfs wrote into its context while it was being made: one message a read.
fn log_of(context: &OwnedFd) -> String {
    let Ok(copy) = context.try_clone() else { return String::new() };
    let mut file = File::from(copy);
    let mut messages = Vec::new();
    let mut buffer = [0; 512];
    while let Ok(length @ 1..) = file.read(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..length]);
        // "e " an error, "w " a warning, "i " information.
        messages.push(text.trim_start_matches(['e', 'w', 'i']).trim().to_owned());
    }
    if messages.is_empty() { String::new() } else { format!(" ({})", messages.join("; ")) }
}

fn errno(error: rustix::io::Errno) -> Errno {
    Errno::from_raw(error.raw_os_error())
}
