//! `Files`: those in memory, or those below a folder.

use crate::answer::{Answer, Body};
use crate::conditions::{Conditions, Part, Validators};
use crate::listing;
use nestling::fs::{Dir, File, Metadata, PathError};
use socket2::SockRef;
use std::io::{self, ErrorKind};
use std::path::Path;

/// What there is without a folder.
const PAGES: [(&str, &str); 2] = [
    ("/", "<!doctype html><title>Nestling</title><p>It works. <a href=\"/hello.txt\">Hello</a>\n"),
    ("/hello.txt", "hello\n"),
];

/// Where the files are.
#[derive(Debug)]
pub(crate) enum Files {
    Memory,
    Below(Folder),
}

/// Files below a folder. Links in it are followed, but not out of it: the kernel sees to that, for
/// every part of a path, also while others rename what is on the way.
#[derive(Debug)]
pub(crate) struct Folder {
    root: Dir,
    /// Folders without a page of their own are listed.
    lists: bool,
}

impl Files {
    /// Those below `root`, or without one those in memory.
    ///
    /// # Errors
    ///
    /// It is no folder that can be opened.
    pub(crate) async fn open(root: Option<&Path>, lists: bool) -> io::Result<Self> {
        let Some(root) = root else { return Ok(Self::Memory) };
        Ok(Self::Below(Folder { root: Dir::open(root).await?, lists }))
    }

    /// What there is at a path, which begins with `/`.
    pub(crate) async fn answer(&self, path: &str, conditions: &Conditions) -> Answer {
        match self {
            Self::Memory => match PAGES.iter().find(|(name, _)| *name == path) {
                Some((_, text)) => page((*text).into(), kind(path), conditions),
                None => Answer::text(404),
            },
            Self::Below(folder) => match folder.answer(path, conditions).await {
                Ok(answer) => answer,
                Err(error) if is_missing(&error) => Answer::text(404),
                Err(_) => Answer::text(500),
            },
        }
    }
}

impl Folder {
    async fn answer(&self, path: &str, conditions: &Conditions) -> io::Result<Answer> {
        // The root has no name of its own.
        let name = path.trim_start_matches('/');
        if !name.is_empty() && !name.ends_with('/') {
            let (file, metadata) = self.open(name).await?;
            return Ok(match metadata.is_dir() {
                true => Answer::moved(&format!("/{}/", listing::encode(name))),
                false => found(file, &metadata, kind(name), conditions),
            });
        }
        match self.open(&format!("{name}index.html")).await {
            Ok((file, metadata)) if metadata.is_file() => {
                Ok(found(file, &metadata, kind("html"), conditions))
            }
            Err(error) if self.lists && error.kind() == ErrorKind::NotFound => {
                let text = listing::of(&self.root, name).await?;
                Ok(page(text, kind("html"), conditions))
            }
            Ok(_) => Err(missing()),
            Err(error) => Err(error),
        }
    }

    /// Opens a file or a folder, and nothing else.
    async fn open(&self, name: &str) -> io::Result<(File, Metadata)> {
        // A FIFO would wait for its other end otherwise.
        let mut options = File::options();
        options.read(true).custom_flags(libc::O_NONBLOCK);
        let file = self.root.open_with(name, &options).await?;
        let metadata = file.metadata().await?;
        if !metadata.is_file() && !metadata.is_dir() {
            return Err(missing());
        }
        SockRef::from(&file).set_nonblocking(false)?;
        Ok((file, metadata))
    }
}

/// A text without validators.
fn page(text: Vec<u8>, kind: &str, conditions: &Conditions) -> Answer {
    match conditions.fail(None) {
        true => Answer::text(412),
        false => Answer::new(200, Body::Text(text)).of_kind(kind),
    }
}

/// The file, the part of it that is asked for, or why there is none.
fn found(file: File, metadata: &Metadata, kind: &str, conditions: &Conditions) -> Answer {
    let length = metadata.len();
    let validators = Validators::of(metadata);
    let answer = match conditions.part(&validators, length) {
        Part::Whole => Answer::new(200, Body::File(file, 0..length)),
        Part::Range(range) => {
            let text = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            Answer::new(206, Body::File(file, range)).with("Content-Range", &text)
        }
        Part::Failed => return Answer::text(412).validated(&validators),
        Part::Unmodified => return Answer::new(304, Body::None).validated(&validators),
        Part::Unsatisfiable => {
            return Answer::text(416).with("Content-Range", &format!("bytes */{length}"));
        }
    };
    answer.of_kind(kind).validated(&validators).with("Accept-Ranges", "bytes")
}

fn missing() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOENT)
}

/// Whether there is no such file, as far as a client is told: no name, none that may be read, or
/// one that leads out of the root.
fn is_missing(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<PathError>());
    let code = inner.map_or(error.raw_os_error(), PathError::raw_os_error);
    use libc::{EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENXIO, EXDEV};
    code.is_some_and(|code| {
        [ENOENT, ENOTDIR, EACCES, ENAMETOOLONG, EXDEV, ELOOP, ENXIO].contains(&code)
    })
}

/// What a client is to take a file for.
fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        _ if name.ends_with('/') => "text/html; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}
