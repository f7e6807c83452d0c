//! What the run prints.

use crate::find::{Site, What};
use crate::order::Order;
use crate::tree::{File, PLANTED};
use crate::verdict::{Answer, Trial, Verdict};
use std::fmt;
use std::time::Duration;

/// A site with what became of it.
pub struct Row<'a> {
    number: usize,
    file: &'a File,
    site: &'a Site,
    trials: Vec<Trial>,
}

impl<'a> Row<'a> {
    pub fn new(number: usize, file: &'a File, site: &'a Site, trials: Vec<Trial>) -> Self {
        Row {
            number,
            file,
            site,
            trials,
        }
    }

    pub fn is_planted(&self) -> bool {
        self.file.floor == PLANTED
    }

    fn verdict(&self) -> Verdict {
        Verdict::of_site(self.site, &self.trials)
    }

    /// Of the orderings between.
    fn halves(&self) -> impl Iterator<Item = (Order, Verdict)> {
        let explained = self.site.unseen.is_some();
        let halves = self.trials.iter().skip(1);
        halves.map(move |trial| (trial.weaker, Verdict::of(&trial.answer, explained)))
    }

    /// As the planted file announces it.
    fn announced(&self) -> String {
        let halves = self
            .halves()
            .map(|(order, verdict)| format!(", {order} {}", verdict.name()));
        self.verdict().name().to_string() + &halves.collect::<String>()
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = format!("{}:{}", self.file.path, self.site.line);
        let explained = self.site.unseen.is_some();
        for (at, trial) in self.trials.iter().enumerate() {
            let verdict = match at {
                0 => self.verdict(),
                _ => Verdict::of(&trial.answer, explained),
            };
            let detail = match (&trial.answer, &self.site.unseen) {
                (Answer::Killed { by, bare, said }, _) => {
                    let bare = if *bare {
                        " (without the fence after a claim)"
                    } else {
                        ""
                    };
                    format!("{by}{bare}: {said}")
                }
                (Answer::TimedOut(model) | Answer::Strange(model), _) => model.clone(),
                (_, Some(why)) => why.clone(),
                (_, None) => String::new(),
            };
            let number = self.number;
            let change = change(self.site, trial.weaker);
            let (verdict, took) = (verdict.name(), trial.took.as_secs_f64());
            writeln!(
                f,
                "{number:4}  {place:30}  {change:28}  {verdict:11}  {took:6.1} s  {detail}"
            )?;
        }
        Ok(())
    }
}

/// What a site is and what it becomes.
pub fn change(site: &Site, weaker: Order) -> String {
    let fence = match site.what {
        What::Ordering => return format!("{} -> {weaker}", site.right),
        What::Fence => "fence",
        What::FenceAfterRmw => "fence after RMW",
    };
    match weaker {
        Order::Relaxed => format!("{fence} {} dropped", site.right),
        _ => format!("{fence} {} -> {weaker}", site.right),
    }
}

/// Where the answers for the planted file are not those that it announces.
pub fn control(planted: &[Row], files: &[File]) -> Vec<String> {
    let file = files
        .iter()
        .find(|file| file.floor == PLANTED)
        .expect("it is always there");
    let announced = file.text.lines().enumerate();
    let announced =
        announced.filter_map(|(line, text)| Some((line + 1, text.split_once("//~ ")?.1)));
    let mut wrong = Vec::new();
    for (line, expected) in announced {
        let rows: Vec<String> = planted
            .iter()
            .filter(|row| row.site.line == line)
            .map(Row::announced)
            .collect();
        if rows != [expected] {
            wrong.push(format!(
                "{}:{line} must be {expected}, is {}",
                file.path,
                rows.join("; ")
            ));
        }
    }
    let silent = planted.iter().filter(|row| {
        !file
            .text
            .lines()
            .nth(row.site.line - 1)
            .is_some_and(|line| line.contains("//~ "))
    });
    wrong.extend(silent.map(|row| format!("{}:{} is not announced", file.path, row.site.line)));
    wrong
}

/// Prints the counts; whether all of them are fine.
pub fn summary(rows: &[Row], took: Duration) -> bool {
    let verdicts: Vec<Verdict> = rows.iter().map(Row::verdict).collect();
    let halves: Vec<Verdict> = rows
        .iter()
        .flat_map(Row::halves)
        .map(|(_, verdict)| verdict)
        .collect();
    let count =
        |verdicts: &[Verdict], verdict| verdicts.iter().filter(|&&other| other == verdict).count();
    if !halves.is_empty() {
        println!(
            "{} steps between, of sites whose whole weakening is killed: {} killed, {} explained, {} survived",
            halves.len(),
            count(&halves, Verdict::Killed),
            count(&halves, Verdict::Explained),
            count(&halves, Verdict::Survived)
        );
    }
    for verdict in [Verdict::Stale, Verdict::TimedOut, Verdict::Strange] {
        let count = count(&verdicts, verdict) + count(&halves, verdict);
        if count > 0 {
            println!("{count} {}", verdict.name());
        }
    }
    println!(
        "{} sites: {} killed, {} explained, {} survived, {} not reached  ({:.0} s)",
        rows.len(),
        count(&verdicts, Verdict::Killed),
        count(&verdicts, Verdict::Explained),
        count(&verdicts, Verdict::Survived),
        count(&verdicts, Verdict::NotReached),
        took.as_secs_f64()
    );
    verdicts
        .iter()
        .chain(&halves)
        .all(|verdict| verdict.is_fine())
}
