//! A function whose types somebody would have to choose.

#[nestling::test]
async fn generic<T: Default>() {
    drop(T::default());
}

fn main() {}
