//! What all measurements leave behind: records for a file, and floors that were met or missed.

use std::fmt;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::machine;
use crate::rounds::Row;
use crate::table::digits;

/// Something guichet has set out to reach.
#[derive(Clone, Debug, Serialize)]
pub struct Floor {
    /// Where, and what is measured.
    pub what: String,
    /// What it came to.
    pub got: f64,
    /// The limit.
    pub limit: f64,
    /// Whether the limit is one from below.
    pub at_least: bool,
}

impl Floor {
    /// `got` shall be `limit` or more.
    pub fn at_least(limit: f64, got: f64, what: impl Into<String>) -> Self {
        Floor {
            what: what.into(),
            got,
            limit,
            at_least: true,
        }
    }

    /// `got` shall be `limit` or less.
    pub fn at_most(limit: f64, got: f64, what: impl Into<String>) -> Self {
        Floor {
            at_least: false,
            ..Floor::at_least(limit, got, what)
        }
    }

    /// Whether it is reached. What could not be measured is not.
    pub fn met(&self) -> bool {
        if self.at_least {
            self.got >= self.limit
        } else {
            self.got <= self.limit
        }
    }

    /// `>= 7`, and `missed` where it is.
    pub fn mark(&self) -> String {
        let sign = if self.at_least { ">=" } else { "<=" };
        let verdict = if self.met() { "" } else { " MISSED" };
        format!("{sign}{}{verdict}", self.limit)
    }
}

impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.at_least { ">=" } else { "<=" };
        let (got, limit) = (digits(self.got), self.limit);
        write!(f, "{}: {got}, floor {sign} {limit}", self.what)
    }
}

/// Everything that was measured.
#[derive(Default)]
pub struct Report {
    records: Vec<Value>,
    floors: Vec<Floor>,
}

impl Report {
    /// Keeps the rows of one cell. `cell` says in which bench and under which conditions.
    pub fn keep<K: fmt::Display>(&mut self, cell: &Value, rows: &[Row<K>]) {
        for row in rows {
            self.records.push(json!({
                "cell": cell,
                "contender": row.contender.to_string(),
                "medians": row.medians(),
                "runs": row.runs,
                "fault": row.fault.as_ref().map(ToString::to_string),
            }));
        }
    }

    /// Keeps floors.
    pub fn judge(&mut self, floors: impl IntoIterator<Item = Floor>) {
        self.floors.extend(floors);
    }

    /// Says which floors were missed.
    pub fn summarise(&self) {
        if self.floors.is_empty() {
            return;
        }
        let missed: Vec<&Floor> = self.floors.iter().filter(|floor| !floor.met()).collect();
        let met = self.floors.len() - missed.len();
        println!("\nfloors: {met} met, {} missed", missed.len());
        for floor in missed {
            println!("  missed  {floor}");
        }
    }

    /// Writes all of it as JSON.
    ///
    /// # Errors
    /// Those of the file.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let all = json!({
            "cores": machine::cores().len(),
            "load": machine::load(),
            "records": self.records,
            "floors": self.floors,
        });
        std::fs::write(path, format!("{all:#}\n"))
    }
}
