//! `mini-runc`: the OCI runtime alone, with runc's command line, words and exit codes, so that whoever calls runc can call it.

mod cli;
mod console;
mod create;
mod exec;
mod features;
mod log;
mod preserved;
mod show;
mod spec;
mod stats;
mod update;

use std::process::ExitCode;

use clap::Parser;
use mini_docker::{explain, outcome};
use process::{Failure, own_binary};
use runtime::Containers;

use cli::{Cli, Command};
use log::Log;

fn main() -> ExitCode {
    if let Err(error) = own_binary::protect() {
        let failure = Failure::from(error);
        return outcome::failure(&failure, 1);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return outcome::usage(&error, 1),
    };
    let log = Log::new(cli.log.clone(), &cli.log_format);
    // What containerd takes for a failure of the program to be executed.
    let failed = if matches!(cli.command, Command::Exec(_)) { 255 } else { 1 };
    let narrator = cli.explain.then(explain::Narrator::start);
    let result = log.check().and_then(|()| run(cli, &log));
    if let Some(narrator) = narrator {
        narrator.print();
    }
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => log.failure(&failure, failed),
    }
}

fn run(cli: Cli, log: &Log) -> Result<u8, Failure> {
    if cli.systemd_cgroup {
        return Err(cli::refused("--systemd-cgroup", "control groups are made by this runtime itself, not by systemd"));
    }
    let containers = Containers::at(&cli.root);
    match cli.command {
        Command::Create(create) => create::create(&containers, log, &create).map(|()| 0),
        Command::Run(run) => create::run(&containers, log, &run),
        Command::Start { id } => containers.find_to_change(&id)?.start().map_err(Failure::from).map(|()| 0),
        Command::Exec(exec) => exec::exec(&containers, log, &exec),
        Command::Kill { id, signal, all } => {
            // 0 asks whether it is there.
            let number = if signal == "0" { Some(0) } else { engine::signal::number(&signal) };
            let number = number.ok_or_else(|| cli::invalid(format!("unknown signal {signal:?}")))?;
            let entry = containers.find(&id)?;
            if all { entry.kill_all(number) } else { entry.kill(number) }.map_err(Failure::from).map(|()| 0)
        }
        Command::Delete { id, force } => match containers.find_to_change(&id) {
            Err(runtime::ContainersError::Missing) if force => Ok(0),
            found => found?.delete(force).map_err(Failure::from).map(|()| 0),
        },
        Command::Pause { id } => containers.find(&id)?.set_paused(true).map_err(Failure::from).map(|()| 0),
        Command::Resume { id } => containers.find(&id)?.set_paused(false).map_err(Failure::from).map(|()| 0),
        Command::Update(wished) => update::update(&containers, &wished).map(|()| 0),
        Command::State { id } => show::state(&containers.find(&id)?).map(|()| 0),
        Command::List { format, quiet } => show::list(&containers, format, quiet).map(|()| 0),
        Command::Ps { id, format, options } => show::ps(&containers.find(&id)?, format, &options).map(|()| 0),
        Command::Events { id, interval, stats } => stats::events(&containers.find(&id)?, interval, stats).map(|()| 0),
        Command::Spec { bundle, rootless } => spec::write(&bundle, rootless).map(|()| 0),
        Command::Features => features::print().map(|()| 0),
    }
}
