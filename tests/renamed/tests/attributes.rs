//! The attributes where `::nestling` is nothing. That they compile is most of the test.

use other::task::yield_now;
use renamed::shared::runtime;

#[other::test(crate = "other")]
async fn a_test_under_another_name() {
    yield_now().await;
}

#[runtime::test(crate = "renamed::shared::runtime", cores = 1, name = "renamed")]
async fn a_test_of_a_re_export(core: runtime::Core) -> Result<(), String> {
    yield_now().await;
    assert_eq!(core.count(), 1);
    Ok(())
}

mod programs {
    #[other::main(crate = "other")]
    pub(crate) async fn main() -> Result<u8, String> {
        super::yield_now().await;
        Ok(7)
    }

    pub(crate) mod on_cores {
        #[other::main(cores = "all", crate = "super::super::runtime")]
        pub(crate) async fn main() {}
    }
}

#[test]
fn programs_run() {
    assert_eq!(programs::main(), Ok(7));
    programs::on_cores::main();
}
