//! An argument that is no core.

#[nestling::main(cores = 2)]
async fn main(core: usize) {
    drop(core);
}
