//! bridges/api
