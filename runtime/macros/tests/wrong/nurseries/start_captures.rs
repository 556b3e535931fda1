//! A child that is started by `start` does not borrow what the body owns, either.

use nestling::io::nursery;

async fn greet() -> std::io::Result<()> {
    nursery(async |n| {
        let name = String::from("world");
        let length = n.start(async |up| {
            up.ready(name.len());
            Ok(())
        });
        println!("{} letters", length.await?);
        Ok(())
    })
    .await
}

fn main() {}
