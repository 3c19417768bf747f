//! `run`.

use clap::ArgMatches;
use engine::{Create, Engine, Foreground, Streams};
use images::Reference;
use process::signals::Proxy;
use process::{DetachKeys, ExitStatus, Failure, FailureKind};

use crate::explain::Narrator;
use crate::flags::{ContainerFlags, refused};
use crate::outcome;

// A doc comment would become the command's description.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of docker's")]
pub(crate) struct Args {
    #[command(flatten)]
    container: ContainerFlags,
    /// Run it in the background, and print its id.
    #[arg(short, long)]
    detach: bool,
    /// The keys that leave it to itself.
    #[arg(long, value_name = "KEYS")]
    detach_keys: Option<String>,
    /// Narrate on standard error what is done, and how long each step takes.
    #[arg(long)]
    explain: bool,
    /// Run only if this is our platform.
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    platform: Option<String>,
    /// What to do for want of the image: missing says so, never is silent.
    #[arg(long, value_name = "WHEN", default_value = "missing")]
    pull: String,
    /// Do not say that the image is not here.
    #[arg(short, long)]
    quiet: bool,
    /// Pass our signals on to the program.
    #[arg(
        long,
        action = clap::ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        hide_possible_values = true,
        value_name = "BOOL"
    )]
    sig_proxy: bool,
}

/// What is not about the container.
fn check(args: &Args) -> Result<(), Failure> {
    let invalid = |message: String| Err(Failure::new(FailureKind::Invalid, message));
    let unsupported = |message: String| Err(Failure::new(FailureKind::Unsupported, message));
    match args.pull.as_str() {
        "missing" | "never" => {}
        "always" => return unsupported("--pull always is not supported: there is no registry yet".into()),
        other => {
            return invalid(format!(
                "invalid pull option: '{other}': must be one of \"always\", \"missing\" or \"never\""
            ));
        }
    }
    let ours = format!("linux/{}", images::go_architecture());
    match args.platform.as_deref() {
        None | Some("" | "linux") => Ok(()),
        Some(platform) if platform == ours => Ok(()),
        Some(platform) => unsupported(format!("--platform {platform} is not supported: this machine is {ours}")),
    }
}

pub(crate) fn run(
    args: Args,
    matches: &ArgMatches,
    open: impl FnOnce() -> Result<Engine, Failure>,
) -> Result<u8, Failure> {
    refused::check(matches, refused::RUN)?;
    check(&args)?;
    let narrator = args.explain.then(Narrator::start);
    let silent = args.quiet || args.pull == "never";
    let proxy = if args.sig_proxy { Proxy::UntilThird } else { Proxy::Never };
    let detach_keys = args.detach_keys.map_or(Ok(DetachKeys::default()), |keys| keys.parse())?;
    let create = args.container.create(args.detach)?;
    let config = &create.config;
    let streams = Streams { stdin: config.attach_stdin, stdout: config.attach_stdout, stderr: config.attach_stderr };
    let mut missing = false;
    let result = open().and_then(|engine| {
        let result = if args.detach {
            engine.run_detached(&create).and_then(|id| outcome::print(format_args!("{id}\n"))).map(|()| 0)
        } else {
            engine.run(&create, &Foreground { streams, proxy, detach_keys }).map(ExitStatus::code)
        };
        missing = result.is_err() && engine.lacks_image(&create.config.image);
        result
    });
    if let Some(narrator) = narrator {
        narrator.print();
    }
    if !silent && missing {
        say_missing(&create);
    }
    result
}

fn say_missing(create: &Create) {
    let image = &create.config.image;
    let name = image.parse::<Reference>().map_or_else(
        |_| image.clone(),
        |reference| match reference.digest() {
            Some(digest) => format!("{}@{digest}", reference.familiar_name()),
            None => reference.familiar(),
        },
    );
    outcome::complain(format_args!("Unable to find image '{name}' locally\n"));
}
