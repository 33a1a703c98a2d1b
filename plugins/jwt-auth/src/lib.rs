//! jwt-auth.
