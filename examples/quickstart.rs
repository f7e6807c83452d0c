//! The ten lines of the README: a queue, workers, one result, a clean end.

use guichet::Runtime;
use std::time::Duration;

fn main() -> Result<(), guichet::Error> {
    let runtime = Runtime::new()?;
    let squares = runtime
        .queue::<u64, u64>("squares")
        .capacity(1024)
        .build()?;
    squares.workers(4, |job| Ok(job.payload() * job.payload()))?;
    let answer = squares.submit(12)?;
    println!("12 squared is {}", answer.wait()?);
    let report = runtime.shutdown(Duration::from_secs(30));
    println!("{} job completed", report.queues[0].stats.completed);
    Ok(())
}
