//! An error of the program's own has to say that the work was cancelled.

use nestling::nursery;

enum Failure {
    NoPaper,
}

async fn print() -> Result<(), Failure> {
    nursery(async |n| {
        n.spawn(async { Err::<(), _>(Failure::NoPaper) });
        Ok(())
    })
    .await
}

fn main() {}
