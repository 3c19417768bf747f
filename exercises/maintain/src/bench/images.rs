//! Images on their way beside the peers: from a registry, into an archive and out of one; and the list of them.
//!
//! An image has three layers of this machine's own files: large ones, many small ones, and a few more. There is one for each
//! run, with the same files in another directory. To remove an image and get it again would measure something else: ext4 looks
//! for a free inode for a long time where many have just become free.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::ops::{Range, RangeInclusive};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::engines::{Engine, is_installed, quietly};
use super::measure::{Absent, Candidate, RUN, Times, WARM_UP, peak_of_all, take_turns};
use super::peers::{Binaries, Stage};

/// A pull takes as long as a hundred starts.
pub(super) const FEWER: usize = 10;
const ADDRESS: &str = "127.0.0.1:5000";
/// The image that is pulled in a run, and that which is loaded.
const PULLED: &str = "127.0.0.1:5000/wb/pull:{run}";
const LOADED: &str = "127.0.0.1:5000/wb/load:{run}";
/// Bytes of the large layer, and of the last.
const LARGE: u64 = 90 << 20;
/// One of them: a file that is larger than all others would be most of it.
const LARGEST: u64 = 8 << 20;
const LAST: u64 = 10 << 20;
/// How many the small files are, and how large at most.
const SMALL: usize = 5000;
const SMALL_SIZE: u64 = 16 << 10;
/// In the list.
const IMAGES: usize = 100;

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Images {
    pub(crate) rounds: usize,
    pub(crate) times: Vec<Times>,
    /// Bytes that a pull gets.
    pub(crate) packed: u64,
    /// Of one pull, in KiB.
    pub(crate) peak: u64,
    /// What no pull can do without, on all processors.
    pub(crate) bound: Duration,
    pub(crate) absent: Absent,
}

