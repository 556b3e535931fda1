//! What is called real, and what is not.

use super::{Interval, Verdict, interval, median, ratios, verdict};

#[test]
fn medians_are_in_the_middle() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    assert!(median(&[]).is_nan());
}

/// The ranks of the sign test, as tables have them.
#[test]
fn intervals_are_those_of_the_sign_test() {
    let upto = |count: u32| (1..=count).map(f64::from).collect::<Vec<_>>();
    assert_eq!(interval(&upto(5)), None);
    for (count, low, high) in
        [(6, 1.0, 6.0), (8, 1.0, 8.0), (9, 2.0, 8.0), (12, 3.0, 10.0), (20, 6.0, 15.0)]
    {
        let median = f64::from(count + 1) / 2.0;
        assert_eq!(interval(&upto(count)), Some(Interval { low, median, high }), "{count}");
    }
}

#[test]
fn a_difference_is_real_only_beyond_the_spread() {
    let base = [100.0, 103.0, 98.0, 101.0, 99.0, 102.0, 97.0];
    let again = [101.0, 101.0, 99.0, 100.0, 101.0, 100.0, 98.0];
    let faster = base.map(|figure| figure * 1.04);
    let hardly = base.map(|figure| figure * 1.005);
    assert_eq!(verdict(&ratios(&again, &base), true), Verdict::Equal);
    assert_eq!(verdict(&ratios(&hardly, &base), true), Verdict::Equal);
    assert_eq!(verdict(&ratios(&faster, &base), true), Verdict::Better);
    assert_eq!(verdict(&ratios(&faster, &base), false), Verdict::Worse);
    assert_eq!(verdict(&ratios(&base, &faster), true), Verdict::Worse);
    assert_eq!(verdict(&ratios(&faster[..5], &base), true), Verdict::Open);
    let wild = [100.0, 300.0, 40.0, 101.0, 99.0, 102.0, 97.0];
    assert_eq!(verdict(&ratios(&wild, &base), true), Verdict::Open);
    assert_eq!(verdict(&ratios(&wild.map(|figure| figure * 10.0), &base), true), Verdict::Better);
}
