//! Macros of the SDK.
