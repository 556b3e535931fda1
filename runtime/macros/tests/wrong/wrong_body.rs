//! A mistake in the body, which is the compiler's to explain.

#[nestling::main]
async fn main() -> std::io::Result<()> {
    "no result"
}
