//! An image on its way, as people see it: a bar for each layer on a terminal, a line for each step elsewhere.

use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use registry::{Event, Progress, State};

use crate::outcome;
use crate::visible::visible;

/// What is shown.
pub(crate) struct Transfer {
    /// Only warnings.
    quiet: bool,
    bars: Option<MultiProgress>,
    layers: Mutex<HashMap<String, ProgressBar>>,
}

impl Transfer {
    pub(crate) fn new(quiet: bool) -> Self {
        let draw = !quiet && io::stdout().is_terminal();
        let bars = draw.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stdout()));
        Self { quiet, bars, layers: Mutex::default() }
    }

    fn say(&self, line: &str) {
        match &self.bars {
            // The bars go on below.
            Some(bars) => drop(bars.println(line)),
            // Who does not read it any more still wants the image.
            None => drop(outcome::print(format_args!("{line}\n"))),
        }
    }

    fn show(&self, bars: &MultiProgress, id: &str, state: State) {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = layers.entry(id.to_owned()).or_insert_with(|| {
            let bar = bars.add(ProgressBar::new(0).with_style(style("{prefix}: {msg}")));
            bar.set_prefix(id.to_owned());
            bar
        });
        match state {
            State::Downloading { done, total } | State::Uploading { done, total } => {
                if bar.length() != Some(total) {
                    bar.set_length(total);
                    bar.set_style(style("{prefix}: {msg} [{bar:30}] {decimal_bytes}/{decimal_total_bytes}"));
                }
                bar.set_message(words(state));
                bar.set_position(done);
            }
            State::Exists | State::Pulled | State::Pushed | State::ExistsThere | State::Mounted(_) => {
                bar.set_style(style("{prefix}: {msg}"));
                bar.finish_with_message(words(state));
            }
            _ => bar.set_message(words(state)),
        }
    }
}

impl Progress for Transfer {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Warning(text) => outcome::complain(format_args!("WARNING: {}\n", visible(text))),
            Event::Waiting { host, time } => {
                outcome::complain(format_args!("{host} asks us to wait for {} s\n", time.as_secs()));
            }
            _ if self.quiet => {}
            Event::Pulling { tag, repository } => self.say(&format!("{tag}: Pulling from {repository}")),
            Event::Layer { id, state } => match &self.bars {
                Some(bars) => self.show(bars, id, state),
                // Bytes are for eyes.
                None if matches!(state, State::Downloading { .. } | State::Uploading { .. }) => {}
                None => self.say(&format!("{id}: {}", words(state))),
            },
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("=> ")
}

/// Docker's.
fn words(state: State) -> String {
    match state {
        State::Planned => "Pulling fs layer".into(),
        State::Downloading { .. } => "Downloading".into(),
        State::Downloaded => "Download complete".into(),
        State::Pulled => "Pull complete".into(),
        State::Exists => "Already exists".into(),
        State::Preparing => "Preparing".into(),
        State::Uploading { .. } => "Pushing".into(),
        State::Pushed => "Pushed".into(),
        State::ExistsThere => "Layer already exists".into(),
        State::Mounted(from) => format!("Mounted from {from}"),
        State::Retrying => "Retrying".into(),
    }
}
