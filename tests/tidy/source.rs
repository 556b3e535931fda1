//! A source file with its comments and literals blanked out, so that rules see code alone.

use crate::{LIBRARIES, ROOTS, Violation};

/// One file, in the three views that rules need; an offset means the same place in each.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    /// The text without its literals.
    pub(crate) prose: String,
    /// The text without its literals and comments.
    pub(crate) code: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl<'a> Source<'a> {
    pub(crate) fn new(path: &'a str, text: &'a str) -> Self {
        let prose = blank(text, &[Kind::Literal]);
        let code = blank(text, &[Kind::Literal, Kind::Comment]);
        Source { path, text, prose, code }
    }

    /// Whether the file is part of a crate's library, not an example, a bench or a test.
    pub(crate) fn is_library(&self) -> bool {
        ROOTS[..LIBRARIES].iter().any(|root| below(self.path, root).is_some())
    }

    /// A violation at an offset of this file.
    pub(crate) fn violation(&self, at: usize, rule: String, remedy: &'static str) -> Violation {
        Violation { path: self.path.to_owned(), line: self.line(at), rule, remedy }
    }

    /// The number of the line that holds an offset.
    pub(crate) fn line(&self, at: usize) -> usize {
        1 + self.text[..at].matches('\n').count()
    }

    /// The identifiers and keywords of the code, each with its offset.
    pub(crate) fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        words(&self.code)
    }

    /// The code after the word at an offset, from the next thing that is no space.
    pub(crate) fn after(&self, at: usize, word: &str) -> &str {
        self.code[at + word.len()..].trim_start()
    }

    /// The inside of every `#[…]` and `#![…]`, with the offset of its first character.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.match_indices('#').filter_map(|(at, _)| {
            let tail = &self.code[at + 1..];
            let inside = tail.strip_prefix('!').unwrap_or(tail).strip_prefix('[')?;
            let start = self.code.len() - inside.len();
            Some((start, &inside[..closed(&self.code[start - 1..])?.saturating_sub(2)]))
        })
    }

    /// The functions that have a body: offset, name, and the number of lines from name to end.
    pub(crate) fn functions(&self) -> impl Iterator<Item = (usize, &str, usize)> {
        self.words().filter(|(_, word)| *word == "fn").filter_map(|(at, word)| {
            let signature = self.after(at, word);
            let name = first_word(signature);
            let length = (!name.is_empty()).then(|| body_end(signature))??;
            let end = self.code.len() - signature.len() + length;
            Some((at, name, self.line(end) - self.line(at) + 1))
        })
    }

    /// What the paths that start with `root::` name next, with offsets; a group names several.
    pub(crate) fn heads(&self, root: &str) -> Vec<(usize, &str)> {
        let paths = self.words().filter(|(_, word)| *word == root);
        let tails = paths.filter_map(|(at, word)| self.after(at, word).strip_prefix("::"));
        let items = tails.flat_map(|tail| items(tail.trim_start()));
        items.map(|item| (self.code.len() - item.len(), head(item))).collect()
    }
}

/// What remains of `path` below `folder`, if it lies there.
pub(crate) fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    path.strip_prefix(folder)?.strip_prefix('/')
}

/// The identifier that `text` starts with, which may be empty.
pub(crate) fn first_word(text: &str) -> &str {
    &text[..text.find(|c| !is_word(c)).unwrap_or(text.len())]
}

/// The identifiers and keywords of `text`, each with its offset.
pub(crate) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut next = 0;
    let pieces = text.split_inclusive(|c| !is_word(c)).map(move |piece| {
        let at = next;
        next += piece.len();
        (at, first_word(piece))
    });
    pieces.filter(|(_, word)| !word.is_empty())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The first name of one item of a path: an identifier, or a single sign such as `*`.
fn head(item: &str) -> &str {
    let word = first_word(item.trim_start_matches("r#"));
    if word.is_empty() { item.get(..1).unwrap_or(item) } else { word }
}

/// Where the items of `tail` start: one place, or one for each item of a group in braces.
fn items(tail: &str) -> Vec<&str> {
    if !tail.starts_with('{') {
        return vec![tail];
    }
    let group = &tail[..closed(tail).unwrap_or(tail.len())];
    let mut depth = 0;
    let mut items = Vec::new();
    for (at, c) in group.char_indices() {
        depth += depth_change(c);
        if depth == 1 && (c == ',' || at == 0) {
            items.push(tail[at + 1..].trim_start());
        }
    }
    items.retain(|item| !item.starts_with('}'));
    items
}

fn depth_change(c: char) -> isize {
    match c {
        '(' | '[' | '{' => 1,
        ')' | ']' | '}' => -1,
        _ => 0,
    }
}

/// Where the bracket that `text` starts with has been closed.
fn closed(text: &str) -> Option<usize> {
    let mut depth = 0;
    let mut depths = text.char_indices().map(|(at, c)| {
        depth += depth_change(c);
        (at, depth)
    });
    depths.find(|(_, depth)| *depth == 0).map(|(at, _)| at + 1)
}

/// Where the body after `signature` ends; a declaration has none.
fn body_end(signature: &str) -> Option<usize> {
    let mut depth = 0;
    let opening = signature.char_indices().find(|&(_, c)| {
        let opens = depth == 0 && (c == '{' || c == ';');
        depth += depth_change(c);
        opens
    });
    let (at, c) = opening?;
    (c == '{').then(|| closed(&signature[at..]))?.map(|length| at + length - 1)
}

/// `text` with spaces in place of the given kinds; lines and offsets stay as they are.
fn blank(text: &str, kinds: &[Kind]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = opaque(rest).unwrap_or((Kind::Code, first.len_utf8()));
        let (token, tail) = rest.split_at(length);
        if kinds.contains(&kind) {
            out.extend(token.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        } else {
            out.push_str(token);
        }
        rest = tail;
    }
    out
}

/// The comment or literal that `rest` starts with, and its length.
fn opaque(rest: &str) -> Option<(Kind, usize)> {
    if rest.starts_with("//") {
        Some((Kind::Comment, rest.find('\n').unwrap_or(rest.len())))
    } else if rest.starts_with("/*") {
        Some((Kind::Comment, block_comment(rest)))
    } else {
        let length = string(rest).or_else(|| raw_string(rest)).or_else(|| character(rest))?;
        Some((Kind::Literal, length))
    }
}

fn block_comment(rest: &str) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        let tail = &rest.as_bytes()[at..];
        if tail.starts_with(b"/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if tail.starts_with(b"*/") {
            (at, depth) = (at + 2, depth - 1);
        } else {
            at += 1;
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('"')?;
    let mut escaped = false;
    let end = inside.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    Some(end.map_or(rest.len(), |at| at + 2))
}

fn raw_string(rest: &str) -> Option<usize> {
    let opening = ["br", "cr", "r"].iter().find_map(|prefix| rest.strip_prefix(prefix))?;
    let quoted = opening.trim_start_matches('#');
    let hashes = &opening[..opening.len() - quoted.len()];
    let inside = quoted.strip_prefix('"')?;
    let closing = format!("\"{hashes}");
    let start = rest.len() - inside.len();
    Some(inside.find(&closing).map_or(rest.len(), |at| start + at + closing.len()))
}

/// A character in quotes; a lifetime starts the same way, but no quote ends it.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    if inside.starts_with('\\') {
        // The escaped character may itself be a quote, so the search starts behind it.
        return inside.get(2..)?.find('\'').map(|at| at + 4);
    }
    let length = inside.chars().next()?.len_utf8();
    inside[length..].starts_with('\'').then_some(length + 2)
}
