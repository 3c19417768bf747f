//! The container so far: all chapters below, driven by an OCI specification. `stage-ch12 BUNDLE`.

use std::path::PathBuf;
use std::process::ExitCode;

use process::signals::Proxy;
use process::{Failure, own_binary};
use rootfs::Root;
use runtime::spec::Bundle;
use runtime::{Container, Stdio, attend};

fn main() -> ExitCode {
    let Some(bundle) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: stage-ch12 BUNDLE");
        return ExitCode::from(125);
    };
    match run(&bundle) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("Error: {failure}");
            failure.hint.iter().for_each(|hint| eprintln!("hint: {hint}"));
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(bundle: &std::path::Path) -> Result<u8, Failure> {
    own_binary::protect()?;
    let spec = Bundle::load(bundle)?.spec;
    let terminal = spec.process.as_ref().is_some_and(|process| process.terminal);
    let root = Root::Directory(spec.root.as_ref().map(|root| root.path.clone()).unwrap_or_default());
    let stdio = if terminal { Stdio::Terminal } else { Stdio::Inherit };
    let container = Container { id: "stage", spec: &spec, root, stdio, cache: None, attached: false };
    let (status, group) = attend::run(container, true, Proxy::UntilThird)?;
    group.remove()?;
    Ok(status.code())
}
