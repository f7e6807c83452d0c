//! Where it was measured, and who else was there: a figure without its machine and regime says nothing.
//!
//! The load average cannot tell our own threads from strangers'. What strangers took is the CPU time the whole
//! machine spent while we measured, less our own; what the hypervisor took is `steal`.

use std::fs;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::meter;

/// `/proc/stat` counts in hundredths of a second wherever Linux runs today (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;
/// Above this share of the CPU in other hands, the machine counts as loaded.
const LOADED_PERCENT: f64 = 5.0;

/// The machine; what is not known is absent.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Version of guichet.
    pub guichet: &'static str,
    /// Seconds since 1970 when the measuring began.
    pub unix_time: Option<u64>,
    /// Model of the processor.
    pub cpu: Option<String>,
    /// Processors this process may use.
    pub cores: usize,
    /// Cores that are not hyper-threads of another.
    pub physical_cores: usize,
    /// Operating system and its version.
    pub kernel: String,
    /// The compiler on the path, most likely the one that built this.
    pub rustc: Option<String>,
}

impl Machine {
    /// Looks around.
    pub fn look() -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|info| {
            let line = info.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        });
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Machine {
            guichet: env!("CARGO_PKG_VERSION"),
            unix_time: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .map(|since| since.as_secs()),
            cpu,
            cores: num_cpus::get(),
            physical_cores: num_cpus::get_physical(),
            kernel: format!("{} {}", std::env::consts::OS, release.trim())
                .trim_end()
                .to_owned(),
            rustc: rustc(),
        }
    }

    /// One line for the header.
    pub fn describe(&self) -> String {
        let cpu = self.cpu.as_deref().unwrap_or(std::env::consts::ARCH);
        let cores = format!("{} cores ({} physical)", self.cores, self.physical_cores);
        let rustc = self.rustc.as_deref().unwrap_or("rustc unknown");
        format!("{cpu}, {cores}, {}, {rustc}", self.kernel)
    }
}

fn rustc() -> Option<String> {
    let output = Command::new("rustc").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    // Without the hash and date in parentheses.
    let version = text.split('(').next()?.trim();
    (output.status.success() && !version.is_empty()).then(|| version.to_owned())
}

/// How busy the machine was while we measured.
#[derive(Clone, Debug, Serialize)]
pub struct Regime {
    /// `quiet`, `loaded` or `one core`.
    pub name: &'static str,
    /// Load average of the last minute when we began.
    pub load_before: Option<f64>,
    /// And when we ended; mostly our own threads.
    pub load_after: Option<f64>,
    /// Share of the machine's CPU time that other processes took.
    pub strangers_percent: Option<f64>,
    /// Share that the hypervisor took.
    pub steal_percent: Option<f64>,
}

impl Regime {
    /// One line for the header.
    pub fn describe(&self) -> String {
        let load = match (self.load_before, self.load_after) {
            (Some(before), Some(after)) => {
                format!("load average {before:.2} before, {after:.2} after")
            }
            _ => "load average unknown".to_owned(),
        };
        match (self.strangers_percent, self.steal_percent) {
            (Some(strangers), Some(steal)) => format!(
                "{}: {load}; other processes took {strangers:.0} % of the CPU, the hypervisor {steal:.0} %",
                self.name
            ),
            _ => format!("{}: {load}", self.name),
        }
    }
}

/// Keeps watch from the beginning to the end of a measurement.
#[derive(Debug)]
pub struct Watch {
    load: Option<f64>,
    machine: Option<Ticks>,
    own: Option<Duration>,
}

impl Watch {
    /// Begins.
    pub fn begin() -> Self {
        Watch {
            load: load(),
            machine: Ticks::read(),
            own: meter::cpu_time(),
        }
    }

    /// Ends: names the regime.
    pub fn end(&self) -> Regime {
        let taken = self.taken();
        let (strangers_percent, steal_percent) = taken.unzip();
        let loaded = match taken {
            Some((strangers, steal)) => strangers + steal > LOADED_PERCENT,
            None => self
                .load
                .is_some_and(|load| load > 0.25 * num_cpus::get() as f64),
        };
        let name = match (num_cpus::get(), loaded) {
            (1, _) => "one core",
            (_, true) => "loaded",
            (_, false) => "quiet",
        };
        Regime {
            name,
            load_before: self.load,
            load_after: load(),
            strangers_percent,
            steal_percent,
        }
    }

    /// What strangers and the hypervisor took, in percent of all CPU time.
    fn taken(&self) -> Option<(f64, f64)> {
        let (now, then) = (Ticks::read()?, self.machine?);
        let own = meter::cpu_time()?.saturating_sub(self.own?).as_secs_f64() * TICKS_PER_SECOND;
        let all = (now.all - then.all).max(1.0);
        let strangers = (now.busy - then.busy - own).max(0.0);
        Some((
            100.0 * strangers / all,
            100.0 * (now.steal - then.steal) / all,
        ))
    }
}

/// CPU time of the machine since it started, in ticks.
#[derive(Clone, Copy, Debug)]
struct Ticks {
    all: f64,
    busy: f64,
    steal: f64,
}

impl Ticks {
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let fields = stat
            .lines()
            .next()?
            .strip_prefix("cpu ")?
            .split_whitespace();
        let ticks: Vec<f64> = fields.map_while(|field| field.parse().ok()).collect();
        // The two that follow `steal` are guests' time, which `user` already holds.
        let [user, nice, system, idle, waiting, irq, softirq, steal] = *ticks.first_chunk()?;
        let busy = user + nice + system + irq + softirq;
        Some(Ticks {
            all: busy + idle + waiting + steal,
            busy,
            steal,
        })
    }
}

fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg")
        .ok()?
        .split(' ')
        .next()?
        .parse()
        .ok()
}
