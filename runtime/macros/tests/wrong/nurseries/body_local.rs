//! A child does not borrow what the body owns.

use nestling::io::nursery;

async fn greet() -> std::io::Result<()> {
    nursery(async |n| {
        let name = String::from("world");
        n.spawn(async { println!("hello, {name}") });
        Ok(())
    })
    .await
}

fn main() {}
