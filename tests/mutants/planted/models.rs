//! Planted beside the models: what must find out the sites of `flag.rs`.

use guichet::internals::sync::flag::Flag;
use loom::sync::Arc;
use loom::thread;

fn carries(set: fn(&Flag, u64)) {
    crate::check("planted", move || {
        let flag = Arc::new(Flag::new());
        let setter = {
            let flag = flag.clone();
            thread::spawn(move || set(&flag, 7))
        };
        flag.ask();
        flag.is_set();
        assert!(flag.get().is_none_or(|value| value == 7));
        setter.join().unwrap();
    });
}

#[test]
fn planted_set() {
    carries(Flag::set);
}

#[test]
fn planted_swap() {
    carries(Flag::set_by_swap);
}

#[test]
fn planted_fence() {
    carries(Flag::set_and_fence);
}
