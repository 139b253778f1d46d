//! The suite that every bridge must pass.
