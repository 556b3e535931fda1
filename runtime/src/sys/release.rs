//! The kernel's release, asked of the kernel: `/proc` may be missing, or no descriptor left for it.

use super::check;
use std::ffi::CStr;

/// `uname -r`, or nothing if a filter forbids the question.
pub(crate) fn release() -> String {
    // SAFETY: all fields are arrays of bytes, for which zeros are valid.
    let mut names: libc::utsname = unsafe { std::mem::zeroed() };
    // SAFETY: `names` is a live utsname to be written.
    let result = unsafe { libc::uname(&mut names) };
    if check(result.into()).is_err() {
        return String::new();
    }
    // SAFETY: the kernel has written a text that ends in a null within the array.
    let release = unsafe { CStr::from_ptr(names.release.as_ptr()) };
    release.to_string_lossy().into_owned()
}
