//! The one admission: a job moves into its slot, and its ticket into the lane, or its instant into the wheel.

use crate::model::JobId;
use crate::park::Oneshot;
use crate::queue::base::core::Outcome;
use crate::queue::base::switches::Setting;
use crate::queue::base::terms::{Checked, Special};
use crate::queue::life::Shared;
use crate::queue::ready::line::Spot;
use crate::queue::record::step::{Change, Step};
use crate::sync::Arc;
use crate::table::{Entered, Entry, Marks, Record, Ticket, Trace, Vacancies, Vacant};

/// Somebody who waits for the result of the job that is being added.
pub(crate) type Waiter<R> = Option<Arc<Oneshot<Outcome<R>>>>;

impl<T: Send, R: Send> Shared<T, R> {
    /// A job without options or a waiter.
    #[inline]
    pub(crate) fn admit_plain(&self, vacant: Vacant, payload: T) -> JobId {
        self.admit(vacant, payload, None, self.core.options.default_priority)
    }

    /// `admit`, push, wake; what goes beyond a priority is written down before.
    #[inline(always)]
    pub(crate) fn admit_on_terms(
        &self,
        vacant: Vacant,
        payload: T,
        waiter: Waiter<R>,
        terms: Checked,
    ) -> JobId {
        match terms.special {
            None => self.admit(vacant, payload, waiter, terms.priority),
            Some(special) => self.admit_special(vacant, payload, waiter, terms.priority, special),
        }
    }

    /// All jobs, to slots that were reserved for them.
    pub(crate) fn admit_many(&self, reserved: Vec<Vacancies>, payloads: Vec<T>) -> Vec<JobId> {
        let mut ids = Vec::with_capacity(payloads.len());
        let mut tickets = Vec::with_capacity(payloads.len());
        let mut runs = reserved.into_iter();
        let mut run = Vacancies::default();
        let priority = self.core.options.default_priority;
        for payload in payloads {
            let vacant = loop {
                match run.pop() {
                    Some(vacant) => break vacant,
                    None => run = runs.next().expect("a slot was reserved for every payload"),
                }
            };
            let (id, ticket) = self.admit_only(vacant, payload, None, priority);
            ids.push(id);
            tickets.push(ticket.to_bits());
        }
        let mut lined_up = 0;
        while lined_up < tickets.len() {
            match self.ready.push_run(&self.core, &tickets[lined_up..]) {
                Some(count) => lined_up += count,
                None => {
                    let trace = self.ready.end();
                    for (id, ticket) in ids.iter().zip(&tickets).skip(lined_up) {
                        let ticket = Ticket::from_bits(*ticket);
                        self.refused(*id, Entered { ticket, trace });
                    }
                    break;
                }
            }
        }
        ids
    }

    #[inline]
    fn admit(&self, vacant: Vacant, payload: T, waiter: Waiter<R>, priority: u32) -> JobId {
        let (id, ticket) = self.admit_only(vacant, payload, waiter, priority);
        let trace = self.ready.end();
        self.enqueue(id, Entered { ticket, trace }, Spot::End);
        id
    }

    #[inline(always)]
    fn admit_only(
        &self,
        vacant: Vacant,
        payload: T,
        waiter: Waiter<R>,
        priority: u32,
    ) -> (JobId, Ticket) {
        let slot = vacant.slot();
        let stamp = |slot: u32, occupancy: u64, record: &Record| {
            let marks = self.sample(slot, occupancy, record);
            (marks, priority)
        };
        let entry = Entry::Waiting(self.ready.end());
        let (ticket, occupancy) = self.core.slab.admit(vacant, payload, waiter, entry, stamp);
        let id = self.core.id_of(slot, occupancy);
        self.record_entry(id, ticket, Change::Admitted);
        (id, ticket)
    }

    fn admit_special(
        &self,
        vacant: Vacant,
        payload: T,
        waiter: Waiter<R>,
        priority: u32,
        special: Special,
    ) -> JobId {
        let slot = vacant.slot();
        let mortal = special.own.expires != 0;
        if mortal {
            self.core.switches.turn_on(Setting::MORTAL);
        }
        if special.own.timeout != 0 {
            self.core.switches.turn_on(Setting::TIMED);
        }
        let stamp = |slot: u32, occupancy: u64, record: &Record| {
            let marks = Marks {
                optioned: special.optioned,
                ..self.sample(slot, occupancy, record)
            };
            special.write(record);
            (marks, priority)
        };
        let (trace, spot) = match special.newest {
            true => (Trace::Side, Spot::Newest),
            false => (self.ready.end(), Spot::End),
        };
        let (entry, change) = match special.delayed {
            true => (Entry::Delayed, Change::Deferred { due: special.due }),
            false => (Entry::Waiting(trace), Change::Admitted),
        };
        let (ticket, occupancy) = self.core.slab.admit(vacant, payload, waiter, entry, stamp);
        let id = self.core.id_of(slot, occupancy);
        self.record_entry(id, ticket, change);
        if special.delayed {
            self.delayed_until(id, special.due);
            return id;
        }
        if mortal {
            self.announce(slot, special.own.expires);
        }
        self.enqueue(id, Entered { ticket, trace }, spot);
        id
    }

    /// Decides whether the job's latencies are taken.
    #[inline(always)]
    fn sample(&self, slot: u32, occupancy: u64, record: &Record) -> Marks {
        // Every slot's every n-th job, each slot at another time.
        let one_in = self.core.options.sample_every;
        let sampled = (occupancy + u64::from(slot)) & (one_in - 1) == 0;
        if sampled {
            let now = self.core.time.now().to_nanos();
            record.set_admitted_at(now);
        }
        Marks {
            sampled,
            optioned: false,
        }
    }

    /// Records that a job was added.
    #[inline(always)]
    fn record_entry(&self, id: JobId, ticket: Ticket, change: Change) {
        let step = Step {
            id,
            epoch: ticket.epoch(),
            attempt: 0,
            change,
        };
        self.records.record(&self.core, step, self.records.common());
    }

    /// A waiting job's ticket goes to its spot in line, and a sleeping worker is woken.
    #[inline]
    pub(crate) fn enqueue(&self, id: JobId, entered: Entered, spot: Spot) {
        if !self.ready.push(&self.core, entered, spot) {
            self.refused(id, entered);
        }
    }
}
