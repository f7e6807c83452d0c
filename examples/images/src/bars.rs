//! A bar for each file that is being worked on, and one for all of them.
//!
//! The queue's events say when an attempt begins; a look at the running jobs' progress, a few times per second, how far they
//! are and whether they have ended. No worker waits for the terminal, and without a terminal there is nothing to see.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use guichet::{EventError, EventKind, JobState, Queue, Subscription};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// How often the bars are drawn anew.
const TICK: Duration = Duration::from_millis(50);
/// Read, decoded, made smaller, written.
const STEPS: u64 = 4;

/// How far a file is.
pub struct Step {
    /// The file's name.
    pub name: String,
    /// How many of its steps are done.
    pub done: u64,
}

/// A file's name without its folder.
pub fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Draws until the queue has stopped.
pub fn show<R: Send + 'static>(images: &Queue<PathBuf, R>, mut events: Subscription, files: u64) {
    let bars = MultiProgress::new();
    let all = bars.add(bar(files, "{bar:40} {pos} of {len} files"));
    let mut running = BTreeMap::new();
    loop {
        match events.next_timeout(TICK) {
            Ok(event) if event.kind == EventKind::Started => {
                let one = || bars.add(bar(STEPS, "{bar:40} {msg}"));
                running.entry(event.job).or_insert_with(one);
            }
            // What was missed was only the beginning of some bar.
            Ok(_) | Err(EventError::Empty | EventError::Lagged(_)) => {}
            Err(_) => break,
        }
        running.retain(|id, bar| {
            let runs = images.state(*id) == Some(JobState::Active);
            match images.progress::<Step>(*id) {
                Some(step) if runs => {
                    bar.set_message(step.name.clone());
                    bar.set_position(step.done);
                }
                _ if runs => {}
                _ => bar.finish_and_clear(),
            }
            runs
        });
        let stats = images.stats();
        all.set_position(stats.completed + stats.failed);
    }
    all.finish_and_clear();
}

fn bar(length: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("a valid template");
    ProgressBar::new(length).with_style(style)
}
