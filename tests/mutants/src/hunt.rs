//! Sets the models on each site.

use crate::find::{Site, What};
use crate::models::{Binary, End, Model, Wish};
use crate::order::Order;
use crate::verdict::{Answer, Trial};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Instant;

/// The models, and what was learnt about them.
pub struct Hunt<'a> {
    pub binary: &'a Binary,
    pub models: Vec<Model>,
    /// Those that pass where `fence_after_rmw` does nothing.
    bare: Vec<bool>,
    /// How many weakenings of a file a model has killed.
    kills: Mutex<BTreeMap<(&'a str, usize), u32>>,
}

impl<'a> Hunt<'a> {
    /// Runs every model as it is: all must pass.
    pub fn learn(
        binary: &'a Binary,
        names: &[String],
        after_rmw: &[usize],
        jobs: usize,
    ) -> Result<Self, String> {
        let models = in_parallel(names, jobs, |name| {
            let model = binary.learn(name)?;
            eprintln!(
                "{:>7.1} s  {name}, {} sites",
                model.took.as_secs_f64(),
                model.reached.len()
            );
            Ok::<_, String>(model)
        });
        let models = models.into_iter().collect::<Result<Vec<_>, _>>()?;
        let bare = in_parallel(&models, jobs, |model| {
            let fenced = after_rmw.iter().any(|site| model.reached.contains(site));
            let wish = Wish {
                bare: true,
                ..Wish::default()
            };
            fenced && binary.run(model, wish) == End::Passed
        });
        Ok(Hunt {
            binary,
            models,
            bare,
            kills: Mutex::default(),
        })
    }

    /// Tries the weakenings of site `number` in `file`, those between only if the whole is killed.
    pub fn try_site(&self, file: &'a str, number: usize, site: &Site) -> Vec<Trial> {
        let mut trials: Vec<Trial> = Vec::new();
        for &weaker in site.weaker() {
            let started = Instant::now();
            let answer = self.answer(file, number, site.what, weaker);
            trials.push(Trial {
                weaker,
                answer,
                took: started.elapsed(),
            });
            if !matches!(trials[0].answer, Answer::Killed { .. }) {
                break;
            }
        }
        trials
    }

    fn answer(&self, file: &'a str, number: usize, what: What, weaker: Order) -> Answer {
        let mut order: Vec<usize> = (0..self.models.len())
            .filter(|&at| self.models[at].reached.contains(&number))
            .collect();
        if order.is_empty() {
            return Answer::NotReached;
        }
        // What killed in this file before, and what is quick.
        let cost = |at: &usize| {
            let kills = self.kills.lock().expect("nobody panics");
            let kills = kills.get(&(file, *at)).copied().unwrap_or(0);
            self.models[*at].took.as_secs_f64() / f64::from(1 + kills)
        };
        order.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
        let (mut late, mut strange) = (None, None);
        // The language takes a fence behind a read-modify-write for nothing on x86, so an ordering that this
        // fence hides from the models is tried without it, on models that pass without it.
        for bare in [false, true] {
            if bare && what == What::FenceAfterRmw {
                break;
            }
            for &at in order.iter().filter(|&&at| !bare || self.bare[at]) {
                let weakened = Some((number, weaker));
                let name = &self.models[at].name;
                match self.binary.run(&self.models[at], Wish { weakened, bare }) {
                    End::Passed => {}
                    End::Failed(said) => {
                        *self
                            .kills
                            .lock()
                            .expect("nobody panics")
                            .entry((file, at))
                            .or_default() += 1;
                        return Answer::Killed {
                            by: name.clone(),
                            bare,
                            said,
                        };
                    }
                    End::TimedOut => late = Some(name.clone()),
                    End::Strange(how) => strange = Some(format!("{name}: {how}")),
                }
            }
        }
        match (strange, late) {
            (Some(how), _) => Answer::Strange(how),
            (None, Some(name)) => Answer::TimedOut(name),
            (None, None) => Answer::Survived,
        }
    }
}

/// `work` on each item, `jobs` at once; the results in order.
pub fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some((at, item)) = {
                    let at = next.fetch_add(1, Relaxed);
                    items.get(at).map(|item| (at, item))
                } {
                    let result = work(item);
                    results.lock().expect("nobody panics").push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("nobody panics");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
