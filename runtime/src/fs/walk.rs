//! `Walk`: everything below a directory, several directories at a time.

use super::read_dir::{DirEntry, ReadDir, read_dir};
use crate::yield_now::consume_budget;
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Directories that are listed at a time, if not said: disks are faster with a few, and most
/// threads of the pool are left for others.
const LIMIT: usize = 8;

/// Entries that wait to be taken, from which on no listing is begun.
const AHEAD: usize = 1024;

/// What came of one step: the directory, unless that is done with, and some of its entries.
type Step = (Option<ReadDir>, io::Result<VecDeque<DirEntry>>);

/// Everything below a directory, in no order but this: a directory comes before what is in it.
/// Symbolic links are not followed. Made by [`walk`].
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::fs;
/// nestling_runtime::block_on(async {
///     let root = std::env::temp_dir().join(format!("nestling-walk-{}", std::process::id()));
///     fs::create_dir_all(root.join("a/b")).await?;
///     fs::write(root.join("a/b/file"), "").await?;
///     let mut walk = fs::walk(&root);
///     let mut found = Vec::new();
///     while let Some(entry) = walk.next_entry().await? {
///         found.push(entry.path());
///     }
///     assert_eq!(found, [root.join("a"), root.join("a/b"), root.join("a/b/file")]);
///     fs::remove_dir_all(&root).await
/// })
/// # }
/// ```
pub struct Walk {
    limit: usize,
    /// Directories that nothing lists yet; the last ones first, so that they stay few.
    waiting: Vec<Source>,
    steps: Vec<Pin<Box<dyn Future<Output = Step>>>>,
    found: VecDeque<DirEntry>,
}

enum Source {
    Path(PathBuf),
    Open(ReadDir),
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Walks through everything below a directory. The directories are listed on threads of the pool.
///
/// # Examples
///
/// See [`Walk`].
pub fn walk(root: impl Into<PathBuf>) -> Walk {
    let waiting = vec![Source::Path(root.into())];
    Walk { limit: LIMIT, waiting, steps: Vec::new(), found: VecDeque::new() }
}

impl Walk {
    /// How many directories are listed at a time; 8 if not said, at least one.
    #[must_use]
    pub fn limit(mut self, directories: usize) -> Self {
        self.limit = directories.max(1);
        self
    }

    /// The next entry; `None` after the last. A directory that was returned is gone into, unless
    /// [`skip`](Self::skip) is called first.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// A directory cannot be listed; the error says which. The walk goes on without it with the
    /// next call. And cancellation.
    pub async fn next_entry(&mut self) -> io::Result<Option<DirEntry>> {
        consume_budget().await;
        loop {
            if let Some(entry) = self.found.pop_front() {
                if entry.file_type().is_dir() {
                    self.waiting.push(Source::Path(entry.path()));
                }
                return Ok(Some(entry));
            }
            self.begin();
            if self.steps.is_empty() {
                return Ok(None);
            }
            poll_fn(|cx| self.poll(cx)).await?;
        }
    }

    /// Does not go into the directory that was returned last.
    pub fn skip(&mut self, directory: &DirEntry) {
        let path = directory.path();
        let is_it = |source: &Source| matches!(source, Source::Path(waiting) if *waiting == path);
        if let Some(at) = self.waiting.iter().rposition(is_it) {
            self.waiting.remove(at);
        }
    }

    fn begin(&mut self) {
        while self.steps.len() < self.limit && self.found.len() < AHEAD {
            let Some(source) = self.waiting.pop() else { return };
            self.steps.push(Box::pin(step(source)));
        }
    }

    /// Whether one of the listings, or more, have come on.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut any = false;
        let mut at = 0;
        while at < self.steps.len() {
            let Poll::Ready((open, result)) = self.steps[at].as_mut().poll(cx) else {
                at += 1;
                continue;
            };
            drop(self.steps.swap_remove(at));
            self.waiting.extend(open.map(Source::Open));
            any = true;
            match result {
                Ok(found) => self.found.extend(found),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        if any { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

/// Lists one batch.
async fn step(source: Source) -> Step {
    let mut open = match source {
        Source::Open(open) => open,
        Source::Path(path) => match read_dir(path).await {
            Ok(open) => open,
            Err(error) => return (None, Err(error)),
        },
    };
    match open.next_batch().await {
        Ok(batch) if batch.is_empty() => (None, Ok(batch)),
        Ok(batch) => (Some(open), Ok(batch)),
        Err(error) => (None, Err(error)),
    }
}
