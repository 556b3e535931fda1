//! Files as sources of a splice.

use super::File;
use super::placed::goes_on;
use crate::op::Splice;
use crate::sys::Pipe;
use std::io;

impl File {
    /// Whether a splice gives what a read gives. With a server in user space the pages that go may
    /// lag behind what the server has, and tell an end too early.
    pub(crate) fn may_be_spliced(&self) -> bool {
        !self.is_read_by_pool()
    }

    /// Moves what is at a place into an empty pipe, at most so many bytes. Zero is the end of the
    /// file.
    pub(crate) async fn splice_at<P: AsMut<Pipe> + 'static>(
        &self,
        mut pipe: P,
        offset: u64,
        length: usize,
    ) -> (io::Result<usize>, P) {
        loop {
            let result;
            (result, pipe) = Splice::new(self.fd.clone(), offset, length, pipe).await;
            match result {
                Err(error) if goes_on(&error) => {}
                result => return (result, pipe),
            }
        }
    }
}
