//! One core of Nestling.
