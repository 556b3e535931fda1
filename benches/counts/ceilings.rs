//! The ceilings: what each figure may be at most, so that a regression is seen without a clock.
//!
//! A figure of instructions is repeatable for one compiler, to about one in a thousand; another
//! compiler may inline otherwise. Who lowers a figure lowers its ceiling, in the same commit.

use super::Figure;

/// What one more nursery around a child that is woken costs.
pub(super) const LEVEL: &str = "one more nursery on a wake";

/// How far above its ceiling a figure may be: of its ceiling, and as a count.
const SLACK: (f64, f64) = (0.02, 0.05);

/// By name.
const CEILINGS: [(&str, f64); 0] = [];

/// The figures that are above their ceilings, and ceilings for which there is no figure.
pub(super) fn above(figures: &[Figure]) -> Vec<String> {
    let judge = |(name, ceiling): &(&str, f64)| {
        let Some((_, figure)) = figures.iter().find(|(other, _)| other == name) else {
            return Some(format!("{name} was not counted"));
        };
        let most = ceiling * (1.0 + SLACK.0) + SLACK.1;
        (*figure > most).then(|| format!("{name}: {figure:.2}, and {ceiling} is its ceiling"))
    };
    CEILINGS.iter().filter_map(judge).collect()
}