/// Measures in `scratch`, and leaves nothing anywhere else.
pub(crate) fn measure(binaries: &Binaries, bound: &Path, scratch: &Path, rounds: usize) -> Result<Images> {
    let stage = Stage::set(binaries, scratch)?;
    quietly(shell("ip link set lo up", &[]))?;
    let _registry = Registry::start(scratch)?;
    let (large, small, last) = chosen()?;
    let layers = [large.as_slice(), &small, &last];
    let runs = WARM_UP + rounds;
    // The last is for the look at the memory.
    let layout = pulled(scratch, &layers, 0..=runs)?;
    loaded(scratch, &layers, 0..runs)?;

    let ours = Engine::mini_docker(&binaries.release, scratch, stage.archive())?;
    let mut absent = Absent::new();
    let mut engines = vec![];
    for (name, engine) in [
        ("podman", Engine::podman(scratch, stage.archive(), stage.group())),
        ("docker", Engine::docker(scratch, stage.archive(), stage.group())),
    ] {
        engine.map_or_else(|error| absent.push((name, format!("{error:#}"))), |engine| engines.push(engine));
    }
    let mut candidates = vec![copy(scratch)];
    for engine in [&ours].into_iter().chain(&engines) {
        candidates.extend([pull(engine), load(engine, scratch), save(engine, scratch)]);
    }
    let (mut times, unable) = take_turns(&candidates, rounds)?;
    absent.extend(unable);

    let peak = peak_of_all(&mut ours.command(&["pull", "-q", &PULLED.replace(RUN, &runs.to_string())]))?;
    for number in 0..IMAGES {
        let small = scratch.join("small.tar");
        fs::write(scratch.join("small"), number.to_string())?;
        quietly(shell(r#"tar -C "$1" -cf "$2" small"#, &[scratch, &small]))?;
        quietly(ours.command(&["import", &small.display().to_string(), &format!("small:{number}")]))?;
    }
    let list = ours.candidate("mini-docker images, of 100", vec![ours.words(&["images"])]);
    times.extend(take_turns(&[list], rounds * FEWER)?.0);

    let layers = blobs(&layout)?;
    let packed = layers.iter().map(|layer| Ok(layer.metadata()?.len())).sum::<Result<u64>>()?;
    let bound = least(bound, &scratch.join("bound"), &layers)?;
    Ok(Images { rounds, times, packed, peak, bound, absent })
}

/// The name of what an engine does.
fn named(engine: &Engine, names: [&'static str; 3]) -> &'static str {
    match engine.name {
        "mini-docker" => names[0],
        "podman" => names[1],
        _ => names[2],
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// All that was written is on the disk.
fn at_rest() -> Vec<Vec<String>> {
    vec![words(&["sync"])]
}

fn pull(engine: &Engine) -> Candidate {
    let tls: &[&str] = if engine.name == "podman" { &["--tls-verify=false"] } else { &[] };
    let name = named(engine, ["mini-docker pull", "podman pull", "docker pull"]);
    let step = engine.words(&[&["pull", "-q"], tls, &[PULLED]].concat());
    Candidate { before: at_rest(), ..engine.candidate(name, vec![step]) }
}

fn load(engine: &Engine, scratch: &Path) -> Candidate {
    let name = named(engine, ["mini-docker load", "podman load", "docker load"]);
    let step = engine.words(&["load", "-q", "-i", &archive(scratch, RUN)]);
    Candidate { before: at_rest(), ..engine.candidate(name, vec![step]) }
}

/// Of what was loaded, so that all of them write layers that are not packed.
fn save(engine: &Engine, scratch: &Path) -> Candidate {
    let name = named(engine, ["mini-docker save", "podman save", "docker save"]);
    let out = scratch.join(format!("{}-{RUN}.tar", engine.name)).display().to_string();
    let step = engine.words(&["save", "-o", &out, &LOADED.replace(RUN, "0")]);
    Candidate { before: at_rest(), ..engine.candidate(name, vec![step]) }
}

/// Into a directory, where nothing is unpacked.
fn copy(scratch: &Path) -> Candidate {
    let (from, to) = (format!("docker://{PULLED}"), format!("dir:{}/copy-{RUN}", scratch.display()));
    let step = words(&["skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", &from, &to]);
    Candidate { name: "skopeo copy", steps: vec![step], env: vec![], before: at_rest() }
}

/// Where the archive is that is loaded in a run.
fn archive(scratch: &Path, run: &str) -> String {
    scratch.join(format!("load-{run}.tar")).display().to_string()
}

fn skopeo(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("skopeo");
    command.args(["--insecure-policy", "copy", "-q"]).args(arguments);
    quietly(command)
}

fn shell(script: &str, arguments: &[&Path]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-ec", script, "sh"]).args(arguments);
    command
}

/// Files, with their sizes.
type Files = Vec<(PathBuf, u64)>;

/// Those of the three layers.
fn chosen() -> Result<(Files, Files, Files)> {
    let mut large = files("/usr/lib", &|size| size > SMALL_SIZE && size <= LARGEST)?;
    let mut small = files("/usr/share", &|size| size <= SMALL_SIZE)?;
    small.truncate(SMALL);
    let mut last = large.split_off(until(&large, LARGE));
    last.truncate(until(&last, LAST));
    Ok((large, small, last))
}

/// Brings the images that are pulled into the registry. Where the first of them was made.
fn pulled(scratch: &Path, layers: &[&[(PathBuf, u64)]], runs: RangeInclusive<usize>) -> Result<PathBuf> {
    for run in runs {
        let layout = layout(scratch, layers, &format!("pull-{run}"))?;
        let to = format!("docker://{}", PULLED.replace(RUN, &run.to_string()));
        skopeo(&["--dest-tls-verify=false", &format!("oci:{}:image", layout.display()), &to])?;
    }
    Ok(scratch.join("pull-0"))
}

/// Writes the archives that are loaded.
fn loaded(scratch: &Path, layers: &[&[(PathBuf, u64)]], runs: Range<usize>) -> Result<()> {
    for run in runs.map(|run| run.to_string()) {
        let layout = layout(scratch, layers, &format!("load-{run}"))?;
        let to = format!("docker-archive:{}:{}", archive(scratch, &run), LOADED.replace(RUN, &run));
        skopeo(&[&format!("oci:{}:image", layout.display()), &to])?;
        fs::remove_dir_all(layout)?;
    }
    Ok(())
}

/// Makes an image whose files are below a directory of this name, and says where.
fn layout(scratch: &Path, layers: &[&[(PathBuf, u64)]], name: &str) -> Result<PathBuf> {
    let (layout, list, layer) = (scratch.join(name), scratch.join("list"), scratch.join("layer.tar"));
    quietly(shell(r#"umoci init --layout "$1"; umoci new --image "$1:image""#, &[&layout]))?;
    for files in layers {
        let names: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
        fs::write(&list, names.join("\n"))?;
        let script = r#"
            tar --verbatim-files-from --files-from "$1" --transform "s,^,$4/," -cf "$2" 2>/dev/null
            umoci raw add-layer --image "$3:image" "$2"
        "#;
        quietly(shell(script, &[&list, &layer, &layout, Path::new(name)]))?;
    }
    Ok(layout)
}

/// How many of the files have so many bytes.
fn until(files: &[(PathBuf, u64)], bytes: u64) -> usize {
    let sums = files.iter().scan(0, |sum, (_, size)| Some(std::mem::replace(sum, *sum + size)));
    sums.take_while(|before| *before < bytes).count()
}

/// Plain files below a directory in the order of their names, with their sizes.
fn files(directory: &str, wanted: &dyn Fn(u64) -> bool) -> Result<Files> {
    let (mut found, mut left) = (Vec::new(), vec![PathBuf::from(directory)]);
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).with_context(|| format!("read {}", directory.display()))?.flatten() {
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                left.push(entry.path());
            } else if metadata.is_file() && metadata.nlink() == 1 && wanted(metadata.len()) {
                found.push((entry.path(), metadata.len()));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The packed layers of a layout: of its blobs those that are no JSON.
fn blobs(layout: &Path) -> Result<Vec<PathBuf>> {
    let mut layers = Vec::new();
    for entry in fs::read_dir(layout.join("blobs/sha256"))? {
        let path = entry?.path();
        let mut first = [0];
        std::io::Read::read_exact(&mut File::open(&path)?, &mut first)?;
        layers.extend((first != [b'{']).then_some(path));
    }
    Ok(layers)
}

/// The largest part, or all of them on as many processors as there are.
fn least(bound: &Path, place: &Path, layers: &[PathBuf]) -> Result<Duration> {
    fs::create_dir(place)?;
    let output = Command::new(bound).arg(place).args(layers).output().context("run pull-bound")?;
    ensure!(output.status.success(), "pull-bound: {}", String::from_utf8_lossy(&output.stderr));
    let parts: Vec<f64> =
        String::from_utf8_lossy(&output.stdout).lines().filter_map(|line| line.parse().ok()).collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let shared = parts.iter().sum::<f64>() / f64::from(u32::try_from(cores)?);
    Ok(Duration::from_secs_f64(parts.into_iter().fold(shared, f64::max)))
}

/// A registry on loopback, for as long as this lives.
struct Registry(Child);

impl Registry {
    fn start(scratch: &Path) -> Result<Self> {
        ensure!(is_installed("docker-registry"), "docker-registry is not installed");
        let (config, data) = (scratch.join("registry.yml"), scratch.join("registry"));
        let text = format!(
            "version: 0.1\nstorage: {{ filesystem: {{ rootdirectory: {} }} }}\nhttp: {{ addr: \"{ADDRESS}\", secret: x }}\n",
            data.display()
        );
        fs::write(&config, text)?;
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut registry = Self(command.spawn().context("run docker-registry")?);
        let stderr = registry.0.stderr.take().context("its output")?;
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        ensure!(lines.any(|line| line.contains("listening on")), "docker-registry does not listen");
        thread::spawn(move || lines.for_each(drop));
        Ok(registry)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
