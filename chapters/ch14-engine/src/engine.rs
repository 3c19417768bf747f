//! The engine's commands. `run` is the hot path: no program is executed on it, and nothing waits but for the kernel.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use images::{ContainerConfig, Image, ImageStore, ImageStoreError, Reference};
use layers::{DataRoot, DiffId, DiskError, LayerStore, Lock, Overlay, Upper};
use process::signals::Proxy;
use process::{Diagnose, ExitStatus, Failure, FailureKind};
use rootfs::{Root, RootDir};
use runtime::attend;
use runtime::files::{self, Resolver};
use runtime::spec::ConsoleSize;
use runtime::user;
use runtime::{Container, Stdio};
use thiserror::Error;

use crate::bootstrap::{self, Progress, Suite};
use crate::compose::{self, Facts};
use crate::create::Create;
use crate::devices;
use crate::import;
use crate::record::ContainerRecord;
use crate::state::{self, ContainerDir, Containers};
use crate::users;

/// What is wrong with a wish, apart from what its parts say.
#[derive(Debug, Error)]
enum RunError {
    /// A terminal was asked for, and there is none.
    #[error("the input device is not a TTY")]
    NoTty,
    /// `--cidfile` must not overwrite.
    #[error("container ID file found, make sure the other container isn't running or delete {0}")]
    CidFile(PathBuf),
}

impl Diagnose for RunError {
    fn kind(&self) -> Option<FailureKind> {
        Some(match self {
            Self::NoTty => FailureKind::Caller,
            Self::CidFile(_) => FailureKind::Conflict,
        })
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::NoTty)
            .then(|| "-t needs a terminal on standard input; leave it out in pipes and scripts".into())
    }
}

/// All commands on one data root.
#[derive(Debug)]
pub struct Engine {
    root: DataRoot,
    containers: Containers,
    images: ImageStore,
    layers: LayerStore,
}

impl Engine {
    /// Opens the stores in the data root at `path`, and removes what commands that were killed have left.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let root = DataRoot::open(path)?;
        let (images, layers) = (ImageStore::open(&root)?, LayerStore::open(&root)?);
        let containers = Containers::open(&root)?;
        for abandoned in containers.abandoned()? {
            cgroups::remove_abandoned(&runtime::cgroup_of(abandoned.id()));
            containers.discard(abandoned)?.remove()?;
        }
        for left in root.rubbish()? {
            if let Some(id) = state::id_of_discarded(left.path()) {
                cgroups::remove_abandoned(&runtime::cgroup_of(id));
            }
            left.remove()?;
        }
        Ok(Self { root, containers, images, layers })
    }

    /// Every image, with its names.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn images(&self) -> Result<Vec<(Option<String>, Image)>, Failure> {
        Ok(self.images.list()?)
    }

    /// Whether the name is a good one, and no image has it.
    pub fn lacks_image(&self, name: &str) -> bool {
        matches!(self.images.find(name), Err(ImageStoreError::NotFound(_)))
    }

    /// Bytes of all layers of an image, as files.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn image_size(&self, image: &Image) -> Result<u64, Failure> {
        image
            .config
            .rootfs
            .diff_ids
            .iter()
            .map(|id| -> Result<u64, Failure> { Ok(self.layers.get(&id.parse::<DiffId>()?)?.size) })
            .sum()
    }

    /// Where the data is.
    pub fn root(&self) -> &DataRoot {
        &self.root
    }

    /// An image out of a tar archive.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn import(&self, archive: impl Read, reference: &Reference) -> Result<Image, Failure> {
        Ok(import::import(archive, reference, ContainerConfig::default(), &self.layers, &self.images)?)
    }

    /// An image out of this machine's static busybox.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn bootstrap_busybox(&self, reference: &Reference) -> Result<Image, Failure> {
        let config = shell_image("sh");
        Ok(import::import(bootstrap::busybox()?, reference, config, &self.layers, &self.images)?)
    }

    /// An image of a Debian release, by debootstrap.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn bootstrap_debian(
        &self,
        reference: &Reference,
        suite: &Suite,
        progress: &mut dyn Progress,
    ) -> Result<Image, Failure> {
        let scratch = self.root.staging()?;
        let made = bootstrap::debian(suite, scratch.path(), progress).map_err(Failure::from);
        let layer = made.and_then(|()| Ok(self.layers.import_directory(scratch.path())?));
        scratch.remove()?;
        let layer = layer?;
        let created = jiff::Timestamp::now().to_string();
        let config = images::ImageConfig::new(created, vec![layer.diff_id.to_string()], shell_image("bash"));
        Ok(self.images.put(reference, config)?)
    }

    /// Runs a container in the foreground, until it ends. `proxy` says which of our signals it gets.
    ///
    /// # Errors
    /// [`Failure`], with docker's exit code; nothing is left behind.
    pub fn run(&self, create: &Create, proxy: Proxy) -> Result<ExitStatus, Failure> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        if create.config.tty && create.config.open_stdin && !io::IsTerminal::is_terminal(&io::stdin()) {
            return Err(RunError::NoTty.into());
        }
        let image = self.images.find(&create.config.image)?;
        let record = create.resolve(&image, processors)?;
        let id = new_id()?;
        let name = Some(record.name.as_str()).filter(|name| !name.is_empty());
        let directory = self.containers.claim(&id, name)?;
        let outcome = self.run_in(&record, &image, &id, &directory, proxy);
        // The outcome is the news; a failed clean-up matters only if there is no other.
        let group = runtime::cgroup_of(&id);
        let cleaned = self
            .containers
            .discard(directory)
            .and_then(|left| left.remove_afterwards(|| cgroups::remove_abandoned(&group)));
        let status = outcome?;
        cleaned?;
        Ok(status)
    }

    fn run_in(
        &self,
        record: &ContainerRecord,
        image: &Image,
        id: &str,
        directory: &ContainerDir,
        proxy: Proxy,
    ) -> Result<ExitStatus, Failure> {
        if let Some(path) = &record.id_file {
            write_id(path, id)?;
        }
        let lower = self.lower(image)?;
        let upper = Upper::create(directory.path(), lower.first().map(PathBuf::as_path))?;
        let ids = (!record.users.is_host()).then(users::ids);
        if let Some(ids) = ids {
            users::map_owners(&lower, ids)?;
            // What is written is the container's own, and belongs to its root as the host counts.
            let owner = Some(ids.outside);
            std::os::unix::fs::chown(&upper.upper, owner, owner).map_err(DiskError::at("give away", &upper.upper))?;
        }
        mark(&upper.upper, ids)?;
        let overlay = Overlay::new(lower, &upper).volatile(true);
        let mounted = overlay.mount()?;
        let root = RootDir::from_fd(
            mounted.try_clone().map_err(DiskError::at("duplicate the descriptor of", directory.path()))?,
        );
        let user = user::resolve(&record.user, &record.groups, &root)?;
        let host_name = host_name();
        let facts = Facts {
            id,
            host_name: &host_name,
            files: own_files(record, id, &host_name, directory, ids.map(|ids| ids.outside))?,
            init: if record.init { Some(directory.copy_of_us()?) } else { None },
            user,
            devices: devices::find(&record.resources, record.privileged)?,
            ids,
            console: if record.terminal { console_size() } else { None },
        };
        let mut spec = compose::compose(record, facts);
        spec.mounts = rootfs::arrange(spec.mounts, |path, covered| root.place_of(path, covered))?;
        let stdio = if record.terminal { Stdio::Terminal } else { Stdio::Pipes { input: record.interactive } };
        let cache = Some(self.root.directory("seccomp")?);
        let container = Container { id, spec: &spec, root: Root::Detached(mounted), stdio, cache, attached: true };
        Lock::assert_none();
        let (status, _group) = attend::run(container, record.interactive, proxy)?;
        Ok(status)
    }

    /// Directories of the image's layers, the topmost first.
    fn lower(&self, image: &Image) -> Result<Vec<PathBuf>, Failure> {
        let ids = image.config.rootfs.diff_ids.iter().rev();
        ids.map(|id| Ok(self.layers.get(&id.parse::<DiffId>()?)?.path)).collect()
    }
}

