//! Nurseries.
