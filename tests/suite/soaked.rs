//! What the soak (`guichet bench --workload chaos`) found, each in its smallest form.

use std::sync::Arc;

use super::support::*;

/// A handler may hold its own queue, to pass work on; when runtime and queue are gone, so is it.
#[test]
fn a_handler_that_holds_its_queue_goes_with_it() {
    let runtime = runtime();
    let queue = runtime.queue::<u32, ()>("own").build().unwrap();
    let (held, token) = (queue.clone(), Arc::new(()));
    let captured = token.clone();
    queue
        .workers(1, move |_| {
            let _held = (&held, &captured);
            Ok(())
        })
        .unwrap();
    assert!(runtime.shutdown(PATIENCE).in_time);
    drop((runtime, queue));
    assert_eq!(Arc::strong_count(&token), 1, "the handler lives on");
}
