//! The error of a child is the nursery's.

use nestling::io::nursery;

enum Failure {
    NoPaper,
}

async fn print() -> std::io::Result<()> {
    nursery(async |n| {
        n.spawn(async { Err::<(), _>(Failure::NoPaper) });
        Ok(())
    })
    .await
}

fn main() {}
