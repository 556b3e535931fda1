//! `Files`: those in memory, or those below a folder.

use nestling::task::spawn_blocking;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The longest file that is served: it is read as a whole.
const MOST: u64 = 1 << 20;

/// What there is without a folder.
const PAGES: [(&str, &str); 2] = [
    ("/", "<!doctype html><title>Nestling</title><p>It works. <a href=\"/hello.txt\">Hello</a>\n"),
    ("/hello.txt", "hello\n"),
];

/// Where the files are.
#[derive(Debug)]
pub(crate) enum Files {
    Memory,
    /// Links in it are followed.
    Below(PathBuf),
}

impl Files {
    /// The file of a path that begins with `/` and does not climb; `None` if there is none.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is too long.
    pub(crate) async fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Memory => {
                let page = PAGES.iter().find(|(name, _)| *name == path);
                Ok(page.map(|(_, text)| text.as_bytes().to_vec()))
            }
            Self::Below(root) => {
                let relative =
                    if path.ends_with('/') { format!("{path}index.html") } else { path.into() };
                let file = root.join(relative.trim_start_matches('/'));
                match spawn_blocking(move || read(&file)).await {
                    Ok(result) => result,
                    Err(_) => Err(io::Error::other("the read panicked or was cancelled")),
                }
            }
        }
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    // Not opened yet: to open a FIFO would wait for its other end.
    match path.metadata() {
        Ok(about) if !about.is_file() => return Ok(None),
        Ok(_) => {}
        Err(error) => {
            return match error.kind() {
                ErrorKind::NotFound
                | ErrorKind::NotADirectory
                | ErrorKind::PermissionDenied
                | ErrorKind::InvalidFilename => Ok(None),
                _ => Err(error),
            };
        }
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MOST {
        true => Err(ErrorKind::FileTooLarge.into()),
        false => Ok(Some(bytes)),
    }
}

/// What a client is to take a file for.
pub(crate) fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        _ if path.ends_with('/') => "text/html; charset=utf-8",
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css",
        Some("js") => "text/javascript",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}
