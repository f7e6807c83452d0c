//! Every run happens in a process of its own.
//!
//! So a run that hangs can be ended, its CPU time is its own, and no contender inherits another's
//! threads or heap. The program starts itself with a hidden subcommand and an order in JSON; the child
//! prints one line of figures. It watches itself: when nothing has been counted in [`crate::pulse`]
//! for [`PATIENCE`], it says so and ends. When the parent ends, the system kills its children.

use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use std::{fmt, io};

use serde::{Deserialize, Serialize};

use crate::figures::Figures;
use crate::regime::Place;
use crate::{executors, idle, machine, paced, pingpong, priority, pulse, stream, timers};

/// How long a run may go without getting anything done.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often the child looks at itself; rarely, for looking costs CPU time.
const LOOK: Duration = Duration::from_secs(4);
/// The exit code of a run that hangs.
const HUNG: u8 = 3;

/// What a child shall do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Order {
    /// Nothing useful, for ever.
    Burn,
    /// Words through a channel as fast as they go.
    Stream(stream::Run),
    /// One word to and fro.
    PingPong(pingpong::Run),
    /// Words at instants fixed in advance.
    Paced(paced::Run),
    /// Waiting for what does not come.
    Idle(idle::Run),
    /// Empty jobs.
    Executors(executors::Run),
    /// Words by urgency.
    Priority(priority::Run),
    /// Timers that stand, are cancelled and come.
    Timers(timers::Run),
}

impl Order {
    fn measure(self) -> Figures {
        match self {
            Order::Burn => burn(),
            Order::Stream(run) => run.measure(),
            Order::PingPong(run) => run.measure(),
            Order::Paced(run) => run.measure(),
            Order::Idle(run) => run.measure(),
            Order::Executors(run) => run.measure(),
            Order::Priority(run) => run.measure(),
            Order::Timers(run) => run.measure(),
        }
    }
}

/// Why a run measured nothing.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It made no progress any more.
    Hung,
    /// It could not be started, panicked or was killed.
    Failed(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Hung => f.write_str("hung"),
            Fault::Failed(why) => write!(f, "failed: {why}"),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Fault::Failed(error.to_string())
    }
}

/// Runs `order` in a child process and returns what it measured.
///
/// # Errors
/// See [`Fault`].
pub fn run(order: &Order, place: Place) -> Result<Figures, Fault> {
    let output = start(order, place)?.wait_with_output()?;
    if output.status.code() == Some(i32::from(HUNG)) {
        return Err(Fault::Hung);
    }
    if !output.status.success() {
        return Err(Fault::Failed(output.status.to_string()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| Fault::Failed(error.to_string()))
}

/// Starts a child on `order`. The calling thread must be one that lives as long as the program.
///
/// # Errors
/// Those of the system.
pub fn start(order: &Order, place: Place) -> io::Result<Child> {
    let order = serde_json::to_string(order)?;
    // Unlike the path of the program, this link holds when the file is replaced meanwhile.
    let mut command = Command::new("/proc/self/exe");
    command.args(["child", "--parent", &std::process::id().to_string()]);
    if place == Place::OneCore {
        command.arg("--one-core");
    }
    command.arg(order).stdin(Stdio::null());
    command.stdout(Stdio::piped()).spawn()
}

/// Signs of life included, or the watchdog would put an end to it.
fn burn() -> ! {
    loop {
        pulse::beat();
    }
}

/// The child's `main`.
pub fn serve(order: &str, parent: u32, one_core: bool) -> ExitCode {
    machine::die_with(parent);
    if one_core {
        // Before anybody asks how many cores there are.
        machine::use_one_core();
    }
    let order: Order = serde_json::from_str(order).expect("the parent wrote it");
    let (tell, told) = mpsc::channel();
    // The watchdog leaves first when it gives up, so there is nobody to tell then.
    thread::spawn(move || tell.send(order.measure()));
    let mut seen = (pulse::total(), Instant::now());
    loop {
        match told.recv_timeout(LOOK) {
            Ok(figures) => {
                let line = serde_json::to_string(&figures).expect("names and numbers");
                println!("{line}");
                return ExitCode::SUCCESS;
            }
            // It panicked, and has said why.
            Err(RecvTimeoutError::Disconnected) => return ExitCode::FAILURE,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let total = pulse::total();
        if total != seen.0 {
            seen = (total, Instant::now());
        } else if seen.1.elapsed() >= PATIENCE {
            return ExitCode::from(HUNG);
        }
    }
}
