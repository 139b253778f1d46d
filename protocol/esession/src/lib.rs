//! protocol/esession
