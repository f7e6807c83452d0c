//! The checker passes an honest record and complains of each doctored one; short soaks run.

use guichet::{EventKind, JobId};

use super::check::check;
use super::dice::Dice;
use super::facts::{End, Facts, Heard, Hooks, Note, PayloadFacts, QueueFacts, Step};
use super::payload::{DROPPED_BEFORE, OVERLAPPED, TAKEN_AWAY};

fn id(text: &str) -> JobId {
    text.parse().unwrap()
}

fn accepted(job: &str, number: u64, redriven: bool) -> Note {
    Note::Accepted {
        id: id(job),
        number,
        redriven,
    }
}

fn ended(job: &str, end: End, witness: &'static str) -> Note {
    Note::Ended {
        id: id(job),
        end,
        witness,
    }
}

fn step(job: &str, sequence: u64, kind: EventKind) -> Step {
    Step {
        job: id(job),
        sequence,
        kind,
    }
}

/// Two queues and four payloads: 0 completes at the second attempt, 1 fails, is redriven and returned, 2 is cancelled, 3
/// is refused.
fn honest() -> Facts {
    let mut work = QueueFacts {
        name: "work",
        recorded: true,
        starts: 3,
        hooks: Some(Hooks {
            completed: 1,
            failed: 2,
        }),
        ..QueueFacts::default()
    };
    let stats = &mut work.stats;
    (stats.accepted, stats.completed, stats.failed) = (4, 1, 1);
    (stats.cancelled, stats.returned, stats.retried) = (1, 1, 1);
    work.notes = vec![
        accepted("1:0:1", 0, false),
        accepted("1:1:1", 1, false),
        accepted("1:2:1", 2, false),
        ended("1:0:1", End::Completed, "its record"),
        ended("1:1:1", End::Failed, "its dead letter"),
        ended("1:2:1", End::Cancelled, "cancel"),
        accepted("1:1:2", 1, true),
        Note::GivenBack {
            id: id("1:1:2"),
            number: Some(1),
        },
    ];
    work.heard = Some(Heard {
        steps: vec![
            step("1:0:1", 1, EventKind::Added),
            step("1:0:1", 2, EventKind::Started),
            step("1:0:1", 4, EventKind::Started),
            step("1:0:1", 3, EventKind::Retried),
            step("1:0:1", 5, EventKind::Completed),
            step("1:1:1", 9, EventKind::Deferred),
            step("1:1:1", 10, EventKind::Promoted),
            step("1:1:1", 11, EventKind::Started),
            step("1:1:1", 12, EventKind::Failed),
            step("1:1:2", 13, EventKind::Added),
            step("1:1:2", 14, EventKind::Returned),
            step("1:2:1", 1, EventKind::Added),
            step("1:2:1", 2, EventKind::Cancelled),
        ],
        lagged: 0,
    });
    let mut dead = QueueFacts {
        name: "dead",
        is_dead: true,
        redriven: 1,
        ..QueueFacts::default()
    };
    (dead.stats.accepted, dead.stats.completed) = (1, 1);
    dead.notes = vec![ended("2:0:1", End::Completed, "an event")];
    let payload = PayloadFacts { drops: 1, odd: 0 };
    Facts {
        queues: vec![work, dead],
        payloads: vec![payload; 4],
        alive: 0,
    }
}

#[test]
fn an_honest_record_passes() {
    check(&honest()).unwrap();
}

/// What the checker says of the honest record once `doctor` has been at it.
fn complaint(doctor: impl Fn(&mut Facts)) -> String {
    let mut facts = honest();
    doctor(&mut facts);
    check(&facts).unwrap_err()
}

fn heard(facts: &mut Facts) -> &mut Vec<Step> {
    &mut facts.queues[0].heard.as_mut().unwrap().steps
}

#[test]
fn broken_books_are_noticed() {
    let expect = |doctor: fn(&mut Facts), words: &str| {
        let said = complaint(doctor);
        assert!(said.contains(words), "{said:?} does not say {words:?}");
        assert!(!said.contains('\n'), "{said:?} is one line");
    };
    expect(|facts| facts.queues[0].stats.completed += 1, "not balanced");
    expect(
        |facts| {
            facts.queues[0].stats.waiting += 1;
            facts.queues[0].stats.accepted += 1;
        },
        "not balanced",
    );
    // One job called another.
    expect(
        |facts| {
            facts.queues[0].stats.completed -= 1;
            facts.queues[0].stats.cancelled += 1;
        },
        "the tally",
    );
    expect(|facts| facts.queues[0].starts += 1, "attempts");
    expect(|facts| facts.queues[0].panics += 1, "panicked");
    expect(
        |facts| facts.queues[0].hooks.as_mut().unwrap().completed += 1,
        "by its hook",
    );
    expect(
        |facts| facts.queues[0].hooks.as_mut().unwrap().failed -= 1,
        "by its hook",
    );
    expect(
        |facts| facts.queues[0].notes.push(Note::CancelledMany(1)),
        "cancelled, the tally 2",
    );
    expect(
        |facts| {
            facts.queues[1].stats.accepted += 1;
            facts.queues[1].stats.cancelled += 1;
            facts.queues[1].notes.push(Note::CancelledMany(1));
        },
        "1 jobs ended dead, and there are 2 letters",
    );
}

