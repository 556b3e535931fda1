//! `Report`: what the doctor found, for people and for programs.

use crate::diagnosis::{Facts, Refusal};
use crate::ring::Switch;
use std::fmt;
use std::io;

/// What [`doctor`](crate::doctor()) found. Printed, it is one line a check, with the remedy below
/// what has failed.
///
/// # Examples
///
/// ```
/// use nestling_runtime::doctor::{self, Verdict};
/// let report = nestling_runtime::doctor();
/// for check in report.checks() {
///     if check.verdict() == Verdict::Failed {
///         println!("{}: {}, {:?}", check.name(), check.finding(), check.remedy());
///     }
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Report {
    pub(super) facts: Facts,
    pub(super) switch: Switch,
    pub(super) checks: Vec<Check>,
}

impl Report {
    /// Whether no check has failed: a runtime of default options starts here on every core.
    pub fn is_healthy(&self) -> bool {
        self.checks.iter().all(|check| check.verdict != Verdict::Failed)
    }

    /// All checks, in the order in which they were made.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }
}

/// One thing that was looked at.
///
/// # Examples
///
/// See [`Report`].
#[derive(Debug, Clone)]
pub struct Check {
    name: &'static str,
    verdict: Verdict,
    finding: String,
    remedy: Option<String>,
}

/// How a [`Check`] went.
///
/// # Examples
///
/// See [`Report`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// As it should be.
    Passed,
    /// The checked thing works; what could be better is in the finding.
    Noted,
    /// No runtime of default options starts here, or none that can be relied on.
    Failed,
    /// The check could not be made; why is in the finding.
    Skipped,
}

impl Check {
    pub(super) fn passed(name: &'static str, finding: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Passed, finding: finding.into(), remedy: None }
    }

    /// A failure is noted, if it is of what a runtime can do without.
    pub(super) fn noted_at_most(mut self) -> Self {
        if self.verdict == Verdict::Failed {
            self.verdict = Verdict::Noted;
        }
        self
    }

    pub(super) fn noted(name: &'static str, finding: impl Into<String>) -> Self {
        Self { verdict: Verdict::Noted, ..Self::passed(name, finding) }
    }

    pub(super) fn skipped(name: &'static str, finding: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, ..Self::passed(name, finding) }
    }

    /// An error of starting: what it says is the finding and the remedy.
    pub(super) fn failed(name: &'static str, error: &io::Error) -> Self {
        let (finding, remedy) = Refusal::of(error).into_parts();
        let remedy = remedy.map(|remedy| remedy.into_owned());
        Self { name, verdict: Verdict::Failed, finding, remedy }
    }

    /// What was looked at.
    pub fn name(&self) -> &str {
        self.name
    }

    /// How the check went.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// What was found; of a check that failed, the cause.
    pub fn finding(&self) -> &str {
        &self.finding
    }

    /// What to do about a check that failed, if that is known.
    pub fn remedy(&self) -> Option<&str> {
        self.remedy.as_deref()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "ok",
            Self::Noted => "note",
            Self::Failed => "FAILED",
            Self::Skipped => "-",
        })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<6}  {:<14}  {}", self.verdict, self.name, self.finding)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n        {remedy}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let health = if self.is_healthy() { "healthy" } else { "NOT healthy" };
        let release = Some(self.facts.release.as_str()).filter(|release| !release.is_empty());
        let release = release.unwrap_or("of an unknown release");
        writeln!(f, "Nestling {} on Linux {release}: {health}", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "{}; {}", self.switch, self.facts)?;
        let mut checks = self.checks.iter();
        checks.try_for_each(|check| writeln!(f, "{check}"))
    }
}
