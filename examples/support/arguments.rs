//! Values on the command lines of the servers.

use lexopt::ValueExt;
use std::ffi::OsString;
use std::str::FromStr;
use std::time::Duration;

pub(crate) fn number<T: FromStr>(option: &str, value: OsString) -> Result<T, lexopt::Error> {
    let text = value.string()?;
    text.parse().map_err(|_| format!("{option}: '{text}' is no number that fits").into())
}

pub(crate) fn at_least_one(
    option: &str,
    value: OsString,
    most: usize,
) -> Result<usize, lexopt::Error> {
    match number(option, value)? {
        n if (1..=most).contains(&n) => Ok(n),
        n => Err(format!("{option}: {n} is not between 1 and {most}").into()),
    }
}

/// Seconds, in whole or in part.
pub(crate) fn seconds(option: &str, value: OsString) -> Result<Duration, lexopt::Error> {
    let seconds: f64 = number(option, value)?;
    Duration::try_from_secs_f64(seconds)
        .map_err(|_| format!("{option}: {seconds} is no length of time").into())
}
