//! An argument where there is none.

#[nestling::main]
async fn main(core: nestling::Core) {
    drop(core);
}
