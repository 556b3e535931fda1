//! What the parts promise each other, and what cannot be provoked from outside.

#[cfg(not(any(loom, miri)))]
mod blocking;
#[cfg(not(loom))]
mod budget;
#[cfg(not(any(loom, miri)))]
mod by_hand;
#[cfg(not(any(loom, miri)))]
mod control;
#[cfg(not(any(loom, miri)))]
mod deadlines;
#[cfg(not(any(loom, miri)))]
mod descriptors;
#[cfg(not(any(loom, miri)))]
mod eyeballs;
#[cfg(not(any(loom, miri)))]
mod files;
#[cfg(not(any(loom, miri)))]
mod frozen;
#[cfg(not(any(loom, miri)))]
mod headers;
#[cfg(not(any(loom, miri)))]
mod kernels;
#[cfg(not(loom))]
mod keys;
#[cfg(not(loom))]
mod lent;
#[cfg(loom)]
mod models;
mod mounts;
#[cfg(not(loom))]
mod offload;
#[cfg(not(any(loom, miri)))]
mod options;
mod places;
mod random;
#[cfg(not(any(loom, miri)))]
mod registered;
mod scopes;
#[cfg(not(loom))]
mod table;
