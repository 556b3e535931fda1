//! What the parts promise each other, and what cannot be provoked from outside.

#[cfg(not(loom))]
mod blocking;
#[cfg(not(loom))]
mod budget;
#[cfg(not(loom))]
mod elsewhere;
#[cfg(not(loom))]
mod explain;
#[cfg(not(loom))]
mod files;
#[cfg(not(loom))]
mod frozen;
#[cfg(not(loom))]
mod keys;
#[cfg(loom)]
mod models;
#[cfg(not(loom))]
mod options;
mod places;
mod scopes;
#[cfg(not(loom))]
mod table;
