//! The chapter of the book about HTTP: its programs are compiled here.

#[doc = include_str!("../../../docs/src/http.md")]
mod http {}
