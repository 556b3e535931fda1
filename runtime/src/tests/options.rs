//! Options that reach their part in other units.

use crate::cores::Builder;
use std::time::Duration;

/// Zero would be no batch at all.
#[test]
fn a_batch_is_rounded_up_to_a_microsecond() {
    for (nanos, micros) in [(0, 0), (1, 1), (1_000, 1), (1_001, 2), (50_000, 50)] {
        let builder = Builder::default().entries(8).batch(Duration::from_nanos(nanos));
        let text = format!("{:?}", builder.build().expect("a ring"));
        assert!(text.contains(&format!("Batching {{ moment: {micros},")), "{nanos}: {text}");
    }
}
