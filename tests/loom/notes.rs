//! What is written down of a job beside its slot: it is never another job's.
//!
//! `src/queue/record/dossier.rs` is compiled into the model as it stands; around it the model does what `queue/life/cancel.rs` does.

use guichet::internals::model::Verb;
use loom::sync::Arc;

use super::check;
use super::queue::record::dossier::Dossiers;
use super::slab::go;
use super::world::World;

/// Somebody cancels a job, and comes to its dossier when the slot has another tenant that has one: that one's is kept.
#[test]
fn notes_of_the_next_tenant() {
    check("notes_of_the_next_tenant", || {
        let (world, dossiers) = (World::new(1), Arc::new(Dossiers::new(1)));
        let claim = world.start(1, None);
        let theirs = dossiers.clone();
        let canceller = go(&world, move |world| {
            if world.slab.state(0, 1).is_none() {
                return;
            }
            let stale = theirs.with(0, 1, |dossier| {
                if world.end(1, Verb::Cancel) {
                    dossier.cancel_reason = Some("unwanted".to_owned());
                }
            });
            drop(stale);
        });
        world.settle(claim);
        drop(dossiers.take(0, 1));
        if let Some(vacant) = world.reserve() {
            world.add(vacant, 2, None);
            let claim = world.begin().expect("its only job waits");
            assert!(world.slab.note(&claim), "nobody else decides it");
            drop(dossiers.with(0, 2, |dossier| dossier.redelivered = 1));
            let seen = dossiers.peek(0, 2, |dossier| {
                (dossier.redelivered, dossier.cancel_reason.is_some())
            });
            assert_eq!(
                seen,
                Some((1, false)),
                "a job lost its notes, or has another's"
            );
            assert!(world.settle(claim), "a cancel hit the next tenant");
        }
        canceller.join().unwrap();
        world.close();
    });
}
