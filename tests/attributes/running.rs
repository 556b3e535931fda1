//! Functions that the attributes run: their results, their arguments, their other attributes.

use nestling::task::yield_now;
use nestling::{Core, nursery};
use std::cell::Cell;
use std::io;
use std::thread;

/// Which the runtime would refuse with a panic if there was none.
async fn inside() {
    yield_now().await;
    assert!(nestling::stats().in_flight == 0);
}

#[nestling::test]
async fn a_test_runs_inside_a_runtime() {
    inside().await;
}

#[nestling::test]
async fn a_test_may_return_a_result() -> io::Result<()> {
    let sum = Cell::new(0);
    nursery(async |n| {
        n.spawn(async { sum.set(sum.get() + 1) });
        io::Result::Ok(())
    })
    .await?;
    assert_eq!(sum.get(), 1);
    Ok(())
}

#[nestling::test]
#[should_panic(expected = "on purpose")]
async fn other_attributes_are_kept() {
    inside().await;
    panic!("on purpose");
}

#[nestling::test]
#[expect(non_snake_case, reason = "an attribute for the function's name")]
async fn ATTRIBUTES_FOR_LINTS_ARE_KEPT() {}

#[nestling::test(cores = 1, name = "mine")]
async fn a_test_runs_on_named_threads(core: Core) {
    inside().await;
    assert_eq!((core.index(), core.count()), (0, 1));
    assert_eq!(thread::current().name(), Some(format!("mine-{}", core.id()).as_str()));
}

#[nestling::test(cores = "all")]
async fn a_test_on_cores_may_ignore_the_core() -> Result<(), String> {
    inside().await;
    Ok(())
}

#[nestling::test(cores = 1)]
#[should_panic(expected = "on a core, on purpose")]
async fn a_panic_of_a_core_is_that_of_the_test() {
    panic!("on a core, on purpose");
}

type Alias = Result<(), io::Error>;

#[nestling::test(cores = 1)]
async fn an_alias_of_a_result_will_do(core: Core) -> Alias {
    let _ = core;
    Ok(())
}

/// `main` is a function like others; here each is called by a test.
mod programs {
    #[nestling::main]
    pub(crate) async fn main() -> Result<u8, String> {
        super::inside().await;
        Ok(7)
    }

    pub(crate) mod on_cores {
        #[nestling::main(cores = 1)]
        pub(crate) async fn main(core: nestling::Core) -> Result<(), String> {
            crate::running::inside().await;
            Err(format!("core {} of {}", core.index(), core.count()))
        }
    }
}

#[test]
fn a_program_returns_what_its_main_does() {
    assert_eq!(programs::main(), Ok(7));
    assert_eq!(programs::on_cores::main(), Err("core 0 of 1".to_owned()));
}
