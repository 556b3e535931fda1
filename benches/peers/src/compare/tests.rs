//! What is a regression, and what is not.

use super::against::is_worse;
use crate::statistics::Interval;

#[test]
fn what_is_worse_beyond_the_spread_is_a_regression() {
    let around = |median: f64| Interval { low: median - 0.02, median, high: median + 0.02 };
    assert!(is_worse(around(1.0), around(0.9), true));
    assert!(is_worse(around(0.9), around(1.0), false));
    // Better is no regression, nor is what lies within the spread, or is small.
    assert!(!is_worse(around(0.9), around(1.0), true));
    assert!(!is_worse(around(1.0), around(0.965), true));
    assert!(!is_worse(around(0.965), around(1.0), false));
    let narrow = |median: f64| Interval { low: median - 0.001, median, high: median + 0.001 };
    assert!(!is_worse(narrow(1.0), narrow(0.98), true));
}
