//! `Request`: what a client asks, or the status that refuses it.

use crate::conditions::Conditions;

/// Bytes of a request line, and of all headers with it.
pub(crate) const HEAD_LIMIT: usize = 8 << 10;
/// Headers of a request.
const HEADERS: usize = 64;

/// A request without a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Decoded, without what follows a `?`. Begins with `/`, and no part of it is `..`.
    pub(crate) path: String,
    pub(crate) conditions: Conditions,
    /// The answer has no body.
    pub(crate) head_only: bool,
    /// More requests may follow.
    pub(crate) keep_alive: bool,
    /// Bytes that it took.
    pub(crate) length: usize,
}

/// A request that is refused: with this status, and then the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) u16);

const BAD: Refused = Refused(400);

impl Request {
    /// Reads the request at the start of what has come; `None` if its end has not.
    ///
    /// # Errors
    ///
    /// It is none, or none for this server.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, Refused> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) if length <= HEAD_LIMIT => length,
            Ok(httparse::Status::Partial) if bytes.len() < HEAD_LIMIT => return Ok(None),
            // It is too long: its first line, or all.
            Ok(_) => {
                let first = &bytes[..HEAD_LIMIT.min(bytes.len())];
                return Err(Refused(if first.contains(&b'\n') { 431 } else { 414 }));
            }
            Err(httparse::Error::TooManyHeaders) => return Err(Refused(431)),
            Err(_) => return Err(BAD),
        };
        let head_only = match parsed.method {
            Some("GET") => false,
            Some("HEAD") => true,
            _ => return Err(Refused(405)),
        };
        let is_1_1 = parsed.version == Some(1);
        let (mut hosts, mut keep_alive) = (0, is_1_1);
        let mut conditions = Conditions::default();
        for header in &*parsed.headers {
            let value = std::str::from_utf8(header.value).map_err(|_| BAD)?.trim();
            match header.name.to_ascii_lowercase().as_str() {
                "host" => hosts += 1,
                "connection" => {
                    let mut options = value.split(',').map(str::trim);
                    if options.clone().any(|option| option.eq_ignore_ascii_case("close")) {
                        keep_alive = false;
                    } else if options.any(|option| option.eq_ignore_ascii_case("keep-alive")) {
                        keep_alive = true;
                    }
                }
                "if-match" => add(&mut conditions.if_match, value),
                "if-unmodified-since" => conditions.if_unmodified_since = Some(value.to_owned()),
                "if-none-match" => add(&mut conditions.if_none_match, value),
                "if-modified-since" => conditions.if_modified_since = Some(value.to_owned()),
                "if-range" => conditions.if_range = Some(value.to_owned()),
                "range" if !head_only => conditions.range = Some(value.to_owned()),
                "content-length" if value == "0" => {}
                // A body has no use here, and is not to be taken for the next request.
                "content-length" | "transfer-encoding" => return Err(BAD),
                _ => {}
            }
        }
        if hosts > 1 || is_1_1 && hosts == 0 {
            return Err(BAD);
        }
        let path = path(parsed.path.unwrap_or_default())?;
        Ok(Some(Self { path, conditions, head_only, keep_alive, length }))
    }
}

/// Adds to a list that may come in several headers.
fn add(list: &mut Option<String>, value: &str) {
    *list = Some(list.take().map_or_else(|| value.to_owned(), |list| list + "," + value));
}

fn path(target: &str) -> Result<String, Refused> {
    let encoded = target.split(['?', '#']).next().unwrap_or_default();
    let mut decoded = Vec::new();
    let mut bytes = encoded.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit().ok_or(BAD)?, digit().ok_or(BAD)?);
                (high * 16 + low) as u8
            }
            byte => byte,
        });
    }
    let path = String::from_utf8(decoded).map_err(|_| BAD)?;
    let climbs = path.split('/').any(|part| part == "..");
    match path.starts_with('/') && !climbs && !path.contains('\0') {
        true => Ok(path),
        false => Err(BAD),
    }
}
