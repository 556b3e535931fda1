//! A child that does not fail says so.

use nestling::io::nursery;

async fn add() -> std::io::Result<i32> {
    nursery(async |n| {
        let sum = n.spawn(async { 1 + 2 });
        Ok(sum.await?)
    })
    .await
}

fn main() {}
