//! The standard library: threads and calls that block.

mod small_files;

use super::common::DEPTH;
use super::{Absent, Program};
use crate::rows::Work;

pub(super) fn program(work: Work) -> Result<Program, Absent> {
    match work {
        Work::SmallFiles => Ok(Program::Alone(|files| small_files::read(files, DEPTH))),
        Work::OneSmallFile => Ok(Program::Alone(|files| small_files::read(files, 1))),
        _ => Err(""),
    }
}
