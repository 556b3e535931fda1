//! `Conditions`: under which a client wants a file, and which part of it.

use httpdate::{HttpDate, parse_http_date};
use nestling::fs::Metadata;
use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The end of the year 9999.
const LATEST: Duration = Duration::from_secs(253_402_300_799);

/// What the headers of a request say of that.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    pub(crate) if_match: Option<String>,
    pub(crate) if_unmodified_since: Option<String>,
    pub(crate) if_none_match: Option<String>,
    pub(crate) if_modified_since: Option<String>,
    pub(crate) if_range: Option<String>,
    /// `None` also where ranges have no meaning, which is everywhere but in a `GET`.
    pub(crate) range: Option<String>,
}

/// What tells one state of a file from another.
#[derive(Debug)]
pub(crate) struct Validators {
    pub(crate) tag: String,
    /// In whole seconds, as headers have it.
    pub(crate) modified: SystemTime,
    /// A second in which the file may change once more has no strong date.
    is_recent: bool,
}

/// What is sent of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    Range(Range<u64>),
    /// It is not the one that the client wants.
    Failed,
    /// The client has it.
    Unmodified,
    /// The range begins behind the end.
    Unsatisfiable,
}

impl Validators {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().unwrap_or(UNIX_EPOCH);
        // A date has four digits for the year, and a file may be of a later one.
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default().min(LATEST);
        // The number of the file: one that was replaced within one tick of the clock is another.
        let tag = format!("\"{:x}-{:x}-{:x}\"", metadata.ino(), metadata.len(), since.as_nanos());
        let age = SystemTime::now().duration_since(modified).unwrap_or_default();
        let modified = UNIX_EPOCH + Duration::from_secs(since.as_secs());
        Self { tag, modified, is_recent: age < Duration::from_secs(2) }
    }

    pub(crate) fn date(&self) -> String {
        HttpDate::from(self.modified).to_string()
    }
}

impl Conditions {
    /// Whether the client wants none but another state than this; what has no validators is in none
    /// that it could know.
    pub(crate) fn fail(&self, of: Option<&Validators>) -> bool {
        match (&self.if_match, &self.if_unmodified_since, of) {
            (Some(tags), _, of) => !has(tags, |tag| of.is_some_and(|of| tag == of.tag)),
            (None, Some(date), Some(of)) => {
                parse_http_date(date).is_ok_and(|date| of.modified > date)
            }
            (None, _, _) => false,
        }
    }

    /// What is sent of a file of this length, in the order of RFC 9110, 13.2.2.
    pub(crate) fn part(&self, of: &Validators, length: u64) -> Part {
        if self.fail(Some(of)) {
            return Part::Failed;
        }
        let is_known = match (&self.if_none_match, &self.if_modified_since) {
            // Weak tags are as good here.
            (Some(tags), _) => has(tags, |tag| tag.trim_start_matches("W/") == of.tag),
            (None, Some(date)) => parse_http_date(date).is_ok_and(|date| of.modified <= date),
            (None, None) => false,
        };
        if is_known {
            return Part::Unmodified;
        }
        let continues = self.if_range.as_ref().is_none_or(|known| {
            // A weak tag has a `W/` before it, and is none that could be the same.
            *known == of.tag
                || !of.is_recent && parse_http_date(known).is_ok_and(|date| date == of.modified)
        });
        match self.range.as_deref().filter(|_| continues).and_then(|text| range(text, length)) {
            Some(Some(range)) => Part::Range(range),
            Some(None) => Part::Unsatisfiable,
            None => Part::Whole,
        }
    }
}

/// Whether a list of tags has one that matches. Tags of ours have no comma in them.
fn has(list: &str, matches: impl Fn(&str) -> bool) -> bool {
    list.split(',').map(str::trim).any(|one| one == "*" || matches(one))
}

/// The part of a file of this length that one range names, or `Some(None)` if there is none. What
/// is no range, or several, is `None`: it may be ignored.
fn range(text: &str, length: u64) -> Option<Option<Range<u64>>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    if first.is_empty() {
        let count = number(last)?.min(length);
        return Some((count > 0).then_some(length - count..length));
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some((first < length).then(|| first..last.saturating_add(1).min(length)))
}

/// A number of digits alone. What is too large is as large as can be.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}
