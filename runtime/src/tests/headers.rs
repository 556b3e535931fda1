//! Headers of messages that are kept for the next ones.

use crate::context;
use crate::net::UnixStream;

/// A header that was lent with many parts is let go of; one with few is used again.
#[test]
fn a_header_that_has_grown_large_is_not_kept() {
    crate::block_on(async {
        let (one, other) = UnixStream::pair().unwrap();
        for (parts, kept) in [(1, 1), (100, 1), (1000, 0), (1, 1)] {
            assert_eq!(one.writev(vec!["x"; parts]).await.0.unwrap(), parts);
            context::with(|context| {
                let headers = context.op.headers.0.borrow();
                assert_eq!(headers.len(), kept, "after {parts} parts");
                assert!(headers.iter().all(|header| header.lists() <= 4096));
            });
            assert_eq!(other.read(vec![0; 2000]).await.0.unwrap(), parts);
        }
    });
}
