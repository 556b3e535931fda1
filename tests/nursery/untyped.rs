//! Nurseries of `nestling::io`: programs that name no error type, and do what the general ones do.

use crate::support::nurseries::run;
use nestling::io::{nursery, nursery_all, nursery_with};
use nestling::{Nursery, Options, dump_tree};
use std::error::Error;
use std::io;

#[test]
fn an_error_of_io_needs_no_type() {
    run(async || -> io::Result<()> {
        let sum = nursery(async |n| {
            n.spawn(async { Ok(()) });
            let part = n.spawn(async { Ok(1) }).await?;
            let supervised = n.supervise(async { 2 }).await?;
            nursery(async |_| Ok(())).await?;
            Ok(part + supervised)
        })
        .await?;
        let options = Options { slots: Some(1), ..Options::default() };
        let same =
            nursery_with(options, async |n| Ok(n.slot().await.spawn(async { Ok(3) }).await?));
        let all = nursery_all(async |n| Ok(n.spawn(async { Ok(3) }).await?)).await;
        assert_eq!((sum, same.await?, all.unwrap()), (3, 3, 3));
        // With the general ones, the parameter says it.
        nestling::nursery(async |_: &Nursery<'_, '_>| Ok(())).await?;
        Ok(())
    })
    .unwrap();
}

#[test]
fn an_error_of_io_converts_to_any_other() {
    let ended = run(async || {
        let converted = async {
            nursery(async |_| Err::<(), _>(io::Error::other("no paper"))).await?;
            Ok::<_, Box<dyn Error>>(())
        };
        converted.await.unwrap_err().to_string()
    });
    assert_eq!(ended, "no paper");
}

#[test]
fn a_nursery_of_io_has_the_place_of_its_caller() {
    run(async || {
        let opened = nursery(async |_| {
            nursery_with(Options::default(), async |_| {
                let all = nursery_all(async |_| Ok(dump_tree().to_string())).await;
                all.map_err(|failures| failures.into_first().expect("it did not fail"))
            })
            .await
        });
        let tree = opened.await.unwrap();
        assert_eq!(tree.matches(&format!("nursery at {}", file!())).count(), 3, "{tree}");
    });
}
