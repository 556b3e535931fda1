//! Folders as pages, with links to what is in them.

use nestling::fs::Dir;
use std::fmt::Write;
use std::io;

/// So many names of a folder are listed.
const MOST: usize = 10_000;

/// The page of a folder: `name` is empty, or ends with `/`.
///
/// # Errors
///
/// It cannot be read.
pub(crate) async fn of(root: &Dir, name: &str) -> io::Result<Vec<u8>> {
    let folder = if name.is_empty() { "." } else { name };
    let mut entries = root.read_dir(folder).await?;
    let mut names = Vec::new();
    while names.len() < MOST
        && let Some(entry) = entries.next_entry().await?
    {
        // What has no name in UTF-8 cannot be asked for.
        if let Some(name) = entry.file_name().to_str() {
            let end = if entry.file_type().is_dir() { "/" } else { "" };
            names.push(format!("{name}{end}"));
        }
    }
    names.sort_unstable();
    let mut page = String::from("<!doctype html><meta charset=\"utf-8\"><title>");
    let title = escape(&format!("/{name}"));
    _ = write!(page, "{title}</title>\n<h1>{title}</h1>\n<ul>\n");
    if !name.is_empty() {
        page.push_str("<li><a href=\"../\">../</a>\n");
    }
    for name in &names {
        // From here: a name with a colon in it is no scheme.
        _ = writeln!(page, "<li><a href=\"./{}\">{}</a>", encode(name), escape(name));
    }
    page.push_str("</ul>\n");
    if names.len() == MOST {
        page.push_str("<p>There is more.\n");
    }
    Ok(page.into_bytes())
}

/// A path as it stands in a URL.
pub(crate) fn encode(path: &str) -> String {
    let mut encoded = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            byte => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

/// A text as it stands in HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
