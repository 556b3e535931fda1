//! Values on the command lines of the servers.

use crate::listening::Address;
use lexopt::ValueExt;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::str::FromStr;
use std::time::Duration;

/// An address to listen on.
pub(crate) fn address(value: OsString) -> Result<Address, lexopt::Error> {
    if let Some(path) = value.as_bytes().strip_prefix(b"unix:").filter(|path| !path.is_empty()) {
        return Ok(Address::Unix(OsStr::from_bytes(path).into()));
    }
    let text = value.string()?;
    if text == "systemd" {
        return Ok(Address::Systemd);
    }
    text.parse().map(Address::Tcp).map_err(|_| {
        format!(
            "--listen: '{text}' is no socket address, such as 127.0.0.1:7000, unix:/run/socket or \
             systemd"
        )
        .into()
    })
}

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