/// The file by which programs have known for years that they are in a container. It is made in the upper directory before
/// that is mounted: nobody else is there yet, and whatever the image has of that name is hidden.
fn mark(upper: &Path, ids: Option<namespaces::IdRange>) -> Result<(), DiskError> {
    let path = upper.join(".dockerenv");
    let file = File::create_new(&path).map_err(DiskError::at("create", &path))?;
    file.set_permissions(fs::Permissions::from_mode(0o755)).map_err(DiskError::at("set the mode of", &path))?;
    let owner = ids.map(|ids| ids.outside);
    if owner.is_some() {
        std::os::unix::fs::fchown(&file, owner, owner).map_err(DiskError::at("give away", &path))?;
    }
    Ok(())
}

fn shell_image(shell: &str) -> ContainerConfig {
    ContainerConfig {
        env: Some(vec![format!("PATH={}", process::DEFAULT_PATH)]),
        cmd: Some(vec![shell.into()]),
        ..ContainerConfig::default()
    }
}

/// `/etc/resolv.conf`, `/etc/hosts` and `/etc/hostname`: the container's own, not the image's.
fn own_files(
    record: &ContainerRecord,
    id: &str,
    host_name: &str,
    directory: &ContainerDir,
    owner: Option<u32>,
) -> Result<Vec<(PathBuf, &'static str)>, DiskError> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let name = compose::hostname(record, id, host_name);
    let host = record.network.is_host().then(|| read("/etc/hosts"));
    let [servers, search, options] = &record.dns;
    let resolver = Resolver { servers, search, options };
    Ok(vec![
        (
            directory.write("resolv.conf", &files::resolv_conf(&read("/etc/resolv.conf"), resolver), owner)?,
            "/etc/resolv.conf",
        ),
        (directory.write("hostname", &format!("{name}\n"), owner)?, "/etc/hostname"),
        (directory.write("hosts", &files::hosts(host.as_deref(), &record.extra_hosts), owner)?, "/etc/hosts"),
    ])
}

fn host_name() -> String {
    nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn console_size() -> Option<ConsoleSize> {
    let size = rustix::termios::tcgetwinsize(io::stdin()).ok()?;
    Some(ConsoleSize { height: size.ws_row, width: size.ws_col })
}

/// 64 random hexadecimal digits. An id whose first twelve are a number could be taken for one; docker avoids it, too.
fn new_id() -> Result<String, DiskError> {
    let source = Path::new("/dev/urandom");
    let mut random = File::open(source).map_err(DiskError::at("open", source))?;
    loop {
        let mut bytes = [0; 32];
        random.read_exact(&mut bytes).map_err(DiskError::at("read", source))?;
        let id = bytes.iter().fold(String::with_capacity(64), |text, byte| format!("{text}{byte:02x}"));
        if id[..12].bytes().any(|digit| digit.is_ascii_alphabetic()) {
            return Ok(id);
        }
    }
}

fn write_id(path: &Path, id: &str) -> Result<(), Failure> {
    match File::options().write(true).create_new(true).open(path) {
        Ok(mut file) => Ok(file.write_all(id.as_bytes()).map_err(DiskError::at("write", path))?),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(RunError::CidFile(path.into()).into()),
        Err(error) => Err(DiskError::at("create", path)(error).into()),
    }
}
