//! Memory-order mutants: each ordering of the lower floors weakened and each fence dropped, one at a time. A loom model must
//! object, or a comment in place says why none can.
//!
//! ```text
//! cargo run --release -p guichet-mutants -- [--floor NAME]... [--site N]... [--list] [--control] [--jobs N] [--limit SECONDS]
//! ```
//! A copy of the repository is made below `target/mutants` in which every site asks the environment what it is, so the models
//! are built once; then each runs as a process of its own. The first run of each changes nothing and tells which sites it comes
//! by: a site is tried on these only. A planted file with known answers runs along, and the run fails if it gets others.
//!
//! Where an ordering must stay that no model can see, write in the comment above it
//!
//! ```text
//! // unseen: why            (of all sites that the comment stands above)
//! // unseen Acquire: why    (of those with this ordering)
//! ```
//! A site that no model kills and nobody explains, one that no model reaches, an explanation of what a model sees, a time-out,
//! a build error and a run without sites are failures.

mod find;
#[cfg(test)]
mod find_tests;
mod hunt;
mod models;
mod order;
mod report;
mod tree;
mod verdict;

use crate::find::What;
use crate::hunt::{Hunt, in_parallel};
use crate::models::Binary;
use crate::report::Row;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const USAGE: &str = "usage: guichet-mutants [--floor NAME]... [--site N]... [--list] [--control] [--jobs N] [--limit SECONDS]";

/// What the command line asks for.
struct Options {
    floors: Vec<String>,
    sites: Vec<usize>,
    list: bool,
    jobs: usize,
    limit: Duration,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        floors: Vec::new(),
        sites: Vec::new(),
        list: false,
        jobs: 2,
        limit: Duration::from_secs(30),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} wants a value"));
        let number = |text: String| text.parse().map_err(|_| format!("{text} is no number"));
        match word.as_str() {
            "--floor" => {
                let name = value()?;
                if !tree::FLOORS.contains(&name.as_str()) {
                    return Err(format!(
                        "no floor {name}; there are {}",
                        tree::FLOORS.join(", ")
                    ));
                }
                options.floors.push(name);
            }
            "--site" => options.sites.push(number(value()?)?),
            "--list" => options.list = true,
            "--control" => options.floors.push(tree::PLANTED.into()),
            "--jobs" => options.jobs = number(value()?)?,
            "--limit" => options.limit = Duration::from_secs(number(value()?)? as u64),
            _ => return Err(format!("what is {word}?")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing is left to complain of.
fn run(options: &Options) -> Result<bool, String> {
    let started = Instant::now();
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = tree::read(&top)?;
    let all: Vec<_> = files
        .iter()
        .flat_map(|file| file.sites.iter().map(move |site| (file, site)))
        .enumerate()
        .collect();
    let wanted = |number: usize, floor: &str| {
        let named =
            options.floors.iter().any(|name| name == floor) || options.sites.contains(&number);
        let everything = options.floors.is_empty() && options.sites.is_empty();
        floor == tree::PLANTED || named || everything
    };
    let chosen: Vec<_> = all
        .iter()
        .filter(|(number, (file, _))| wanted(*number, file.floor))
        .collect();
    let only_control =
        options.floors.iter().all(|name| name == tree::PLANTED) && !options.floors.is_empty();
    if options.list {
        for (number, (file, site)) in &chosen {
            println!(
                "{number:4}  {}:{}  {}",
                file.path,
                site.line,
                report::change(site, site.weaker()[0])
            );
        }
        return Ok(true);
    }
    let work = top.join("target/mutants");
    let tree = work.join("tree");
    tree::write(&top, &files, &tree).map_err(|error| format!("the copy: {error}"))?;
    eprintln!(
        "{} sites, {} of them to try; building the models",
        all.len(),
        chosen.len()
    );
    let binary = Binary::build(&tree, &work.join("build"), options.limit)?;
    let mut names = binary.list()?;
    if only_control {
        names.retain(|name| name.starts_with(tree::PLANTED));
    }
    eprintln!("{} models, nothing weakened:", names.len());
    let after_rmw: Vec<usize> = all
        .iter()
        .filter(|(_, (_, site))| site.what == What::FenceAfterRmw)
        .map(|(number, _)| *number)
        .collect();
    let hunt = Hunt::learn(&binary, &names, &after_rmw, options.jobs)?;
    eprintln!("each site weakened:");
    let rows = in_parallel(&chosen, options.jobs, |(number, (file, site))| {
        let trials = hunt.try_site(&file.path, *number, site);
        let row = Row::new(*number, file, site, trials);
        eprint!("{row}");
        row
    });
    let (planted, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.is_planted());
    let control = report::control(&planted, &files);
    rows.iter().for_each(|row| print!("{row}"));
    for wrong in &control {
        println!("control: {wrong}");
    }
    println!(
        "control: {} planted sites, {} wrong answers",
        planted.len(),
        control.len()
    );
    let fine = report::summary(&rows, started.elapsed());
    Ok(control.is_empty() && fine && (only_control || !rows.is_empty()))
}
