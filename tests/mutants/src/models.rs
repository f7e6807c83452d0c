//! The models: the test binary of the copy, one process per model.

use crate::order::Order;
use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How a model ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Passed,
    /// What it said.
    Failed(String),
    TimedOut,
    /// Neither passed nor failed as a test does.
    Strange(String),
}

/// What the library in the process is to do otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// The site, and what it becomes.
    pub weakened: Option<(usize, Order)>,
    /// `fence_after_rmw` does nothing.
    pub bare: bool,
}

/// A model that passes if nothing is weakened.
#[derive(Clone, Debug)]
pub struct Model {
    pub name: String,
    pub took: Duration,
    /// The sites it comes by.
    pub reached: BTreeSet<usize>,
}

/// The test binary.
pub struct Binary {
    path: PathBuf,
    scratch: PathBuf,
    /// The shortest time that a model is given.
    patience: Duration,
}

impl Binary {
    /// Builds the models of the copy in `tree`.
    pub fn build(tree: &Path, target: &Path, patience: Duration) -> Result<Self, String> {
        let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
        let mut command = Command::new(cargo);
        command
            .args([
                "test",
                "--release",
                "--test",
                "loom",
                "--no-run",
                "--message-format=json-render-diagnostics",
            ])
            .current_dir(tree)
            .env("RUSTFLAGS", "--cfg guichet_loom")
            .env("CARGO_TARGET_DIR", target)
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_BUILD_TARGET")
            .env_remove("RUSTC_WORKSPACE_WRAPPER");
        let output = command
            .output()
            .map_err(|error| format!("cargo: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("the copy does not build:\n{said}"));
        }
        let messages = String::from_utf8_lossy(&output.stdout);
        let path = messages
            .lines()
            .filter(|line| line.contains(r#""kind":["test"]"#))
            .find_map(|line| line.split_once(r#""executable":""#)?.1.split_once('"'))
            .map(|(path, _)| PathBuf::from(path))
            .ok_or("cargo names no test binary")?;
        let scratch = target.join("known");
        fs::create_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
        Ok(Binary {
            path,
            scratch,
            patience,
        })
    }

    /// The names of all models.
    pub fn list(&self) -> Result<Vec<String>, String> {
        let output = Command::new(&self.path)
            .args(["--list", "--format", "terse"])
            .output();
        let output = output.map_err(|error| format!("{}: {error}", self.path.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
        Ok(names.map(String::from).collect())
    }

    /// Runs a model as it is and learns which sites it comes by. A second time, it remembers: a model does the same in each run.
    pub fn learn(&self, name: &str) -> Result<Model, String> {
        let known = self.scratch.join(name.replace("::", "."));
        if !self.is_newer(&known) {
            let fresh = self.scratch.join(format!("{name}.new"));
            let _ = fs::remove_file(&fresh);
            let started = Instant::now();
            let end = self.run_within(name, Wish::default(), Some(&fresh), self.patience * 10);
            if end != End::Passed {
                return Err(format!("{name}, nothing weakened: {end:?}"));
            }
            let reached = fs::read_to_string(&fresh).unwrap_or_default();
            let text = format!("{}\n{reached}", started.elapsed().as_millis());
            fs::write(&known, text).map_err(|error| format!("{}: {error}", known.display()))?;
        }
        let text = fs::read_to_string(&known);
        let text = text.map_err(|error| format!("{}: {error}", known.display()))?;
        let mut numbers = text.lines().map(|line| line.parse().expect("a number"));
        let took = Duration::from_millis(numbers.next().unwrap_or_default() as u64);
        Ok(Model {
            name: name.into(),
            took,
            reached: numbers.collect(),
        })
    }

    /// Whether `file` was written after the binary.
    fn is_newer(&self, file: &Path) -> bool {
        let written = |path: &Path| fs::metadata(path).and_then(|file| file.modified());
        matches!((written(file), written(&self.path)), (Ok(file), Ok(binary)) if file > binary)
    }

    /// Runs a model. A weakened one may see much more than the model as it is, hence the long time.
    pub fn run(&self, model: &Model, wish: Wish) -> End {
        self.run_within(&model.name, wish, None, self.patience + model.took * 5)
    }

    fn run_within(&self, name: &str, wish: Wish, reached: Option<&Path>, limit: Duration) -> End {
        let mut command = Command::new(&self.path);
        command
            .args(["--exact", name, "--test-threads=1"])
            .env("LOOM_MAX_PREEMPTIONS", "2")
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        for name in ["GUICHET_WEAKENED", "GUICHET_BARE", "GUICHET_REACHED"] {
            command.env_remove(name);
        }
        if let Some((site, order)) = wish.weakened {
            command.env("GUICHET_WEAKENED", format!("{site} {order}"));
        }
        if wish.bare {
            command.env("GUICHET_BARE", "1");
        }
        if let Some(file) = reached {
            command.env("GUICHET_REACHED", file);
        }
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return End::Strange(error.to_string()),
        };
        let mut stdout = child.stdout.take().expect("it is piped");
        let (sender, said) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stdout.read_to_end(&mut bytes);
            let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
        });
        // Its output ends when the process does.
        let Ok(said) = said.recv_timeout(limit) else {
            let _ = child.kill();
            let _ = child.wait();
            return End::TimedOut;
        };
        let status = match child.wait() {
            Ok(status) => status,
            Err(error) => return End::Strange(error.to_string()),
        };
        let ran = said.lines().any(|line| line == "running 1 test");
        const ABORTED: i32 = 6;
        match (status.code(), status.signal()) {
            _ if !ran => End::Strange("no such test".into()),
            (Some(0), _) => End::Passed,
            // A second panic, in a destructor, aborts.
            (Some(101), _) | (_, Some(ABORTED)) => End::Failed(complaint(&said)),
            _ => End::Strange(status.to_string()),
        }
    }
}

/// The first line of what the panic said; empty if that was lost.
fn complaint(said: &str) -> String {
    let mut lines = said
        .lines()
        .skip_while(|line| !line.contains("panicked at"))
        .skip(1);
    lines
        .next()
        .unwrap_or_default()
        .trim()
        .chars()
        .take(60)
        .collect()
}
