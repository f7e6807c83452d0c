//! How far a measurement is.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on stderr, drawn only between runs and only on a terminal.
pub fn progress(runs: u64, quiet: bool) -> ProgressBar {
    let target = if quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let style = ProgressStyle::with_template("{bar:30.cyan} {pos}/{len} {elapsed} {msg}");
    let bar = ProgressBar::with_draw_target(Some(runs), target);
    // The template is a constant; should it ever be wrong, the plain style serves.
    style
        .map(|style| bar.clone().with_style(style))
        .unwrap_or(bar)
}
