//! The threads of a round, none of which may end too early, too late or by a panic.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Longer than anything here takes, on a busy machine too.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Threads of the round, each of which says so when it ends.
#[derive(Default)]
pub struct Troupe {
    threads: Vec<(String, JoinHandle<()>)>,
    exits: Option<(Sender<()>, Receiver<()>)>,
}

impl Troupe {
    /// One more.
    ///
    /// # Errors
    /// If the system refuses the thread.
    pub fn spawn(
        &mut self,
        name: String,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), String> {
        let (exit, _) = self.exits.get_or_insert_with(mpsc::channel);
        let exit = Exit(exit.clone());
        let thread = thread::Builder::new().name(name.clone()).spawn(move || {
            let _exit = exit;
            body();
        });
        let thread = thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        self.threads.push((name, thread));
        Ok(())
    }

    /// Waits for `time`.
    ///
    /// # Errors
    /// If one of them ended meanwhile.
    pub fn play_on(&self, time: Duration) -> Result<(), String> {
        let ended = self
            .exits
            .as_ref()
            .map(|(_, exits)| exits.recv_timeout(time));
        match ended {
            Some(Ok(())) => Err(format!(
                "{} ended before the round",
                self.named(JoinHandle::is_finished)
            )),
            _ => Ok(()),
        }
    }

    /// Waits for all of them.
    ///
    /// # Errors
    /// Who does not end, or panicked.
    pub fn join(mut self) -> Result<(), String> {
        if let Some((_, exits)) = self.exits.take() {
            for _ in 0..self.threads.len() {
                if exits.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    return Err(format!(
                        "{} did not end within {} s of the shutdown",
                        self.named(|thread| !thread.is_finished()),
                        PATIENCE.as_secs()
                    ));
                }
            }
        }
        for (name, thread) in self.threads {
            thread.join().map_err(|_| format!("{name} panicked"))?;
        }
        Ok(())
    }

    fn named(&self, which: impl Fn(&JoinHandle<()>) -> bool) -> String {
        let named = self.threads.iter().filter(|(_, thread)| which(thread));
        let names: Vec<&str> = named.map(|(name, _)| name.as_str()).collect();
        match names.is_empty() {
            true => "a thread".to_owned(),
            false => names.join(", "),
        }
    }
}

/// Says that its thread ends, if need be by a panic.
struct Exit(Sender<()>);

impl Drop for Exit {
    fn drop(&mut self) {
        // Nobody listens any more only if the round has failed.
        let _ = self.0.send(());
    }
}
