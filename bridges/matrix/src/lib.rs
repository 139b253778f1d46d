//! bridges/matrix
