//! What the parts promise each other, and what cannot be provoked from outside.

mod elsewhere;
mod explain;
mod files;
mod frozen;
mod keys;
mod table;