#[test]
fn a_job_without_one_end_is_noticed() {
    let lost = complaint(|facts| {
        facts.queues[0].heard = None;
        facts.queues[0].notes.remove(3);
    });
    assert_eq!(lost, "queue work: job 1:0:1 was accepted and has no end");
    let twice = complaint(|facts| {
        let other = ended("1:0:1", End::Cancelled, "its handle");
        facts.queues[0].notes.push(other);
    });
    assert!(twice.contains("ended twice: completed by"), "{twice}");
    let stranger = complaint(|facts| {
        let stats = &mut facts.queues[0].stats;
        (stats.accepted, stats.completed) = (5, 2);
        facts.queues[0]
            .notes
            .push(ended("1:5:1", End::Completed, "a hook"));
        facts.queues[0].heard = None;
    });
    assert!(stranger.contains("nobody added"), "{stranger}");
    let unanswered = complaint(|facts| facts.queues[0].notes.push(Note::Unanswered(id("1:0:1"))));
    assert!(unanswered.contains("never answered"), "{unanswered}");
    let unreturned = complaint(|facts| {
        facts.queues[0].notes.pop();
    });
    assert!(
        unreturned.contains("take_returned had it 0 times"),
        "{unreturned}"
    );
}

#[test]
fn a_wrong_payload_is_noticed() {
    let dropped = |drops| complaint(move |facts| facts.payloads[3].drops = drops);
    assert_eq!(dropped(0), "payload 3 was never dropped nor handed back");
    assert_eq!(dropped(2), "payload 3 was dropped 2 times");
    for (odd, words) in [
        (OVERLAPPED, "held by two"),
        (TAKEN_AWAY, "while somebody held"),
        (DROPPED_BEFORE, "after it was dropped"),
    ] {
        let said = complaint(|facts| facts.payloads[0].odd = odd);
        assert!(said.contains(words), "{said}");
    }
    let swapped = complaint(|facts| {
        let (number, witness) = (2, "a handler");
        let id = id("1:0:1");
        facts.queues[0].notes.push(Note::Seen {
            id,
            number,
            witness,
        });
    });
    assert!(
        swapped.contains("has payload 0, and by a handler payload 2"),
        "{swapped}"
    );
    let back = Note::Swapped { given: 3, back: 1 };
    let refused = complaint(|facts| facts.queues[0].notes.push(back.clone()));
    assert!(refused.contains("payload 1 came back"), "{refused}");
    let again = complaint(|facts| {
        facts.queues[0].notes[6] = accepted("1:1:2", 1, false);
    });
    assert_eq!(again, "payload 1 was accepted 2 times and redriven 0 times");
    let alive = complaint(|facts| facts.alive = 1);
    assert!(alive.contains("still alive"), "{alive}");
}

#[test]
fn an_impossible_life_is_noticed() {
    let expect = |doctor: fn(&mut Vec<Step>), words: &str| {
        let said = complaint(|facts| doctor(heard(facts)));
        assert!(said.contains(words), "{said:?} does not say {words:?}");
    };
    expect(|steps| _ = steps.remove(1), "event 3 follows event 1");
    expect(|steps| _ = steps.remove(0), "its first event is Started");
    expect(|steps| _ = steps.remove(4), "it has no end");
    expect(
        |steps| steps[6].kind = EventKind::Started,
        "Started can't follow Deferred",
    );
    expect(
        |steps| steps[3].kind = EventKind::Completed,
        "can't follow Completed",
    );
    expect(
        |steps| steps.push(step("1:2:1", 3, EventKind::Cancelled)),
        "can't follow Cancelled",
    );
    expect(|steps| steps.push(steps[4]), "event 5 follows event 5");
}

#[test]
fn a_listener_that_lagged_vouches_for_what_it_heard() {
    let mut facts = honest();
    heard(&mut facts).truncate(5);
    heard(&mut facts).remove(1);
    facts.queues[0].heard.as_mut().unwrap().lagged = 8;
    check(&facts).unwrap();
}

#[test]
fn dice_of_the_same_name_fall_the_same() {
    let throw = |names: &[u64]| {
        let mut dice = Dice::new(names);
        (0..8).map(|_| dice.below(6)).collect::<Vec<_>>()
    };
    assert_eq!(throw(&[7, 1]), throw(&[7, 1]));
    assert_ne!(throw(&[7, 1]), throw(&[7, 2]));
    assert_ne!(throw(&[7, 1]), throw(&[1, 7]));
}

#[test]
fn a_short_soak_is_clean() {
    let line = [
        "guichet",
        "bench",
        "--workload",
        "chaos",
        "--seconds",
        "1",
        "--seed",
        "1",
    ];
    let mut out = Vec::new();
    let outcome = crate::cli::run(line.iter().map(|word| word.into()), &mut out);
    let told = String::from_utf8(out).unwrap();
    assert!(outcome.is_ok(), "{}\n{told}", outcome.unwrap_err());
    assert!(
        told.contains("--seed 1: ") && told.contains("\nshutdowns: "),
        "{told}"
    );
}
