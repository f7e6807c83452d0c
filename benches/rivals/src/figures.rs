//! What a run measured: figures by name; and the medians of several runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Figures by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// These figures.
    pub fn of<const N: usize>(figures: [(&str, f64); N]) -> Self {
        Figures(
            figures
                .map(|(name, figure)| (name.to_owned(), figure))
                .into(),
        )
    }

    /// One of them; not a number when it was not measured.
    pub fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(f64::NAN)
    }

    /// For each name the middle of what the runs measured.
    pub fn medians(runs: &[Figures]) -> Self {
        let names = runs.first().map(|run| run.0.keys()).into_iter().flatten();
        let median = |name: &String| {
            let mut figures: Vec<f64> = runs.iter().map(|run| run.get(name)).collect();
            figures.sort_by(f64::total_cmp);
            let (lower, upper) = ((figures.len() - 1) / 2, figures.len() / 2);
            (figures[lower] + figures[upper]) / 2.0
        };
        Figures(names.map(|name| (name.clone(), median(name))).collect())
    }
}

/// Distance from the lowest to the highest figure of that name, in percent of the median.
pub fn spread_percent(runs: &[Figures], name: &str) -> f64 {
    let figures = runs.iter().map(|run| run.get(name));
    let (low, high) = figures.fold((f64::MAX, f64::MIN), |(low, high), figure| {
        (low.min(figure), high.max(figure))
    });
    100.0 * (high - low) / Figures::medians(runs).get(name)
}
